"""Evaluation: score the last epoch's weights of one run on a whole split, at the resolution of the labels.

Nothing is selected here: neither an epoch nor a setting is chosen on the split that is reported.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from models.build import build
from models.layers import resize
from models.segmenter import Segmenter
from pipeline.data.augment import whole_frames
from pipeline.data.base import IGNORE
from pipeline.data.reader import Prepared, evenly_spaced
from pipeline.evaluation import metrics
from pipeline.utils import device as devices
from pipeline.utils.confusion import SCORES
from pipeline.utils.errors import Diverged
from pipeline.utils.files import atomic
from pipeline.utils.progress import progress
from pipeline.utils.weights import load_for

if TYPE_CHECKING:
    from pipeline.config.protocols import Evaluation
    from pipeline.config.recipes import Training
    from pipeline.config.variants import Variant


class Scored(NamedTuple):
    """Scores of a split with N frames, C classes and M objects. Confusion matrices: rows truth, columns prediction."""

    confusion: np.ndarray
    """(N, C, C) int64: one matrix per frame, so that the mIoU of a resampled split can be computed."""
    border: np.ndarray
    """(N, C, C) int64: the same, restricted to the border band."""
    objects: np.ndarray
    """(M, 4) int64: frame, class, pixels, correctly labelled pixels."""
    pictures: dict[int, np.ndarray]
    """The predictions (HxW uint8) of the displayed frames, by frame index."""


def evaluate(
    evaluation: "Evaluation",
    training: "Training",
    variant: "Variant",
    data: Path,
    weights: Path,
    folder: Path,
    trial: bool = False,
) -> dict[str, Any]:
    """Score `weights` on the split `training.score`; write `confusion.npz` and `predictions.npz` to `folder`.

    `data` is a folder of prepared frames. Returns the record; all scores are fractions from one confusion matrix over
    the whole split.

    Raises `BadInput` if data or weights are missing, or if the weights belong to another variant. Raises `Diverged` if
    their training diverged. In a `trial`, a run to select a learning rate, all scores are then 0 and `diverged` holds
    the reason.
    """
    started = time.perf_counter()
    prepared, split = Prepared(data, "segmentation"), training.score
    device = devices.choose(evaluation.threads)
    failed: dict[str, str] = {}
    try:
        model = load(variant, len(prepared.classes), weights).to(device)
        scored, networks = _apply(model, evaluation, training, prepared, weights, device)
    except Diverged as error:
        if not trial:
            raise
        failed, networks = {"diverged": str(error)}, None
        # Every pixel counts as wrong, and no pictures are kept, because no network predicted them.
        wrong = ((labels + 1) % len(prepared.classes) for labels in prepared.labels(split))
        scored = score(evaluation.model_copy(update={"pictures": 0}), prepared, split, wrong)
    write(folder, prepared.names(split), scored, networks)
    result = failed | summarise(evaluation, prepared, split, scored)
    return result | {"input_size": list(training.frame_size), "seconds": round(time.perf_counter() - started, 1)}


def _apply(
    model: nn.Module,
    evaluation: "Evaluation",
    training: "Training",
    prepared: Prepared,
    weights: Path,
    device: torch.device,
) -> tuple[Scored, np.ndarray | None]:
    """Score the predictions of a variant, and predict with each of its networks alone.

    Raises `Diverged` if the class scores contain NaN.
    """
    images = prepared.images(training.score)
    how = tuple(training.frame_size), evaluation.batch_size, device, training.precision
    shown = progress(images, f"scoring {training.score}", unit="frames")
    try:
        predictions = predict(model, shown, *how)
        scored = score(evaluation, prepared, training.score, predictions)
        frames = [images[index] for index in scored.pictures]
        return scored, by_network(model, frames, *how)
    except FloatingPointError:
        raise Diverged(
            f"{weights} gives scores that are not finite, because its training diverged; "
            "lower the recipe's training.learning_rate or raise its warmup, and train again"
        ) from None


def load(variant: "Variant", classes: int, path: Path) -> nn.Module:
    """Build the variant and load the weights at `path`, in evaluation mode.

    Raises `BadInput` if the weights belong to another variant or number of classes.
    """
    made_for = {"variant": variant.network, "classes": classes}
    state = load_for(path, made_for)
    model = build(made_for["variant"], classes)
    model.load_state_dict(state)
    return model.eval().to(memory_format=torch.channels_last)


@torch.inference_mode()
def predict(
    model: Callable[[Tensor], Tensor],
    images: Any,
    input_size: tuple[int, int],
    batch: int,
    device: torch.device,
    precision: str = "float32",
) -> Iterator[np.ndarray]:
    """Yield the class of every pixel (HxW uint8) of each of `images` (HxWx3 uint8), in order.

    The network sees each whole frame resized to `input_size` (rows, columns), as in training. Its class scores, not its
    predictions, are resized to HxW. Raises `FloatingPointError` if the scores contain NaN.
    """
    for frames in _batches(images, batch):
        scores = _scores(model, torch.from_numpy(frames), input_size, device, precision)
        if scores.isnan().any():
            raise FloatingPointError
        # Resize one frame at a time: at 1024x2048, the class scores of a batch take gigabytes.
        for frame in scores:
            full = resize(frame[None].float(), frames.shape[1:3])
            yield full[0].argmax(0).to(torch.uint8).cpu().numpy()


def by_network(
    model: nn.Module,
    images: list[np.ndarray],
    input_size: tuple[int, int],
    batch: int,
    device: torch.device,
    precision: str = "float32",
) -> np.ndarray | None:
    """Return the prediction of each network of an aggregation alone, (networks, images, H, W) uint8 (Figure 4).

    Returns None if there are no images, only one network, or no high-level path that sums the networks.
    """
    count = model.fused if isinstance(model, Segmenter) else 0
    if count < 2 or not images:
        return None
    parts = [partial(model.alone, network=network) for network in range(count)]
    return np.stack([np.stack([*predict(part, images, input_size, batch, device, precision)]) for part in parts])


def _batches(images: Any, size: int) -> Iterator[np.ndarray]:
    remaining = iter(images)
    while batch := list(islice(remaining, size)):
        yield np.stack(batch)


def _scores(
    model: Callable[[Tensor], Tensor], frames: Tensor, size: tuple[int, int], device: torch.device, precision: str
) -> Tensor:
    with devices.autocast(device, precision):
        return model(whole_frames(frames, size).to(device))


def score(evaluation: "Evaluation", prepared: Prepared, split: str, predictions: Iterator[np.ndarray]) -> Scored:
    """Compare one prediction (HxW) per frame with the labels of the split."""
    labels, instances = prepared.labels(split), prepared.instances(split)
    countable = [index for index, item in enumerate(prepared.classes) if item.name.lower() in metrics.COUNTABLE]
    shown = evenly_spaced(len(labels), evaluation.pictures)
    classes, whole, border, objects, pictures = len(prepared.classes), [], [], [], {}
    for index, (truth, prediction) in enumerate(zip(labels, predictions, strict=True)):
        band = metrics.border_band(truth, evaluation.border)
        found = metrics.components(truth, countable) if instances is None else instances[index]
        rows = metrics.objects(truth, found, prediction)
        whole.append(metrics.confusion(truth, prediction, classes))
        border.append(metrics.confusion(np.where(band, truth, IGNORE), prediction, classes))
        objects.append(np.column_stack([np.full(len(rows), index), rows]))
        if index in shown:
            pictures[index] = prediction
    return Scored(np.stack(whole), np.stack(border), np.concatenate(objects), pictures)


def summarise(evaluation: "Evaluation", prepared: Prepared, split: str, scored: Scored) -> dict[str, Any]:
    """Return the scores of the split, computed from the sum of all frames' matrices and never as a mean over frames."""
    names = [item.name for item in prepared.classes]
    border = metrics.scores(scored.border.sum(0), names)
    frames, *size = prepared.labels(split).shape
    return {
        "split": split,
        "frames": frames,
        "size": size,
        **metrics.scores(scored.confusion.sum(0), names),
        "border": {"width": evaluation.border, **{key: border[key] for key in (*SCORES, "iou")}},
        "objects": {
            "source": "components" if prepared.instances(split) is None else "instances",
            "bins": metrics.recall_by_size(scored.objects, evaluation.sizes),
        },
    }


def write(folder: Path, names: list[str], scored: Scored, networks: np.ndarray | None = None) -> None:
    """Write `confusion.npz` and `predictions.npz`.

    `names` are the names of all frames of the split. `networks` is the result of `by_network` for the displayed frames.
    """
    shown = list(scored.pictures)
    predictions = np.stack([*scored.pictures.values()]) if shown else np.empty((0, 0, 0), np.uint8)
    _save(folder / "confusion.npz", confusion=scored.confusion, border=scored.border, objects=scored.objects)
    _save(
        folder / "predictions.npz",
        index=np.array(shown, np.int64),
        names=np.array([names[index] for index in shown], np.str_),
        predictions=predictions,
        **({} if networks is None else {"networks": networks}),
    )


def _save(path: Path, **arrays: np.ndarray) -> None:
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
