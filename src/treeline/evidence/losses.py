"""Results that were never ours: one loss a row and contender becomes what the verdict judges (docs/decisions/0008)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from treeline.errors import DataError, nearest, shown
from treeline.evidence.advice import Share
from treeline.evidence.judge import judge
from treeline.evidence.scores import Judged, Member
from treeline.evidence.verdict import Verdict
from treeline.problem.metric import Metric
from treeline.problem.task import Family, Task

if TYPE_CHECKING:
    from treeline.problem.metric import Array

__all__ = ["LOSS", "judge_losses", "judged_of"]

LOSS = Metric(
    name="loss", tasks=(Task.REGRESSION,), greater_is_better=False, score_fn=lambda y, p: p.mean(),
    losses_fn=lambda y, p: p, words="the mean loss of a row",
)  # fmt: skip
SEED = 0x4A


def judge_losses(table: Mapping[str, Array], *, margin: float) -> Verdict:
    """Return the verdict on a table of losses.

    Args:
        table: columns (n,): `fold`, optionally `group`, and for each contender its losses, named `classical:NAME` or `deep:NAME`.
        margin: the smallest difference of mean losses that matters.

    Raises:
        DataError: a column is missing, misnamed, or holds something other than numbers.
    """
    judged = judged_of(table)
    shares = {
        family: Share(
            contenders=len(judged.of(family)),
            missing=None if judged.of(family) else f"there is no column {family}:NAME",
        )
        for family in Family
    }
    return judge(judged, margin=margin, shares=shares)


def judged_of(table: Mapping[str, Array]) -> Judged:
    """Return what is judged: the target is zero, a prediction is a loss."""
    if "fold" not in table:
        raise DataError(
            f"There is no column 'fold': {nearest('fold', table)}", do="Say in which fold each row was held out."
        )
    names = [name for name in table if name not in ("fold", "group")]
    families = {name: name.partition(":")[0] for name in names}
    odd = [name for name in names if families[name] not in tuple(Family) or not name.partition(":")[2]]
    if odd:
        raise DataError(
            f"The column {shown(odd[0])} names no contender.",
            do="Name contenders classical:NAME or deep:NAME, and drop other columns.",
        )
    if not names:
        raise DataError(
            "There is no contender.", do="Add columns classical:NAME and deep:NAME with the loss of each row."
        )
    empty = np.flatnonzero([value is None or str(value).strip() in ("", "nan", "None") for value in table["fold"]])
    if len(empty):
        raise DataError(
            f"{len(empty)} records name no fold, the first is record {empty[0] + 1}.",
            do="Say in which fold each was held out.",
        )
    fold = np.unique(_codes(table["fold"]), return_inverse=True)[1]
    group = np.unique(_codes(table["group"]), return_inverse=True)[1] if "group" in table else None
    members = tuple(
        Member(name=name, family=Family(families[name]), predictions=np.stack([_numbers(table[name], name)] * 3))
        for name in names
    )
    notes: tuple[str, ...] = ()
    if group is not None:
        split = sum(len(set(fold[group == code])) > 1 for code in np.unique(group))
        if split:
            notes = (
                f"{split} groups have rows in several folds: whoever learned from some of their rows knew the others.",
            )
    return Judged(
        y=np.zeros(len(fold)),
        fold=fold,
        half=_halves(fold, group),
        metric=LOSS,
        members=members,
        group=group,
        blends=False,
        notes=notes,
    )


def _codes(values: Array) -> Array:
    return np.asarray([str(value) for value in values])


def _numbers(values: Array, name: str) -> Array:
    try:
        losses = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        losses = np.full(len(values), np.nan)
    bad = np.flatnonzero(~np.isfinite(losses))
    if len(bad):
        raise DataError(
            f"{len(bad)} losses of {shown(name)} are no finite numbers, the first in record {bad[0] + 1}.",
            do="Give every row a loss for every contender.",
        )
    return losses


def _halves(fold: Array, group: Array | None) -> Array:
    """Return (n,) 0 or 1: half of each fold's rows, or of its groups."""
    rng = np.random.default_rng(SEED)
    unit = np.arange(len(fold)) if group is None else group
    half = np.zeros(len(fold), dtype=np.int8)
    for k in np.unique(fold):
        rows = np.flatnonzero(fold == k)
        _, code = np.unique(unit[rows], return_inverse=True)
        count = int(code.max()) + 1
        half[rows] = rng.permutation(np.arange(count) % 2)[code]
    return half
