"""What stands in the texts: words that give the target away, and texts that are no plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from treeline.data.column import Kind
from treeline.data.findings import Finding, Severity
from treeline.errors import shown

if TYPE_CHECKING:
    import polars as pl

    from treeline.data.view import View
    from treeline.problem.metric import Array

__all__ = ["ALL_BYTES", "MAX_BYTES", "odd_texts", "telling_words"]

MAX_BYTES, ALL_BYTES = 4_096, 2**29
"Of a text, and of all texts of a column together: with more than 131,072 rows each is cut earlier."
"Of a text so many bytes are read."
MAX_CHARS, MAX_TEXTS = 5_000, 20_000
"What `telling_words` looks at."
PURE, COVERS = 0.99, 0.9
"A word in so few other rows and so many of a class tells the class alone."
NAME_PURE, NAME_COVERS = 0.95, 0.5
"The same for a word of the class's own name."
LEAST = 20
"Rows that a class needs before a word is said to tell it."
SORTS = {
    "blank": r"^\s*$",
    "base64": r"^\s*(?:[A-Za-z0-9+/]{60,}[\r\n]*)+[A-Za-z0-9+/]*={0,2}\s*$",
    "HTML": r"(?is)</?[a-z][a-z0-9]{0,12}(?:\s[^<>]{0,2000})?/?>.*</?[a-z][a-z0-9]{0,12}(?:\s[^<>]{0,2000})?/?>",
    "binary": r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{FFFD}]",
}
NO_LANGUAGE = ("base64", "binary")
MANY = 0.01
"From this share of texts that are no language on, the finding is a warning."


def telling_words(view: View) -> list[Finding]:
    """Find D026: one word of a text column tells a class, all but alone; words of the class's own name sooner."""
    problem = view.problem
    assert problem is not None
    if not problem.task.is_classification:
        return []
    told: dict[str, list[str]] = {}
    rows = 0
    for name in view.of_kind(Kind.TEXT):
        part = view.sample[:: max(1, len(view.sample) // MAX_TEXTS)]
        classes = view.y[part].astype(np.int64)
        for word, label, pure, covers, count in _telling(view.frame[name][part], classes, problem.classes):
            found = f"{shown(word, 40)} in {covers:.0%} of {shown(label, 40)} and {pure:.1%} of its rows are that"
            told.setdefault(name, []).append(found)
            rows = max(rows, count)
    if not told:
        return []
    listed = "; ".join(f"{shown(name, 40)}: {', '.join(words[:3])}" for name, words in told.items())
    return [
        Finding(
            code="D026",
            severity=Severity.WARN,
            title="A word in the text tells the target",
            columns=tuple(told),
            rows=rows,
            found=listed + ".",
            do="If the word is written after the target is known, take it out of the texts, or drop the column with --drop.",
        )
    ]


def _telling(texts: pl.Series, y: Array, names: Sequence[object]) -> list[tuple[str, str, float, float, int]]:
    """Return word, class, share of its rows that are of the class, share of the class that has it, and rows; surest first."""
    import polars as pl

    words = texts.fill_null("").str.slice(0, MAX_CHARS).str.normalize("NFKC").str.to_lowercase().str.extract_all(r"\w+")
    rows = pl.DataFrame({"y": y, "word": words.list.unique()}).explode("word").drop_nulls()
    size = np.bincount(y, minlength=len(names))
    counts = rows.group_by("word", "y").len().with_columns(pl.col("len").sum().over("word").alias("all"))
    counts = counts.with_columns((pl.col("len") / pl.Series(size)[counts["y"]]).alias("covers"))
    counts = counts.filter(pl.Series(size[counts["y"].to_numpy()] >= LEAST)).with_columns(
        (pl.col("len") / pl.col("all")).alias("pure")
    )
    own = pl.Series(
        [word in _own(names[at]) for word, at in zip(counts["word"], counts["y"], strict=True)], dtype=pl.Boolean
    )
    sure = (pl.col("pure") >= PURE) & (pl.col("covers") >= COVERS)
    named = (pl.col("pure") >= NAME_PURE) & (pl.col("covers") >= NAME_COVERS) & own
    found = counts.filter(sure | named).sort(["covers", "pure", "word"], descending=[True, True, False])
    return [(word, str(names[at]), pure, covers, n) for word, at, n, _, covers, pure in found.rows()]


def _own(label: object) -> set[str]:
    return {word for word in re.findall(r"\w+", str(label).lower()) if len(word) > 1 and not word.isdigit()}


def odd_texts(view: View) -> list[Finding]:
    """Find D027: blank texts, Base64, HTML and binary in a text column, and texts that are cut."""
    told, columns, rows, examples, grave = [], [], 0, [], False
    for name in view.of_kind(Kind.TEXT):
        texts = view.frame[name]
        n = max(1, len(texts))
        hits = {
            sort: texts.str.slice(0, MAX_CHARS).str.contains(pattern).fill_null(False)
            for sort, pattern in SORTS.items()
        }
        most = min(MAX_BYTES, max(64, ALL_BYTES // n))
        hits[f"longer than {most:,} bytes, read so far"] = (texts.str.len_bytes() > most).fill_null(False)
        counts = {sort: int(hit.sum()) for sort, hit in hits.items()}
        said = [
            f"{sort} {counts[sort]} ({counts[sort] / n:.1%}; rows {', '.join(str(view.rows[i] + 1) for i in hit.arg_true()[:3])})"
            for sort, hit in hits.items()
            if counts[sort]
        ]
        if said:
            columns.append(name)
            told.append(f"{shown(name, 40)}: {', '.join(said)}")
            rows += sum(counts.values())
            examples += [int(view.rows[i]) for hit in hits.values() for i in hit.arg_true()[:2]]
            grave = grave or sum(counts[sort] for sort in NO_LANGUAGE) >= MANY * n
    if not columns:
        return []
    return [
        Finding(
            code="D027",
            severity=Severity.WARN if grave else Severity.NOTE,
            title="Texts that are no plain text",
            columns=tuple(columns),
            rows=rows,
            examples=tuple(examples[:5]),
            found="; ".join(told) + ".",
            do="Look at these rows; take markup and encoded files out of the texts if they say nothing.",
        )
    ]
