"""What is told of a transcription: verdict.json, transcripts.csv and report.html, all made from the ledger."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np

from treeline.contest.ledger import Ledger, durable
from treeline.contest.sessions import limit_of
from treeline.errors import shown
from treeline.evidence.transcripts import edits, error_rate, plain
from treeline.problem.task import TRANSCRIPTION
from treeline.report.html import render_page
from treeline.report.numbers import duration

__all__ = ["tell_transcripts"]

WORST = 20
"Clips that the report lists."
ALONE = (
    "CLASSICAL_MISSING: the classical side has no contestant at hand: nothing that Treeline knows turns speech into text "
    "without deep learning"
)


def tell_transcripts(ledger: Ledger) -> None:
    """Write the files of a transcription's folder, each whole or not at all."""
    clips = _clips(ledger)
    verdict = _verdict(ledger, clips)
    out = ledger.out
    rows = io.StringIO()
    told = csv.DictWriter(rows, ["record", "file", "true", "said", "words", "errors"], extrasaction="ignore")
    told.writeheader()
    told.writerows({**clip, "record": clip["row"] + 1} for clip in sorted(clips, key=lambda clip: clip["row"]))
    worst = sorted(clips, key=lambda clip: (-clip["errors"], clip["row"]))[:WORST]
    page = render_page(
        "transcription.html.j2", head=ledger.head, v=verdict, big=_percent(verdict["families"]["deep"]["score"]),
        worst=[clip for clip in worst if clip["errors"]], facts=_facts(ledger, verdict, clips),
        out=out.name if out.is_absolute() else str(out), command=_stop(ledger)["command"],
    )  # fmt: skip
    for name, text in (
        ("transcripts.csv", rows.getvalue()),
        ("report.html", page),
        ("verdict.json", json.dumps(verdict, ensure_ascii=False, indent=2, allow_nan=False)),
    ):
        with durable(out / name) as path:
            path.write_text(text, encoding="utf-8")


def _stop(ledger: Ledger) -> dict[str, Any]:
    """Return how the latest session ended; one that was killed left no word."""
    return (ledger.of_kind("stop") or [{"used_s": 0.0, "signal": 0, "command": ""}])[-1]


def _clips(ledger: Ledger) -> list[dict[str, Any]]:
    """Return one dict a clip that was heard: what the ledger says, and its errors and words, characters likewise."""
    found = []
    for fact in ledger.of_kind("heard"):
        for k, row in enumerate(fact["rows"]):
            true, said = fact["true"][k], fact["said"][k]
            a, b = plain(true), plain(said)
            found.append({
                "row": row, "file": fact["file"][k], "true": true, "said": said, "sound_s": fact["sound_s"][k],
                "group": row if not fact["group"] or fact["group"][k] is None else fact["group"][k],
                "words": len(a.split()), "errors": edits(a.split(), b.split()), "characters": len(a), "wrong": edits(a, b),
            })  # fmt: skip
    return found


def _verdict(ledger: Ledger, clips: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the verdict as plain data: no call between the sides, for there is one only."""
    head, stop = ledger.head, _stop(ledger)
    column = {name: np.array([clip[name] for clip in clips], dtype=np.float64) for name in
              ("words", "errors", "characters", "wrong", "sound_s")}  # fmt: skip
    group = np.array([str(clip["group"]) for clip in clips])
    rate = error_rate(column["errors"], column["words"], group)
    letters = error_rate(column["wrong"], column["characters"], group)
    judged = bool(np.isfinite(rate.value))
    cpu = sum(fact["cpu_s"] for fact in ledger.of_kind("heard"))
    ends = [end if np.isfinite(end) else None for end in (rate.low, rate.high)]
    verdict: dict[str, Any] = {
        "call": "UNDECIDED", "strong": False, "task": TRANSCRIPTION, "metric": "word_error_rate", "greater_is_better": False,
        "margin": None, "rows": head["dataset"]["rows"], "judged_rows": len(clips),
        "families": {
            "classical": {"score": None, "interval": None, "best": None, "missing": ALONE.partition(": ")[2]},
            "deep": {"score": rate.value if judged else None, "interval": ends if judged else None,
                     "best": head["model"]["name"], "cpu_s": round(cpu, 2)},
        },
        "difference": None, "treeline": None, "because": [ALONE], "findings": [],
        "character_error_rate": letters.to_json(), "clusters": rate.clusters, "grouped": bool(head["problem"]["group"]),
        "sound_s": float(column["sound_s"].sum()),
        "budget": {**head["budget"], "limit_s": limit_of(ledger), "used_s": stop["used_s"], "signal": stop["signal"]},
        "records": head["dataset"]["records"],
    }  # fmt: skip
    return {**verdict, "sentence": _sentence(verdict)}


def _sentence(verdict: dict[str, Any]) -> str:
    side, n = verdict["families"]["deep"], verdict["judged_rows"]
    if side["score"] is None:
        return f"{shown(side['best'])} has heard no clip within the time limit."
    low, high = side["interval"]
    one = "one group" if verdict["grouped"] else "one clip"
    sure = f" (95 % interval {_percent(low)} to {_percent(high)})" if high is not None else f" ({one}: no interval)"
    heard = f"{n:,} clips, {duration(verdict['sound_s'])} of sound"
    return f"{shown(side['best'])} has a word error rate of {_percent(side['score'])}{sure}, on {heard}."


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _facts(ledger: Ledger, verdict: dict[str, Any], clips: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return what the page lists: how it was judged and what it cost."""
    cpu, right = verdict["families"]["deep"]["cpu_s"], sum(1 for clip in clips if not clip["errors"])
    letters, records = verdict["character_error_rate"], verdict["records"]
    unit = "groups of clips" if ledger.head["problem"]["group"] else "clips"
    return [
        ("Character error rate", f"{_percent(letters['value'])} ({_percent(letters['low'])} to {_percent(letters['high'])})"),
        ("Clips without an error", f"{right:,} of {len(clips):,}"),
        ("Saying nothing would give", "100.0 %"),
        ("Compared", "lower case, without punctuation, NFKC; substitutions, insertions and deletions count one each"),
        ("Interval", f"of a ratio of sums over {verdict['clusters']:,} {unit} taken as independent (Cochran 1977, 6.3)"),
        ("Clips not heard", f"{records['used'] - len(clips):,} of {records['used']:,} (no transcript, or no time left)"),
        ("Files set aside", f"{records['quarantined']:,}"),
        ("Speed", f"{verdict['sound_s'] / cpu:.1f} s of sound a CPU second" if cpu else "–"),
        ("Time", f"{duration(verdict['budget']['used_s'])} of {duration(verdict['budget']['limit_s'])}"),
        ("Weights", f"{ledger.head['model']['name']}, SHA-256 {ledger.head['model']['sha256'][:16]}…"),
        ("Treeline", str(ledger.head["treeline"])),
    ]  # fmt: skip
