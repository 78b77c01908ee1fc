"""The child that decodes images and sounds: what a hostile file can break is this process only.

    python -m treeline.data.decoding image OUT        orders come in as JSON lines, one line for each file goes out

Rows are written straight into the file descriptor OUT. Memory and the CPU seconds of one file are limited (on Linux).
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import struct
import sys
import time
import warnings
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from treeline.data import media_image, media_sound
from treeline.data.media_files import open_zip
from treeline.data.media_image import Unreadable
from treeline.machine import signal_when_orphaned

__all__ = ["main"]

MAX_CPU_S = 20
MAX_MEMORY = 2 << 30
"Bytes that decoding may add to what the libraries take."
DAMAGED = (
    OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, zipfile.BadZipFile, RuntimeError, IndexError,
    KeyError, TypeError, OverflowError, ZeroDivisionError, AttributeError, NotImplementedError,
)  # fmt: skip
"What the libraries raise on damaged files; anything else ends this process, and costs one file as well."
events = 1
"Where replies go: the standard output that the process was started with."


def main() -> None:
    """Serve orders until the input ends."""
    kind, out = sys.argv[1], int(sys.argv[2])
    global events  # noqa: PLW0603 - one per process
    events = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    if kind == "image":
        from PIL import Image

        Image.preinit()
    else:
        import soundfile  # noqa: F401
    _limit_memory()
    say({"ready": True})
    source = Source("")
    for line in sys.stdin.buffer:
        order = json.loads(line)
        if order["root"] != source.root:
            source = Source(order["root"])
        for number, name in order["items"]:
            _limit_cpu()
            say({"item": number, **_one(source, {**order, "kind": kind, "out": out}, number, name)})


def say(reply: dict[str, Any]) -> None:
    """Write one reply for the parent."""
    os.write(events, (json.dumps(reply) + "\n").encode())


class Source:
    """A folder or zip whose paths the parent has looked at."""

    def __init__(self, root: str) -> None:
        """`root` is a folder or a zip."""
        self.root = root
        self.archive = open_zip(root) if os.path.isfile(root) else None

    def open(self, name: str) -> IO[bytes]:
        """Return the file as a stream; a zip's member in memory."""
        return io.BytesIO(self.archive.read(name)) if self.archive else open(os.path.join(self.root, name), "rb")


def _one(source: Source, order: dict[str, Any], number: int, name: str) -> dict[str, Any]:
    """Look at one file, or decode it into its row."""
    is_image = order["kind"] == "image"
    try:
        with source.open(name) as stream:
            if order["do"] == "look":
                return media_image.look(stream) if is_image else media_sound.look(stream)
            decode: Any = media_image.pixels if is_image else media_sound.samples
            row, done = decode(stream, tuple(order["size"]))
    except Unreadable as error:
        return {"bad": [error.reason, error.detail]}
    except MemoryError:
        return {"bad": ["needs too much memory", f"needs more than {MAX_MEMORY >> 20} MiB to be decoded"]}
    except DAMAGED as error:
        return {"bad": ["damaged", f"is damaged or cut short ({' '.join(str(error).split())[:120]})"]}
    os.pwrite(order["out"], row.tobytes(), number * order["bytes"])
    return {"done": done, "length": len(row)}


def _limit_memory() -> None:
    """Limit the address space, die with the parent, and be the first to go when memory runs out."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    signal_when_orphaned(signal.SIGKILL)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MAX_MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with suppress(OSError):  # not allowed
        Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")


def _limit_cpu() -> None:
    """Allow the next file so many CPU seconds; the system ends this process when they are gone."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + MAX_CPU_S, hard))


if __name__ == "__main__":
    main()
