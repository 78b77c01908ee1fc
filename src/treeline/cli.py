"""The command line. It parses, calls `treeline.api`, prints, and turns errors into exit codes; nothing else."""

from __future__ import annotations

import inspect
import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from treeline.commands import INTERRUPTED, JSON, deliver, predict
from treeline.errors import SetupError, TreelineError, UsageError

__all__ = ["app", "main"]

app = typer.Typer(
    name="treeline",
    help="Measure classical machine learning against deep learning on your own data, and keep the better model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; errors become one line on standard error and an exit code (see docs/exit-codes.md)."""
    debug = "--debug" in sys.argv
    if debug:
        sys.argv.remove("--debug")
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except TreelineError as error:
        if debug:
            raise
        _complain(error.what, error.do, error.where)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if debug:
            raise
        _complain(
            f"{error.strerror or error}.",
            "Free some space, or choose a folder that can be written.",
            str(error.filename or ""),
        )
        sys.exit(SetupError.exit_code)
    except Exception as error:  # the last line of defence: no traceback without --debug
        if debug:
            raise
        spoken = getattr(error, "format_message", None)
        usage = spoken is not None
        message = str(spoken()) if spoken else f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        do = (
            "See `treeline --help`." if usage else "This is a defect of Treeline; run again with --debug and report it."
        )
        _complain(message, do, "")
        sys.exit(2 if usage else 1)


def _complain(what: str, do: str, where: str) -> None:
    line = "error: " + (f"{where}: " if where else "") + what
    print(line if len(line) <= 2000 else line[:1999] + "…", file=sys.stderr)
    if do:
        print(f"hint: {do}", file=sys.stderr)


def _run(
    source: Annotated[
        str | None, typer.Argument(help="A file, a database URL, or sample:NAME.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder of the run; runs/NAME if not given.", show_default=False)
    ] = None,
    *,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file with any of these settings.", show_default=False)
    ] = None,
    json_: JSON = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the report in the browser at the end.")] = False,
    **given: Any,
) -> int:
    """Run the contest on a table, within a kept time limit, and hand over the better model.

    The same command again resumes a run that was killed or stopped.
    """
    from treeline.problem.settings import read_config

    settings = (read_config(config) if config else {}) | _told(given)
    told = settings.pop("source", None), settings.pop("out", None)
    source, out = source or told[0], out or (Path(told[1]) if told[1] else None)
    if source is None:
        raise UsageError("Nothing says which data to use.", do="Give a file, a database URL or sample:NAME.")
    command, progress = "treeline " + shlex.join(sys.argv[1:]), "quiet" if quiet or json_ else "auto"
    try:
        from treeline.api import run

        study = run(source, out=out, progress=progress, command=command, **settings)
    except KeyboardInterrupt as error:
        _complain(str(error) or "Interrupted.", "The same command goes on from what was kept, or starts again.", "")
        return INTERRUPTED
    if json_:
        print(json.dumps(study.verdict, ensure_ascii=False, indent=2))
    else:
        study.show()
    if open_:
        _open(study.report)
    return int(study.exit_code)


def _told(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given."""
    return {name: value for name, value in given.items() if value is not None and value != []}


def _with_settings(command: Any) -> Any:
    """Give a command one option for each field of `Settings`: one table serves Python, TOML and the command line."""
    from dataclasses import fields

    from treeline.problem.settings import Settings

    parameters = [
        p for p in inspect.signature(command).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    annotations = {
        name: kind
        for name, kind in inspect.get_annotations(command, eval_str=True).items()
        if name not in ("given", "return")
    }
    for item in fields(Settings):
        text, kind = str(item.metadata["help"]), str(item.type)
        listed = kind.startswith(("tuple", "dict"))
        base: Any = list[str] if listed else bool if kind.startswith("bool") else str
        flag = f"--{item.name.replace('_', '-')}"
        declaration = f"{flag}/--no-{flag[2:]}" if item.name == "header" else flag
        option = typer.Option(declaration, help=text, show_default=False)
        annotations[item.name] = Annotated[base | None, option]
        parameters.append(
            inspect.Parameter(
                item.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotations[item.name]
            )
        )
    command.__signature__ = inspect.Signature(
        [p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=annotations[p.name]) for p in parameters]
    )
    command.__annotations__ = annotations
    return command


app.command(name="run")(_with_settings(_run))


app.command()(predict)
app.command()(deliver)


def _audit(
    source: Annotated[str, typer.Argument(help="A file, a database URL, or sample:NAME.")],
    json_: JSON = False,
    **given: Any,
) -> None:
    """Say what is wrong with the data, in seconds, without fitting anything."""
    from treeline.api import audit as audit_

    result = audit_(source, **_told(given))
    if json_:
        print(json.dumps(result.to_json(), ensure_ascii=False, indent=2))
    else:
        result.show()


app.command(name="audit")(_with_settings(_audit))


def _advise(
    source: Annotated[str, typer.Argument(help="A file, a database URL, or sample:NAME.")],
    json_: JSON = False,
    **given: Any,
) -> None:
    """Say what public results on data like this say, in seconds, before anything is trained."""
    from treeline.api import advise as advise_

    settings = _told(given)
    if "target" not in settings:
        raise UsageError("Nothing says which column to predict.", do="Give --target.")
    prior = advise_(source, **settings)
    if json_:
        print(json.dumps(prior.to_json(), ensure_ascii=False, indent=2))
    else:
        print(*prior.lines(), sep="\n")


app.command(name="advise")(_with_settings(_advise))


@app.command()
def judge(
    source: Annotated[str, typer.Argument(help="A table of losses: fold, group, classical:NAME, deep:NAME.")],
    margin: Annotated[float, typer.Option(help="The smallest difference of mean losses that matters.")],
    json_: JSON = False,
) -> None:
    """Give a verdict on results that were never ours, from the loss of each row."""
    from treeline.api import judge as judge_

    verdict = judge_(source, margin=margin)
    if json_:
        print(json.dumps(verdict.to_json(), ensure_ascii=False, indent=2))
        return
    print(*verdict.lines(), sep="\n")


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Render the report again from the ledger."""
    from treeline.api import report as report_

    path = report_(run)
    print(path)
    if open_:
        _open(path)


@app.command()
def runs(folder: Annotated[Path, typer.Argument(help="Where to look.")] = Path("runs"), json_: JSON = False) -> None:
    """List past runs."""
    from treeline.api import runs as runs_

    found = runs_(folder)
    if json_:
        print(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found:
        print(f"No run in {folder}.", file=sys.stderr)
    for one in found:
        print(f"{one['out']}  {one['target']}  {one['call'] or one['state']}  {one['started']}")


@app.command()
def samples() -> None:
    """List the tables that come with Treeline's dependencies: use them as sample:NAME."""
    from treeline.api import samples as samples_

    for line in samples_():
        print(line)


@app.command()
def doctor(json_: JSON = False) -> None:
    """Say what is installed, on which devices, with what limits, and how to get what is missing."""
    from treeline.doctor import as_text, examine

    found = examine()
    print(json.dumps(found, ensure_ascii=False, indent=2) if json_ else as_text(found))


def _version(wanted: bool) -> None:
    if wanted:
        from treeline import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


def _open(path: Path) -> None:
    import webbrowser

    webbrowser.open(path.resolve().as_uri())
