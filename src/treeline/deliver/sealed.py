"""A sealed folder: plain files, a manifest with their sizes and SHA-256, and the manifest's own SHA-256.

    manifest.json     format, protocol, when, versions, and {name: [bytes, sha256]} of every other file
    manifest.sha256   one line for `sha256sum -c`
A folder appears under its name complete or not at all: it is written beside it, flushed to the disk and renamed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from treeline.errors import IntegrityError, SetupError, shown

__all__ = ["PROTOCOL", "appearing", "is_sealed", "open_sealed", "put", "seal", "settle", "strict_json"]

FORMAT = "treeline-bundle"
PROTOCOL = 1
NAME = re.compile(r"(weights/)?[a-z0-9]+(-[a-z0-9]+)*\.(json|safetensors)")
MANIFEST, DIGEST = "manifest.json", "manifest.sha256"
MAX_MANIFEST = 4 * 2**20
MAX_JSON = 256 * 2**20
AGAIN = "Copy or write the bundle again."


def put(path: Path, raw: bytes) -> None:
    """Write a new file and flush it to the disk.

    Raises:
        SetupError: no space is left, or the folder is not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(path.parent).free
            raise SetupError(
                f"The disk is full: {len(raw):,} bytes were needed, {free:,} are free.",
                do="Free some space and run the same command again.",
                where=str(path),
            ) from None
        raise SetupError(f"It cannot be written: {error.strerror}.", where=str(path)) from None


def seal(folder: Path, versions: dict[str, str]) -> dict[str, list[Any]]:
    """Write the manifest over the files of `folder`, last; return `{name: [bytes, sha256]}`."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        raw = path.read_bytes()
        files[path.relative_to(folder).as_posix()] = [len(raw), hashlib.sha256(raw).hexdigest()]
    when = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"format": FORMAT, "protocol": PROTOCOL, "created": when, "versions": versions, "files": files}
    raw = json.dumps(facts, indent=1, ensure_ascii=False).encode()
    put(folder / MANIFEST, raw)
    put(folder / DIGEST, _digest_line(raw))
    for part in [*(path for path in folder.rglob("*") if path.is_dir()), folder]:
        _flush(part)
    return files


def _digest_line(raw: bytes) -> bytes:
    return f"{hashlib.sha256(raw).hexdigest()}  {MANIFEST}\n".encode()


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _beside(folder: Path) -> tuple[Path, Path]:
    return folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")


def settle(folder: Path) -> None:
    """Finish what a killed writer left: bring the old folder back if the new one is not in its place."""
    _, old = _beside(folder)
    if not folder.exists() and old.is_dir():
        old.replace(folder)


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder`; on leaving without an error it takes the place of `folder` in one rename."""
    new, old = _beside(folder)
    settle(folder)
    try:
        for rest in (new, old):
            if rest.exists():
                shutil.rmtree(rest)
        new.mkdir(parents=True)
    except OSError as error:
        raise SetupError(f"It cannot be written: {error.strerror}.", where=str(folder)) from None
    try:
        yield new
        if folder.exists():
            folder.replace(old)
        new.replace(folder)
        _flush(folder.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)


def is_sealed(folder: Path) -> bool:
    """Whether a folder is one that was sealed, or empty: then nothing is lost when another takes its place."""
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
    known = all(name in (MANIFEST, DIGEST) or NAME.fullmatch(name) for name in found)
    return folder.is_dir() and known and (not found or {MANIFEST, DIGEST} <= set(found))


