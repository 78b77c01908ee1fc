"""Where every record of a delimited text begins and ends, and how many fields it has: one pass of numpy over the bytes.

The pass is strict about quotes (RFC 4180: a quoted field begins and ends at a delimiter or a line end, quotes inside are
doubled), so that what a quote means depends on nothing but how many stand before it. Quotes that break the rule are
reported, and the slow reader of `read_csv` takes over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from treeline.problem.metric import Array

__all__ = ["Scan", "scan"]

LF, CR, QUOTE = 10, 13, 34
BLOCK = 1 << 22
DELIMITER_CLASS, LF_CLASS, CR_CLASS, QUOTE_CLASS, CONTROL_CLASS = 1, 2, 3, 4, 5


@dataclass(frozen=True, slots=True)
class Scan:
    """The structure of a delimited text with n physical records, blank lines included."""

    starts: Array
    "(n,) int64, the first byte of each record."
    stops: Array
    "(n,) int64, one past the last byte of each record, its line end apart."
    widths: Array
    "(n,) int64, fields in each record."
    controls: Array
    "Positions of control bytes."
    stray: Array
    "Positions of quotes that break the rule."
    open_quote: int
    "Position of the quote that is never closed, or -1."
    lone_cr: bool
    "Whether a carriage return alone ends a line."
    quotes: int
    doubled: int
    "Quotes in all, and how many pairs of them stand for one."

    @property
    def regular(self) -> bool:
        """Whether every quote keeps the rule."""
        return not len(self.stray) and self.open_quote < 0

    @property
    def blank(self) -> Array:
        """(n,) whether the record is an empty line."""
        return np.asarray(self.stops == self.starts)


def _table(delimiter: int, quote: bool) -> Array:
    table = np.zeros(256, np.uint8)
    table[:32] = CONTROL_CLASS
    table[127] = CONTROL_CLASS
    table[9] = 0
    table[LF], table[CR] = LF_CLASS, CR_CLASS
    if quote:
        table[QUOTE] = QUOTE_CLASS
    table[delimiter] = DELIMITER_CLASS
    return table


def scan(data: bytes, delimiter: str, *, quote: bool = True) -> Scan:
    """Return the structure of UTF-8 `data` whose fields are parted by the one-byte `delimiter`."""
    buffer = np.frombuffer(data, np.uint8)
    table = _table(ord(delimiter), quote)
    ends, fields, controls, stray = [], [], [], []
    inside, pending, quotes, doubled, last_open = 0, 0, 0, 0, -1
    lone_cr = False
    for base in range(0, len(buffer), BLOCK):
        classes = table[buffer[base : base + BLOCK]]
        at = np.flatnonzero(classes)
        what = classes[at]
        at += base
        is_quote = what == QUOTE_CLASS
        if is_quote.any():
            parity = (np.cumsum(is_quote, dtype=np.int64) + inside) & 1
            opens = parity[is_quote] == 1
            wrong, pairs = _judge(buffer, at[is_quote], opens, ord(delimiter))
            stray.append(wrong)
            doubled += pairs
            quotes += len(opens)
            if opens.any():
                last_open = int(at[is_quote][np.flatnonzero(opens)[-1]])
            inside = int(parity[-1])
            outside = (parity == 0) & ~is_quote
            controls.append(at[what == CONTROL_CLASS])
            at, what = at[outside], what[outside]
        elif inside:
            controls.append(at[what == CONTROL_CLASS])
            at, what = at[:0], what[:0]
        else:
            controls.append(at[what == CONTROL_CLASS])
        returns = at[what == CR_CLASS]
        alone = returns[buffer[np.minimum(returns + 1, len(buffer) - 1)] != LF]
        if len(alone):
            lone_cr = True
            what[np.isin(at, alone)] = LF_CLASS
        is_end = what == LF_CLASS
        marks = np.cumsum((what == DELIMITER_CLASS) | is_end) + pending
        ends.append(at[is_end])
        fields.append(marks[is_end])
        pending = int(marks[-1]) if len(marks) else pending
    return _assemble(
        buffer, ends, fields, pending,
        controls=_joined(controls), stray=_joined(stray),
        rest=(last_open if inside else -1, lone_cr, quotes, doubled),
    )  # fmt: skip


def _joined(parts: list[Array]) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _judge(buffer: Array, at: Array, opens: Array, delimiter: int) -> tuple[Array, int]:
    """Return the positions of quotes that break the rule, and the number of doubled quotes."""
    last = len(buffer) - 1
    before = buffer[np.maximum(at - 1, 0)]
    after = buffer[np.minimum(at + 1, last)]
    edge_before = (before == delimiter) | (before == LF) | (before == CR) | (at == 0)
    edge_after = (after == delimiter) | (after == LF) | (after == CR) | (at == last)
    second = opens & (before == QUOTE) & ~(at == 0)
    fine = np.where(opens, edge_before | second, edge_after | (after == QUOTE))
    return at[~fine], int(second.sum())


def _assemble(
    buffer: Array,
    ends: list[Array],
    fields: list[Array],
    pending: int,
    *,
    controls: Array,
    stray: Array,
    rest: tuple[int, bool, int, int],
) -> Scan:
    stops = _joined(ends)
    counts = _joined(fields)
    starts = np.r_[np.int64(0), stops + 1]
    before_lf = buffer[np.maximum(stops - 1, 0)] == CR if len(stops) else np.zeros(0, bool)
    after_cr = before_lf & (buffer[stops] == LF) & (stops > starts[:-1])
    total = counts[-1] if len(counts) else 0
    stops = stops - after_cr
    if starts[-1] < len(buffer):  # the last record has no line end
        stops = np.r_[stops, np.int64(len(buffer))]
        counts = np.r_[counts, np.int64(max(pending, total) + 1)]
    else:
        starts = starts[:-1]
    widths = np.diff(counts, prepend=0)
    open_quote, lone_cr, quotes, doubled = rest
    return Scan(starts, stops, widths, controls, stray, open_quote, lone_cr, quotes, doubled)
