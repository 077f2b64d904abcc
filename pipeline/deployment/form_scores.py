"""What a deployment form costs in mIoU: the confusion matrix of its predictions with trained weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from models.layers import resize
from pipeline.data.augment import whole_frames
from pipeline.data.reader import Prepared, evenly_spaced
from pipeline.evaluation import evaluate, metrics
from pipeline.timing.modes import Mode

if TYPE_CHECKING:
    from pipeline.config.variants import Variant

FRAMES = 100
"""At most so many frames are scored, evenly spaced over the split: a form is run on one image at a time."""


class Trained(NamedTuple):
    """A trained network, and the frames of `split` in `data` on which its forms are compared, resized to `size`."""

    variant: "Variant"
    weights: Path
    data: Path
    split: str
    size: tuple[int, int]

    @property
    def described(self) -> dict[str, Any]:
        """What the matrices were counted on."""
        return {"split": self.split, "frames": len(self._indices()), "size": list(self.size)}

    def confusion(self, mode: Mode, device: torch.device) -> np.ndarray:
        """Return the confusion matrix CxC of a form over all frames together. Raises whatever building it raises."""
        prepared = Prepared(self.data, "segmentation")
        frames, labels = prepared.images(self.split), prepared.labels(self.split)
        model = evaluate.load(self.variant, len(prepared.classes), self.weights).to(device, mode.dtype)
        run = mode.form(model.to(memory_format=mode.layout), self._image(frames[0], mode, device))
        total = np.zeros((len(prepared.classes),) * 2, np.int64)
        for index in self._indices():
            scores = resize(run(self._image(frames[index], mode, device)).float(), labels[index].shape)
            total += metrics.confusion(labels[index], scores[0].argmax(0).cpu().numpy(), len(total))
        return total

    def _indices(self) -> list[int]:
        return evenly_spaced(len(Prepared(self.data).names(self.split)), FRAMES)

    def _image(self, frame: np.ndarray, mode: Mode, device: torch.device) -> torch.Tensor:
        image = whole_frames(torch.from_numpy(np.array(frame))[None], self.size)
        return image.to(device, mode.dtype).to(memory_format=mode.layout)
