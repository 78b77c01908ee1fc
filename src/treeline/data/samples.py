"""Real tables that come with libraries Treeline uses, so that a first run needs no network and no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from treeline.errors import SetupError, UsageError, nearest, shown

if TYPE_CHECKING:
    import polars as pl

__all__ = ["SAMPLES", "Sample", "load_sample"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A table that `sample:NAME` stands for."""

    title: str
    target: str
    rows: int
    columns: int
    source: str
    "Where it comes from, and its licence."


_SKLEARN = "scikit-learn (BSD-3-Clause)"
SAMPLES: dict[str, Sample] = {
    "randhie": Sample(
        "RAND health insurance experiment: did a person visit a doctor in a year? (mdvis > 0; mdvis itself is left out)",
        "visited", 20190, 10, "statsmodels (public domain), Newhouse 1993",
    ),
    "fair": Sample(
        "Redbook survey of 1974: did a married woman have an affair? (affairs > 0; affairs itself is left out)",
        "affair", 6366, 9, "statsmodels (public domain), Fair 1978",
    ),
    "breast_cancer": Sample("Wisconsin breast cancer: benign or malignant?", "diagnosis", 569, 31, _SKLEARN),
    "wine": Sample("Wine recognition: which of three cultivars?", "cultivar", 178, 14, _SKLEARN),
    "iris": Sample("Iris plants: which of three species?", "species", 150, 5, _SKLEARN),
    "diabetes": Sample("Diabetes progression after one year", "progression", 442, 11, _SKLEARN),
    "digits": Sample("Handwritten digits, 8 by 8 pixels: which digit?", "digit", 1797, 65, _SKLEARN),
}  # fmt: skip
"""The samples by name; `rows` and `columns` count the target in."""


def load_sample(name: str) -> tuple[pl.DataFrame, str]:
    """Return a sample as a frame, and the name of its target.

    Raises:
        UsageError: there is no such sample.
        SetupError: the library that holds it is not installed.
    """
    if name not in SAMPLES:
        raise UsageError(f"There is no sample {shown(name)}: {nearest(name, SAMPLES)}", do="Run: treeline samples")
    target = SAMPLES[name].target
    try:
        frame = _statsmodels(name) if name in ("randhie", "fair") else _sklearn(name, target)
    except ImportError as error:
        extra = "'treeline[samples]'" if name in ("randhie", "fair") else "treeline"
        raise SetupError(
            f"The sample {shown(name)} needs {error.name or 'statsmodels'}.", do=f"Run: pip install {extra}"
        ) from None
    return frame, target


def _statsmodels(name: str) -> pl.DataFrame:
    import polars as pl

    count, target = {"randhie": ("mdvis", "visited"), "fair": ("affairs", "affair")}[name]
    if name == "randhie":
        from statsmodels.datasets import randhie as module
    else:
        from statsmodels.datasets import fair as module
    table = module.load_pandas().data
    frame = pl.DataFrame({str(column): table[column].to_numpy() for column in table.columns})
    label = pl.when(pl.col(count) > 0).then(pl.lit("yes")).otherwise(pl.lit("no")).alias(target)
    return frame.with_columns(label).drop(count)


def _sklearn(name: str, target: str) -> pl.DataFrame:
    import polars as pl
    from sklearn import datasets

    found: Any = getattr(datasets, f"load_{name}")()
    columns = {str(column): found.data[:, i] for i, column in enumerate(found.feature_names)}
    values = found.target
    if name == "digits":
        values = [str(code) for code in values.tolist()]
    elif name != "diabetes":
        values = [str(found.target_names[code]) for code in values.tolist()]
    frame = pl.DataFrame({**columns, target: values})
    return frame if name == "diabetes" else frame.with_columns(pl.col(target).cast(pl.Categorical))
