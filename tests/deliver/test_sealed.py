"""A sealed folder: nothing in it can change unseen, and it appears complete or not at all (rows M1, M3, M6, M7, K4, D1)."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeline.deliver import sealed
from treeline.deliver.bundle import write_bundle
from treeline.deliver.runtime import load
from treeline.deliver.sealed import open_sealed, strict_json
from treeline.errors import IntegrityError, SetupError

OVERLAP = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'


@pytest.fixture
def bundle(tmp_path: Path, contents: Callable[..., Any]) -> Path:
    write_bundle(tmp_path / "model", contents())
    return tmp_path / "model"


def sign_again(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """What an attacker can do: change the manifest and give it a fitting digest."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    raw = json.dumps(change(manifest) or manifest).encode()
    (folder / "manifest.json").write_bytes(raw)
    (folder / "manifest.sha256").write_text(f"{hashlib.sha256(raw).hexdigest()}  manifest.json\n")


def replace_file(folder: Path, name: str, raw: bytes) -> None:
    """Put other bytes in a file and sign for them."""
    (folder / name).write_bytes(raw)
    entry = [len(raw), hashlib.sha256(raw).hexdigest()]
    sign_again(folder, lambda m: m["files"].__setitem__(name, entry))


def test_any_flipped_byte_is_refused_by_name(bundle: Path) -> None:
    rng = np.random.default_rng(0)
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    assert len(files) == 9
    for _ in range(300):
        path = files[rng.integers(len(files))]
        raw = bytearray(path.read_bytes())
        raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        kept = path.read_bytes()
        path.write_bytes(raw)
        with pytest.raises(IntegrityError) as caught:
            open_sealed(bundle)
        named = "manifest.json" if path.name == "manifest.sha256" else path.name
        assert named in str(caught.value) and caught.value.exit_code == 6
        path.write_bytes(kept)
    assert open_sealed(bundle)[0]["protocol"] == 1


def test_files_added_removed_cut_or_linked_are_refused(bundle: Path) -> None:
    for name in ("model.pkl", "weights/0-9.safetensors", ".hidden"):
        (bundle / name).write_bytes(b"\x80\x04.")
        with pytest.raises(IntegrityError, match=r"does not belong"):
            load(bundle)
        (bundle / name).unlink()
    for path in [path for path in bundle.rglob("*") if path.is_file()]:
        raw = path.read_bytes()
        path.unlink()
        with pytest.raises(IntegrityError, match=path.name):
            load(bundle)
        path.write_bytes(raw[:-1])
        with pytest.raises(IntegrityError):
            load(bundle)
        path.unlink()
        (bundle.parent / path.name).write_bytes(raw)
        path.symlink_to(bundle.parent / path.name)
        with pytest.raises(IntegrityError, match="link"):
            load(bundle)
        path.unlink()
        path.write_bytes(raw)
    load(bundle)


def test_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="no such folder"):
        load(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        load(tmp_path / "empty")


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m | {"protocol": 2},
        lambda m: m | {"protocol": True},
        lambda m: m | {"more": 1},
        lambda m: {k: v for k, v in m.items() if k != "created"},
        lambda m: m | {"files": {**m["files"], "../../etc/passwd": [1, "0" * 64]}},
        lambda m: m | {"files": {**m["files"], "/etc/passwd": [1, "0" * 64]}},
        lambda m: m | {"files": {**m["files"], "weights/9-9.safetensors": [-1, "0" * 64]}},
        lambda m: m | {"files": {**m["files"], "weights/9-9.safetensors": [10, "0" * 64]}},
        lambda m: m | {"files": {}},
        lambda m: m | {"format": "other"},
        lambda m: [m],
    ],
)
def test_a_tricky_manifest_is_refused(bundle: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    sign_again(bundle, change)
    with pytest.raises(IntegrityError):
        load(bundle)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b"[" * 200_000,
        b"\xff\xfe",
        b"9" * 5000,
        b"",
        b'{"a": 1}' + b" " * 100,
    ],
)
def test_json_is_strict(raw: bytes) -> None:
    with pytest.raises(IntegrityError):
        strict_json(raw, where="x.json", most=100 if raw.endswith(b" ") else 10**7)


