"""Transcription: how many words of clips with known transcripts a pretrained model gets wrong. No contest, and that is said.

What was heard goes into the same ledger as trials do, so a stopped run goes on where it was; what is told is made from it.
"""

from __future__ import annotations

import datetime
import time
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from treeline.candidates.encoders import digest
from treeline.candidates.media import ended
from treeline.candidates.speech import Speech, speech_model
from treeline.candidates.weights import find_weights
from treeline.contest.ledger import VERSION, Ledger
from treeline.contest.sessions import begin
from treeline.data.column import Kind
from treeline.data.media_sound import HZ
from treeline.deliver.spoken import check_lengths, write_spoken
from treeline.errors import DataError, SetupError, UsageError, nearest, shown
from treeline.problem.task import TRANSCRIPTION
from treeline.report.privacy import without_secrets
from treeline.report.transcript import tell_transcripts
from treeline.session import opened, stopped_by_signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from treeline.data.dataset import Dataset
    from treeline.problem.settings import Settings

__all__ = ["transcribe"]

ENDING_S = 1.5


def transcribe(
    dataset: Dataset, settings: Settings, folder: Path, *, origin: float, notify: Callable[..., None], command: str
) -> None:
    """Hear the clips in random order until all are heard or the time is over, then tell the verdict.

    Raises:
        DataError: there are no sounds, no transcripts, or clips that are too long.
        SetupError: there is no model of speech.
        IntegrityError: the run was begun with other data or settings.
    """
    target = str(settings.target)
    sounds = _sounds(dataset, target)
    if settings.group and settings.group not in dataset.names:
        raise UsageError(
            f"There is no column {shown(settings.group)} to group by: {nearest(settings.group, dataset.names)}",
            where=dataset.source,
            do="Name it with --group.",
        )
    names = dataset.frame[sounds].to_list()
    check_lengths(dataset.how.get(f"sounds of {sounds}", ""), names, dataset.media[sounds], dataset.source)
    found = find_weights(settings.pretrained, "speech")
    if not found.folder:
        raise SetupError(f"Transcription needs a pretrained model of speech: {found.reason}.", do=found.install)
    speech = speech_model(found.folder)
    with opened(folder, dataset, settings) as ledger:
        if not ledger.head:
            ledger.append("head", **_head(dataset, settings, sounds, found.folder))
        begin(ledger, limit_s=settings.seconds, command=without_secrets(command))
        signal = _hear(ledger, dataset, speech, settings=settings, origin=origin, notify=notify)
        used = sum(stop["session_s"] for stop in ledger.of_kind("stop")) + time.monotonic() - origin
        ledger.append("stop", why="stopped" if signal else "finished", session_s=round(time.monotonic() - origin, 3),
                      used_s=round(used, 3), signal=signal, command=command)  # fmt: skip
        write_spoken(
            folder / "bundle", folder=found.folder, sha256=digest(found.folder), column=dataset.column(sounds).to_json()
        )
        tell_transcripts(ledger)


def _sounds(dataset: Dataset, target: str) -> str:
    """Return the column of sounds; the target must hold texts."""
    sounds = [column.name for column in dataset.columns if column.kind is Kind.SOUND]
    if not sounds:
        raise DataError(
            "There is no column of sounds to transcribe.", where=dataset.source,
            do="Give a folder or zip of clips with metadata.csv (file_name,transcript), or a CSV with a column of paths.",
        )  # fmt: skip
    if target in sounds:
        raise UsageError(
            f"The target {shown(target)} holds sounds.", do="Name the column of transcripts with --target."
        )
    if not (dataset.frame[target].drop_nulls().str.strip_chars().str.len_chars() > 0).any():
        raise DataError("There is no transcript.", where=f"{dataset.source}::{target}", do="Name another --target.")
    return sounds[0]


def _head(dataset: Dataset, settings: Settings, sounds: str, folder: str) -> dict[str, Any]:
    return {
        "version": VERSION,
        "treeline": version("treeline"),
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "problem": {"task": TRANSCRIPTION, "target": settings.target, "group": settings.group},
        "dataset": {
            "source": dataset.source, "fingerprint": dataset.fingerprint, "rows": len(dataset), "sounds": sounds,
            "records": dataset.records.to_json(), "how": dataset.how,
        },
        "settings": settings.identity(),
        "budget": {"limit_s": settings.seconds},
        "model": {"name": Path(settings.pretrained or folder).name, "sha256": digest(folder)},
    }  # fmt: skip


def _hear(
    ledger: Ledger, dataset: Dataset, speech: Speech, *, settings: Settings, origin: float, notify: Callable[..., None]
) -> int:
    """Hear what is not heard yet, batch by batch; return the number of the signal that stopped it, or 0."""
    target, sounds = str(settings.target), str(ledger.head["dataset"]["sounds"])
    truth = dataset.frame[target]
    known = np.flatnonzero(truth.is_not_null().to_numpy() & (truth.str.len_chars() > 0).fill_null(False).to_numpy())
    order = np.random.default_rng(settings.seed).permutation(known)
    done = {row for fact in ledger.of_kind("heard") for row in fact["rows"]}
    left = np.array([row for row in order if int(row) not in done], dtype=np.int64)
    spent = sum(stop["session_s"] for stop in ledger.of_kind("stop"))
    end, slowest = origin + settings.seconds - spent - ENDING_S, 0.0
    notify("stage", text=f"hearing {len(left):,} clips")
    # The first clip alone tells how long one takes.
    cuts = sorted({0, *range(1, len(left), speech.batch), len(left)})
    with stopped_by_signals() as stop:
        for start, until in pairwise(cuts):
            began, cpu = time.monotonic(), time.process_time()
            if stop.number or began + slowest * (until - start) > end:
                break
            rows = left[start:until]
            waves = np.asarray(dataset.media[sounds][rows])
            said = speech(waves)
            slowest = max(slowest, (time.monotonic() - began) / len(rows))
            ledger.append(
                "heard",
                rows=rows.tolist(),
                said=said,
                true=truth[rows].to_list(),
                file=dataset.frame[sounds][rows].to_list(),
                group=dataset.frame[settings.group][rows].cast(str).to_list() if settings.group else [],
                sound_s=[round(len(ended(wave)) / HZ, 2) for wave in waves],
                cpu_s=round(time.process_time() - cpu, 3),
                wall_s=round(time.monotonic() - began, 3),
            )
    return stop.number
