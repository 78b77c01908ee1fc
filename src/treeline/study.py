"""A study: a run that has a verdict, opened from its folder."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treeline.contest.ledger import Ledger
from treeline.errors import DataError, IntegrityError, UsageError, shown
from treeline.problem.task import TRANSCRIPTION

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from treeline.deliver.handed import Handed
    from treeline.deliver.runtime import Model
    from treeline.deliver.spoken import Spoken

__all__ = ["Study", "runs"]


class Study:
    """What a run found: `verdict`, `leaderboard()`, `model`, `report`."""

    def __init__(self, out: str | Path) -> None:
        """Open the run in the folder `out`.

        Raises:
            UsageError: there is no such run, or it has no verdict yet.
        """
        self.out = Path(out)
        if not (self.out / "verdict.json").exists():
            if (self.out / "ledger").exists():
                raise UsageError(
                    f"The run in {shown(self.out)} has no verdict yet.", do="Run the same command again to finish it."
                )
            raise UsageError(f"There is no run in {shown(self.out)}.", do="See `treeline runs`.")

    @cached_property
    def verdict(self) -> dict[str, Any]:
        """The verdict as plain data, see docs/verdict.md."""
        try:
            loaded: dict[str, Any] = json.loads((self.out / "verdict.json").read_text(encoding="utf-8"))
        except ValueError:
            raise IntegrityError(
                "It is no JSON.", where=str(self.out / "verdict.json"), do="Run `treeline report` to write it anew."
            ) from None
        return loaded

    @property
    def choice(self) -> dict[str, Any] | None:
        """Which side to use, on what ground, at what risk (docs/verdict.md); None where nothing can be said."""
        if "choice" in self.verdict or self.transcribed:
            return self.verdict.get("choice")
        from treeline.contest.result import conclude  # a run from before there were choices: its ledger says

        chosen: dict[str, Any] | None = conclude(Ledger(self.out)).verdict["choice"]
        return chosen

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.out / "report.html"

    @property
    def exit_code(self) -> int:
        """0 with a model, 3 where every candidate failed, 130 or 143 where the run was stopped (the best so far is kept)."""
        signal = int(self.verdict["budget"]["signal"])
        if signal:
            return 128 + signal
        return 0 if (self.out / "bundle").exists() else 3

    @property
    def transcribed(self) -> bool:
        """Whether the run was a transcription, where no families compete."""
        return self.verdict.get("task") == TRANSCRIPTION

    @cached_property
    def model(self) -> Model | Spoken:
        """The delivered model, verified: `predict`, `predict_proba`, `predict_frame`.

        Raises:
            DataError: no candidate succeeded, so there is none.
        """
        from treeline.deliver.spoken import open_bundle

        if not (self.out / "bundle").exists():
            raise DataError(
                "No candidate succeeded, so there is no model.",
                where=str(self.out),
                do="See what failed in the report.",
            )
        return open_bundle(self.out / "bundle")

    def deliver(
        self,
        *,
        side: str | None = None,
        only: str | None = None,
        single: bool = False,
        out: str | Path | None = None,
        source: Any = None,
        notify: Callable[[str], None] = lambda _: None,
    ) -> Handed:
        """Write another model from the run's ledger, without a fit; its own stays as it is.

        Args:
            side: whose model: `classical`, `deep`, `both`, or `choice`, what the verdict advises (also where nothing is said).
            only: one contender instead, by its name in the leaderboard.
            single: one small model of the best single contender, of that side if given, fitted once more on all rows.
            out: the folder to write; `bundle-SIDE`, `bundle-NAME`, with `-single` behind, beside the run's own if not given.
            source: where the data lies now, or the table itself, where it must be read again.
            notify: told in words what takes time.

        Raises:
            TreelineError: see `deliver/anew.py`; nothing is written then.
        """
        from treeline.deliver.anew import Asked, deliver_anew

        asked = Asked(side=side, only=only, single=single, out=None if out is None else Path(out), source=source)
        return deliver_anew(self.out, asked, notify=notify)

    def leaderboard(self) -> pl.DataFrame:
        """Return the contenders, best first: name, family, score, low, high, folds, rows, cpu_s, weight, state."""
        import polars as pl

        if self.transcribed:
            raise UsageError("A transcription has no leaderboard: one model was judged.", do="See `verdict`.")
        plain = [
            {**row, "low": (row["interval"] or [None])[0], "high": (row["interval"] or [None])[-1]}
            for row in self.verdict["leaderboard"]
        ]
        names = (
            "name",
            "family",
            "score",
            "low",
            "high",
            "folds",
            "rows",
            "cpu_s",
            "predict_s_per_1000",
            "weight",
            "state",
        )
        return pl.DataFrame([{name: row[name] for name in names} for row in plain])

    def show(self) -> None:
        """Print the verdict to the terminal."""
        if self.transcribed:
            print(self.verdict["sentence"], *self.verdict["because"], f"Report: {self.report}", sep="\n")
            return
        from rich.console import Console

        from treeline.report.summary import Summary
        from treeline.report.terminal import print_summary

        print_summary(Summary.from_json(json.loads((self.out / "summary.json").read_text(encoding="utf-8"))), Console())

    def __repr__(self) -> str:
        """Return the call and the folder."""
        return f"<Study {self.verdict['call']} in {self.out}>"


def runs(folder: str | Path = "runs") -> list[dict[str, Any]]:
    """Return the runs under a folder: out, target, call, state, started; newest first."""
    found = []
    for path in sorted(Path(folder).glob("**/ledger/facts.jsonl")):
        out = path.parent.parent
        one = {"out": str(out), "target": "", "call": "", "state": "damaged", "started": ""}
        try:
            ledger = Ledger(out)
            if not ledger.head:
                continue
            stops = ledger.of_kind("stop")
            one |= {"target": ledger.head["problem"]["target"], "started": ledger.head["started"]}
            one["state"] = stops[-1]["why"] if stops else "unfinished"
            if (out / "verdict.json").exists():
                one["call"] = Study(out).verdict["call"]
        except IntegrityError:
            pass  # it is listed as damaged
        found.append(one)
    return sorted(found, key=lambda one: str(one["started"]), reverse=True)
