"""Where the files of images and sounds lie: below a folder or inside a zip, and never anywhere else."""

from __future__ import annotations

import os
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from treeline.data.column import Kind
from treeline.data.open_file import FLOOR, RATIO
from treeline.errors import DataError

__all__ = ["MAX_BYTES", "SUFFIXES", "Place", "is_clutter", "kind_of", "open_place", "open_zip"]

MAX_BYTES = 256 << 20
"A larger file is not opened."
SUFFIXES = {
    Kind.IMAGE: (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    Kind.SOUND: (".wav", ".flac", ".ogg", ".oga", ".mp3"),
}
ENDS = {suffix: kind for kind, suffixes in SUFFIXES.items() for suffix in suffixes}
CLUTTER = ("__MACOSX", "Thumbs.db", "desktop.ini")


def kind_of(name: str) -> Kind | None:
    """Return what the suffix of a file name says: an image, a sound or neither."""
    return ENDS.get(PurePosixPath(name).suffix.lower())


def is_clutter(name: str) -> bool:
    """Whether a path is hidden or one that systems strew about, such as `__MACOSX` or `Thumbs.db`."""
    return any((part.startswith(".") and part != "..") or part in CLUTTER for part in PurePosixPath(name).parts)


@dataclass(slots=True)
class Place:
    """The folder or zip below which paths lie."""

    root: Path
    members: dict[str, zipfile.ZipInfo] | None = None
    "Of a zip."
    real: str = ""
    _folders: dict[str, bool] = field(default_factory=dict)
    "Folders that were looked at, and whether they lie inside."

    def refusal(self, name: str) -> str:
        """Return why the file of that path is not opened; empty where it may be."""
        path = PurePosixPath(name)
        if not name.isascii() and name != name.encode(errors="replace").decode():
            return "has a name that is no UTF-8"
        if path.is_absolute() or (name[1:2] == ":" and name[:1].isalpha()):
            return "is an absolute path"
        if ".." in path.parts or "\0" in name:
            return "leads out of its folder"
        return self._in_zip(name) if self.members is not None else self._in_folder(name)

    def _in_zip(self, name: str) -> str:
        member = (self.members or {}).get(name)
        if member is None or member.is_dir():
            return "is not in the zip"
        if stat.S_ISLNK(member.external_attr >> 16):
            return "is a link"
        if member.flag_bits & 1:
            return "is locked with a password"
        return _size(member.file_size)

    def _in_folder(self, name: str) -> str:
        path = os.path.join(self.real, name)
        folder = os.path.dirname(path)
        try:
            if folder not in self._folders:
                self._folders[folder] = self._inside(folder)
            found = os.lstat(path)
            if stat.S_ISLNK(found.st_mode):
                found = os.stat(path)
                if not self._inside(path):
                    return "is a link that leads out of its folder"
        except (OSError, ValueError):
            return "does not exist"
        if not self._folders[folder]:
            return "leads out of its folder through a link"
        return _size(found.st_size) if stat.S_ISREG(found.st_mode) else "is no regular file"

    def _inside(self, path: str) -> bool:
        return os.path.join(os.path.realpath(path), "").startswith(os.path.join(self.real, ""))

    def listing(self) -> tuple[list[str], list[str], list[str]]:
        """Return all files, the folders, and the links to folders, which nobody follows; sorted paths below the root."""
        if self.members is not None:
            names = sorted(name for name, member in self.members.items() if not member.is_dir())
            folders = {name.rstrip("/") for name, member in self.members.items() if member.is_dir()}
            folders |= {str(parent) for name in names for parent in PurePosixPath(name).parents if str(parent) != "."}
            return names, sorted(folders), []
        files, folders_, links = [], [], []
        for here, inside, names_ in os.walk(self.real):
            below = os.path.relpath(here, self.real)
            prefix = "" if below == "." else below.replace(os.sep, "/") + "/"
            files += [prefix + name for name in names_]
            linked = {name for name in inside if os.path.islink(os.path.join(here, name))}
            links += [prefix + name for name in linked]
            folders_ += [prefix + name for name in inside if name not in linked]
        return sorted(files), sorted(folders_), sorted(links)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file that was not refused.

        Raises:
            DataError: it cannot be read.
        """
        try:
            if self.members is None:
                return (Path(self.real) / name).read_bytes()
            with open_zip(self.root) as archive:
                return archive.read(name)
        except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
            raise DataError(f"{name} cannot be read ({error}).", where=str(self.root), do="Fetch it again.") from None


def open_zip(path: str | Path) -> zipfile.ZipFile:
    """Open a zip whose names are as their owner wrote them.

    Some systems write UTF-8 without saying so, and some part folders by backslashes.
    """
    try:
        archive = zipfile.ZipFile(path, metadata_encoding="utf-8")
    except UnicodeDecodeError:
        archive = zipfile.ZipFile(path)
    listed = archive.infolist()
    if any("\\" in one.filename for one in listed) and not any("/" in one.filename for one in listed):
        for one in listed:
            one.filename = one.filename.replace("\\", "/")
            archive.NameToInfo[one.filename] = one
    return archive


def _size(size: int) -> str:
    return f"has {size >> 20} MiB, more than {MAX_BYTES >> 20}" if size > MAX_BYTES else ""


def open_place(root: str | Path) -> Place:
    """Return the place: a zip's directory is read, nothing else; an empty root is the current folder.

    Raises:
        DataError: the zip is damaged or a bomb, or two of its files share a name.
    """
    path = Path(root or ".")
    if not path.is_file():
        return Place(path, real=os.path.realpath(path))
    try:
        with open_zip(path) as archive:
            listed = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(
            f"The zip file is cut short or damaged ({error}).", where=str(path), do="Fetch it again."
        ) from None
    cap = max(FLOOR, RATIO * path.stat().st_size)  # files are read one by one, so memory does not matter
    total = sum(member.file_size for member in listed)
    if total > cap:
        raise DataError(
            f"The zip file unpacks to {total >> 20} MiB, more than {cap >> 20}, which no honest one does.",
            where=str(path),
            do="Unpack it yourself if you trust it.",
        )
    members = {member.filename: member for member in listed}
    if len(members) < len(listed):
        raise DataError("Two files in the zip share a name.", where=str(path), do="Pack it anew.")
    return Place(path, members)
