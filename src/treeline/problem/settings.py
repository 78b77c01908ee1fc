"""What the user asked for: one table of settings, the same names in Python, on the command line and in TOML files."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from treeline.errors import DataError, UsageError, nearest, shown
from treeline.problem.budget import seconds_of
from treeline.problem.task import TRANSCRIPTION, Family, Policy, Repeats, Task

__all__ = ["Settings", "help_of", "read_config"]


def _setting(default: Any, text: str, *, identity: bool = True) -> Any:
    """Declare a setting; `identity` ones must be the same when a run is resumed."""
    metadata = {"help": text, "identity": identity}
    if isinstance(default, tuple | dict):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a run may be told, with its defaults. None means: inferred, and said how."""

    target: str | None = _setting(None, "The column to predict.")
    time_limit: str = _setting(
        "5m", "Wall time for the whole run: 90s, 5m, 1h30m; the same command with a longer one goes on.", identity=False
    )
    metric: str | None = _setting(None, "How predictions are judged, by scikit-learn's name: roc_auc, accuracy, rmse …")
    task: str | None = _setting(None, "binary, multiclass or regression; or transcription of sounds.")
    margin: float | None = _setting(None, "The smallest difference that matters, in the metric's unit.")
    families: tuple[str, ...] = _setting(("classical", "deep"), "Which families compete.")
    candidates: tuple[str, ...] = _setting((), "Only these candidates compete (see `treeline doctor`).")
    split: str | None = _setting(None, "How rows are kept apart: random, stratified, grouped or time.")
    repeats: str | None = _setting(
        None, "Rows with the same inputs: together in one fold, or apart, where new rows may repeat old ones."
    )
    group: str | None = _setting(None, "The column whose values must not be split over folds.")
    time: str | None = _setting(None, "The column that orders rows in time; or several, as in Year,Month,Day.")
    folds: int | None = _setting(None, "How many folds judge the top of the ladder.")
    seed: int = _setting(0, "The seed of everything random.")
    kind: dict[str, str] = _setting(  # noqa: RUF009 - a field() in disguise
        {}, "Override a column's kind: NAME=number|category|date|text|identifier|image|sound."
    )
    text: tuple[str, ...] = _setting((), "Columns of free text that matter most: text models compete on them.")
    pretrained: str | None = _setting(
        None, "A pretrained encoder of texts, images or sounds: a folder, a name on the model hub, or none."
    )
    drop: tuple[str, ...] = _setting((), "Columns that no model may use.")
    allow_leak: bool = _setting(False, "Go on although a column gives the target away.")
    query: str | None = _setting(None, "The SQL query, where the source is a database URL.")
    bad_rows: str = _setting("refuse", "What to do with records that cannot be read: refuse or quarantine.")
    missing: tuple[str, ...] = _setting((), "Texts to take as missing, besides the usual ones.")
    date_format: str | None = _setting(None, "The format of ambiguous dates, such as %d/%m/%Y.")
    header: bool | None = _setting(None, "Whether the first record names the columns.")
    sheet: str | None = _setting(None, "The sheet of an Excel file.")
    memory: int | None = _setting(
        None, "Megabytes that the run may hold; three quarters of what is free if not given.", identity=False
    )
    price: float | None = _setting(
        None,
        "The price of one core-hour, in your money, for the bill in the report; 0.04 if never given.",
        identity=False,
    )
    gpu_price: float | None = _setting(
        None, "The price of one GPU-hour, for the same bill; 2 if never given.", identity=False
    )
    cores: int | None = _setting(
        None, "CPU cores to keep busy; all that this process may use if not given.", identity=False
    )

    @classmethod
    def of(cls, **given: Any) -> Settings:
        """Build settings from loose values (comma-separated texts, lists), checking names and choices.

        Raises:
            UsageError: an unknown name, or a value outside its choices.
            BudgetError: a time limit of zero or less.
        """
        known = {item.name: item for item in fields(cls)}
        for name in given:
            if name not in known:
                raise UsageError(
                    f"There is no setting {shown(name)}: {nearest(name, known)}", do="See `treeline run --help`."
                )
        made = cls(**{name: _shaped(name, value) for name, value in given.items() if value is not None})
        made._check()
        return made

    def _check(self) -> None:
        seconds_of(self.time_limit)
        _choice("task", self.task, [*map(str, Task), TRANSCRIPTION])
        _choice("split", self.split, [str(policy) for policy in Policy])
        _choice("repeats", self.repeats, [str(way) for way in Repeats])
        _choice("bad_rows", self.bad_rows, ["refuse", "quarantine"])
        for family in self.families:
            _choice("families", family, [str(known) for known in Family])
        if not self.families:
            raise UsageError("No family is left to compete.", do="Give --families classical,deep.")
        if self.margin is not None and not self.margin >= 0:
            raise UsageError(
                f"The margin is {shown(self.margin)}; it must be zero or more.",
                do="Give the smallest difference that matters.",
            )
        if self.folds is not None and not 2 <= self.folds <= 20:
            raise UsageError(f"There are {self.folds} folds asked for.", do="Give 2 to 20.")
        for name, unit in (("price", "core-hour"), ("gpu_price", "GPU-hour")):
            if not 0 <= (getattr(self, name) or 0.0) < float("inf"):
                raise UsageError(
                    f"The {name} is {getattr(self, name)}; it must be zero or more.",
                    do=f"Give the price of one {unit}.",
                )
        for name in ("memory", "cores"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise UsageError(f"The setting {name} is {getattr(self, name)}.", do="Give 1 or more.")

    @property
    def seconds(self) -> float:
        """The time limit in seconds."""
        return seconds_of(self.time_limit)

    @property
    def kinds(self) -> dict[str, str]:
        """The kinds that the user gave columns."""
        return {**self.kind, **dict.fromkeys(self.text, "text")}

    def identity(self) -> dict[str, Any]:
        """Return the settings that a resumed run must share, as plain data."""
        plain = {item.name: getattr(self, item.name) for item in fields(self) if item.metadata["identity"]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}

    def with_target(self, target: str) -> Settings:
        """Return the same settings with this target."""
        return replace(self, target=target)


def help_of() -> dict[str, str]:
    """Return the help line of every setting."""
    return {item.name: str(item.metadata["help"]) for item in fields(Settings)}


def read_config(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file, by the names of `Settings`, with `source` and `out` besides.

    Raises:
        UsageError: the file is missing.
        DataError: the file is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"There is no file {shown(path)}.", do="Check the path given to --config.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"This is no TOML: {error}", where=str(path), do="See the README for an example.") from None


def _choice(name: str, value: str | None, among: list[str]) -> None:
    if value is not None and value not in among:
        raise UsageError(
            f"The setting {name} is {shown(value)}: {nearest(value, among)}",
            do="Choose one of: " + ", ".join(among) + ".",
        )


def _shaped(name: str, value: Any) -> Any:
    default = next(item for item in fields(Settings) if item.name == name)
    kind = str(default.type)
    if kind.startswith("tuple"):
        items = value.split(",") if isinstance(value, str) else list(value)
        return (
            tuple(part.strip() for item in items for part in str(item).split(",") if part.strip())
            if name != "drop"
            else tuple(items)
        )
    if kind.startswith("dict") and not isinstance(value, dict):
        pairs = [str(item).rpartition("=") for item in ([value] if isinstance(value, str) else value)]
        for left, _, right in pairs:
            if not left or not right:
                raise UsageError(
                    f"The setting {name} reads {shown(left or right)}.", do="Write NAME=KIND, once for each column."
                )
        return {left: right for left, _, right in pairs}
    if name == "time_limit":
        return str(value)
    try:
        if kind.startswith("int"):
            return int(value)
        if kind.startswith("float"):
            return float(value)
    except (TypeError, ValueError):
        raise UsageError(
            f"The setting {name} is {shown(value)}, which is no number.", do=f"{default.metadata['help']}"
        ) from None
    return value
