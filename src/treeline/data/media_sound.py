"""One sound file as samples: always the same conversion, in training and in prediction.

Channels are averaged, samples that are no numbers become 0, other rates are resampled to 16 kHz by a polyphase filter. Files are
decoded in blocks. Of what is longer than thirty seconds, three windows of ten are heard: the beginning, the middle and the end.
"""

from __future__ import annotations

import math
import struct
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from treeline.data.media_image import Unreadable
from treeline.data.open_file import sort_of

if TYPE_CHECKING:
    from treeline.problem.metric import Array

__all__ = ["HZ", "MAX_SECONDS", "WINDOWS", "look", "samples"]

HZ = 16_000
MAX_SECONDS, WINDOWS = 30, 3
FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "MPEG")
MAX_HZ = 384_000
MIN_HZ = 1_000
BLOCK = 1 << 18
"Values decoded at a time."
SILENT = 1e-4
FULL = 0.9999
_NOTHING = np.zeros(0, np.float32)
OPEN_END = 0x7FFF0000
"A WAV that was written into a pipe says that it has more bytes than this."


def look(stream: IO[bytes]) -> dict[str, Any]:
    """Return `size` [samples at 16 kHz, thirty seconds at most]; no sample is decoded.

    Raises:
        Unreadable: it is no such sound.
    """
    with _opened(stream) as sound:
        return {"size": [min(MAX_SECONDS * HZ, math.ceil(max(0, sound.frames) * HZ / sound.samplerate))]}


def samples(stream: IO[bytes], size: tuple[int]) -> tuple[Array, list[str]]:
    """Return the sound (t,) int16 with t up to `size[0]`, and words for what was found and done.

    Raises:
        Unreadable: it is no such sound, is damaged, or has no samples.
    """
    done = []
    with _opened(stream) as sound:
        rate = sound.samplerate
        wanted = min(MAX_SECONDS * rate, math.ceil(size[0] * rate / HZ))
        long = sound.frames > wanted
        whole, broken = (
            _windows(sound, wanted // WINDOWS) if long and size[0] == MAX_SECONDS * HZ else (_NOTHING, False)
        )
        if len(whole):
            done.append(f"heard in {WINDOWS} windows of {MAX_SECONDS // WINDOWS} s")
        else:
            whole, broken = _mono(sound, wanted)
            done += [f"cut after {size[0] / HZ:g} s"] if long else []
    if not len(whole):
        raise Unreadable("no samples", "has no samples")
    if broken:
        done.append("samples that are no numbers set to 0")
    if np.abs(whole).max() < SILENT:
        done.append("silent")
    if (np.abs(whole) >= FULL).mean() > 0.001:
        done.append("clipped at full scale")
    if rate != HZ:
        from scipy.signal import resample_poly

        common = math.gcd(rate, HZ)
        whole = resample_poly(whole, HZ // common, rate // common)
        done.append(f"resampled from {rate} Hz")
    return np.clip(np.round(whole[: size[0]] * 32768.0), -32768, 32767).astype(np.int16), done


def _windows(sound: Any, length: int) -> tuple[Array, bool]:
    """Return `WINDOWS` windows of `length` frames one after the other, evenly spaced from the beginning to the end.

    Nothing where the file is shorter than its header says: then it is read from its beginning on.
    """
    parts = []
    try:
        for start in np.linspace(0, sound.frames - length, WINDOWS).astype(np.int64):
            sound.seek(int(start))
            parts.append(_mono(sound, length))
    except RuntimeError:
        sound.seek(0)
        return _NOTHING, False
    return np.concatenate([wave for wave, _ in parts]), any(broken for _, broken in parts)


def _mono(sound: Any, wanted: int) -> tuple[Array, bool]:
    """Return up to `wanted` frames, averaged over channels, (t,) float32, and whether some were no numbers."""
    parts, got, broken = [], 0, False
    while got < wanted:
        block = sound.read(min(wanted - got, max(1, BLOCK // sound.channels)), dtype="float32", always_2d=True)
        if not len(block):
            break
        bad = ~np.isfinite(block)
        if bad.any():
            broken, block[bad] = True, 0.0
        parts.append(block.mean(axis=1))
        got += len(block)
    return np.concatenate(parts) if parts else _NOTHING, broken


def _opened(stream: IO[bytes]) -> Any:
    """Open a sound of an allowed format; only its header is read."""
    import soundfile

    head = stream.read(4096)
    if not head:
        raise Unreadable("empty file", "is empty")
    size = stream.seek(0, 2)
    stream.seek(0)
    if head[:4] == b"RIFF" and len(head) >= 8:
        promised = struct.unpack("<I", head[4:8])[0] + 8
        if size + 1 < promised < OPEN_END:
            raise Unreadable("cut short", f"is cut short: {size} bytes of {promised}")
    if (head[:3] == b"ID3" or head[:1] == b"\xff") and "MP3" not in soundfile.available_formats():
        raise Unreadable("no decoder for MP3", 'needs a newer decoder for MP3: pip install -U "soundfile>=0.12"')
    try:
        sound = soundfile.SoundFile(stream)
    except RuntimeError as error:
        sort = sort_of(head)
        what = "no known format" if sort == "text" else sort
        raise Unreadable("no readable sound", f"holds {what} ({str(error).rpartition(': ')[2].strip()})") from None
    if sound.format not in FORMATS:
        raise Unreadable("a format that is not read", f"has the format {sound.format}")
    if not MIN_HZ <= sound.samplerate <= MAX_HZ:
        raise Unreadable("an impossible rate", f"says {sound.samplerate} samples a second")
    return sound
