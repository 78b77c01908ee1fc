"""A delivered model of speech: the name and digest of pretrained weights, which stay where they are.

OUT/bundle/transcriber.json      folder and SHA-256 of the weights, the column of sounds
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.deep.frozen import here
from treeline.candidates.speech import Speech, speech_model
from treeline.contest.ledger import durable
from treeline.data.column import Kind
from treeline.data.media_sound import HZ, MAX_SECONDS
from treeline.deliver.runtime import Model, load
from treeline.errors import DataError, IntegrityError, shown
from treeline.problem.metric import Array

if TYPE_CHECKING:
    import polars as pl

__all__ = ["NAME", "Spoken", "check_lengths", "open_bundle", "write_spoken"]

NAME = "transcriber.json"


def open_bundle(folder: str | Path) -> Model | Spoken:
    """Load whatever model a bundle holds; raises as `runtime.load` and `Spoken.load`."""
    return Spoken.load(folder) if (Path(folder) / NAME).exists() else load(folder)


def write_spoken(bundle: Path, *, folder: str, sha256: str, column: Mapping[str, Any]) -> None:
    """Write the bundle of a model whose weights lie in `folder`; `column` is the one of sounds, see `Column.to_json`."""
    with durable(bundle / NAME) as path:
        path.write_text(json.dumps({"folder": folder, "sha256": sha256, "column": column}, ensure_ascii=False))


def check_lengths(how: str, names: Sequence[str], sounds: Array, where: str) -> None:
    """Refuse clips that were not heard as a whole.

    Args:
        how: what was done to the files, as `Decoded.how` says it.
        names: of the n files.
        sounds: (n, T) int16.
        where: the source.

    Raises:
        DataError: a clip is too long.
    """
    if "heard in" not in how:
        return
    full = np.flatnonzero(sounds[:, -HZ:].any(axis=1)).tolist()
    listed = ", ".join(shown(names[row], 60) for row in full[:5])
    raise DataError(
        f"Clips for transcription may last {MAX_SECONDS} s; some are longer (of these: {listed}{', …' if full[5:] else ''}).",
        where=where,
        do="Cut them where nobody speaks, with their transcripts.",
    )


@dataclass(slots=True, kw_only=True)
class Spoken:
    """A model of speech ready to use."""

    speech: Speech
    column: dict[str, Any]
    problems: dict[str, int] = field(default_factory=dict)
    "Nothing is ever odd but unreadable files, and these are refused."

    @classmethod
    def load(cls, bundle: str | Path) -> Spoken:
        """Open a bundle.

        Raises:
            IntegrityError: it was changed, or the weights are others.
            SetupError: the weights are not here.
        """
        path = Path(bundle) / NAME
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            folder, sha256, column = str(told["folder"]), str(told["sha256"]), dict(told["column"])
        except (ValueError, KeyError, TypeError):
            raise IntegrityError(
                "It is not what Treeline wrote.", where=str(path), do="Run the same command anew."
            ) from None
        return cls(speech=speech_model(here(folder, sha256)), column=column)

    def predict(self, source: Any) -> Array:
        """Return the transcripts (n,) of sounds: a folder, a zip, or a table with the column of paths.

        Raises:
            DataError: the source or a file cannot be read, or a clip is too long.
        """
        return np.array(self.predict_frame(source)["prediction"].to_list(), dtype=object)

    def predict_frame(self, source: Any) -> pl.DataFrame:
        """Return a frame with the paths and `prediction`; see `predict`."""
        import polars as pl

        from treeline.data.conform import conform
        from treeline.data.media import decode_files, refuse_bad

        frame, found = conform(source, [self.column])
        name = str(self.column["name"])
        paths = frame[name].to_list()
        sounds = decode_files(paths, Kind.SOUND, root=found.root)
        refuse_bad(paths, sounds, root=found.root)
        check_lengths(sounds.how, paths, sounds.array, found.root or ".")
        said = [text for texts in self._texts(sounds.array) for text in texts]
        return pl.DataFrame({name: frame[name], "prediction": pl.Series(said, dtype=pl.String)})

    def _texts(self, sounds: Array) -> Iterator[list[str]]:
        for start in range(0, len(sounds), self.speech.batch):
            yield self.speech(np.asarray(sounds[start : start + self.speech.batch]))
