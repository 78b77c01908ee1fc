"""What a text file is written in: its encoding and its delimiter, and whether its first line is a header."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from treeline.data.csv_scan import scan
from treeline.errors import DataError

__all__ = ["Decoded", "decode", "guess_delimiter", "is_header", "second_header"]

BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
DELIMITERS = "\t;|,:^~\x01\x1f "
"In order of preference among those that fit: a comma may be a decimal mark, a blank may be anything."
LEGACY = ["cp1252", "shift_jis", "gb18030", "big5", "euc_jp", "euc_kr", "cp1251", "koi8_r", "cp1250", "cp1253",
          "cp1254", "cp1255", "cp1256", "mac_roman"]  # fmt: skip
SAMPLE = 1 << 18
PLAIN_NUMBER = re.compile(r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$|^\s*[+-]?\d{1,3}([., ]\d{3})*([.,]\d+)?\s*$")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text as UTF-8 bytes."""

    data: bytes
    how: str
    "The encoding, and how sure that is."
    damage: tuple[int, ...] = ()
    "Positions of bytes that are no UTF-8 in a text that otherwise is."


def decode(data: bytes, source: str) -> Decoded:
    """Return the text as UTF-8, from whatever encoding it is in.

    Raises:
        DataError: the text is in none of the encodings that Treeline knows.
    """
    for bom, name in BOMS:
        if data.startswith(bom):
            if name == "utf-8":
                inner = decode(data[3:], source)
                return Decoded(inner.data, "utf-8 with a byte order mark", inner.damage)
            return Decoded(_strict(data, name, source), f"{name} (byte order mark)")
    if data.isascii() and b"\x00" not in data[:SAMPLE]:
        return Decoded(data, "utf-8 (plain ASCII)")
    head = np.frombuffer(data[:SAMPLE], np.uint8)
    even, odd = float((head[::2] == 0).mean()), float((head[1::2] == 0).mean()) if len(head) > 1 else 0.0
    if max(even, odd) > 0.4 and min(even, odd) < 0.1:
        name = "utf-16-be" if even > odd else "utf-16-le"
        return Decoded(_strict(data, name, source), f"{name} (guessed from its zero bytes)")
    good, damage = _judge_utf8(data)
    if not damage:
        return Decoded(data, "utf-8")
    if good >= 5 * len(damage) and len(damage) < 10_000:
        return Decoded(data, f"utf-8 with {len(damage)} damaged places", tuple(damage))
    return _legacy(data, len(damage), source)


def _strict(data: bytes, name: str, source: str) -> bytes:
    try:
        return data.decode(name).encode()
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        raise DataError(
            f"The text is no valid {name} at byte {at}.", where=source, do="Save the file as UTF-8."
        ) from None


def _judge_utf8(data: bytes) -> tuple[int, list[int]]:
    """Return how many non-ASCII runs are valid UTF-8, and where the bytes stand that are not."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return 1, []
    good, bad = 0, []
    for run in re.finditer(rb"[\x80-\xff]+", data):
        try:
            run.group().decode("utf-8")
            good += 1
        except UnicodeDecodeError as error:
            bad.append(run.start() + error.start)
    return good, bad


def _legacy(data: bytes, bad: int, source: str) -> Decoded:
    """Guess an old encoding from the lines that hold non-ASCII bytes; a few bytes alone mean Western Europe."""
    from charset_normalizer import from_bytes

    order = ["cp1252", "latin-1"]
    sure = f"guessed: {bad} places are no UTF-8, too few to tell more"
    if bad >= 10:
        lines = (line for line in data.split(b"\n") if not line.isascii())
        best = from_bytes(b"\n".join(lines)[:SAMPLE], cp_isolation=LEGACY, threshold=0.5).best()
        if best is not None:
            order.insert(0, best.encoding)
            sure = f"guessed, confidence {max(0.0, 1.0 - best.chaos):.0%}"
    for name in order:
        try:
            return Decoded(data.decode(name).encode(), f"{name} ({sure})")
        except UnicodeDecodeError:
            continue
    raise DataError("The encoding is unknown.", where=source, do="Save the file as UTF-8.")


def guess_delimiter(data: bytes) -> str:
    """Return the delimiter that the header and the first records agree on; a comma where there is one column."""
    sample = data[:SAMPLE]
    if len(data) > SAMPLE:
        sample = sample[: max(sample.rfind(b"\n"), sample.rfind(b"\r")) + 1] or sample
    firm: list[str] = []
    loose: list[tuple[float, int, str]] = []
    headed: list[tuple[int, str]] = []
    for rank, mark in enumerate(DELIMITERS):
        found = scan(sample, mark)
        if not found.regular:
            found = scan(sample, mark, quote=False)
        widths = found.widths[~found.blank]
        if len(widths) == 0 or widths.max() < 2:
            continue
        common, count = Counter(widths.tolist()).most_common(1)[0]
        agree = float((widths[:20] == widths[0]).mean())
        if widths[0] >= 2 and agree >= 0.8:
            firm.append(mark)
        if common >= 2 and count / len(widths) >= 0.8:
            loose.append((count / len(widths), -rank, mark))
        if widths[0] >= 2:
            headed.append((int(widths[0]), mark))
    if firm:
        return firm[0]
    if loose:
        return max(loose)[2]
    return max(headed)[1] if headed and max(headed)[1] not in ": " else ","


def is_header(cells: Sequence[str], body: Sequence[Sequence[str | None]], known: frozenset[str]) -> bool | None:
    """Whether the first record names the columns; None where that cannot be told.

    `body` holds the values of each column in some of the records below; `known` are names that must be there.
    """
    names = [cell.strip() for cell in cells]
    if known and known <= set(names):
        return True
    for_header = against = False
    plain = True
    for cell, values in zip(names, body, strict=True):
        below = [value for value in values if value]
        numeric = bool(below) and all(PLAIN_NUMBER.match(value) for value in below)
        cell_numeric = bool(PLAIN_NUMBER.match(cell))
        if numeric and cell and not cell_numeric and cell.lower() not in ("na", "nan", "null", "?", "-", "none"):
            for_header = True
        if numeric and cell_numeric:
            against = True
            plain = plain and cell.isdigit()
        elif cell and below.count(cell) >= 2:
            against, plain = True, False
    if for_header or not against:
        return True
    filled = [name for name in names if name]
    return None if plain and len(set(filled)) == len(filled) else False


def second_header(names: Sequence[str], first: Sequence[str | None], numeric_below: Sequence[bool]) -> list[str] | None:
    """Return joined names where the first record plainly is a second header line, else None.

    It is one when it names every column that the header leaves empty, and puts words over numbers somewhere.
    """
    empty = [i for i, name in enumerate(names) if not name]
    words = [bool(cell) and not PLAIN_NUMBER.match(cell or "") for cell in first]
    if not empty or not all(words[i] for i in empty):
        return None
    if not any(word and numeric for word, numeric in zip(words, numeric_below, strict=True)):
        return None
    joined, head = [], ""
    for i, name in enumerate(names):
        head = name or head
        in_group = not name or (i + 1 < len(names) and not names[i + 1])
        joined.append(f"{head}: {first[i]}" if in_group and first[i] else name)
    return joined
