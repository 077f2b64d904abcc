"""Pretraining and training as a user sees them: repeatable, resumable, paired by seed, and plain about bad input."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from models.initialisation import initialise
from models.segmenter import Segmenter
from pipeline import augment, optimise, params, weights
from pipeline.datasets.base import IGNORE
from pipeline.errors import BadInput
from tests.conftest import Workspace, copy_repository

RUN = Path("results/runs/synthetic/crops/quick/d/0")
TRAIN = ("train", "synthetic", "crops", "quick", "d", "0", "--no-track")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """The tiny study up to where training begins."""
    root = tmp_path_factory.mktemp("pretrained")
    workspace = copy_repository(root)
    for job in (("prepare", "synthetic"), ("prepare", "crops"), ("pretrain", "crops", "quick", "xception-a-fitted")):
        workspace.pipeline(*job)
    return root


@pytest.fixture
def pretrained(prepared, tmp_path, monkeypatch) -> Workspace:
    """A copy of it, and the test's working directory."""
    root = tmp_path / "study"
    shutil.copytree(prepared, root)
    monkeypatch.chdir(root)
    return Workspace(root)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def state(path: Path = RUN / "weights.pt") -> dict[str, torch.Tensor]:
    return weights.load(path)["state"]


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_a_rerun_trains_again_to_the_same_bits_and_a_killed_run_continues_to_them(pretrained):
    pretrained.pipeline(*TRAIN)
    first, record = state(), json.loads((RUN / "train.json").read_text())
    assert record["result"]["frames_seen"] == 3 * 8
    before = (RUN / "weights.pt").stat().st_mtime_ns
    pretrained.pipeline(*TRAIN)
    assert (RUN / "weights.pt").stat().st_mtime_ns > before, "a forced rerun must train again"
    assert same(first, state())

    for output in RUN.iterdir():
        output.unlink()
    _kill_after_first_epoch(pretrained)
    assert not (RUN / "weights.pt").exists()
    done = pretrained.pipeline(*TRAIN)
    assert same(first, state()), done.stderr
    curve = pd.read_csv(RUN / "curve.csv")
    assert curve["epoch"].tolist() == [0, 1, 2]
    assert not list(Path("work/checkpoints").rglob("*.pt")), "a finished run keeps no checkpoint"


def _kill_after_first_epoch(workspace) -> None:
    """Start the trainer slowed down after each epoch, and kill it once it has saved a checkpoint."""
    slow = "import time, pipeline.optimise as o; save = o._save\n"
    slow += "o._save = lambda *a: (save(*a), time.sleep(30))\n"
    slow += f"import pipeline.__main__ as m; m.main({list(TRAIN)!r})"
    process = subprocess.Popen([sys.executable, "-c", slow], cwd=workspace.root)
    deadline = time.monotonic() + 60
    while not list(Path("work/checkpoints").rglob("*/train.pt")):
        assert time.monotonic() < deadline and process.poll() is None, "no checkpoint was written"
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_second_trainer_waits_for_the_first_and_uses_what_it_made(pretrained):
    slow = "import time, pipeline.optimise as o; save = o._save\n"
    slow += "o._save = lambda *a: (save(*a), time.sleep(2))\n"
    slow += f"import pipeline.__main__ as m; m.main({list(TRAIN)!r})"
    orphan = subprocess.Popen([sys.executable, "-c", slow], cwd=pretrained.root, stderr=subprocess.DEVNULL)
    while not list(Path("work/checkpoints").rglob("*/train.pt")):
        assert orphan.poll() is None
        time.sleep(0.05)
    second = pretrained.pipeline(*TRAIN)
    assert orphan.wait() == 0
    assert "another process works on" in second.stderr and "the other process finished it" in second.stderr


def test_the_weights_are_loaded_into_every_network_and_counted(pretrained):
    pretrained.pipeline(*TRAIN)
    first, second = json.loads((RUN / "train.json").read_text())["result"]["loaded"]
    assert first["missing"] == 6 and first["reshaped"] == 0, "all but attention's way back (weight) and its norm (five)"
    assert second["matched"] > 0.9 * first["matched"] and second["reshaped"] > 0
    assert "fc.weight" in "".join(state(Path("results/pretrained/crops/quick/xception-a-fitted/weights.pt")))


