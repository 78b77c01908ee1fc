"""The items themselves, as plain data: examples of each class, what is confused with what, labels to look at."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from treeline.contest.items import CHARACTERS, Selection, select, select_numbers
from treeline.evidence.screening import operating_points
from treeline.problem.metric import Array
from treeline.problem.problem import Problem
from treeline.problem.task import Task

__all__ = ["items_of", "png"]


def items_of(problem: Problem, oof: Mapping[str, Any] | None, kept: Mapping[str, Array]) -> dict[str, Any] | None:
    """Return what the report tells of the items, or None where none were kept.

    Args:
        problem: what was asked.
        oof: `y` (m,), `prediction` (m,) or (m, C), and `index` (m,) among the rows with a target.
        kept: what `Ledger.items` returns.
    """
    if not kept or oof is None:
        return None
    if not problem.classes:
        return _numbers(oof, kept)
    y, prediction = np.asarray(oof["y"]).astype(np.int64), np.asarray(oof["prediction"], dtype=np.float64)
    chosen = select(y, prediction)
    p = np.stack([1 - prediction, prediction], axis=1) if prediction.ndim == 1 else prediction
    place = {int(position): k for k, position in enumerate(kept["index"])}

    def told(positions: Iterable[int]) -> list[dict[str, Any]]:
        return [
            _item(problem, kept, place[at], int(y[i]), p[i])
            for i, at in ((i, int(oof["index"][i])) for i in positions)
            if at in place
        ]

    finite = np.isfinite(p).all(axis=1)
    # nobody says which of two classes the test is for, so both are told
    tests = [(c, operating_points(y[finite] == c, p[finite, c])) for c in (1, 0) if problem.task is Task.BINARY]
    return {
        "kind": str(kept["kind"]),
        "column": str(kept["column"]),
        "screening": [
            {"label": problem.classes[c], "points": [point.to_json() for point in points]}
            for c, points in tests
            if points
        ],
        **_parts(problem, chosen, told, np.bincount(y[finite], minlength=len(problem.classes))),
    }


def _parts(problem: Problem, chosen: Selection, told: Any, count: Array) -> dict[str, Any]:
    names = problem.classes
    return {
        "examples": [{"label": names[c], "rows": int(count[c]), "items": told(found)} for c, found in chosen.examples],
        "confusions": [
            {"true": names[pair.true], "said": names[pair.said], "rows": pair.rows, "items": told(pair.shown)}
            for pair in chosen.confusions
        ],
        "suspects": told(chosen.suspects),
        "beyond_chance": chosen.beyond_chance,
    }


def _numbers(oof: Mapping[str, Any], kept: Mapping[str, Array]) -> dict[str, Any]:
    """Return the same of a target that is a number: examples from small to large, and the largest errors."""
    y, said = (np.asarray(oof[name], dtype=np.float64) for name in ("y", "prediction"))
    chosen = select_numbers(y, said)
    place = {int(position): k for k, position in enumerate(kept["index"])}

    def told(positions: Iterable[int]) -> list[dict[str, Any]]:
        at = [(i, place[int(oof["index"][i])]) for i in positions if int(oof["index"][i]) in place]
        return [{**_content(kept, k), "true": f"{y[i]:.4g}", "said": f"{said[i]:.4g}"} for i, k in at]

    return {
        "kind": str(kept["kind"]), "column": str(kept["column"]), "across": told(chosen.across), "errors": told(chosen.errors),
    }  # fmt: skip


def _item(problem: Problem, kept: Mapping[str, Array], k: int, true: int, p: Array) -> dict[str, Any]:
    said = int(p.argmax()) if len(p) > 2 else int(p[1] >= 0.5)
    return {**_content(kept, k), "true": problem.classes[true], "said": problem.classes[said], "p": float(p[said])}


def _content(kept: Mapping[str, Array], k: int) -> dict[str, Any]:
    """Return where an item comes from and what it looks like."""
    text = str(kept["text"][k]) if "text" in kept else ""
    return {
        "record": int(kept["row"][k]) + 1,
        "file": str(kept["name"][k]) if "name" in kept else "",
        "text": text if len(text) <= CHARACTERS else text[:CHARACTERS] + "…",
        "picture": b64encode(png(kept["picture"][k])).decode() if "picture" in kept else "",
    }


def png(picture: Array) -> bytes:
    """Return a picture (h, w, 1 or 3) uint8 as a PNG that holds its pixels and nothing else (RFC 2083)."""
    height, width, channels = picture.shape
    lines = np.zeros((height, 1 + width * channels), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = picture.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data)) for tag, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