def test_plain_json_is_read() -> None:
    assert strict_json('{"a": [1, null, "é"]}'.encode(), where="x.json") == {"a": [1, None, "é"]}


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("features.safetensors", (2**40).to_bytes(8, "little") + b"{}"),
        ("features.safetensors", (200 * 2**20).to_bytes(8, "little") + b"{" * 1000),
        (
            "weights/0-0.safetensors",
            len(OVERLAP).to_bytes(8, "little") + OVERLAP + bytes(8),
        ),
        ("weights/0-0.safetensors", b""),
        ("model.json", b'{"members": [], "target_transform": "none"}'),
        (
            "model.json",
            b'{"members": [{"card": "tiny", "weight": 1, "weights": ["../x"]}], "target_transform": "none"}',
        ),
        ("model.json", b"[]"),
        ("schema.json", b'{"problem": {}, "columns": []}'),
        ("parity.json", b'{"rows": {}, "expected": [], "tolerance": 1}'),
        ("parity.json", b'{"rows": {"size": [1, "x"]}, "expected": [], "tolerance": 1}'),
    ],
)
def test_signed_nonsense_is_refused(bundle: Path, name: str, raw: bytes) -> None:
    replace_file(bundle, name, raw)
    with pytest.raises(IntegrityError):
        load(bundle)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["format", "protocol", "created", "versions", "files"]), JSON)
def test_any_other_manifest_value_is_refused_cleanly(tmp_path_factory: Any, key: str, value: Any) -> None:
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "model.json").write_bytes(b"{}")
    sealed.seal(folder, {})
    sign_again(folder, lambda m: m | {key: value})
    try:
        manifest, _ = open_sealed(folder)
    except IntegrityError:
        return
    assert (key == "created" and isinstance(value, str)) or (key == "versions" and isinstance(value, dict))
    assert manifest[key] == value


def test_a_bundle_may_be_moved_and_read_only(bundle: Path) -> None:
    moved = bundle.with_name("a name with spaces")
    bundle.rename(moved)
    for path in [*moved.rglob("*"), moved]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    assert load(moved).parity <= 1e-6
    for path in [moved, *moved.rglob("*")]:
        path.chmod(0o755)


KILLED = """
import os, pathlib, signal, sys
sys.path.insert(0, {here!r})
import conftest
from treeline.candidates import registry
registry.MODULES = ("tiny_linear",)
from treeline.deliver.bundle import write_bundle
given = conftest.make_contents(verdict={{"call": "NEW"}})
left = int(sys.argv[2])
def counted(real):
    def call(*args, **more):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real(*args, **more)
    return call
os.fsync = counted(os.fsync)
pathlib.Path.replace = counted(pathlib.Path.replace)
write_bundle(pathlib.Path(sys.argv[1]), given)
"""


@pytest.mark.parametrize("old", [False, True])
def test_killed_while_writing_leaves_the_old_one_or_none(
    tmp_path: Path, contents: Callable[..., Any], old: bool
) -> None:
    place = tmp_path / "model"
    script = tmp_path / "script.py"
    script.write_text(KILLED.format(here=str(Path(__file__).parent)))
    ended = set()
    for hook in [5, 11, 12, 13, 40] if old else [5, 11, 12, 40]:
        if old:
            write_bundle(place, contents(verdict={"call": "OLD"}))
        done = subprocess.run([sys.executable, str(script), str(place), str(hook)], check=False, capture_output=True)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
        ended.add(done.returncode)
        if old or done.returncode == 0 or place.exists():
            assert load(place).verdict["call"] in {"OLD", "NEW"}
        else:
            with pytest.raises(IntegrityError):
                load(place)
    assert ended == {0, -signal.SIGKILL}
    write_bundle(place, contents())
    assert sorted(os.listdir(tmp_path)) == ["model", "script.py"]


def test_a_full_disk_is_said_and_leaves_nothing(
    tmp_path: Path, contents: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SetupError, match=r"disk is full: [\d,]+ bytes were needed, [\d,]+ are free"):
        write_bundle(tmp_path / "model", contents())
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr("treeline.candidates.registry.MODULES", ("tiny_linear",))
    write_bundle(tmp_path / "model", contents())
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_file_in_the_way_is_said(tmp_path: Path, contents: Callable[..., Any]) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SetupError):
        write_bundle(tmp_path / "file" / "model", contents())
