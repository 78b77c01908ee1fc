"""What would decide, what would turn the verdict, and the difference in plain words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from treeline.evidence.advice import Share, rows_needed
from treeline.evidence.call import Call, Reason
from treeline.evidence.crossing import Treeline
from treeline.evidence.mind import About, decide, margins, mind
from treeline.evidence.paired import compare
from treeline.evidence.plainly import found_per_thousand, plainly
from treeline.evidence.scores import Judged
from treeline.problem.metric import METRICS
from treeline.problem.task import Family, Task

RNG = np.random.default_rng(2)


def test_time_repeats_or_data_would_decide() -> None:
    facts = {"judged": 1000, "held_out": 5000, "seconds_per_row": 0.06}
    longer = decide(3000, **facts)
    assert (longer.by, longer.rows) == ("time", 3000)
    assert longer.minutes == pytest.approx(2.0)
    assert decide(6000, **facts).by == "repeats"
    more = decide(20_000, **facts)
    assert (more.by, more.more_rows, more.minutes) == ("data", 15_000, None)
    assert decide(None, **facts).by == "nothing"


def test_where_all_rows_were_judged_no_more_of_them_are_promised() -> None:
    told = decide(2000, judged=2000, held_out=2000, seconds_per_row=0.01, limit_s=60.0)
    assert told.by != "time"
    assert told.limit is None


def test_a_later_look_asks_for_more_rows_and_a_narrower_margin() -> None:
    gap = replace(gap_of(0.2), estimate=0.08, se=0.02, luck=0.0, field=0.0)
    first, later = (rows_needed(gap, 0.05, 400, sure=sure) for sure in (0.95, 0.99))
    assert first is not None and later is not None and first < later
    assert margins(gap, 0.99)[0] < margins(gap)[0]


def test_where_luck_stands_in_the_way_more_folds_or_data_are_named() -> None:
    facts = {"held_out": 5000, "seconds_per_row": 0.06, "luck": True}
    some = decide(None, judged=1000, **facts)
    assert (some.by, some.rows) == ("time", None)
    assert some.minutes == pytest.approx(4.0)
    assert "judge more folds" in some.words
    every = decide(None, judged=5000, **facts)
    assert (every.by, every.minutes) == ("data", None)
    assert "more folds (another --seed) or more data" in every.words


def gap_of(lead: float, n: int = 4000):
    y = RNG.normal(size=n)
    a, b = y + RNG.normal(size=n), y + RNG.normal(size=n) * (1 - lead)
    fold = np.arange(n) % 5
    return compare(y, a, b, METRICS["root_mean_squared_error"], fold=fold, margin=0.05)


LINE = Treeline(
    leader=None, p_overtaken={}, between=None, last=None, crossed_at=None, doubling={}, flags=(), notes=(),
    self_check=None, words="",
)  # fmt: skip


def would(call, gap, because=(), *, sides=None, line=None):
    judged = About(1000, 1000, "root_mean_squared_error")
    return mind(call, gap, because, sides=sides or {}, line=line, settled=None, judged=judged)


def test_margins_at_which_the_call_turns() -> None:
    gap = gap_of(0.2)
    win, same = margins(gap)
    assert 0 < win < gap.estimate < same
    assert any(f"up to {win:.3g}" in line for line in would(Call.DEEP, gap))
    level = gap_of(0.0)
    assert any("no margin makes a winner" in line for line in would(Call.DEEP, level))


def test_findings_and_clocks_are_among_what_would_change_it() -> None:
    because = (
        Reason("LOWERED", "finding D003 (copies) makes the verdict less certain"),
        Reason("UNEQUAL_FIELD", "unequally many contenders were judged (5 classical, 2 deep)"),
    )
    told = would(
        Call.DEEP, gap_of(0.2), because, sides={Family.DEEP: Share(cut=("tabm",))},
        line=replace(LINE, p_overtaken={"2": 0.1, "8": 0.3}),
    )  # fmt: skip
    assert sum(line.startswith("Equal fields") for line in told) == 1
    assert not any("Cleaner data" in line and "contenders" in line for line in told)
    lines = " ".join(told)
    assert "tabm" in lines
    assert "D003" in lines
    assert "8 times" in lines
    assert "30%" in lines


def test_the_rows_found_per_thousand_are_counted() -> None:
    y = np.zeros(1000, dtype=int)
    y[:100] = 1
    perfect, blind = y.astype(float), np.zeros(1000)
    lead, se = found_per_thousand(y, blind, perfect)
    assert lead == pytest.approx(90.0)  # a constant flags a tenth of everything, ten of the hundred among them
    assert se > 0
    assert found_per_thousand(y, perfect, perfect) == (0.0, 0.0)


def test_the_count_of_rows_found_is_as_doubtful_as_the_difference_and_no_more() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(3000) < 0.3).astype(int)
    poor, good = 0.4 * y + 0.6 * rng.random(3000), 0.6 * y + 0.4 * rng.random(3000)
    metric, fold = METRICS["roc_auc"], np.arange(3000) % 5
    judged = Judged(y=y, fold=fold, half=np.arange(3000) % 2, metric=metric, members=())
    gap = replace(compare(y, poor, good, metric, fold=fold, margin=0.005), luck=0.0)
    told = plainly(judged, gap, (poor, good), task=Task.BINARY, label="Yes")
    hits = [(p > np.quantile(p, 1 - y.mean())) & (y == 1) for p in (poor, good)]
    rows = 1000 * (hits[1].astype(float) - hits[0]).std(ddof=1) / np.sqrt(3000)
    assert told is not None
    reach = (gap.interval[1] - gap.interval[0]) / 2 / gap.se
    assert (told["interval"][1] - told["interval"][0]) / 2 == pytest.approx(reach * rows, rel=0.01)


def test_plain_words_name_the_label_and_the_better_side() -> None:
    n = 3000
    y = RNG.integers(0, 2, n)
    poor, good = 0.5 + 0.1 * (y - 0.5) + RNG.normal(size=n) * 0.2, 0.5 + 0.4 * (y - 0.5) + RNG.normal(size=n) * 0.2
    poor, good = np.clip(poor, 0.01, 0.99), np.clip(good, 0.01, 0.99)
    fold, half = np.arange(n) % 5, np.arange(n) % 2
    judged = Judged(y=y, fold=fold, half=half, metric=METRICS["roc_auc"], members=())
    gap = compare(y, poor, good, METRICS["roc_auc"], fold=fold, margin=0.005)
    told = plainly(judged, gap, (poor, good), task=Task.BINARY, label="Yes")
    assert told is not None
    assert "deep learning" in told["words"]
    assert "'Yes'" in told["words"]
    assert told["interval"][0] < told["per_1000"] < told["interval"][1]
