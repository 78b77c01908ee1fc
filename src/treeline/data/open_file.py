"""Opening a file safely: what it really is, unpacked under a cap, unchanged while it was read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from treeline.errors import BudgetError, DataError, SetupError, UsageError, nearest, shown

__all__ = ["Content", "open_file", "sort_of", "unpack_cap"]

RATIO = 200
"No honest table shrinks more; a bomb does."
FLOOR = 256 << 20
"Below this many unpacked bytes the ratio does not matter."
MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "ipc"),
    (b"FEA1", "an old Feather file (version 1)"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file; save it as .xlsx"),
    (b"SQLite format 3\x00", "an SQLite database; name it as sqlite:///path and give a query"),
    (b"\x93NUMPY", "a numpy array file; save the table as CSV or Parquet"),
    (b"\x89HDF", "an HDF5 file; save the table as CSV or Parquet"),
    (b"%PDF", "a PDF document"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"\x7fELF", "a program"),
)
UNPACKED = ("gzip", "bz2", "xz", "zstd", "zip")


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file after unpacking."""

    data: bytes
    sort: str
    "`text`, `parquet`, `ipc` or `xlsx`."
    compression: str = ""


def sort_of(head: bytes) -> str:
    """Return what the first bytes say: a format's short name, a description of something unusable, or `text`."""
    for magic, sort in MAGIC:
        if head.startswith(magic):
            return sort
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return "a pickle, which can run code when it is opened; save the table as CSV or Parquet"
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page or XML document, perhaps an error page saved under this name"
    return "text"


def open_file(path: Path) -> Content:
    """Read a file whole, unpack it, and say what it holds.

    Raises:
        UsageError: there is no such file, or it is no regular file.
        DataError: the content is not a table's, is cut short, or changed while it was read.
        BudgetError: the file does not fit into memory.
    """
    before = _stat(path)
    if before.st_size == 0:
        raise DataError("The file is empty.", where=str(path), do="Give a file with a header line and records.")
    _fits(before.st_size, path)
    try:
        data = path.read_bytes()
    except PermissionError:
        raise UsageError("The file may not be read.", where=str(path), do="Change its permissions.") from None
    after = _stat(path)
    if (before.st_size, before.st_mtime_ns, before.st_ino) != (after.st_size, after.st_mtime_ns, after.st_ino):
        raise DataError("The file changed while it was read.", where=str(path), do="Wait for its writer, run again.")
    sort = sort_of(data[:4096])
    compression = ""
    if sort in UNPACKED:
        compression = sort
        data, sort = _unpack(data, sort, path)
    if sort not in ("text", "parquet", "ipc", "xlsx"):
        raise DataError(
            f"The content is {sort}.", where=str(path), do="Give CSV, Parquet, Feather, JSON lines or xlsx."
        )
    return Content(data, sort, compression)


def _stat(path: Path) -> os.stat_result:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        folder = path.parent
        names = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
        hint = f": {nearest(path.name, names)}" if names else ""
        raise UsageError(
            f"There is no file {shown(path.name)} in {shown(folder)}{hint}", do="Check the path."
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"The path {shown(path)} is unusable ({error}).", do="Check the path.") from None
    if stat.S_ISDIR(found.st_mode):
        raise UsageError("This is a folder.", where=str(path), do="Name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise UsageError("This is no regular file (a pipe or a device).", where=str(path), do="Save it to a file.")
    return found


def _available() -> int:
    import psutil

    return int(psutil.virtual_memory().available)


def _fits(size: int, path: Path) -> None:
    free = _available()
    if size > free // 2:
        raise BudgetError(
            f"The table takes {size / 2**30:.1f} GiB and {free / 2**30:.1f} GiB of memory are free; "
            "reading takes about twice its size.",
            where=str(path),
            do="Take a part of its records, or a larger machine.",
        )


def unpack_cap(packed: int) -> int:
    """Return how many bytes `packed` compressed bytes may unpack to."""
    return min(max(FLOOR, RATIO * packed), _available() // 2)


def _unpack(data: bytes, sort: str, path: Path) -> tuple[bytes, str]:
    if sort == "zip":
        return _unzip(data, path)
    openers: dict[str, Callable[[IO[bytes]], Any]] = {
        "gzip": lambda source: gzip.GzipFile(fileobj=source),
        "bz2": bz2.BZ2File,
        "xz": lzma.LZMAFile,
        "zstd": _zstd,
    }
    with openers[sort](io.BytesIO(data)) as stream:
        plain = _drain(stream, unpack_cap(len(data)), path)
    inner = sort_of(plain[:4096])
    if inner in UNPACKED:
        raise DataError(f"The {sort} file holds another {inner} file.", where=str(path), do="Unpack it once.")
    return plain, inner


def _zstd(source: IO[bytes]) -> IO[bytes]:
    import pyarrow as pa

    try:
        stream: IO[bytes] = pa.CompressedInputStream(source, "zstd")
    except NotImplementedError as error:  # a build of Arrow without zstd
        raise SetupError(f"zstd cannot be unpacked here: {error}.", do="Unpack the file first.") from None
    return stream


def _drain(stream: IO[bytes], cap: int, path: Path) -> bytes:
    """Unpack in blocks, so that a bomb is met at the cap and a cut file at the byte that was reached."""
    out = io.BytesIO()
    try:
        while block := stream.read(1 << 20):
            out.write(block)
            if out.tell() > cap:
                raise DataError(
                    f"The file unpacks to more than {cap >> 20} MiB, over {RATIO} times its size or half the memory.",
                    where=str(path),
                    do="Unpack it yourself if you trust it.",
                )
    except (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError) as error:
        raise DataError(
            f"The compressed file is cut short or damaged after {out.tell()} unpacked bytes ({error}).",
            where=str(path),
            do="Fetch it again.",
        ) from None
    return out.getvalue()


def _unzip(data: bytes, path: Path) -> tuple[bytes, str]:
    """Read the one table of a zip, in memory; nothing is ever extracted to disk, so member names can do no harm."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(
            f"The zip file is cut short or damaged ({error}).", where=str(path), do="Fetch it again."
        ) from None
    with archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
        cap = unpack_cap(len(data))
        total = sum(member.file_size for member in members)
        if total > cap:
            raise DataError(
                f"The zip file unpacks to {total >> 20} MiB, over {RATIO} times its size or half the memory.",
                where=str(path),
                do="Unpack it yourself if you trust it.",
            )
        if any(member.filename == "xl/workbook.xml" for member in members):
            return data, "xlsx"
        if len(members) != 1:
            listed = ", ".join(shown(member.filename) for member in members[:8])
            raise DataError(
                f"The zip file holds {len(members)} files: {listed}.", where=str(path), do="Unpack the one to be read."
            )
        if members[0].flag_bits & 1:
            raise DataError("The zip file is locked with a password.", where=str(path), do="Unpack it first.")
        try:
            with archive.open(members[0]) as stream:
                plain = _drain(stream, cap, path)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise DataError(f"The zip file is damaged ({error}).", where=str(path), do="Fetch it again.") from None
    return plain, sort_of(plain[:4096])
