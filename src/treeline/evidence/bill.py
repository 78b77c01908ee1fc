"""What each side costs: CPU and GPU seconds, memory, energy, money; from the fits that were made anyway."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treeline.evidence.dimensions import FACTOR, Dimension, Side, normal, unmeasured
from treeline.problem.task import Family

__all__ = ["WATTS", "Spent", "compute"]

WATTS = 12.0
"Watts of a busy core where no meter can be read: about the thermal design power of server processors per core."
GPU_WATTS = 250.0
"Watts of a GPU that is held: about half the power limit of server boards, which small nets seldom reach."


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a family used."""

    cpu_s: float
    fit_cpu_s: dict[str, list[float]]
    "Per member of the procedure the CPU seconds of its fits, scaled to all training rows."
    peak_mb: float
    gpu_s: float
    vram_mb: float
    joules: float | None
    "Of the processor, measured; None where no meter can be read."
    gpu_joules: float | None
    "Of GPUs, alike."
    price: float
    "Of one core-hour."
    gpu_price: float
    "Of one GPU-hour."
    contenders: int


def compute(spent: Mapping[Family, Spent]) -> Dimension:
    """Compare the CPU seconds of one fit of everything that a family's procedure uses; all other costs stand beside."""
    if len(spent) < 2 or not all(any(each.fit_cpu_s.values()) for each in spent.values()):
        return unmeasured("compute", "only one side was fitted")
    sides, logs = {}, {}
    for family, each in spent.items():
        total, se = _one_fit(each.fit_cpu_s)
        logs[family] = (math.log(max(total, 1e-3)), se / max(total, 1e-3))
        joules, energy_is = _energy(each)
        detail: dict[str, Any] = {
            "fit_cpu_s": total, "all_cpu_s": each.cpu_s, "contenders": each.contenders, "peak_mb": each.peak_mb,
            "gpu_s": each.gpu_s, "vram_mb": each.vram_mb,
            "watt_hours": joules / 3600, "energy_is": energy_is,
            "money": (each.cpu_s * each.price + each.gpu_s * each.gpu_price) / 3600,
            "price": each.price, "gpu_price": each.gpu_price,
        }  # fmt: skip
        text = f"{total:.3g} s of CPU for one full fit ({each.cpu_s:,.0f} s spent in all)"
        ends = (max(total - 1.96 * se, 0.0), total + 1.96 * se)
        sides[str(family)] = Side(value=total, interval=ends, text=text, detail=detail)
    (a, se_a), (b, se_b) = logs[Family.CLASSICAL], logs[Family.DEEP]
    cheap, ratio = ("classical", math.exp(b - a)) if a < b else ("deep", math.exp(a - b))
    energy = _energy_words(list(spent.values()))
    return Dimension(
        name="compute",
        unit="CPU seconds",
        sides=sides,
        odds=None
        if any(each.gpu_s for each in spent.values())
        else normal(a - b, math.hypot(se_a, se_b), math.log(FACTOR)),
        words=f"One fit of all that the {cheap} side uses takes {ratio:.3g} times less CPU than that of the other."
        if ratio >= FACTOR
        else "One fit of all that a side uses takes about as much CPU on both sides.",
        how=f"CPU seconds of the fits' own processes, children included; a fit that the clock cut counts whole; "
        f"spread over folds. Energy is {energy}.",
    )


def _energy(each: Spent) -> tuple[float, str]:
    """Return the joules of a side, and whether all of them were measured."""
    cpu = each.joules if each.joules is not None else each.cpu_s * WATTS
    gpu = each.gpu_joules if each.gpu_joules is not None else each.gpu_s * GPU_WATTS
    known = each.joules is not None and (each.gpu_joules is not None or not each.gpu_s)
    return cpu + gpu, "measured" if known else "estimated"


def _energy_words(spent: Sequence[Spent]) -> str:
    """Say where the energy comes from."""
    metered = all(each.joules is not None for each in spent)
    said = "a meter of the processor (RAPL)" if metered else f"an estimate: {WATTS:g} W for each busy core"
    held = [each for each in spent if each.gpu_s]
    if not held:
        return said
    metered = all(each.gpu_joules is not None for each in held)
    return said + (" and the meters of the GPUs (NVML)" if metered else f", {GPU_WATTS:g} W for each GPU")


def _one_fit(members: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """Return the CPU seconds of one fit of every member, and their standard error (a single fit, or folds that were fitted
    together and share their cost, are taken to vary by 20%)."""
    total = sum(float(np.mean(each)) for each in members.values())
    parts = [
        float(np.std(each, ddof=1) / math.sqrt(len(each)))
        if np.ptp(each) > 0.01 * np.mean(each)
        else 0.2 * float(np.mean(each))
        for each in members.values()
    ]
    return total, float(np.hypot.reduce(parts)) if parts else 0.0
