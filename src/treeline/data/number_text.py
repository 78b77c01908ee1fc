"""Numbers written as text: decimal marks, thousands separators, currencies and per cent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from treeline.data.missing_text import share

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EXACT", "NumberStyle", "guess_styles", "has_leading_zero", "is_too_long", "parse_numbers"]

EXACT = 2**53
"Beyond this a floating-point number no longer tells neighbouring integers apart."
AFFIX = r"[$€£¥₹₽₩₺₫₪₴%]|R\$|kr|zł|USD|EUR|GBP|JPY|CHF|CNY|INR|AUD|CAD|BRL"
BLANK = r"[ \x{a0}\x{202f}'’_]"
EXPONENT = r"([eE][+-]?\d+)?"


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How a column writes its numbers; the same for every value."""

    decimal: str = "."
    group: str = ""
    "What parts thousands: a comma, a point, `blank` (blanks, apostrophes, underscores) or nothing."
    affix: str = ""
    "A currency or per cent sign before or after every number; the figure is kept as written."

    def to_text(self) -> str:
        """Return a short text for `Column.format`; empty for the plain style."""
        return "" if self == NumberStyle() else json.dumps([self.decimal, self.group, self.affix], ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> NumberStyle:
        """Rebuild a style from `to_text`."""
        return cls(*json.loads(text)) if text.startswith("[") else cls()

    def words(self) -> str:
        """Say what is unusual about the style."""
        said = ["decimal comma"] if self.decimal == "," else []
        said += {",": ["thousands commas"], ".": ["thousands points"], "blank": ["thousands blanks"]}.get(
            self.group, []
        )
        said += [f"sign {self.affix}"] if self.affix else []
        return ", ".join(said)

    def pattern(self) -> str:
        """Return the regular expression of one number without its affix."""
        mark = "\\" + self.decimal
        if not self.group:
            return rf"^[+-]?(\d+({mark}\d*)?|{mark}\d+){EXPONENT}$"
        part = BLANK if self.group == "blank" else "\\" + self.group
        return rf"^[+-]?(\d{{1,3}}({part}\d{{3}})+|\d+)({mark}\d*)?$"


def guess_styles(sample: pl.Series, *, semicolon: bool) -> list[NumberStyle]:
    """Return the styles that fit most of a sample of texts, likeliest first.

    `semicolon` says that fields are parted by semicolons, as in countries that write a decimal comma.
    """
    import polars as pl

    if sample.str.strip_chars().cast(pl.Float64, strict=False).null_count() == 0:
        return [NumberStyle()]
    if share(sample.str.contains(r"\d")) < 0.5:
        return []
    affix = ""
    signs = sample.str.extract(rf"^[+-]?\(?\s*({AFFIX})", 1).fill_null(
        sample.str.extract(rf"({AFFIX})\s*\)?$", 1)
    )  # fmt: skip
    if signs.null_count() < len(signs) / 2:
        affix = str(signs.drop_nulls().mode().sort()[0])
    styles = [
        NumberStyle(".", "", affix),
        NumberStyle(".", ",", affix),
        NumberStyle(",", "", affix),
        NumberStyle(",", ".", affix),
        NumberStyle(".", "blank", affix),
        NumberStyle(",", "blank", affix),
    ]
    if semicolon:
        styles[1], styles[2] = styles[2], styles[1]
    bare = _bare(sample, affix)
    return [style for style in styles if share(bare.str.contains(style.pattern())) >= 0.5]


def _bare(texts: pl.Series, affix: str) -> pl.Series:
    """Return the texts without blanks around, the affix, and the brackets that accountants put around a loss."""
    bare = texts.str.strip_chars()
    if affix:
        bare = bare.str.replace(affix, "", literal=True).str.strip_chars()
        bare = bare.str.replace(r"^([+-])\s+", "$1")
    return bare.str.replace(r"^\((.*)\)$", "-$1")


def parse_numbers(texts: pl.Series, style: NumberStyle) -> pl.Series:
    """Return Float64 values of texts (n,); null where a text is no number of that style."""
    import polars as pl

    if style == NumberStyle():
        values = texts.cast(pl.Float64, strict=False)
        if values.null_count() > texts.null_count():
            values = texts.str.strip_chars().cast(pl.Float64, strict=False)
        return values
    bare = _bare(texts, style.affix)
    fits = bare.str.contains(style.pattern())
    if style.affix:
        fits = fits & texts.str.contains(style.affix, literal=True)
    if style.group:
        bare = bare.str.replace_all(BLANK if style.group == "blank" else "\\" + style.group, "")
    if style.decimal == ",":
        bare = bare.str.replace(",", ".", literal=True)
    values = bare.cast(pl.Float64, strict=False)
    return values.to_frame("v").select(pl.when(fits).then(pl.col("v")).alias(texts.name)).to_series()


def has_leading_zero(texts: pl.Series) -> bool:
    """Whether a text is a number with a zero in front, which only a code has."""
    return bool(texts.str.contains(r"^\s*[+-]?0\d").any())


def is_too_long(texts: pl.Series, values: pl.Series) -> bool:
    """Whether a text is an integer beyond 2**53, which no floating-point number holds exactly."""
    top = values.abs().max()
    if top is None or not float(top) > EXACT:  # type: ignore[arg-type]
        return False
    return bool(texts.str.contains(r"^\s*[+-]?\d{16,}\s*$").any())
