"""From a result to the files that tell it: verdict.json, summary.json, report.html; and the audit on its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from treeline.contest.ledger import Ledger, durable
from treeline.contest.result import Result
from treeline.contest.roster import probes_of
from treeline.data.dataset import Dataset
from treeline.data.findings import Finding, Severity
from treeline.problem.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Audited", "tell"]


def tell(ledger: Ledger, result: Result, *, command: str, bundle: dict[str, Any]) -> None:
    """Write what the result says into the run's folder, each file whole or not at all."""
    from treeline.report.html import render_html
    from treeline.report.summary import summarize

    head = ledger.head
    known = bundle if "what" in bundle else _delivered(result, bundle)
    probes, verdict = probes_of(ledger), result.verdict
    summary = summarize(
        problem=result.problem, dataset=head["dataset"], findings=[_finding(plain) for plain in verdict["findings"]],
        trials=[trial for trial in ledger.trials if trial.entry not in probes], verdict=verdict,
        oof=None if result.y is None else {
            "y": result.y, "prediction": result.prediction, "index": result.index, "kept": ledger.items(),
        },
        run={
            "command": command, "treeline_version": head["treeline"], "versions": head["versions"], "started": head["started"],
            "machine": head["machine"], "settings": head["settings"], "unavailable": head["absent"], "delivered": known,
            "out": ledger.out.name if ledger.out.is_absolute() else str(ledger.out),
        },
    )  # fmt: skip
    _write(ledger.out / "summary.json", json.dumps(summary.to_json(), ensure_ascii=False, allow_nan=False))
    _write(ledger.out / "report.html", render_html(summary))
    _write(ledger.out / "verdict.json", json.dumps(verdict, ensure_ascii=False, indent=2, allow_nan=False))


def _delivered(result: Result, bundle: dict[str, Any]) -> dict[str, Any]:
    told = result.conclusion.delivered
    cost = told["predict_s_per_1000"]
    return {
        "what": told["what"],
        "members": told["members"],
        "size_mb": bundle.get("bytes", 0) / 2**20,
        "predict_ms_per_1000_rows": None if cost is None else 1000 * cost,
    }


def _write(path: Path, text: str) -> None:
    with durable(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _finding(plain: dict[str, Any]) -> Finding:
    return Finding(
        **{
            **plain,
            "severity": Severity(plain["severity"]),
            "columns": tuple(plain["columns"]),
            "examples": tuple(plain["examples"]),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What the audit of a table found."""

    dataset: Dataset
    problem: Problem | None
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "source": self.dataset.source,
            "records": self.dataset.records.to_json(),
            "how": self.dataset.how,
            "columns": [column.to_json() for column in self.dataset.columns],
            "problem": self.problem.to_json() if self.problem else None,
            "findings": [finding.to_json() for finding in self.findings],
        }

    def show(self) -> None:
        """Print columns and findings to the terminal."""
        from rich.console import Console

        from treeline.report.terminal import print_columns, print_findings

        console = Console()
        print_columns(self.dataset, console)
        print_findings(list(self.findings), console)
