"""The verdict in plain sentences for a person who decides and does not do statistics.

The headline says what to do and how sure that is; the sentence says what is known, and what is not. Both speak of the data
that was judged and of nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from treeline.evidence.advice import SURE
from treeline.evidence.call import OPEN, Call, Reason
from treeline.evidence.numbers import number, per_thousand, percent
from treeline.evidence.recommend import Choice, Ground
from treeline.evidence.verdict import Verdict, Words
from treeline.problem.metric import title_of
from treeline.problem.task import Family

__all__ = ["headline", "sentence", "told"]

ALONE = {Call.CLASSICAL: "p_fold_worse", Call.DEEP: "p_fold_better", Call.EQUIVALENT: "p_fold_same"}
"What the folds alone say of a call."


def told(v: Verdict) -> Words:
    """Return a verdict in words."""
    return Words(headline(v), sentence(v), tuple(_lines(v)))


def headline(v: Verdict) -> str:
    """Return the answer: what to use, and how sure that is; or why nothing can be said."""
    if v.speaks and not v.has_signal:
        return "Neither side is shown to beat a constant guess: these inputs may say nothing about the target"
    return _no_choice(v) if v.choice is None else _advice(v.choice, v)


def _advice(choice: Choice, v: Verdict) -> str:
    sure = f"{percent(choice.p_not_worse)} sure"
    if choice.family is None:
        gain = f"{percent(v.both['p_gain'])} sure" if v.both else sure
        return f"Use a blend of both sides: better than either alone by more than what matters here, {gain}"
    side, other = choice.family, choice.family.other
    if choice.because is Ground.WON:
        won = percent(_p_won(v, side))
        return f"Use {side.words}: better than {other.words} by more than what matters here, {won} sure"
    if v.call is Call.EQUIVALENT:
        same = percent(v.difference.p_same) if v.difference else ""
        if choice.because is not Ground.NOT_WORSE_CHEAPER:
            about = ", and cost about the same" if choice.cost else ""
            return f"Either will do: the two sides are equally good here, {same} sure{about}"
        less = f"{side.words} {side.verb('cost', 'costs')} less"
        return f"Use {side.words}: the two sides are equally good here, {same} sure, and {less}"
    if choice.because is Ground.BETTER_SCORE:
        risk = percent(choice.p_loses_more_than_margin)
        return f"Use {side.words} for now: the better score so far, with a risk of {risk} to lose more than what matters here"
    dear = f", but {side.words} {side.verb('cost', 'costs')} more" if choice.because is Ground.NOT_WORSE_DEARER else ""
    return f"Use {side.words}: {other.words} {other.verb('are', 'is')} not better by what matters here, {sure}{dear}"


def _p_won(v: Verdict, side: Family) -> float:
    gap = v.difference
    return 0.0 if gap is None else gap.p_better if side is Family.DEEP else gap.p_worse


def _no_choice(v: Verdict) -> str:
    reason = v.because[0]
    if reason.code == "BLOCKED":
        return "No verdict until the data is sorted out"
    missing = [family for family in Family if any(each.code == f"{family.upper()}_MISSING" for each in v.because)]
    if len(missing) == 1:
        return f"Only {missing[0].other.words} {missing[0].other.verb('have', 'has')} a result"
    if missing:
        return "No model could be trained"
    if reason.code == "UNFINISHED":
        late = [Family(name) for name, side in v.families.items() if side["unfinished"]]
        return f"No answer yet: {' and '.join(one.words for one in late)} had too little time"
    return f"No answer: {reason.words}"


def sentence(v: Verdict) -> str:
    """Return what is known, and what is not, in one or two plain sentences."""
    told = _told(v)
    if not v.has_signal and v.speaks:
        return told + " Yet neither side is shown to beat a constant guess, so no side is recommended."
    return told


def _told(v: Verdict) -> str:
    head, gap = f"On your data, judged on {v.judged_rows:,} rows held out, ", v.difference
    if gap is not None and v.call in (Call.CLASSICAL, Call.DEEP):
        side = Family(str(v.call).lower())
        return head + f"{side.words} {side.verb('are', 'is')} better: {_amount(v)}."
    if gap is not None and v.call is Call.EQUIVALENT:
        unit, same = title_of(v.metric), percent(gap.p_same)
        return (
            head + f"the two sides are within {number(v.margin)} {unit} of each other (probability {same}).{_price(v)}"
        )
    if v.both is not None and v.call is Call.BOTH:
        better, both = Family(v.both["gain_over"]).words, v.both
        return head + (
            f"a blend of the two sides beats {better} alone by {number(abs(both['gain']))} {title_of(v.metric)} "
            f"(95% interval {_range(both['gain_interval'])})."
        )
    if gap is not None and v.because[0].code == OPEN:
        return _open(v) + _price(v)
    return head + _silent(v)


def _open(v: Verdict) -> str:
    """Say what the judged rows cannot tell."""
    gap, rows = v.difference, f"{v.judged_rows:,} judged rows"
    assert gap is not None
    odds = {
        "classical models are better": gap.p_worse,
        "the two are equal": gap.p_same,
        "deep learning is better": gap.p_better,
    }
    likely = [words for words, p in odds.items() if p >= 1 - SURE]
    if len(likely) == 2:
        return f"Whether {likely[0]} or {likely[1]}, {rows} cannot tell."
    told = ", ".join(f"{words} {percent(p)}" for words, p in odds.items())
    return f"Which side is better, or whether the two are equal, {rows} cannot tell ({told})."


def _price(v: Verdict) -> str:
    """Say what the sides cost, where the choice rests on that, and what the other side would risk."""
    choice = v.choice
    if choice is None or choice.family is None or choice.cost is None or v.difference is None:
        return ""
    if choice.cost["cheaper"] is None:
        return f" Both cost about the same to fit: {_spent(choice.cost, choice.family)}."
    cheap = Family(choice.cost["cheaper"])
    dear = cheap.other
    told = (
        f" {cheap.words.capitalize()} {cheap.verb('are', 'is')} cheaper to fit: {_spent(choice.cost, cheap)} against "
    )
    told += f"{_spent(choice.cost, dear)}."
    if choice.because is Ground.NOT_WORSE_DEARER:
        risk = v.difference.p_better if cheap is Family.CLASSICAL else v.difference.p_worse
        lost = f"{cheap.verb('lose', 'loses')} more than {number(v.margin)} {title_of(v.metric)}"
        told += f" The risk that {cheap.words} {lost} is {percent(risk)}."
    return told


def _spent(cost: dict[str, Any], side: Family) -> str:
    """Return `2.1 s of CPU`, with the seconds of a GPU where there are some."""
    gpu = cost["gpu_s"][side]
    return f"{_seconds(cost['cpu_s'][side])} of CPU" + (f" and {_seconds(gpu)} of GPU" if gpu else "")


def _seconds(value: float) -> str:
    return f"{value:.2g} s" if value < 10 else f"{value:,.0f} s"


def _silent(v: Verdict) -> str:
    """Say why nothing is compared."""
    reasons = [reason for reason in v.because if reason.code not in ("LOWERED", "UNEQUAL_FIELD")]
    missing = [_did_not(reason) for reason in reasons if reason.code.endswith("_MISSING")]
    absent = f"no comparison can be made: {'; '.join(missing)}" if missing else ""
    words = [reason.words for reason in reasons if reason.code == reasons[0].code]
    if reasons[0].code == "BLOCKED" or not absent:
        return "no verdict is given: " + "; ".join([*words, *([absent] if absent else [])]) + "."
    return absent + "."


def _did_not(reason: Reason) -> str:
    side = Family(reason.code.removesuffix("_MISSING").lower())
    return f"{side.words} did not compete ({reason.words.rstrip('.')})"


def _lines(v: Verdict) -> list[str]:
    """Return what a reader without a report needs: the answer, both sides, the odds, the reasons."""
    leaning = f", leaning to {v.leaning}" if v.leaning else ""
    lines = [headline(v), sentence(v), f"call: {v.call}{leaning}"]
    for family in Family:
        side = v.families[family]
        if side["score"] is not None:
            lines.append(f"{family:<10} {number(side['score'])} ({_range(side['interval'])})  best: {side['best']}")
    gap = v.difference
    if gap is not None and v.speaks and np.isfinite(gap.estimate):
        lines.append(f"deep over classical: {number(gap.estimate)} ({_range(gap.interval)}), above zero for better")
        odds = f"classical {percent(gap.p_worse)}, neither {percent(gap.p_same)}, deep {percent(gap.p_better)}"
        lines.append(f"better by more than {number(v.margin)}: {odds}")
    alone = getattr(gap, ALONE[v.call]) if gap is not None and v.call in ALONE else None
    if alone is not None and not v.strong:
        lines.append(f"- not strong: by the scores of the folds alone it is {percent(alone)} probable")
    return [*lines, *(f"- {line}" for line in (*v.because, *v.caveats, *v.mind))]


def _amount(v: Verdict) -> str:
    gap = v.difference
    assert gap is not None
    low, high = sorted(gap.interval) if gap.estimate >= 0 else sorted(-x for x in gap.interval)
    size = number(abs(gap.estimate))
    text = f"{size} {'higher' if v.greater_is_better else 'lower'} {title_of(v.metric)} (95% interval {_range((low, high))})"
    counted = per_thousand(v.metric, gap.estimate)
    if counted:
        text = f"{counted} (95% interval {_range((1000 * low, 1000 * high))})"
    sure = percent(gap.p_better if gap.estimate >= 0 else gap.p_worse)
    return f"{text}; the probability that the lead exceeds the margin of {number(v.margin)} is {sure}"


def _range(interval: Any) -> str:
    return f"{number(interval[0])} to {number(interval[1])}"