def open_sealed(folder: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the manifest and the content of every file, all verified before any of it is parsed.

    Raises:
        IntegrityError: a file was changed, added, removed or linked, or the manifest is damaged or of another protocol.
    """
    settle(folder)
    found = _walk(folder)
    for name in (MANIFEST, DIGEST):
        if name not in found:
            raise IntegrityError("It is missing, so this is no complete bundle.", where=str(folder / name), do=AGAIN)
    raw = _content(folder, MANIFEST, found[MANIFEST], most=MAX_MANIFEST)
    if _content(folder, DIGEST, found[DIGEST], most=1000) != _digest_line(raw):
        raise IntegrityError("It was changed after it was written.", where=str(folder / MANIFEST), do=AGAIN)
    manifest = _checked(strict_json(raw, where=str(folder / MANIFEST), most=MAX_MANIFEST), folder)
    files: dict[str, list[Any]] = manifest["files"]
    for name in found:
        if name not in files and name not in (MANIFEST, DIGEST):
            raise IntegrityError("It does not belong to the bundle.", where=str(folder / name), do="Remove it.")
    contents = {}
    for name, (size, digest) in files.items():
        if name not in found:
            raise IntegrityError("It is missing.", where=str(folder / name), do=AGAIN)
        if found[name] != size:
            raise IntegrityError(f"It has {found[name]:,} bytes, not {size:,}.", where=str(folder / name), do=AGAIN)
        contents[name] = _content(folder, name, size, most=size)
        if hashlib.sha256(contents[name]).hexdigest() != digest:
            raise IntegrityError("It was changed after it was written.", where=str(folder / name), do=AGAIN)
    return manifest, contents


def _walk(folder: Path) -> dict[str, int]:
    """Return the size of every file below `folder`; links and devices are refused."""
    found: dict[str, int] = {}
    if not folder.is_dir():
        raise IntegrityError("There is no such folder.", where=str(folder), do="Give the folder of a bundle.")
    for base, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(base, name)
            facts = path.lstat()
            if stat.S_ISREG(facts.st_mode):
                found[path.relative_to(folder).as_posix()] = facts.st_size
            elif not stat.S_ISDIR(facts.st_mode):
                raise IntegrityError("It is a link or a device, not a plain file.", where=str(path), do=AGAIN)
    return found


def _content(folder: Path, name: str, size: int, *, most: int) -> bytes:
    path = folder / name
    if size > most:
        raise IntegrityError(f"It has {size:,} bytes; at most {most:,} are read.", where=str(path), do=AGAIN)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise IntegrityError(f"It cannot be read: {error.strerror}.", where=str(path)) from None


def _checked(manifest: Any, folder: Path) -> dict[str, Any]:
    where = str(folder / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise IntegrityError("It is no manifest of a Treeline bundle.", where=where, do=AGAIN)
    if manifest.get("protocol") != PROTOCOL:
        raise IntegrityError(
            f"The bundle has protocol {shown(manifest.get('protocol'))}; this Treeline reads {PROTOCOL}.",
            do="Use the version of Treeline that wrote it.",
            where=where,
        )
    known = {"format": str, "protocol": int, "created": str, "versions": dict, "files": dict}
    right = set(manifest) == set(known) and all(type(manifest[key]) is kind for key, kind in known.items())
    if not right or not all(_entry(name, entry) for name, entry in manifest["files"].items()):
        raise IntegrityError("Its content is not what a manifest holds.", where=where, do=AGAIN)
    return manifest


def _entry(name: str, entry: Any) -> bool:
    match entry:
        case [int(size), str(digest)]:
            return size >= 0 and re.fullmatch("[0-9a-f]{64}", digest) is not None and NAME.fullmatch(name) is not None
    return False


def strict_json(raw: bytes, *, where: str, most: int = MAX_JSON) -> Any:
    """Parse JSON; duplicate keys, NaN, bad UTF-8, deep nesting and more than `most` bytes are an `IntegrityError`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key is there twice")
        return found

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no JSON")

    if len(raw) > most:
        raise IntegrityError(f"It has {len(raw):,} bytes; at most {most:,} are read.", where=where, do=AGAIN)
    try:
        return json.loads(raw.decode(), object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"It is not strict JSON: {shown(error)}.", where=where, do=AGAIN) from None
