"""The opening: everything that is fixed before the first fit, and written into the ledger's first line."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from treeline.candidates.features import Encoder
from treeline.candidates.landmarks import foresee
from treeline.candidates.media import MediaColumn, largest
from treeline.candidates.registry import card_named, cards
from treeline.candidates.weights import find_weights
from treeline.contest.cache import Cache
from treeline.contest.field import Given, line_up, narrowed, probes
from treeline.contest.head import PRICES, head_of, new_prices, write_rows, write_sample
from treeline.contest.ladder import rungs_of
from treeline.contest.ledger import Ledger, read_state, write_state
from treeline.contest.plan import Plan
from treeline.contest.roster import entries_of
from treeline.contest.trial import Entry
from treeline.data.audit import audit, dropped_columns, gate
from treeline.data.dataset import Dataset
from treeline.data.findings import Finding
from treeline.data.splits import Folds, plan_folds
from treeline.data.structure import keys_of, twins_of
from treeline.errors import DataError, UsageError, nearest, shown
from treeline.problem.budget import Budget
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.settings import Settings
from treeline.problem.task import Family, Policy

__all__ = [
    "Opening",
    "clean_cache",
    "encoder_of",
    "excluded_columns",
    "folds_of",
    "given_of",
    "leading",
    "open_contest",
    "prices_of",
    "reprice",
    "write_cache",
]

KINDS = ("image", "sound", "text")
"The kind that leads comes first."
FEW, WORDY = 2, 12
"Texts lead beside so few other inputs, or with so many words."
NARROWED, NARROWED_S = 4, 60.0
"From so many inputs and seconds on a fit on half the columns is made."
FORESIGHT_S = 20.0
"Below this limit there is no time for the landmarks of the prior."


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the contest needs to start."""

    problem: Problem
    folds: Folds
    plan: Plan
    cache: Cache
    cells: int
    "Encoded values: rows times features."


def open_contest(
    dataset: Dataset,
    problem: Problem,
    ledger: Ledger,
    *,
    settings: Settings,
    budget: Budget,
    targets: tuple[Array, Array],
) -> Opening:
    """Fix everything that a contest needs, or take it from the ledger where the run was begun before.

    `targets` holds the row numbers that have a target and their targets, both (n,).

    Raises:
        DataError: a finding blocks the run (a column gives the target away).
        UsageError: nobody can compete.
    """
    _, y = targets
    if not ledger.head:
        _begin(dataset, problem, ledger, settings=settings, budget=budget, targets=targets)
    # A resumed run takes what its first session fixed, even where this Treeline would choose otherwise.
    problem, encoder, folds = Problem.from_json(ledger.head["problem"]), encoder_of(ledger), folds_of(ledger)
    cache = write_cache(ledger.out, dataset, targets, problem=problem, encoder=encoder, half=folds.half)
    num, cat = cache.array("num"), cache.array("cat")
    write_sample(ledger, encoder, folds, num, cat)
    plan = Plan(
        entries=_entries_of(ledger), cards=cards(), rows=len(y), folds=folds.n_folds, metric=problem.metric, seed=problem.seed,
        rungs=tuple(ledger.head["rungs"]), newest=problem.policy is Policy.TIME,
    )  # fmt: skip
    return Opening(problem=problem, folds=folds, plan=plan, cache=cache, cells=num.size + cat.size)


def _begin(
    dataset: Dataset,
    problem: Problem,
    ledger: Ledger,
    *,
    settings: Settings,
    budget: Budget,
    targets: tuple[Array, Array],
) -> None:
    """Audit, encode, split, choose the field: write it all down, the head last."""
    rows, y = targets
    _check_drop(settings, dataset)
    findings = tuple(audit(dataset, problem, deadline_s=max(2.0, 0.1 * budget.limit_s), drop=settings.drop))
    _check_leaks(findings, settings, dataset)
    excluded = excluded_columns(findings, settings, problem)
    encoder = Encoder.fit(dataset, exclude=excluded, target=problem.target)
    if not encoder.inputs:
        raise DataError(
            "No column is left to predict from.", where=dataset.source, do="Keep a column with --kind NAME=category."
        )
    keys = keys_of(dataset, problem, rows)
    folds = plan_folds(y, problem, **keys, folds=settings.folds)
    given = given_of(dataset, problem, encoder, settings=settings, rows=len(y))
    fits = budget.limit_s >= FORESIGHT_S
    prior = foresee(dataset, problem, rows, y, encoder=encoder, fits=fits, leads=given.leader)
    field = line_up(
        cards(), given, families=settings.families,
        only=[card_named(name).name for name in settings.candidates], first=prior.favours,
    )  # fmt: skip
    if given.leads or len(encoder.plain) < len(encoder.num_names) or encoder.cat_names:
        field = probes(field, cards(), media=given.leads)
    if not given.leads and budget.limit_s >= NARROWED_S and len(encoder.inputs) >= NARROWED:
        field = narrowed(field)
    write_rows(ledger, targets, folds, keys["groups"], twins=twins_of(dataset, problem, rows))
    write_state(ledger.out / "ledger" / "features.safetensors", *encoder.state())
    told = head_of(
        dataset, problem, settings=settings, budget=budget, findings=findings, field=field, with_target=len(y)
    )
    ledger.append(
        "head",
        **told,
        rungs=rungs_of(len(y), classes=len(problem.classes), seconds=budget.limit_s),
        prior=prior.to_json(),
    )


