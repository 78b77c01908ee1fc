"""Files of images and sounds become arrays: the same conversion always, and no file can do harm."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from PIL import Image

from treeline.data import decoders, media
from treeline.data.ask import ask
from treeline.data.audit import audit
from treeline.data.column import Kind
from treeline.data.media import decode, decode_files
from treeline.data.media_image import Unreadable, look, pixels
from treeline.data.media_sound import HZ, samples
from treeline.data.read_table import read
from treeline.errors import DataError, SetupError

RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    size: tuple[int, ...]


def photo(height: int = 40, width: int = 60) -> np.ndarray:
    """Return a smooth picture (H, W, 3) with detail in every channel."""
    small = Image.fromarray(RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def stored(image: Image.Image, form: str, **more: object) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, form, **more)
    out.seek(0)
    return out


def wav(values: np.ndarray, rate: int = HZ, form: str = "WAV", subtype: str | None = None) -> io.BytesIO:
    out = io.BytesIO()
    soundfile.write(out, values, rate, format=form, subtype=subtype)
    out.seek(0)
    return out


def tone(seconds: float, rate: int = HZ) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def bomb(width: int, height: int) -> bytes:
    return png_header(width, height) + struct.pack(">I", 1 << 30) + b"IDAT" + zlib.compress(bytes(1 << 16))


def put(folder: Path, **files: bytes | io.BytesIO) -> list[str]:
    """Write files named like `a_png`, and return their names."""
    names = []
    for key, content in files.items():
        name = key.replace("_", ".")
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.getvalue())
        names.append(name)
    return names


# Images (I1-I4, I7)


def test_bad_images_cost_one_file_each(tmp_path: Path):
    jpeg = stored(Image.fromarray(photo(200, 200)), "JPEG").getvalue()
    png = bytearray(stored(Image.fromarray(photo()), "PNG").getvalue())
    png[60] ^= 0xFF
    names = put(
        tmp_path, a_png=stored(Image.fromarray(photo()), "PNG"), b_jpg=jpeg[: len(jpeg) // 2], c_png=bytes(png), d_png=b"",
        e_jpg=b"<html><body>404</body></html>", f_png=bomb(50_000, 50_000), g_jpg=b"%PDF-1.7 ...",
    )  # fmt: skip
    found = decode_files(names, Kind.IMAGE, root=str(tmp_path))
    assert sorted(found.bad) == [1, 2, 3, 4, 5, 6]
    assert "cut short" in found.bad[1][1]
    assert found.bad[3] == ("empty file", "is empty")
    assert "web page" in found.bad[4][1]
    assert found.bad[5][1] == "has 50000 x 50000 pixels, more than 50 million"
    assert "PDF" in found.bad[6][1]
    assert found.array.shape == (7, 40, 60, 3)
    assert np.array_equal(found.array[0], np.asarray(Image.open(tmp_path / "a.png")))


@pytest.mark.parametrize("size", [(50_000, 50_000), (1, 2**31 - 1), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_by_its_header_without_allocating(size: tuple[int, int]):
    tracemalloc.start()
    with pytest.raises(Unreadable, match="pixels, more than"):
        look(io.BytesIO(bomb(*size)))
    with pytest.raises(Unreadable, match="pixels, more than"):
        pixels(io.BytesIO(bomb(*size)), (8, 8, 3))
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


def test_formats_that_are_not_on_the_list_are_not_opened():
    for form in ("ICO", "PPM", "TGA"):
        with pytest.raises(Unreadable, match="holds no JPEG, PNG"):
            look(stored(Image.fromarray(photo()), form))


def test_every_sort_of_image_has_its_defined_conversion():
    rgb = photo()
    grey = rgb[..., :1]
    deep = Image.fromarray(grey[..., 0].astype(np.uint16) * 257)
    half = Image.fromarray(np.dstack([rgb, np.full(rgb.shape[:2], 128, np.uint8)]))
    cases = [
        (stored(Image.fromarray(rgb), "PNG"), rgb, 0),
        (stored(Image.fromarray(rgb), "WEBP", lossless=True), rgb, 0),
        (stored(Image.fromarray(rgb), "BMP"), rgb, 0),
        (stored(Image.fromarray(rgb), "TIFF", save_all=True, append_images=[Image.new("RGB", (60, 40))]), rgb, 0),
        (stored(deep, "PNG"), grey, 0),
        (stored(deep, "TIFF"), grey, 0),
        (stored(half, "PNG"), 255 - (255 - rgb.astype(int)) * 128 / 255, 1),
        (
            stored(Image.fromarray(rgb).quantize(200), "PNG"),
            np.asarray(Image.fromarray(rgb).quantize(200).convert("RGB")),
            0,
        ),
        (stored(Image.fromarray(rgb).convert("CMYK"), "TIFF"), rgb, 1),
        (stored(Image.fromarray(rgb[..., 0] > 99), "PNG"), np.where(grey > 99, 255, 0), 0),
    ]
    for stream, expected, off in cases:
        found = pixels(stream, rgb.shape)[0].astype(float)
        assert np.abs(found - np.broadcast_to(expected, rgb.shape)).max() <= off, stream.getvalue()[:8]


def test_animations_give_their_first_frame():
    frames = [Image.new("RGB", (12, 10), name) for name in ("red", "blue")]
    for form in ("GIF", "WEBP"):
        found, done = pixels(
            stored(frames[0], form, save_all=True, append_images=frames[1:], lossless=True), (10, 12, 3)
        )
        assert tuple(found[5, 5]) == pytest.approx((255, 0, 0), abs=3)
        assert done == ["first frame or page taken"]


def test_exif_turns_the_picture_and_its_size():
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = stored(Image.fromarray(photo()), "JPEG", quality=95, exif=exif)
    assert look(stream)["size"] == [60, 40]
    stream.seek(0)
    turned, done = pixels(stream, (60, 40, 3))
    stream.seek(0)
    plain = np.asarray(Image.open(stream))
    assert done == ["turned as EXIF says"]
    assert np.array_equal(turned, np.rot90(plain, -1))


def test_odd_shapes_are_resized_and_right_sizes_are_kept(tmp_path: Path):
    names = put(
        tmp_path,
        a_png=stored(Image.new("L", (1, 1), 9), "PNG"),
        b_png=stored(Image.new("L", (100_000, 1), 9), "PNG"),
        **{f"c{i}_png": stored(Image.fromarray(photo()[..., 0]), "PNG") for i in range(4)},
    )
    found = decode_files(names, Kind.IMAGE, root=str(tmp_path))
    assert found.bad == {}
    assert found.array.shape == (6, 40, 60, 1)
    assert (found.array[:2] == 9).all()
    assert np.array_equal(found.array[2, ..., 0], np.asarray(Image.open(tmp_path / names[2])))
    assert "resized: 2" in found.how


def test_grey_pictures_stored_in_colour_are_grey_again(tmp_path: Path):
    names = put(tmp_path, a_png=stored(Image.fromarray(photo()[..., :1].repeat(3, axis=2)), "PNG"))
    assert decode_files(names, Kind.IMAGE, root=str(tmp_path)).array.shape == (1, 40, 60, 1)


def test_large_pictures_shrink_to_64_pixels(tmp_path: Path):
    names = put(tmp_path, a_jpg=stored(Image.fromarray(photo(300, 600)), "JPEG"))
    assert decode_files(names, Kind.IMAGE, root=str(tmp_path)).array.shape == (1, 32, 64, 3)


def test_pictures_are_sharper_where_asked_and_less_so_where_there_are_many(tmp_path: Path, monkeypatch):
    names = put(tmp_path, **{f"p{k}_jpg": stored(Image.fromarray(photo(300, 600)), "JPEG") for k in range(4)})
    assert decode_files(names, Kind.IMAGE, root=str(tmp_path), largest=224).array.shape == (4, 112, 224, 3)
    monkeypatch.setattr("treeline.data.media.MOST", 4 * 3 * 100 * 100)
    assert decode_files(names, Kind.IMAGE, root=str(tmp_path), largest=224).array.shape == (4, 50, 100, 3)


def test_predicting_decodes_as_training_did(tmp_path: Path):
    names = put(
        tmp_path, a_png=stored(Image.fromarray(photo()), "PNG"), b_jpg=stored(Image.fromarray(photo(90, 90)), "JPEG")
    )
    trained = decode_files(names, Kind.IMAGE, root=str(tmp_path)).array
    again = decode(pl.DataFrame({"p": names}), [Column("p", "image", trained.shape[1:])], root=str(tmp_path))
    assert np.array_equal(again["p"], trained)
    with pytest.raises(DataError, match=r"1 of 2 files cannot be read: 'none.png' does not exist"):
        decode(pl.DataFrame({"p": [names[0], "none.png"]}), [Column("p", "image", (8, 8, 1))], root=str(tmp_path))


def test_paths_stay_below_their_root(tmp_path: Path):
    root, outside = tmp_path / "root", tmp_path / "out.png"
    (root / "in").mkdir(parents=True)
    outside.write_bytes(stored(Image.fromarray(photo()), "PNG").getvalue())
    put(root, a_png=outside.read_bytes())
    (root / "link.png").symlink_to(outside)
    (root / "inner.png").symlink_to(root / "a.png")
    (root / "way").symlink_to(tmp_path)
    os.mkfifo(root / "pipe.png")
    names = [
        "a.png",
        None,
        "none.png",
        str(outside),
        "../out.png",
        "in/../../out.png",
        "link.png",
        "way/out.png",
        "pipe.png",
    ]
    found = decode_files([*names, "inner.png", "C:\\a.png"], Kind.IMAGE, root=str(root))
    assert [found.bad.get(row, ("", ""))[1] for row in range(11)] == [
        "", "names no file", "does not exist", "is an absolute path", "leads out of its folder", "leads out of its folder",
        "is a link that leads out of its folder", "leads out of its folder through a link", "is no regular file", "",
        "is an absolute path",
    ]  # fmt: skip


def test_nothing_of_exif_is_kept(tmp_path: Path):
    exif = Image.Exif()
    exif[0x010E] = "CANARY-51.5N"
    names = put(tmp_path, a_jpg=stored(Image.fromarray(photo()), "JPEG", exif=exif))
    found = decode_files(names, Kind.IMAGE, root=str(tmp_path))
    assert b"CANARY" in (tmp_path / names[0]).read_bytes()
    assert b"CANARY" not in found.array.tobytes()
    assert "CANARY" not in found.how


# Sounds (A1-A5)


def test_bad_sounds_cost_one_file_each(tmp_path: Path):
    good = wav(tone(0.5)).getvalue()
    huge = bytearray(good)
    huge[40:44] = b"\xff\xff\xff\xff"
    negative = bytearray(good)
    negative[4:8], negative[40:44] = b"\xff\xff\xff\xff", b"\x00\x00\x00\x80"
    rate = bytearray(good)
    rate[24:28] = b"\xff\xff\xff\x7f"
    flac = wav(tone(3), form="FLAC").getvalue()
    names = put(
        tmp_path, a_wav=good, b_wav=good[:20], c_wav=good[: len(good) // 2], d_wav=b"", e_wav=b"<html>404", f_wav=bytes(rate),
        g_wav=wav(np.zeros(0)), h_wav=bytes(huge), i_wav=bytes(negative), j_flac=flac[: len(flac) // 3],
    )  # fmt: skip
    found = decode_files(names, Kind.SOUND, root=str(tmp_path))
    assert {1, 2, 3, 4, 5, 6, 9} <= set(found.bad)
    assert 0 not in found.bad
    assert "cut short" in found.bad[2][1]
    assert found.bad[3][1] == "is empty"
    assert "web page" in found.bad[4][1]
    assert "samples a second" in found.bad[5][1]
    assert found.bad[6][1] == "has no samples"
    assert found.array.shape[0] == 10
    assert found.array.shape[1] <= 10 * HZ


def test_silence_broken_samples_and_clipping_are_counted(tmp_path: Path):
    broken = tone(0.2).astype(np.float32)
    broken[10:20] = np.nan
    names = put(
        tmp_path, a_wav=wav(np.zeros(4000)), b_wav=wav(broken, subtype="FLOAT"), c_wav=wav(np.clip(9 * tone(0.2), -1, 1)),
    )  # fmt: skip
    found = decode_files(names, Kind.SOUND, root=str(tmp_path))
    assert found.bad == {}
    assert (found.array[0] == 0).all()
    assert (found.array[1, 10:20] == 0).all()
    assert found.array[1].any()
    for word in ("silent: 1", "samples that are no numbers set to 0: 1", "clipped at full scale: 1"):
        assert word in found.how


def test_sixteen_bit_sounds_come_back_exactly():
    values = RNG.integers(-32768, 32768, 1600).astype(np.int16)
    assert np.array_equal(samples(wav(values), (4000,))[0], values)


def test_rates_channels_and_codecs_become_one():
    expected = (tone(1) * 32768).round()
    for rate in (8000, 22_050, 44_100, 48_000):
        for form in ("WAV", "FLAC", "OGG", "MP3"):
            stereo = np.stack([2 * tone(1, rate) * 0.9, np.zeros(rate)], axis=1)
            found, done = samples(wav(stereo, rate, form), (HZ,))
            assert done[-1] == f"resampled from {rate} Hz"
            middle = slice(4000, 12_000)
            assert len(found) == pytest.approx(HZ, rel=0.1)
            if form != "MP3":  # whose frames are shifted
                assert np.corrcoef(found[middle], expected[middle])[0, 1] > 0.99


def test_a_long_clip_among_short_ones_is_heard_in_three_windows(tmp_path: Path):
    parts = [tone(20) * level for level in (0.1, 0.5, 1.0)]
    names = put(tmp_path, a_wav=wav(tone(1)), b_flac=wav(np.concatenate(parts).astype(np.float32), form="FLAC"))
    found = decode_files(names, Kind.SOUND, root=str(tmp_path))
    assert found.array.shape == (2, 30 * HZ)
    assert not found.array[0, HZ:].any()
    heard = np.abs(found.array[1].astype(np.float64)).reshape(3, -1).max(axis=1)
    np.testing.assert_allclose(heard / heard[2], [0.1, 0.5, 1.0], atol=0.01)
    assert "heard in 3 windows of 10 s: 1" in found.how


def test_a_header_that_promises_half_a_day_allocates_nothing(tmp_path: Path):
    flac = bytearray(wav(tone(0.5), form="FLAC").getvalue())
    at = 8 + 10  # of STREAMINFO: 20 bits rate, 3 channels, 5 bits, 36 frames
    packed = int.from_bytes(flac[at : at + 8], "big")
    flac[at : at + 8] = (packed >> 36 << 36 | 12 * 3600 * HZ).to_bytes(8, "big")
    names = put(tmp_path, a_flac=bytes(flac), b_wav=wav(tone(0.25)))
    found = decode_files(names, Kind.SOUND, root=str(tmp_path))
    assert 1 not in found.bad
    assert found.array.shape[1] <= 10 * HZ


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(media, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match=r"treeline\[audio\]"):
        decode_files(["a.wav"], Kind.SOUND, root=str(tmp_path))
    with pytest.raises(SetupError, match=r"treeline\[image\]"):
        decode_files(["a.png"], Kind.IMAGE, root=str(tmp_path))


def test_a_missing_decoder_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(soundfile, "available_formats", lambda: {"WAV": "", "FLAC": ""})
    with pytest.raises(Unreadable, match="pip install -U"):
        samples(wav(tone(1), form="MP3"), (HZ,))


# The children


CRASHING = """
import os, sys, time
from treeline.data import decoding
plain = decoding.media_image.pixels
def pixels(stream, size):
    if "crash" in os.path.basename(stream.name):
        os.abort()
    if "hang" in os.path.basename(stream.name):
        time.sleep(600)
    return plain(stream, size)
