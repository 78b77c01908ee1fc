"""What this machine may be asked for: cores and memory, containers' limits respected; and where systems differ."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import IO

from treeline.errors import SetupError
from treeline.problem.budget import Budget
from treeline.problem.settings import Settings

__all__ = [
    "budget_of",
    "check_supported",
    "cores",
    "free_memory_mb",
    "gpu_joules",
    "joules",
    "lock",
    "peak_mb",
    "signal_when_orphaned",
]

SYSTEM = sys.platform
"`linux` or `darwin` (macOS): the systems that Treeline runs on."
SHARE = 0.75
"Share of the free memory that a run takes unless told otherwise."


def check_supported() -> None:
    """Say in one line where Treeline cannot run.

    Raises:
        SetupError: this is neither Linux nor macOS.
    """
    if SYSTEM not in ("linux", "darwin"):
        name = {"win32": "Windows"}.get(SYSTEM, SYSTEM)
        raise SetupError(
            f"Treeline runs on Linux and macOS, and this is {name}.",
            do="Use a Linux machine or container; on Windows, the Windows Subsystem for Linux.",
        )


def lock(file: IO[str] | IO[bytes], *, wait: bool = False) -> None:
    """Take the lock of an open file, which ends with the file or with this process.

    Raises:
        OSError: another process holds it, and this one does not `wait`.
    """
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def peak_mb(ru_maxrss: int) -> float:
    """Return a process's highest resident memory in megabytes: the system counts kilobytes on Linux, bytes on macOS."""
    return ru_maxrss / (2**20 if SYSTEM == "darwin" else 2**10)


def signal_when_orphaned(number: int) -> None:
    """Ask the kernel to send this process a signal when its parent dies; only Linux does."""
    if SYSTEM == "linux":
        ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG


def budget_of(settings: Settings) -> Budget:
    """Return the budget that the settings ask for, or what the machine has."""
    return Budget(
        limit_s=settings.seconds,
        memory_mb=settings.memory or int(SHARE * free_memory_mb()),
        cores=settings.cores or cores(),
    )


def cores() -> int:
    """Return the CPU cores that this process may use: affinity and cgroup quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass  # no cgroup v2
    return max(1, count)


def free_memory_mb() -> float:
    """Return the megabytes that are free, the cgroup's limit respected."""
    import psutil

    free = float(psutil.virtual_memory().available)
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
        if limit != "max":
            free = min(free, max(int(limit) - used, 0))
    except (OSError, ValueError):
        pass  # no cgroup v2
    return free / 2**20


def joules() -> float | None:
    """Return the processors' energy counter (RAPL), joules since some moment; None where the kernel hides it."""
    meters = sorted(Path("/sys/class/powercap").glob("intel-rapl:?/energy_uj"))
    try:
        return sum(int(meter.read_text(encoding="ascii")) for meter in meters) / 1e6 if meters else None
    except (OSError, ValueError):
        return None  # since 2020 most kernels show it to root only


def gpu_joules(uuid: str) -> float | None:
    """Return the energy counter of an NVIDIA GPU, joules since some moment; None without NVML (nvidia-ml-py)."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByUUID(uuid))) / 1e3
    except pynvml.NVMLError:
        return None
