"""Frames on the device, here CPU tensors, against the same crops computed one by one."""

import numpy as np
import pytest
import torch

from pipeline.config import params
from pipeline.data import augment
from pipeline.data.reader import Prepared
from pipeline.training import batches
from pipeline.training.loop import Epochs
from pipeline.training.pretrain import Images
from pipeline.training.train import Frames
from tests.prepared_frames import write_prepared

LEVEL = 1 / 255 / augment.SPREAD.min().item()
"""One of 255 levels, in the unit of normalised pixels."""
RECIPES = params.load().recipes["quick"]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Prepared:
    """Nine frames of noise in two splits, the hardest to resize."""
    random = np.random.default_rng(0)

    def split(count):
        shape = count, 45, 70
        return random.integers(0, 256, (*shape, 3), np.uint8), random.integers(0, 11, shape, np.uint8)

    return write_prepared(tmp_path_factory.mktemp("frames"), list("abc"), train=split(5), val=split(4))


def compare(data, tolerance):
    """All batches of two epochs, one by one and on the device."""
    sampler = Epochs(len(data), 4, 0)
    for sampler.epoch in (0, 1):
        for (images, labels), items in zip(batches.Resident(data, sampler, CPU), sampler, strict=True):
            expected = [data[item] for item in items]
            assert torch.equal(labels, torch.stack([torch.as_tensor(label) for _, label in expected]))
            torch.testing.assert_close(images, torch.stack([image for image, _ in expected]), rtol=0, atol=tolerance)
            assert images.dtype == torch.float32 and images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("scale", [(0.3, 0.9), (0.75, 1.75), (2.0, 4.0), (1.0, 1.0)])
def test_frames_are_those_of_the_cpu_within_one_level(prepared, scale):
    """Enlarged, made smaller (with antialiasing) and padded; flipped and not; from two splits."""
    changed = {"splits": ["train", "val"], "scale": scale, "crop_size": (64, 72), "frame_size": (90, 110), "flip": 0.5}
    compare(Frames(prepared, RECIPES.training.model_copy(update=changed), 0), 1.01 * LEVEL)


def test_a_frame_that_is_not_resized_is_exact(prepared):
    changed = {"scale": (1.0, 1.0), "crop_size": (45, 64), "frame_size": (45, 70)}
    compare(Frames(prepared, RECIPES.training.model_copy(update=changed), 0), 1e-5)


class Squares:
    """A classification set in memory."""

    def images(self, split):
        return np.random.default_rng(0).integers(0, 256, (9, 48, 48, 3), np.uint8)

    def labels(self, split):
        return np.arange(9)


def test_images_of_pretraining_are_those_of_the_cpu_within_one_level():
    compare(Images(Squares(), "train", RECIPES.pretraining), 1.01 * LEVEL)


@pytest.mark.parametrize(("free", "resident"), [(4 * 9 * 45 * 70 * 4, True), (4 * 9 * 45 * 70 * 4 - 1, False)])
def test_frames_are_kept_on_a_gpu_if_they_take_a_quarter_of_its_free_memory(prepared, monkeypatch, free, resident):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, 10 * free))
    data = Frames(prepared, RECIPES.training.model_copy(update={"splits": ["train", "val"]}), 0)
    assert batches.fits(data, torch.device("cuda")) == resident
    assert not batches.fits(data, CPU)
