"""Commands that use a finished run: `treeline predict` and `treeline deliver`. They parse, call `treeline.api` and print."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["INTERRUPTED", "JSON", "deliver", "predict"]

JSON = Annotated[
    bool, typer.Option("--json", help="Print plain data for machines on standard output, and nothing else.")
]
INTERRUPTED = 130


def predict(
    run: Annotated[Path, typer.Argument(help="The folder of a run, or a bundle.")],
    data: Annotated[str, typer.Argument(help="A file with new rows.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write them: .csv, .parquet or .jsonl.")
    ] = Path("predictions.csv"),
    escape: Annotated[bool, typer.Option(help="Defuse labels that a spreadsheet would take for formulas.")] = True,
) -> None:
    """Predict new rows with the model of a run: prediction, and proba_<label> for each class."""
    from treeline.api import predict as predict_

    for line in predict_(run, data, output, escape=escape):
        print(line, file=sys.stderr)


def deliver(
    run: Annotated[Path, typer.Argument(help="The folder of a finished run.")],
    side: Annotated[
        str | None,
        typer.Option(
            help="Whose model: classical, deep, both, or choice, what the verdict advises.", show_default=False
        ),
    ] = None,
    only: Annotated[str | None, typer.Option(help="One contender, by its name.", show_default=False)] = None,
    single: Annotated[
        bool, typer.Option("--single", help="One small model of the best contender, fitted once more on all rows.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write; RUN/bundle-SIDE if not given.", show_default=False)
    ] = None,
    *,
    source: Annotated[
        str | None, typer.Option(help="Where the data lies now, for --single.", show_default=False)
    ] = None,
    json_: JSON = False,
) -> int:
    """Write another model from a finished run, without a fit: that of a side, or of one contender.

    Without --side and --only it is the one that the verdict advises. The run's own model stays as it is.
    """
    from treeline.api import load

    def notify(words: str) -> None:
        print(words, file=sys.stderr)

    try:
        handed = load(run).deliver(side=side, only=only, single=single, out=out, source=source, notify=notify)
    except KeyboardInterrupt:
        print("error: Interrupted; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    if json_:
        print(json.dumps(handed.facts, ensure_ascii=False, indent=2))
        return 0
    print(*handed.lines(), f"treeline predict {shlex.quote(str(handed.folder))} new.csv -o predictions.csv", sep="\n")
    return 0