decoding.media_image.pixels = pixels
decoding.main()
"""


def test_a_child_that_dies_or_hangs_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = subprocess.Popen
    monkeypatch.setattr(decoders, "SILENCE_S", 3.0)
    monkeypatch.setattr(
        decoders.subprocess, "Popen", lambda args, **more: real([args[0], "-c", CRASHING, *args[4:]], **more)
    )
    image = stored(Image.fromarray(photo()), "PNG").getvalue()
    names = put(tmp_path, **{f"{name}_png": image for name in ("a", "crash", "b", "hang", "c")})
    found = decode_files(names, Kind.IMAGE, root=str(tmp_path))
    assert sorted(found.bad) == [1, 3]
    assert found.bad[1][1] == "ends the process that decodes it (SIGABRT)"
    assert found.bad[3][1] == "takes more than 3 s to be decoded"
    assert all(np.array_equal(found.array[row], found.array[0]) for row in (2, 4))


def test_decoding_works_from_a_script_without_a_guard(tmp_path: Path):
    names = put(tmp_path, a_png=stored(Image.fromarray(photo()), "PNG"))
    script = tmp_path / "script.py"
    script.write_text(
        "from treeline.data.media import decode_files\n"
        f"print(decode_files({names!r}, 'image', root={str(tmp_path)!r}).array.shape)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip() == "(1, 40, 60, 3)", done.stderr


def test_memory_and_seconds_of_a_child_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    greedy = CRASHING.replace("os.abort()", "bytearray(4 << 30)").replace("time.sleep(600)", "exec('while True: pass')")
    greedy = greedy.replace("decoding.main()", "decoding.MAX_CPU_S = 1\ndecoding.main()")
    real = subprocess.Popen
    monkeypatch.setattr(
        decoders.subprocess, "Popen", lambda args, **more: real([args[0], "-c", greedy, *args[4:]], **more)
    )
    image = stored(Image.fromarray(photo()), "PNG").getvalue()
    names = put(tmp_path, **{f"{name}_png": image for name in ("a", "crash", "hang")})
    found = decode_files(names, Kind.IMAGE, root=str(tmp_path))
    assert found.bad[1][0] == "needs too much memory"
    assert found.bad[2][1] == "ends the process that decodes it (SIGXCPU)"
    assert 0 not in found.bad


def test_a_list_of_absolute_paths_says_why_it_is_no_column_of_images(tmp_path: Path) -> None:
    for number in range(30):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(tmp_path / f"{number}.png")
    rows = [f"{tmp_path}/{number}.png,{'ab'[number % 2]}" for number in range(30)]
    (tmp_path / "list.csv").write_text("\n".join(["image,label", *rows]) + "\n")
    dataset = read(tmp_path / "list.csv")
    why = r"no input column is left.* is an absolute path\. Do: Give paths from the table's folder on"
    with pytest.raises(DataError, match=why):
        audit(dataset, ask(dataset, "label"))
