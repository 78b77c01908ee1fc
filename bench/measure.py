"""Run a command and measure it from outside; append what came of it to bench/RESULTS.md."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "RESULTS.md"
TREELINE = Path(sys.executable).parent / "treeline"


@dataclass(frozen=True)
class Measured:
    """What a command cost."""

    code: int
    wall_s: float
    peak_mb: float
    "Highest sum over the command and its children of their proportional share of memory (shared pages are counted once)."
    tail: str
    "The end of what it printed."
    timed_out: bool


def measured(
    words: list[str], *, limit_s: float, cores: int = 0, memory: bool = True, log: Path | None = None
) -> Measured:
    """Run a command in its own session, on the first `cores` cores (0: all), and kill all of it after `limit_s` seconds."""
    env = {**os.environ, "PYTHONWARNINGS": "ignore", "TOKENIZERS_PARALLELISM": "false"}
    path = log or ROOT / ".work" / "bench" / "last.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    with path.open("w+") as file:
        process = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT, env=env, start_new_session=True)
        if cores:
            os.sched_setaffinity(process.pid, sorted(os.sched_getaffinity(0))[:cores])
        peak, over = [0.0], threading.Event()
        seen: dict[int, psutil.Process] = {}
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, seen, over, memory), daemon=True)
        watcher.start()
        timed_out = False
        try:
            process.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        wall = time.perf_counter() - start
        over.set()
        watcher.join()
        _end(process, list(seen.values()))
    tail = path.read_text(errors="replace")[-4000:]
    return Measured(process.returncode, wall, peak[0], tail, timed_out)


def _end(process: subprocess.Popen[bytes], family: list[psutil.Process]) -> None:
    """A tool may leave workers behind, some in sessions of their own; they would disturb the next one."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for one in family:
        with suppress(psutil.Error):
            if one.is_running():
                one.kill()
    process.wait()


def _watch(pid: int, peak: list[float], seen: dict[int, psutil.Process], over: threading.Event, memory: bool) -> None:
    """Twice a second, note the processes of the tree and what memory they hold together, in megabytes."""
    while not over.wait(0.5):
        with suppress(psutil.Error):
            root = psutil.Process(pid)
            seen.update({one.pid: one for one in [root, *root.children(recursive=True)] if one.pid not in seen})
        if memory:
            peak[0] = max(peak[0], sum(_held(one) for one in list(seen)) / 1e6)


def _held(pid: int) -> float:
    """Proportional share of a process in bytes, from the kernel's own sum, which is cheap to read; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("Pss:"))) * 1024
    except (OSError, StopIteration):
        return 0.0


def machine() -> str:
    """Return the machine in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        model = next((line.split(":")[1].strip() for line in info.open() if line.startswith("model name")), model)
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}"


def commit() -> str:
    """Return the commit that was measured, with a plus where files had changed."""
    git = ["git", "-C", str(ROOT)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    dirty = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=no", "src"], capture_output=True, text=True, check=False
    )
    return (head.stdout.strip() or "unknown") + ("+" if dirty.stdout.strip() else "")


def markdown(head: list[str], rows: list[list[object]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def append(title: str, body: str, *, versions: str = "") -> None:
    """Append a section to bench/RESULTS.md: date, machine, versions and command above the body."""
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    given = sys.argv[1:]
    if "--data" in given:  # where the tables lie on this machine tells nobody anything
        at = given.index("--data")
        given = given[:at] + given[at + 2 :]
    words = [Path(sys.argv[0]).name, *given]
    name = f"Treeline {version('treeline')} at {commit()}"
    head = [
        f"## {title}",
        "",
        f"{when}. {machine()}. {name}{'; ' + versions if versions else ''}.",
        f"Command: `python bench/{' '.join(words)}`",
        "",
    ]
    if not RESULTS.exists():
        RESULTS.write_text(
            "# Measurements\n\nEach section says when, where and by which command it was measured; the newest is last.\n"
        )
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(head) + "\n" + body.rstrip() + "\n")
    print(body)
