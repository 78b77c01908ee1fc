"""How fast files become features: CPU seconds, children included, for small images, sounds and embedded texts.

    python bench/throughput.py [--pretrained FOLDER]

Files of the data folder are decoded by the product's own door, then every feature of the classical side is made once. With the
folder of a sentence encoder the same texts are embedded by Treeline and by sentence-transformers, in turn.
"""

from __future__ import annotations

import argparse
import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from measure import append, markdown
from tables import DATA

from treeline.candidates.classical.audio import convolutions, statistics
from treeline.candidates.classical.pictures import coarse_gradients, colours, gradients, textures
from treeline.candidates.encoders import pretrained
from treeline.candidates.spectra import log_mel
from treeline.data.column import Kind
from treeline.data.media import decode_files

IMAGES, SOUNDS, TEXTS = (
    "images/fashion_mnist_10k.zip",
    "audio/free_spoken_digits.zip",
    "text/movie_review_sentences.csv",
)
ROUNDS, SENTENCES = 3, 1024


def spent(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what `work` returns, its CPU seconds with those of children, and its wall seconds."""

    def cpu() -> float:
        return sum(
            one.ru_utime + one.ru_stime
            for one in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )

    began, wall = cpu(), time.perf_counter()
    made = work()
    return made, cpu() - began, time.perf_counter() - wall


def files(source: Path, kind: Kind, makers: dict[str, Callable[[Any], Any]]) -> list[list[Any]]:
    """Return a line for decoding, one for each feature, and one for all of it."""
    with zipfile.ZipFile(source) as archive:
        names = [name for name in archive.namelist() if not name.endswith(("/", ".csv"))]
    found, cpu, wall = spent(lambda: decode_files(names, kind, root=str(source)))
    lines, total = [["decode, children included", cpu, wall]], cpu
    for name, make in makers.items():
        _, cpu, wall = spent(
            lambda make=make: [make(np.asarray(found.array[k : k + 256])) for k in range(0, len(names), 256)]
        )
        lines.append([name, cpu, wall])
        total += cpu
    lines.append(["all of it", total, sum(line[2] for line in lines)])
    return [
        [f"{len(names):,} {kind}s", what, round(cpu, 2), round(len(names) / cpu), round(len(names) / wall)]
        for what, cpu, wall in lines
    ]


def embedding(folder: str, data: Path) -> list[list[Any]]:
    """Return a line for each of the two embedders: the quickest of the rounds, taken in turn."""
    from sentence_transformers import SentenceTransformer

    texts = pl.read_csv(data / TEXTS)["text"].head(SENTENCES).to_list()
    longest = max(len(text.encode()) for text in texts)
    raw = np.stack([np.frombuffer(text.encode().ljust(longest, b"\0"), np.uint8) for text in texts])
    ours, theirs = pretrained(folder, "text"), SentenceTransformer(folder)
    quickest = {"Treeline": np.inf, "sentence-transformers": np.inf}
    for _ in range(ROUNDS):
        mine, cpu, _ = spent(lambda: ours.embed(raw))
        quickest["Treeline"] = min(quickest["Treeline"], cpu)
        other, cpu, _ = spent(lambda: theirs.encode(texts, batch_size=32, show_progress_bar=False))
        quickest["sentence-transformers"] = min(quickest["sentence-transformers"], cpu)
    print("largest difference of the vectors:", float(np.abs(mine - other).max()))
    return [
        [f"{SENTENCES:,} texts", f"embedded by {who}", round(cpu, 2), round(SENTENCES / cpu), "–"]
        for who, cpu in quickest.items()
    ]


def main() -> None:
    """Measure, and append the table to bench/RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pretrained", default="")
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    images = {"HOG": gradients, "HOG, coarse": coarse_gradients, "textures": textures, "colours": colours}
    sounds = {"statistics": statistics, "random convolutions": convolutions, "log-mel": log_mel}
    rows = files(given.data / IMAGES, Kind.IMAGE, images) + files(given.data / SOUNDS, Kind.SOUND, sounds)
    rows += embedding(given.pretrained, given.data) if given.pretrained else []
    append("From files to features", markdown(["what", "step", "CPU s", "a CPU second", "a wall second"], rows))


if __name__ == "__main__":
    main()
