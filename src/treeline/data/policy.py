"""How rows are kept apart for judging: inferred from the table, unless the user says.

Rules, in this order. What the user says holds. A usable date column means that future rows are to be predicted:
TIME (a random split of dated rows flatters: Rubachev et al. 2024, "TabReD"). A column that names beings (patient, user,
session …) whose rows share the target: GROUPED. Else STRATIFIED for labels and RANDOM for numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from treeline.data.clock import clock_column
from treeline.data.read_media import FOLD
from treeline.data.structure import clock_columns, codes_of, dates, entities, sharing, twins_of
from treeline.errors import DataError, UsageError, nearest, shown
from treeline.problem.task import Policy, Repeats

if TYPE_CHECKING:
    from treeline.data.dataset import Dataset
    from treeline.problem.metric import Array
    from treeline.problem.problem import Problem

__all__ = ["choose_policy", "choose_repeats"]

MOST_FOLDS = 20
"A column `fold` of a list of files with more values than this gives no folds."
SHARED = 0.2
"Intraclass correlation of the target from which on rows of one being give each other away."
NAMES = {"group": Policy.GROUPED, "temporal": Policy.TIME, "stratify": Policy.STRATIFIED}


def choose_policy(
    dataset: Dataset, problem: Problem, rows: Array, y: Array, *, split: str | None, group: str | None, time: str | None
) -> Problem:
    """Return the problem with policy, group, time and the reason filled in; rows (m,) have the targets `y` (m,).

    Raises:
        UsageError: the split is unknown, or a column is absent or does not go with it.
    """
    asked = None if split is None else _named(split)
    named = [("time", name) for name in ([] if time is None else clock_columns(dataset, time))]
    for option, name in [("group", group), *named]:
        if name is not None and (name not in dataset.names or name == problem.target):
            inputs = [other for other in dataset.names if other != problem.target]
            raise UsageError(
                f"There is no input column {shown(name)} to use as --{option}: {nearest(name, inputs)}",
                do="Name an input column.",
            )
    timed, grouped = time is not None, group is not None
    if (timed and asked not in (None, Policy.TIME)) or (grouped and asked in (Policy.RANDOM, Policy.STRATIFIED)):
        raise UsageError(f"--split {split} does not go with the column given.", do="Leave one of them out.")
    if time is not None or asked is Policy.TIME:
        return _by_time(dataset, problem, group, time)
    beings = [name for name, being in entities(dataset, problem.target).items() if being]
    shared = {name: sharing(codes_of(dataset, name, rows), y, problem) for name in beings}
    if group is not None or asked is Policy.GROUPED:
        return _by_group(dataset, problem, shared, group)
    plain = Policy.STRATIFIED if problem.task.is_classification else Policy.RANDOM
    if asked is not None:
        return _set(problem, plain, f"{asked} was asked for")
    if dataset.media and FOLD in dataset.names and 2 <= dataset.column(FOLD).distinct <= MOST_FOLDS:
        why = f"the column {shown(FOLD)} says which rows belong together; --split {plain} ignores that"
        return _set(problem, Policy.GROUPED, why, group=FOLD)
    clock = clock_column(dataset, problem.target)
    if clock is not None:
        why = f"{shown(clock)} dates the rows, so later rows are predicted from earlier ones; --split {plain} ignores time"
        return _set(problem, Policy.TIME, why, time=clock)
    name = max(shared, key=lambda key: shared[key], default="")
    if name and shared[name] >= SHARED:
        alike = f"intraclass correlation {shared[name]:.2f}"
        why = f"rows with the same {shown(name)} share the target ({alike}); --split {plain} ignores that"
        return _set(problem, Policy.GROUPED, why, group=name)
    return _set(
        problem,
        plain,
        f"no date and no group found; folds have equal shares of the {'classes' if problem.classes else 'target range'}",
    )


def _named(split: str) -> Policy:
    word = split.strip().lower()
    if word in NAMES:
        return NAMES[word]
    known = [str(policy) for policy in Policy]
    if word not in known:
        raise UsageError(
            f"The split {shown(split)} is unknown: {nearest(word, known)}",
            do="Choose one of: " + ", ".join(known) + ".",
        )
    return Policy(word)


def _by_time(dataset: Dataset, problem: Problem, group: str | None, time: str | None) -> Problem:
    if time is not None and all(dataset.column(name).distinct < 2 for name in clock_columns(dataset, time)):
        raise UsageError(f"The column {shown(time)} has no two different times.", do="Choose another --time.")
    if time is None:
        time = clock_column(dataset, problem.target)
        several = dates(dataset, problem.target)
        if time is None and several:
            listed = ", ".join(shown(name) for name in several)
            raise UsageError(f"Several columns could order the rows: {listed}.", do="Name one with --time.")
        why = (
            f"time was asked for, and {shown(time)} dates the rows"
            if time
            else "time was asked for; the rows are taken to be in order"
        )
    else:
        why = f"{shown(time)} was given as time"
    return _set(problem, Policy.TIME, why, time=time, group=group)


def _by_group(dataset: Dataset, problem: Problem, shared: dict[str, float], group: str | None) -> Problem:
    if group is None:
        named = entities(dataset, problem.target)
        if not named:
            raise UsageError("No column looks like a group.", do="Name one with --group.")
        group = max(shared, key=lambda key: shared[key]) if shared else next(iter(named))
        why = f"groups were asked for, and {shown(group)} names them"
    else:
        why = f"{shown(group)} was given as group"
    if dataset.column(group).distinct < 2:
        raise DataError(
            f"The column {shown(group)} has one value, so no group can be held out.", do="Choose another --group."
        )
    return _set(problem, Policy.GROUPED, why, group=group)


def _set(problem: Problem, policy: Policy, why: str, *, group: str | None = None, time: str | None = None) -> Problem:
    return replace(problem, policy=policy, group=group, time=time, why={**problem.why, "policy": why})


def choose_repeats(dataset: Dataset, problem: Problem, rows: Array, *, asked: str | None) -> Problem:
    """Return the problem with where rows of the same inputs may lie, and the reason; `rows` (m,) have a target.

    Together by default: what a model is asked later is thought to be new, and a row judged by a model that saw its twin says
    how well the model remembers. Time alone keeps dated rows apart.

    Raises:
        UsageError: they cannot be kept together where time splits them.
    """
    if problem.policy is Policy.TIME and asked == Repeats.TOGETHER:
        raise UsageError(
            "Rows that repeat cannot be kept together where time splits them.",
            do="Leave --repeats out, or add --split random.",
        )
    if problem.policy is Policy.TIME and asked is None:
        return replace(problem, repeats=None, why={**problem.why, "repeats": "time alone keeps rows apart"})
    chosen = Repeats(asked or Repeats.TOGETHER)
    twins = twins_of(dataset, problem, rows)
    many = 0 if twins is None else len(rows) - len(np.unique(twins))
    found = f"{many:,} rows repeat the inputs of another one" if many else "no row repeats another one, but by chance"
    if asked is not None:
        why = f"asked for; {found}"
    else:
        why = f"{found}; new rows are thought to be new, --repeats apart says that they may repeat old ones"
    return replace(problem, repeats=chosen, why={**problem.why, "repeats": why if many or asked else found})
