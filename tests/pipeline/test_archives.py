"""Archives of unknown origin: what is unpacked, and the sentence for each that is refused."""

import io
import shutil
import tarfile
import warnings
import zipfile
from pathlib import Path

import pytest

from pipeline.utils.archives import opened, unpack
from pipeline.utils.errors import BadInput

LINK = 0o120777 << 16
"""The mode of a symbolic link, as a zip holds it."""


def zipped(path: Path, *members: tuple[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings(action="ignore"):
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def tarred(path: Path, name: str, kind: bytes = tarfile.REGTYPE, target: str = "", content: bytes = b"1") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, target, len(content) if kind == tarfile.REGTYPE else 0
        archive.addfile(info, io.BytesIO(content))
    return path


def understated(path: Path) -> Path:
    """A zip whose member unfolds to a million bytes and says a thousand."""
    zipped(path, ("a", bytes(1_000_000)))
    path.write_bytes(path.read_bytes().replace((1_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    return path


def encrypted(path: Path) -> Path:
    content = bytearray(zipped(path, ("a", b"1")).read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    content[6] |= 1
    path.write_bytes(content)
    return path


def cut(path: Path) -> Path:
    path.write_bytes(tarred(path, "a", content=bytes(range(256)) * 100).read_bytes()[:-20])
    return path


REFUSED = {
    "zip: parent": (lambda p: zipped(p, ("../a", b"1")), "holds '../a', a path that leads outside"),
    "zip: parent inside": (lambda p: zipped(p, ("a/../../b", b"1")), "a path that leads outside"),
    "zip: absolute": (lambda p: zipped(p, ("/etc/a", b"1")), "a path that leads outside"),
    "zip: backslash": (lambda p: zipped(p, ("..\\a", b"1")), "a path that leads outside"),
    "zip: drive": (lambda p: zipped(p, ("C:/a", b"1")), "a path that leads outside"),
    "zip: link": (lambda p: zipped(p, ("a", b"/etc/passwd"), mode=LINK), "holds 'a', a link or a device"),
    "zip: twice": (lambda p: zipped(p, ("a", b"1"), ("a", b"2")), "holds 'a' twice"),
    "zip: twice, spelt otherwise": (lambda p: zipped(p, ("a/b", b"1"), ("a//b", b"2")), "holds 'a/b' twice"),
    "zip: file and folder": (lambda p: zipped(p, ("a", b"1"), ("a/b", b"2")), "holds 'a' twice"),
    "zip: long name": (lambda p: zipped(p, ("a" * 300, b"1")), "which is no name of a file"),
    "zip: bomb": (lambda p: zipped(p, *((str(n), bytes(60_000)) for n in range(2))), "unfolds to more than 0.1 MB"),
    "zip: understated": (understated, r"is damaged .*CRC"),
    "zip: encrypted": (encrypted, "is damaged .*encrypted"),
    "tar: parent": (lambda p: tarred(p, "../a"), "a path that leads outside"),
    "tar: absolute": (lambda p: tarred(p, "/a"), "a path that leads outside"),
    "tar: symbolic link": (lambda p: tarred(p, "a", tarfile.SYMTYPE, "/etc/passwd"), "a link or a device"),
    "tar: hard link": (lambda p: tarred(p, "a", tarfile.LNKTYPE, "b"), "a link or a device"),
    "tar: pipe": (lambda p: tarred(p, "a", tarfile.FIFOTYPE), "a link or a device"),
    "tar: device": (lambda p: tarred(p, "a", tarfile.CHRTYPE), "a link or a device"),
    "tar: bomb": (lambda p: tarred(p, "a", content=bytes(200_000)), "unfolds to more than 0.1 MB"),
    "tar: cut": (cut, "is damaged"),
    "neither": (lambda p: (p.write_text("text"), p)[1], "is neither zip nor tar"),
    "empty": (lambda p: (p.touch(), p)[1], "is neither zip nor tar"),
    "missing": (lambda p: p, "is missing"),
    "folder": (lambda p: (p.mkdir(), p)[1], "is no file"),
}


@pytest.mark.parametrize(("make", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_could_do_harm_is_refused_and_nothing_is_left(tmp_path, make, sentence):
    archive = make(tmp_path / "archive")
    with pytest.raises(BadInput, match=sentence) as caught:
        unpack(archive, tmp_path / "folder", most=100_000)
    assert str(archive) in str(caught.value) and "\n" not in str(caught.value)
    assert [path for path in tmp_path.iterdir() if path != archive] == []


@pytest.mark.parametrize("kind", ["zip", "gztar", "tar"])
def test_an_honest_archive_is_unpacked(tmp_path, kind):
    for name in ("one.txt", "inner/two.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), kind, tmp_path / "in"))
    files = unpack(archive, out := tmp_path / "out")
    assert files == [out / "inner/two.txt", out / "one.txt"] and [path.read_text() for path in files] == [
        "inner/two.txt", "one.txt",
    ]  # fmt: skip
    with opened(archive) as (members, open_member):
        assert sorted(each.name.removeprefix("./") for each in members if each.kind == "file") == [
            "inner/two.txt", "one.txt",
        ]  # fmt: skip
        name = next(each.name for each in members if each.name.endswith("one.txt"))
        assert open_member(name).read() == b"one.txt"
    with pytest.raises(BadInput, match="exists; name a new folder"):
        unpack(archive, out)
