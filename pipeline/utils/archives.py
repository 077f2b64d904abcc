"""Read zip and tar files of unknown origin: no path outside, no link, and never more bytes than were announced."""

import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from pipeline.utils.errors import BadInput
from pipeline.utils.files import require_space, size, space_for

MOST_BYTES = 500_000_000_000
"""Bytes that an archive may hold unpacked; ImageNet-1k needs 150 GB."""
MOST_MEMBERS = 5_000_000
LONGEST_NAME = 255
"""Bytes of a file's name, on every common disk."""
AGAIN = "download it again from where it is published"
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)
DAMAGED += (EOFError, RuntimeError, ValueError, OSError)
"""What reading an archive raises that is damaged, cut short or encrypted. A disk's OSError has a number."""


class Member(NamedTuple):
    """An entry of an archive: `kind` is "file", "folder" or "link" (also devices), `bytes` its size unpacked."""

    name: str
    kind: str
    bytes: int


Opener = Callable[[str], IO[bytes]]
"""Opens a file of an archive by its name."""


def unpack(archive: Path, folder: Path, most: int = MOST_BYTES) -> list[Path]:
    """Unpack a zip or tar file into a new `folder`; return the files' sorted paths.

    Everything is checked before the first file is written, and after an error nothing remains. Raises `BadInput` if
    the archive cannot be read, if a member is a link or lies outside, or if all of it is larger than `most` bytes or
    than what the disk has free.
    """
    if folder.exists():
        raise BadInput(f"{folder} exists; name a new folder for the content of {archive}")
    with opened(archive, most=most) as (members, open_member):
        require_space(folder, sum(member.bytes for member in members))
        try:
            with space_for(folder):
                folder.mkdir(parents=True)
                _write(members, open_member, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return sorted(folder / member.name for member in members if member.kind == "file")


@contextmanager
def opened(archive: Path, otherwise: str = AGAIN, most: int = MOST_BYTES) -> Iterator[tuple[list[Member], Opener]]:
    """Open a zip or tar file; yield its members and what opens one. Refuses what `unpack` refuses.

    `otherwise` says what to do about an archive that cannot be read.
    """
    if not archive.is_file():
        raise BadInput(f"{archive} is {'no file' if archive.exists() else 'missing'}; {otherwise}")
    with explained(archive, otherwise):
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                yield _zip(archive, file, most)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as file:
                yield _tar(archive, file, most)
        else:
            raise BadInput(f"{archive} is neither zip nor tar; {otherwise}")


@contextmanager
def explained(archive: Path, otherwise: str = AGAIN, at: str = "") -> Iterator[None]:
    """Raise `BadInput` instead of what reading a damaged archive raises; `at` names a member."""
    try:
        yield
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise BadInput(f"{archive} is damaged{at and f' at {at}'} ({error}); {otherwise}") from None


def _zip(archive: Path, file: zipfile.ZipFile, most: int) -> tuple[list[Member], Opener]:
    return checked(archive, map(_of_zip, file.infolist()), most), file.open


def _tar(archive: Path, file: tarfile.TarFile, most: int) -> tuple[list[Member], Opener]:
    members = checked(archive, map(_of_tar, file), most)  # reads no further than `most` allows
    infos = {info.name: info for info in file}
    return members, lambda name: file.extractfile(infos[name])


def checked(archive: Path, members: Iterable[Member], most: int = MOST_BYTES) -> list[Member]:
    """The members of `archive`. Raises `BadInput` unless each is a file or folder with a place of its own inside."""
    files: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    kept, total = [], 0
    for member in members:
        path = PurePosixPath(member.name)
        _check_place(archive, member, path)
        (files if member.kind == "file" else folders).add(path)
        folders.update(path.parents)
        kept.append(member)
        total += member.bytes
        if total > most or len(kept) > MOST_MEMBERS:
            raise BadInput(f"{archive} unfolds to more than {size(most)} or {MOST_MEMBERS:,} files; {AGAIN}")
    twice = next(iter(files & folders), None) or _twice(kept)
    if twice:
        raise BadInput(f"{archive} holds {str(twice)!r} twice; {AGAIN}")
    return kept


def _check_place(archive: Path, member: Member, path: PurePosixPath) -> None:
    name = member.name
    if path.is_absolute() or ".." in path.parts or "\\" in name or path.parts[:1] and path.parts[0].endswith(":"):
        raise BadInput(f"{archive} holds {name!r}, a path that leads outside; {AGAIN}")
    if member.kind == "link":
        raise BadInput(f"{archive} holds {name!r}, a link or a device; only files and folders are unpacked")
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > LONGEST_NAME or not path.parts and member.kind == "file":
        raise BadInput(f"{archive} holds {name[:80]!r}, which is no name of a file; {AGAIN}")


def _twice(members: list[Member]) -> PurePosixPath | None:
    seen: set[PurePosixPath] = set()
    for member in members:
        path = PurePosixPath(member.name)
        if member.kind == "file" and path in seen:
            return path
        seen.add(path)
    return None


def _write(members: list[Member], open_member: Opener, folder: Path) -> None:
    for name, kind, count in members:
        target = folder / name
        (target if kind == "folder" else target.parent).mkdir(parents=True, exist_ok=True)
        if kind == "file":
            with open_member(name) as source, target.open("xb") as file:
                shutil.copyfileobj(source, file)
                if file.tell() != count:
                    raise EOFError(f"{name} has {file.tell()} bytes, not {count}")


def _of_zip(info: zipfile.ZipInfo) -> Member:
    mode = stat.S_IFMT(info.external_attr >> 16)  # 0 if the zip was written where files have no mode
    known = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder"}
    return Member(info.filename, "folder" if info.is_dir() else known.get(mode, "link"), info.file_size)


def _of_tar(info: tarfile.TarInfo) -> Member:
    kind = "file" if info.isreg() else "folder" if info.isdir() else "link"
    return Member(info.name, kind, info.size)