def test_weights_hold_no_code_and_are_refused_for_another_network(pretrained, tmp_path):
    path = Path("results/pretrained/crops/quick/xception-a-fitted/weights.pt")
    assert torch.load(path, weights_only=True)["made_for"] == {"backbone": "xception-a-fitted"}
    with pytest.raises(BadInput, match="belongs to .*xception-a.*not to .*xception-b.*delete it and run"):
        weights.load_for(path, {"backbone": "xception-b"})
    broken = tmp_path / "broken.pt"
    broken.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(BadInput, match="broken.pt is not a checkpoint"):
        weights.load(broken)
    stranger = Segmenter("single", "xception-b", "none", 1, "HL", 3)
    weights.save(broken, {"made_for": {"backbone": "x"}, "state": {"other": torch.zeros(1)}})
    with pytest.raises(BadInput, match="holds no tensor of this network"):
        weights.load_pretrained(stranger.structure.networks, broken, "x")


def test_structures_of_one_seed_see_the_same_crops_whatever_the_order_they_are_asked_in():
    training = params.load().recipes["camvid"].training
    image = torch.randint(0, 255, (128, 256, 3), dtype=torch.uint8).numpy()
    label = torch.randint(0, 19, (128, 256), dtype=torch.uint8).numpy()

    def crop(seed: int, epoch: int):
        random = augment.generator(seed, augment.AUGMENTATION, epoch, 7)
        return augment.crop_frame(image, label, training, random)

    first, other = crop(0, 3), crop(0, 4)
    assert torch.equal(first[0], crop(0, 3)[0]) and torch.equal(first[1], crop(0, 3)[1])
    assert not torch.equal(first[0], other[0]) and not torch.equal(first[0], crop(1, 3)[0])
    assert list(optimise.Epochs(8, 4, seed=0)) == list(optimise.Epochs(8, 4, seed=0))
    assert list(optimise.Epochs(8, 4, seed=0)) != list(optimise.Epochs(8, 4, seed=1))


@pytest.mark.parametrize("scale", [0.75, 1.0, 1.75])
def test_a_crop_keeps_image_and_label_together_and_pads_with_ignore(scale):
    wanted = {"scale": (scale, scale), "flip": 1.0, "input_size": (128, 256), "frame_size": (128, 256)}
    recipe = params.load().recipes["quick"].training.model_copy(update=wanted)
    label = torch.arange(16, dtype=torch.uint8).repeat_interleave(8)[:, None].repeat(1, 256).numpy()
    image = (label[..., None] * 10).repeat(3, axis=2)
    pixels, classes = augment.crop_frame(image, label, recipe, augment.generator(0, augment.AUGMENTATION, 0, 0))
    assert pixels.shape == (3, 128, 256) and classes.shape == (128, 256)
    kept = classes != IGNORE
    assert bool(kept.all()) == (scale >= 1)
    assert kept.float().mean() == pytest.approx(min(1, scale**2), abs=0.02)
    colour = (pixels * augment.SPREAD[:, None, None] + augment.MEAN[:, None, None])[0] * 255 / 10
    assert (colour - classes)[kept].abs().median() < 0.5
    assert torch.all(pixels[:, ~kept] == 0)


def test_the_poly_rate_agrees_with_torch():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], 0.2)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimiser, total_iters=50, power=0.9)
    for step in range(50):
        assert optimise.poly(step, 50, 0.2, 0.9) == pytest.approx(scheduler.get_last_lr()[0])
        optimiser.step()
        scheduler.step()
    assert [optimise.poly(step, 10**9, 1.0, 0.9, warmup=4) for step in range(6)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 1, 1]
    )


def test_a_batch_larger_than_the_set_and_a_diverging_rate_say_so(pretrained):
    pretrained.edit(lambda p: p["recipes"]["quick"]["training"].update(batch=64))
    assert "a batch of 64 needs as many images, there are 8" in _fails(pretrained)
    pretrained.edit(lambda p: p["recipes"]["quick"]["training"].update(batch=4, rate=1e30))
    assert "the rate 1e+30 is too high" in _fails(pretrained)
    assert not (RUN / "weights.pt").exists() and not (RUN / "train.json").exists()


def _fails(workspace) -> str:
    done = workspace.pipeline(*TRAIN, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    return done.stderr


def test_initial_weights_depend_on_the_seed_alone():
    models = [Segmenter("single", "xception-b", "fc", 1, "HL", 3) for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        torch.manual_seed(os.getpid())
        initialise(model, seed)
    assert same(models[0].state_dict(), models[1].state_dict())
    assert not same(models[0].state_dict(), models[2].state_dict())
