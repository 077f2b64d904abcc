"""Evaluation: one confusion matrix over the whole split, at the labels' full resolution, of the last epoch's weights."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers import resize
from models.segmenter import Segmenter
from pipeline import augment, device, metrics, weights
from pipeline.prepared import Prepared
from pipeline.progress import progress

if TYPE_CHECKING:
    from pipeline.params import Evaluation, Training, Variant


def evaluate(
    evaluation: "Evaluation", training: "Training", variant: "Variant", data: Path, trained: Path, folder: Path
) -> dict[str, Any]:
    """Score `trained` on the split `training.score`; write `confusion.npz` and `predictions.npz` to `folder`.

    Per image: the confusion matrix, the same within the border band, and every object with its recall. mIoU, as all
    scores here, is a fraction of the summed matrix and not a mean over images.
    """
    started, prepared, split = time.perf_counter(), Prepared(data), training.score
    names = [each.name for each in prepared.classes]
    where = device.choose(evaluation.threads)
    model = _load(variant, len(names), trained, where)
    truths, instances = prepared.labels(split), prepared.instances(split)
    shown = np.unique(np.linspace(0, len(truths) - 1, evaluation.pictures).round().astype(np.int64))
    tables: dict[str, list[np.ndarray]] = {"confusion": [], "border": [], "objects": [], "predictions": []}
    frames = _predict(model, prepared.images(split), truths.shape[1:], training.frame_size, evaluation.batch, where)
    for index, prediction in enumerate(progress(frames, "scoring", len(truths), unit="frames")):
        truth = np.asarray(truths[index])
        band = np.where(metrics.border_band(truth, evaluation.border), truth, 255)
        tables["confusion"].append(metrics.confusion(truth, prediction, len(names)))
        tables["border"].append(metrics.confusion(band, prediction, len(names)))
        marked = None if instances is None else instances[index]
        rows = metrics.objects(truth, prediction, names, marked)
        tables["objects"].append(np.insert(rows, 0, index, axis=1))
        if index in shown:
            tables["predictions"].append(prediction)
    objects = np.concatenate(tables["objects"])
    per_image, border = np.stack(tables["confusion"]), np.stack(tables["border"])
    _savez(folder / "confusion.npz", confusion=per_image, border=border, objects=objects)
    kept = np.array([prepared.names(split)[index] for index in shown])
    predictions = np.stack(tables["predictions"]) if len(shown) else np.zeros((0, *truths.shape[1:]), np.uint8)
    _savez(folder / "predictions.npz", index=shown, names=kept, predictions=predictions)
    near = metrics.scores(border.sum(0), names)
    return {
        "split": split,
        "frames": len(truths),
        "size": list(truths.shape[1:]),
        "input_size": list(training.frame_size),
        **metrics.scores(per_image.sum(0), names),
        "border": {"width": evaluation.border, "miou": near["miou"], "iou": near["iou"]},
        "objects": {
            "source": "components" if instances is None else "instances",
            "bins": metrics.recall_by_size(objects, evaluation.sizes),
        },
        "seconds": round(time.perf_counter() - started, 1),
    }


def _load(variant: "Variant", classes: int, trained: Path, where: torch.device) -> nn.Module:
    made_for = {"variant": variant.model_dump(mode="json"), "classes": classes}
    state = weights.load_for(trained, made_for)
    model = Segmenter(**made_for["variant"], classes=classes)
    model.load_state_dict(state)
    return model.to(where, memory_format=torch.channels_last).eval()


def _predict(model: nn.Module, images: np.ndarray, size: tuple[int, int], frame_size, batch: int, where: torch.device):
    """Yield each frame's prediction, HxW uint8 at label resolution; the network sees it resized to `frame_size`."""
    for start in range(0, len(images), batch):
        pixels = torch.from_numpy(np.array(images[start : start + batch]))
        yield from predict(model, pixels, size, frame_size, where)


@torch.inference_mode()
def predict(model: nn.Module, pixels: Tensor, size: tuple[int, int], frame_size, where: torch.device) -> np.ndarray:
    """Class indices Nx`size` uint8 of frames NxHxWx3 uint8; scores, not classes, are resized to `size`."""
    if tuple(pixels.shape[1:3]) != tuple(frame_size):
        stacked = F.interpolate(pixels.permute(0, 3, 1, 2), tuple(frame_size), mode="bilinear", antialias=True)
        pixels = stacked.permute(0, 2, 3, 1)
    inputs = augment.normalise(pixels).to(where, memory_format=torch.channels_last)
    with device.half_precision(where):
        scores = model(inputs)
    return resize(scores.float(), size).argmax(1).to(torch.uint8).cpu().numpy()


def _savez(path: Path, **arrays: np.ndarray) -> None:
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    np.savez_compressed(temporary, **arrays)
    os.replace(temporary, path)
