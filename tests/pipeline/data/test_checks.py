# ruff: noqa: E501  (a table: one case a line)
"""A data set of one's own, as docs/adding.md says how to write it: what is checked in it, whatever module reads it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from pipeline.config.data import FrameData
from pipeline.data import base
from pipeline.data.base import Class, Sample, read_image, read_label
from pipeline.data.prepare import prepare
from pipeline.utils.errors import BadInput
from tests.published import save

KIND = "mine"
ROWS, COLUMNS = 8, 10


class Frames:
    """SPLIT/NAME.png and SPLIT/NAME.label.png, as a user would read them."""

    def __init__(self, directory: Path):
        self.directory = directory

    def names(self, split: str) -> list[str]:
        return sorted(path.stem for path in (self.directory / split).glob("?.png"))

    def read(self, split: str, name: str) -> Sample:
        image = read_image(self.directory / split / f"{name}.png")
        return Sample(image, np.asarray(Image.open(self.directory / split / f"{name}.label.png")))


class Strict(Frames):
    """The same with the project's reader of labels."""

    def read(self, split: str, name: str) -> Sample:
        file = self.directory / split / f"{name}.label.png"
        image = read_image(self.directory / split / f"{name}.png")
        return Sample(image, read_label(file, image.shape[:2], "draw it again"), file=file)


@pytest.fixture
def module(monkeypatch) -> ModuleType:
    """pipeline/data/sets/mine.py, with three classes."""
    made = ModuleType(f"pipeline.data.sets.{KIND}")
    made.__file__ = "pipeline/data/sets/mine.py"
    made.CLASSES = tuple(Class(name, (number, 0, 0)) for number, name in enumerate(("road", "car", "sky")))
    made.SPLITS, made.HOW_TO_GET, made.FRAMES = ("train", "val", "test"), "ask me for it", Frames
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


@pytest.fixture
def root(tmp_path) -> Path:
    random = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 1), ("test", 2)):
        for number in range(count):
            image = random.integers(0, 256, (ROWS, COLUMNS, 3), np.uint8)
            name = "abcdef"[number + {"train": 0, "val": 3, "test": 4}[split]]
            save(tmp_path / "set" / split / f"{name}.png", image)
            save(tmp_path / "set" / split / f"{name}.label.png", np.arange(80, dtype=np.uint8).reshape(ROWS, -1) % 3)
    return tmp_path / "set"


def label(array: np.ndarray, place: str = "train/b") -> Callable[[Path, ModuleType], object]:
    return lambda root, module: save(root / f"{place}.label.png", array)


def image(array: np.ndarray, place: str = "train/b") -> Callable[[Path, ModuleType], object]:
    return lambda root, module: save(root / f"{place}.png", array)


def holds(**values: object) -> Callable[[Path, ModuleType], object]:
    """Change names of the module; None deletes one."""

    def change(root: Path, module: ModuleType) -> None:
        for name, value in values.items():
            delattr(module, name) if value is None else setattr(module, name, value)

    return change


def reads(sample: object) -> Callable[[Path, ModuleType], object]:
    """Let `read` return something else for the frame b."""

    class Other(Frames):
        def read(self, split: str, name: str) -> object:
            return sample if name == "b" else super().read(split, name)

    return holds(FRAMES=Other)


def lists(names: object) -> Callable[[Path, ModuleType], object]:
    class Other(Frames):
        def names(self, split: str) -> object:
            return names

    return holds(FRAMES=Other)


class Broken(Frames):
    def read(self, split: str, name: str) -> Sample:
        return {}[name]


def both(*changes: Callable[[Path, ModuleType], object]) -> Callable[[Path, ModuleType], object]:
    return lambda root, module: [change(root, module) for change in changes]


def pipe(root: Path, module: ModuleType) -> None:
    (root / "train/b.png").unlink()
    os.mkfifo(root / "train/b.png")


