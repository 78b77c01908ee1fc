"""The plan, played in virtual time on tables of many sizes and costs: folds of two contenders a side, seconds in vain.

    python bench/plan_sim.py [--worlds 20]

Seconds are CPU seconds of real ledgers (`tests/contest/plan_world.py`); nothing is fitted. `cost` is how many times dearer a fit
is than on a table of about twenty columns and two classes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.contest.plan_world import World

from treeline.problem.task import Family

CASES = [
    *((rows, 60.0, cost) for rows in (900, 3_669, 6_366, 10_000) for cost in (0.5, 1.0, 2.0)),
    *((rows, 300.0, cost) for rows in (16_206, 30_000, 48_895) for cost in (0.5, 1.0, 2.0)),
    (48_895, 60.0, 0.5),
    (48_895, 60.0, 1.0),
    (200_000, 300.0, 1.0),
]
GOAL = 21
"For so many of them three folds of two contenders are wanted."


def main() -> None:
    """Print one row a case, and how often the goal was reached where it is set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=20)
    worlds = parser.parse_args().worlds
    print(
        "| rows | limit, s | cost | three folds of two: classical | deep | folds of the second | seconds in vain | used |"
    )
    print("|---|---|---|---|---|---|---|---|")
    reached: list[bool] = []
    for position, (rows, seconds, cost) in enumerate(CASES):
        played = [World(rows, seconds, cost, seed=seed).play() for seed in range(worlds)]
        second = np.array([[one.second(side) for side in Family] for one in played])
        vain = np.array([[one.wasted(side) for side in Family] for one in played]).mean(axis=0)
        used = np.mean([one.used_s for one in played]) / seconds
        classical, deep = (second >= 3).mean(axis=0)
        folds, lost = second.mean(axis=0), " / ".join(f"{share:.0%}" for share in vain)
        print(
            f"| {rows:,} | {seconds:.0f} | {cost} | {classical:.0%} | {deep:.0%} |"
            f" {folds[0]:.1f} / {folds[1]:.1f} | {lost} | {used:.0%} |"
        )
        if position < GOAL:
            reached += (second >= 3).all(axis=1).tolist()
    print(f"\nThree folds of two contenders on both sides where that is the goal: {np.mean(reached):.0%}")


if __name__ == "__main__":
    main()
