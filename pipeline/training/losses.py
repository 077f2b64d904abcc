"""The losses that a recipe can use.

To add a loss, write its function here, add it to `LOSSES`, and allow its name in pipeline/config/recipes.py.
"""

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.data.base import IGNORE


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the mean cross entropy over the labelled pixels or images (Section 4), or 0 if a batch has none.

    `scores` are NxCxHxW and `labels` NxHxW, or NxC and N.
    """
    loss = F.cross_entropy(scores.float(), labels, ignore_index=IGNORE, reduction="sum")
    return loss / (labels != IGNORE).sum().clamp(min=1)


def parts(images: Tensor, labels: Tensor, count: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Split a batch into `count` parts of images, labels, and the number of labelled pixels or images.

    The loss of a batch is the mean of its parts' losses, weighted by these numbers.
    """
    for part in zip(images.chunk(count), labels.chunk(count), strict=True):
        yield *part, (part[1] != IGNORE).sum()


LOSSES = {"cross-entropy": cross_entropy}


def objective(
    model: nn.Module, outputs: Tensor | tuple[Tensor, ...], labels: Tensor, loss: str
) -> tuple[Tensor, Tensor]:
    """Return the main scores and the total loss: the main loss plus the weighted losses of the auxiliary outputs."""
    compute = LOSSES[loss]
    scores, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
    total = compute(scores, labels)
    for weight, other in zip(getattr(model, "auxiliary_weights", ()), auxiliary, strict=True):
        total = total + weight * compute(other, labels)
    return scores, total
