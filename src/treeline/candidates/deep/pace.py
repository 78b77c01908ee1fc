"""How many steps of which batch fit the clock: measured while they run, planned again about every second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from treeline.candidates.card import Clock

__all__ = ["Pace"]

WARM, WARM_S = 6, 0.3
"Steps, or seconds if they are slow, after which the first plan is made; the first step is left out."
FEW = 8
"Fewer epochs than this in the time allowed: larger batches are tried."
GAIN = 1.15
"A larger batch is kept if it trains so many times more rows a second."
LOOK_STEPS = 1 / 3
"Predicting a batch costs so much of a step on one."
EVAL_SHARE = 0.15
"Looking at held-out rows may take this share of training time; beyond, epochs go by unseen."


class Pace:
    """The steps of one training: `done` of `total`, progress `t` from 0 to 1, batch size, epochs between looks."""

    def __init__(self, clock: Clock, *, rows: int, held: int, batch: int, epochs: int, fixed: bool) -> None:
        """Plan `epochs` at most for stacks of `rows` rows, with `held` held-out rows in all; `fixed` ignores the clock."""
        self.clock, self.rows, self.held, self.epochs, self.fixed = clock, rows, held, epochs, fixed
        self.largest = max(batch, min(4 * batch, rows // 8))
        self.done, self.t, self.every = 0, 0.0, 1
        self.look_s = 0.0
        self._speed = 0.0
        self._planned = False
        self._window = (time.monotonic(), 0)
        self._set_batch(min(batch, rows))

    def _set_batch(self, batch: int) -> None:
        self.batch = batch
        self.per_epoch = max(1, round(self.rows / batch))
        self.wanted = self.total = self.epochs * self.per_epoch

    @property
    def epoch(self) -> int:
        """Epochs begun so far."""
        return math.ceil(self.done / self.per_epoch)

    @property
    def over(self) -> bool:
        """Whether the plan is fulfilled."""
        return self.done >= self.total

    @property
    def cut(self) -> bool:
        """Whether the clock left less than half of the epochs wanted."""
        return self.total < self.wanted / 2

    def tick(self) -> None:
        """Count a step; progress reaches 1 at the last one, however often the plan changed."""
        self.done += 1
        self.t += (1.0 - self.t) / max(1, self.total - self.done + 1)
        if self.done == 1:
            self._window = (time.monotonic(), 1)

    def due(self, alone: bool) -> bool:
        """Whether it is time to plan; processes that must agree do so by steps, not by their own clocks."""
        if self.fixed or self.done < 2:
            return False
        if not alone:
            return self.done == WARM or self.done % 50 == 0
        spent = time.monotonic() - self._window[0]
        return spent > 1.0 if self._planned else self.done == WARM or spent > WARM_S

    def looked(self, seconds: float) -> None:
        """Note what a look at the held-out rows took: it does not count as training."""
        self.look_s = seconds
        self._window = (self._window[0] + seconds, self._window[1])

    def plan(self, members: int, agree: Callable[[float], float]) -> bool:
        """Measure a step, set the total to what fits; return whether the batch size changed."""
        began, at = self._window
        step_s = max(1e-6, agree((time.monotonic() - began) / max(1, self.done - at)))
        left = agree(self.clock.left())
        if not self._planned and self._resize(step_s, left):
            return True
        self._planned = True
        # How often is not measured, or a busy machine would make another model of the same seed.
        steps = LOOK_STEPS * self.held / (self.batch * members)
        some = max(1, self.total // self.per_epoch // 10)
        self.every = min(some, max(1, math.ceil(steps / (EVAL_SHARE * self.per_epoch))))
        look_s = self.look_s or steps * step_s
        cost = step_s + look_s / (self.every * self.per_epoch)
        self.total = min(self.wanted, self.done + max(0, int((0.97 * left - 1.5 * look_s) / cost)))
        self._window = (time.monotonic(), self.done)
        return False

    def _resize(self, step_s: float, left: float) -> bool:
        """Where few epochs fit, try a batch twice as large; keep it where it trains more rows a second."""
        speed = self.batch / step_s
        if self._speed and speed < GAIN * self._speed:
            self._speed, self.largest = 0.0, self.batch // 2
            self._set_batch(self.largest)
            return self._again()
        if left / (step_s * self.per_epoch) >= FEW or 2 * self.batch > self.largest:
            return False
        self._speed = speed
        self._set_batch(2 * self.batch)
        return self._again()

    def _again(self) -> bool:
        self.done, self.t = 0, 0.0
        self._window = (time.monotonic(), 0)
        return True