def given_of(dataset: Dataset, problem: Problem, encoder: Encoder, *, settings: Settings, rows: int) -> Given:
    """Say what the contestants are given, and whether its media lead: they do unless a table has a few short texts beside."""
    dated = problem.policy is Policy.TIME
    asked = Given(task=problem.task, classes=len(problem.classes), rows=rows, ordered=dated)
    kinds = _kinds(encoder)
    if not kinds:
        return asked
    leads = leading(dataset, encoder, settings.text) is not None
    found = find_weights(settings.pretrained, kinds[0])
    return replace(
        asked, kinds=tuple(kinds), leads=leads, table=_beside(encoder) > 0,
        weights=found.folder, without=found.reason, fetch=found.install,
    )  # fmt: skip


def leading(dataset: Dataset, encoder: Encoder, texts: Sequence[str]) -> MediaColumn | None:
    """Return the column of texts, images or sounds that leads, the largest where several do; `texts` are named to matter."""
    kind = _kinds(encoder)[0]
    parts = [part for part in encoder.media if part.kind == kind]
    names = [part.name for part in parts]
    aside = kind == "text" and _beside(encoder) > FEW and not set(texts) & set(names)
    if aside and not _wordy(dataset, names):
        return None
    return largest(parts)


def _kinds(encoder: Encoder) -> list[str]:
    """Return the kinds of media among the inputs, the one that may lead first."""
    return sorted({part.kind for part in encoder.media}, key=KINDS.index)


def _beside(encoder: Encoder) -> int:
    """Return how many numbers, categories and dates there are."""
    return len(encoder.numbers) + len(encoder.categories) + len(encoder.dates.first)


def _wordy(dataset: Dataset, names: Sequence[str]) -> bool:
    """Whether one of the text columns has `WORDY` words in the mean."""
    means = [dataset.frame[name].drop_nulls().str.count_matches(r"\w+").mean() for name in names]
    return any(float(mean or 0) >= WORDY for mean in means)  # type: ignore[arg-type]


def _entries_of(ledger: Ledger) -> dict[Family, tuple[Entry, ...]]:
    """Return by family the field as it was when the run began."""
    made: dict[Family, tuple[Entry, ...]] = {}
    for entry in entries_of(ledger):
        made[entry.family] = (*made.get(entry.family, ()), entry)
    return made


def write_cache(
    out: Path, dataset: Dataset, targets: tuple[Array, Array], *, problem: Problem, encoder: Encoder, half: Array
) -> Cache:
    """Write the shared features of the rows that have a target; `targets` are their numbers and targets, (n,) each."""
    rows, y = targets
    frame = dataset.frame[rows]
    num, cat = encoder.transform(frame)
    whole = len(rows) == len(dataset)  # then nothing is copied into memory
    media = encoder.arrays(frame, {name: held if whole else held[rows] for name, held in dataset.media.items()})
    shutil.rmtree(out / "cache", ignore_errors=True)
    return Cache.write(
        out / "cache",
        {"num": num, "cat": cat, "y": y, "half": half} | {f"media-{j}": one for j, one in enumerate(media.values())},
        shape=encoder.shape(problem), plain=encoder.plain,
    )  # fmt: skip


def folds_of(ledger: Ledger) -> Folds:
    """Return the folds that a run was begun with."""
    saved = ledger.rows()
    return Folds(
        policy=Policy(ledger.head["problem"]["policy"]), n_folds=int(saved["fold"].max()) + 1,
        fold=saved["fold"], half=saved["half"], order=saved["order"], groups=saved.get("keep"),
    )  # fmt: skip


def encoder_of(ledger: Ledger) -> Encoder:
    """Return the encoder that a ledger's models were fitted with."""
    return Encoder.restore(*read_state(ledger.out / "ledger" / "features.safetensors"))


def reprice(ledger: Ledger, settings: Settings) -> None:
    """Write other prices than the run was last given into its ledger: nothing is fitted again for a bill."""
    if ledger.head and new_prices(prices_of(ledger), settings) != prices_of(ledger):
        ledger.append("prices", **new_prices(prices_of(ledger), settings))


def prices_of(ledger: Ledger) -> dict[str, float]:
    """Return the prices of a core-hour and of a GPU-hour that the run was last given."""
    last = (ledger.of_kind("prices") or [ledger.head["budget"]])[-1]
    return {name: float(last.get(name, usual)) for name, usual in PRICES.items()}


def _check_drop(settings: Settings, dataset: Dataset) -> None:
    for name in settings.drop:
        if name == settings.target:
            raise UsageError(
                f"The column {shown(name)} is the target and cannot be dropped.", do="Leave it out of --drop."
            )
        if name not in dataset.names:
            raise UsageError(
                f"There is no column {shown(name)} to drop: {nearest(name, dataset.names)}", do="See `treeline audit`."
            )


def excluded_columns(findings: Sequence[Finding], settings: Settings, problem: Problem) -> set[str]:
    """Return the columns that are no input: left out by the audit, unless the user gave them a kind; dropped; the group."""
    left_out = set(dropped_columns(list(findings))) - set(settings.kinds)
    return left_out | set(settings.drop) | ({problem.group} if problem.group else set())


def _check_leaks(findings: Sequence[Finding], settings: Settings, dataset: Dataset) -> None:
    blocking = gate(list(findings))[0]
    if blocking and not settings.allow_leak:
        first = blocking[0]
        way = (
            first.do.rstrip(".") + "; or" if first.do else "Leave it out with --drop NAME, or"
        ) + " go on with --allow-leak."
        raise DataError(f"{first.code} {first.title}: {first.found}", where=dataset.source, do=way)


def clean_cache(out: Path) -> None:
    """Remove the shared features: the ledger needs none of them."""
    shutil.rmtree(out / "cache", ignore_errors=True)
