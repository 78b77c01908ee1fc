"""Texts, images and sounds: what does each side reach in the same time, on rows that nobody saw?

    python bench/media.py --seconds 600 [--sets sms_spam fashion_mnist_10k] [--pretrained FOLDER]
    python bench/media.py --report
    python bench/media.py --pictures       # the learning curves of two sets into docs/, from their last runs

A fifth of each set is kept aside with a fixed seed (its own test part, or a fold or speakers, where the set has such).
Treeline runs by its command line on the rest; the delivered model predicts what was kept aside, and one scorer judges it.
The scores of the
two sides are out of fold. Facts go to `results/media.jsonl`.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from measure import ROOT, TREELINE, append, commit, machine, markdown, measured
from tables import DATA, WORK

FACTS = ROOT / "bench" / "results" / "media.jsonl"
DRAWN = ("fashion_mnist_10k", "stackoverflow_titles")
Kept = Callable[[str], bool]
"Whether an item is kept aside, by its path in the archive."
TEXTS = ("sms_spam", "stackoverflow_titles", "movie_review_sentences", "sentiment_sentences")
OWN: dict[str, tuple[str, Kept | None, str]] = {
    "fashion_mnist_10k": ("images", None, ""),
    "pneumoniamnist": ("images", lambda path: "/test_" in path, ""),
    "sign_language_digits": ("images", None, ""),
    "free_spoken_digits": ("audio", None, ""),
    "free_spoken_digits_by_speaker": ("audio", lambda path: "_theo_" in path, "speaker"),
    "esc10_16khz": ("audio", lambda path: path.rpartition("/")[2].startswith("5-"), "fold"),
}
"Folder, what is kept aside (None: a fifth at random), and the group that folds must not split."


def prepared(name: str, data: Path) -> tuple[Path, Path, Path, list[str]]:
    """Write train and test files of a set once; return them, the answers of the test part and more words for `run`."""
    folder = WORK / "media" / name
    folder.mkdir(parents=True, exist_ok=True)
    answers = folder / "answers.csv"
    if name in TEXTS:
        paths = folder / "train.csv", folder / "test.csv"
        if not answers.exists():
            frame = texts(name, data)
            held = _fifth(frame["label"].to_list())
            frame.filter(pl.Series(~held)).write_csv(paths[0])
            frame.filter(pl.Series(held)).drop("label").write_csv(paths[1])
            frame.filter(pl.Series(held)).select("label").write_csv(answers)
        return *paths, answers, ["--target", "label", "--text", "text"]
    paths = folder / "train.zip", folder / "test.zip"
    kind, own, group = OWN[name]
    if not answers.exists():
        _cut(data / kind / f"{name.removesuffix('_by_speaker')}.zip", paths, answers, own=own, group=group)
    return *paths, answers, ["--target", "label", *(["--group", group] if group else [])]


def texts(name: str, data: Path) -> pl.DataFrame:
    """Return a set of texts: columns `text` and `label`."""
    if name == "sms_spam":
        names = ["label", "text"]
        path = data / "text" / "sms_spam.tsv"
        return pl.read_csv(path, separator="\t", has_header=False, quote_char=None, new_columns=names)
    frame = pl.read_csv(data / "text" / f"{name}.csv")
    said = "text" if "text" in frame.columns else next(one for one in frame.columns if one != "label")
    return frame.select(pl.col(said).alias("text"), pl.col("label").cast(pl.String))


def _fifth(labels: list[str]) -> np.ndarray:
    """Return a fifth of the rows, of every label alike."""
    place = np.random.default_rng(0).random(len(labels))
    held = np.zeros(len(labels), bool)
    for label in sorted(set(labels)):
        mine = np.flatnonzero(np.array(labels) == label)
        held[mine[np.argsort(place[mine])[: round(len(mine) / 5)]]] = True
    return held


def _cut(source: Path, paths: tuple[Path, Path], answers: Path, *, own: Kept | None, group: str) -> None:
    with zipfile.ZipFile(source) as archive:
        items = sorted(one for one in archive.namelist() if not one.endswith("/"))
        labels = [one.split("/")[0] for one in items]
        held = _fifth(labels) if own is None else np.array([own(one) for one in items])
        for path, part in zip(paths, (~held, held), strict=True):
            rows = io.StringIO()
            told = csv.writer(rows, lineterminator="\n")
            told.writerow(["file_name", *(["label"] if part is not held else []), *([group] if group else [])])
            with zipfile.ZipFile(path, "w") as out:
                for at in np.flatnonzero(part):
                    name = f"{at:06d}{Path(items[at]).suffix}"
                    out.writestr(name, archive.read(items[at]))
                    stem = items[at].rpartition("/")[2]
                    who = {"speaker": stem.split("_")[1] if "_" in stem else "", "fold": stem[0]}.get(group, "")
                    told.writerow([name, *([labels[at]] if part is not held else []), *([who] if group else [])])
                out.writestr("metadata.csv", rows.getvalue())
    pl.DataFrame({"label": [label for label, out in zip(labels, held, strict=True) if out]}).write_csv(answers)


def attempt(name: str, *, seconds: float, data: Path, pretrained: str, cores: int) -> dict[str, object]:
    """Run one set; return the fact to write down."""
    train, test, answers, more = prepared(name, data)
    out = WORK / "media" / name / "run"
    shutil.rmtree(out, ignore_errors=True)
    words = [str(TREELINE), "run", str(train), *more, "--metric", "accuracy", "--time-limit", f"{seconds:g}s"]
    words += ["--out", str(out), "--quiet", "--cores", str(cores), "--pretrained", pretrained or "none"]
    cost = measured(words, limit_s=3 * seconds + 120, cores=cores, log=out.with_suffix(".log"))
    fact: dict[str, object] = {
        "set": name, "seconds": seconds, "pretrained": Path(pretrained).name if pretrained else "",
        "wall_s": round(cost.wall_s, 1),
        "peak_mb": round(cost.peak_mb), "cores": cores, "commit": commit(), "machine": machine(), "failed": "",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    said = out.with_suffix(".csv")
    told = measured([str(TREELINE), "predict", str(out), str(test), "-o", str(said)], limit_s=600, cores=cores)
    try:
        verdict = json.loads((out / "verdict.json").read_text())
        truth, mine = (pl.read_csv(path, infer_schema=False) for path in (answers, said))
        fact["accuracy"] = float((truth["label"] == mine["prediction"]).mean())
        fact["test_rows"] = truth.height
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        return fact | {"failed": f"{cost.tail[-200:]} {told.tail[-200:]} {error}"[:500]}
    sides = {side: {"score": one["score"], "interval": one["interval"], "best": one["best"]}
             for side, one in verdict["families"].items()}  # fmt: skip
    line = verdict.get("treeline") or {}
    return fact | {
        "call": verdict["call"],
        "sides": sides,
        "predict_s": round(told.wall_s, 1),
        "treeline": line.get("words", ""),
    }


def report(facts: list[dict[str, object]]) -> str:
    """Return the facts as a table."""
    rows = []
    for one in facts:
        sides: dict[str, dict[str, float | str]] = one.get("sides", {})  # type: ignore[assignment]
        shown = [_side(sides.get(side, {})) for side in ("classical", "deep")]
        kept = f"{one['accuracy']:.4f} of {one['test_rows']:,}" if not one["failed"] else str(one["failed"])
        rows.append([one["set"], f"{one['seconds']:g}", one["pretrained"] or "none", kept, *shown, one.get("call", ""),
                     one["wall_s"], one["peak_mb"]])  # fmt: skip
    head = [
        "set",
        "limit s",
        "pretrained",
        "accuracy, kept aside",
        "classical, out of fold",
        "deep, out of fold",
        "call",
    ]
    return markdown([*head, "wall s", "peak MB"], rows)


def pictures() -> None:
    """Write the learning curves of the last runs of `DRAWN` to docs/curves-NAME.svg, styled as in their reports."""
    style = (ROOT / "src" / "treeline" / "report" / "templates" / "style.css").read_text()
    for name in DRAWN:
        page = (WORK / "media" / name / "run" / "report.html").read_text()
        found = re.search(r'<svg[^>]*aria-labelledby="curves[^>]*>.*?</svg>', page, re.DOTALL)
        if found is None:
            raise SystemExit(f"The report of {name} shows no learning curves.")
        head, _, rest = found.group(0).partition(">")
        head = head if "xmlns=" in head else head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
        (ROOT / "docs" / f"curves-{name}.svg").write_text(f"{head}><style>{style}</style>{rest}\n")


def _side(told: dict[str, float | str]) -> str:
    return f"{told['score']:.4f} ({told['best']})" if told.get("score") is not None else "–"


def main() -> None:
    """Run what was asked for, one set after the other, or print what is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=[*TEXTS, *OWN])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--pretrained", default="")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--facts", type=Path, default=FACTS)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="append a table of all facts to bench/RESULTS.md")
    parser.add_argument("--pictures", action="store_true", help="write docs/curves-NAME.svg")
    given = parser.parse_args()
    if given.pictures:
        pictures()
        return
    if given.report:
        facts = [json.loads(line) for line in given.facts.read_text().splitlines()]
        append("Texts, images and sounds", report(facts))
        return
    for name in given.sets:
        fact = attempt(name, seconds=given.seconds, data=given.data, pretrained=given.pretrained, cores=given.cores)
        given.facts.parent.mkdir(parents=True, exist_ok=True)
        with given.facts.open("a") as file:
            file.write(json.dumps(fact) + "\n")
        print(name, fact.get("accuracy"), fact.get("call"), fact["wall_s"], fact["failed"], flush=True)


if __name__ == "__main__":
    main()
