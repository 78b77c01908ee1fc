"""What looking again costs: false calls over four looks at the same run, with more folds each (docs/decisions/0022).

    python bench/truth_again.py [--worlds 800] [--seed 5]

Losses of one contender a side are drawn, with the luck of each fold's model, and judged after 3, 5, 7 and 10 of ten folds.
`level`: no difference, under a margin and under none. `edge`: deep learning is better by exactly the margin, so that a call for
it is false in 5% of single looks. A world counts where any of its looks errs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from treeline.evidence.advice import SURE, Share
from treeline.evidence.again import Again
from treeline.evidence.call import call_of
from treeline.evidence.losses import judged_of
from treeline.evidence.recommend import choose, said_of
from treeline.evidence.sides import between, measured
from treeline.problem.metric import Array
from treeline.problem.task import Family

FOLDS, LOOKS = 10, (3, 5, 7, 10)
MARGIN = 0.05
WORLDS = {"level": (0.0, MARGIN), "level, no margin": (0.0, 0.0), "edge": (MARGIN, MARGIN)}
"By name: by how much deep learning is better, and the margin."
SHARES = {Family.CLASSICAL: Share(contenders=1, fit_cpu_s=2.0), Family.DEEP: Share(contenders=1, fit_cpu_s=1.0)}


def drawn(rng: np.random.Generator, lead: float, rows: int) -> dict[str, Array]:
    """Return one loss a row and side."""
    fold, hard = np.arange(rows) % FOLDS, rng.gamma(2, 1, size=rows)
    table = {"fold": fold}
    for side, shift in (("classical", 0.0), ("deep", -lead)):
        luck = rng.normal(scale=0.02, size=FOLDS)[fold]
        table[f"{side}:one"] = hard + 0.64 * rng.normal(size=rows) + luck + shift
    return table


@dataclass
class Tally:
    """Worlds with a false call: at the first look, at any look as they are paid for, and at any look if they were not."""

    first: int = 0
    paid: int = 0
    free: int = 0
    risky: int = 0
    "With a choice for the side that is worse by the margin, said to be safe, at any look as paid for."


def looked(table: dict[str, Array], lead: float, margin: float, tally: Tally) -> None:
    """Judge a world at each look, and count."""
    false = {"CLASSICAL", "DEEP"}
    paid, free, risky, before = [], [], [], Again()
    for upto in LOOKS:
        kept = np.isin(table["fold"], range(upto))
        judged = judged_of({name: column[kept] for name, column in table.items()})
        gap = between(judged, measured(judged, members=False), Family.CLASSICAL, Family.DEEP, margin)
        call, _ = call_of(gap, None, before)
        choice = choose(call, gap, None, SHARES, again=before)
        paid.append(str(call) in false)
        free.append(max(gap.p_better, gap.p_worse) >= SURE)
        risky.append(lead > 0 and choice.because.safe and choice.side == "classical")
        before = Again((*before.before, said_of(call, choice)))
    tally.first += paid[0]
    tally.paid += any(paid)
    tally.free += any(free)
    tally.risky += any(risky)


def main() -> None:
    """Print the table of the decision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=800)
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    print("| worlds | false calls at one look | over four looks | over four looks, were they not paid for |")
    print("|---|---|---|---|")
    for name, (lead, margin) in WORLDS.items():
        rng, tally = np.random.default_rng(args.seed), Tally()
        for _ in range(args.worlds):
            looked(drawn(rng, lead, int(rng.choice([500, 2000]))), lead, margin, tally)
        rates = " | ".join(f"{count / args.worlds:.1%}" for count in (tally.first, tally.paid, tally.free))
        print(f"| {name} | {rates} |", flush=True)
        if lead:
            print(
                f"| {name}: a choice said to be safe that loses more than the margin | | {tally.risky / args.worlds:.1%} | |"
            )


if __name__ == "__main__":
    main()