GREY, ZEROS = np.zeros((ROWS, COLUMNS), np.uint8), np.zeros((ROWS, COLUMNS, 3), np.uint8)
STRICT = holds(FRAMES=Strict)
WRONG = {
    "label beyond the classes": (label(GREY + 7), r"frame train/b has the label 7 in 80 pixels, but there are 3 classes: labels are 0 to 2, or 255"),
    "label beyond, with its file": (both(STRICT, label(GREY + 3)), r"train/b.label.png \(frame train/b\) has the label 3 .* 3 classes"),
    "label in the last frame": (label(GREY + 3, "test/f"), r"frame test/f has the label 3 in 80 pixels"),
    "label of 16 bits": (label(np.full((ROWS, COLUMNS), 300, np.uint16)), r"train/b has a label with the number 300; 0 to 255 fit"),
    "label half as large": (label(GREY[::2, ::2]), r"train/b has a label of 5x4 pixels, but its image has 10x8; make both alike"),
    "label of one row more": (label(np.zeros((ROWS + 1, COLUMNS), np.uint8)), r"label of 10x9 pixels, but its image has 10x8"),
    "label in RGB": (label(ZEROS), r"train/b has a label of 8 x 10 x 3 uint8; it must be rows x columns of integers"),
    "label in RGB, read strictly": (both(STRICT, label(ZEROS)), r"b.label.png has 3 channels, but a label has one; draw it again"),
    "label of bits": (lambda root, module: Image.new("1", (COLUMNS, ROWS)).save(root / "train/b.label.png"), r"label of 8 x 10 bool"),
    "label missing": (lambda root, module: (root / "train/b.label.png").unlink(), r"reading the frame train/b failed in .*FileNotFoundError.*b.label.png"),
    "label missing, read strictly": (both(STRICT, lambda root, module: (root / "train/b.label.png").unlink()), r"b.label.png is missing"),
    "label a folder": (both(STRICT, lambda root, module: ((root / "train/b.label.png").unlink(), (root / "train/b.label.png").mkdir())), r"b.label.png is not a file"),
    "all void": (both(*(label(GREY + 255, f"train/{name}") for name in "abc")), r"no pixel in train of data.mine is labelled"),
    "image half as large": (both(image(ZEROS[::2, ::2]), label(GREY[::2, ::2])), r"frame train/b is 5x4 pixels, but the first frame is 10x8"),
    "image a pipe": (pipe, r"train/b.png is not a file"),
    "image cut short": (lambda root, module: (root / "train/b.png").write_bytes((root / "train/b.png").read_bytes()[:60]), r"train/b.png cannot be read as an image"),
    "image of text": (lambda root, module: (root / "train/b.png").write_text("no"), r"train/b.png cannot be read as an image \(unknown format\)"),
    "image too large": (image(np.zeros((200, 200), np.uint8)), r"train/b.png has 200x200 pixels, but at most 10,000 are read"),
    "frame in two splits": (lambda root, module: (root / "test/e.png").write_bytes((root / "train/a.png").read_bytes()), r"frame test/e has the same pixels as train/a"),
    "name in two splits": (lambda root, module: [(root / f"train/a{end}").rename(root / f"test/b{end}") for end in (".png", ".label.png")], r"the frame b is in the splits train and test"),
    "empty split": (lambda root, module: [path.unlink() for path in (root / "val").iterdir()], r"data.mine has no frames in val; add some, or take val out of its SPLITS"),
    "folder empty": (lambda root, module: [path.unlink() for path in root.glob("*/*")], r"data.mine has no frames in train"),
    "no CLASSES": (holds(CLASSES=None), r"mine.py lacks CLASSES; docs/adding.md shows"),
    "nothing in it": (holds(CLASSES=None, SPLITS=None, HOW_TO_GET=None, FRAMES=None), r"lacks CLASSES, SPLITS, HOW_TO_GET, FRAMES"),
    "classes empty": (holds(CLASSES=()), r"CLASSES holds 0 classes; 1 to 255 are allowed"),
    "classes too many": (holds(CLASSES=tuple(Class(str(n), (0, 0, 0)) for n in range(256))), r"holds 256 classes"),
    "classes as names": (holds(CLASSES=("road", "car")), r"'road' must be Class\(name, colour\)"),
    "class twice": (holds(CLASSES=(Class("road", (0, 0, 0)), Class("road", (1, 0, 0)))), r"names the class road twice"),
    "class without a name": (holds(CLASSES=(Class("", (0, 0, 0)),)), r"its name 1 to 64 printable letters"),
    "class with a line break": (holds(CLASSES=(Class("a\nb", (0, 0, 0)),)), r"its name 1 to 64 printable letters"),
    "class of 300 letters": (holds(CLASSES=(Class("x" * 300, (0, 0, 0)),)), r"its name 1 to 64 printable letters"),
    "colour too bright": (holds(CLASSES=(Class("a", (0, 0, 256)),)), r"colour of a is \(0, 0, 256\)"),
    "colour as text": (holds(CLASSES=(Class("a", "#fff"),)), r"colour of a is '#fff'"),
    "split unknown": (holds(SPLITS=("train", "trainval")), r"SPLITS is .*; it must hold some of train, val and test"),
    "split twice": (holds(SPLITS=("train", "train")), r"SPLITS is .*each once"),
    "splits empty": (holds(SPLITS=()), r"SPLITS is"),
    "frames no class": (holds(FRAMES=3), r"opening data.mine failed in .*TypeError"),
    "frames without read": (holds(FRAMES=type("Half", (), {"__init__": lambda self, directory: None, "names": lambda self, split: [split]})), r"reading the frame train/train failed in .*AttributeError"),
    "read raises": (holds(FRAMES=Broken), r"reading the frame train/a failed in .*test_checks.py, line \d+ \(KeyError: 'a'\); correct it"),
    "read returns nothing": (reads(None), r"the frame train/b is NoneType; read must return a Sample"),
    "read returns a pair": (reads((ZEROS, GREY)), r"the frame train/b is tuple; read must return a Sample"),
    "image of floats": (reads(Sample(ZEROS / 255, GREY)), r"train/b has an image of 8 x 10 x 3 float64; it must be rows x columns x 3 of uint8"),
    "image grey": (reads(Sample(GREY, GREY)), r"train/b has an image of 8 x 10 uint8"),
    "image with transparency": (reads(Sample(np.zeros((ROWS, COLUMNS, 4), np.uint8), GREY)), r"image of 8 x 10 x 4 uint8"),
    "image channels first": (reads(Sample(ZEROS.transpose(2, 0, 1), GREY)), r"image of 3 x 8 x 10 uint8"),
    "image without pixels": (reads(Sample(ZEROS[:0], GREY[:0])), r"image of 0 x 10 x 3 uint8; 1 to"),
    "image a list": (reads(Sample([[0]], GREY)), r"image of list"),
    "label of floats": (reads(Sample(ZEROS, GREY.astype(float))), r"label of 8 x 10 float64"),
    "label negative": (reads(Sample(ZEROS, GREY.astype(int) - 1)), r"label with the number -1; 0 to 255 fit"),
    "instances too many": (reads(Sample(ZEROS, GREY, GREY.astype(int) + 70_000)), r"instances with the number 70000; 0 to 65535 fit"),
    "instances of another size": (reads(Sample(ZEROS, GREY, GREY[:4])), r"instances of 10x4 pixels, but its image has 10x8"),
    "instances in one frame": (reads(Sample(ZEROS, GREY, GREY)), r"the frame train/b has instances, unlike the first frame"),
    "names a text": (lists("abc"), r"names\('train'\) must return a list of names"),
    "names nothing": (lists(None), r"names\('train'\) must return a list of names"),
    "names numbers": (lists([1, 2]), r"names\('train'\) must return a list of names"),
    "name twice": (lists(["a", "a"]), r"the frame a occurs twice in train of data.mine"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_and_nothing_is_prepared(root, module, tmp_path, monkeypatch, change, sentence):
    change(root, module)
    monkeypatch.setattr(base, "MOST_PIXELS", 10_000)
    with pytest.raises(BadInput, match=sentence):
        prepare("mine", spec(root), tmp_path / "prepared")
    assert not (tmp_path / "prepared").exists()


def spec(root: Path) -> FrameData:
    """An entry of params.yaml; the kinds that it allows are files, which the module here is not."""
    return FrameData.model_construct(kind=KIND, directory=str(root))


def test_an_honest_set_is_prepared_with_its_labels_as_bytes(root, module, tmp_path):
    module.CLASSES = tuple(tuple(each) for each in module.CLASSES)
    save(root / "train/a.label.png", np.full((ROWS, COLUMNS), 255, np.uint16))  # void, stored with 16 bits
    result = prepare("mine", spec(root), tmp_path / "prepared")
    assert [entry["count"] for entry in result["splits"].values()] == [3, 1, 2]
    labels = np.load(tmp_path / "prepared/train.labels.npy")
    assert labels.dtype == np.uint8 and (labels[0] == 255).all() and labels[1].max() == 2
    assert result["classes"][1] == {"name": "car", "colour": [1, 0, 0]}
