"""Training as a user sees it: repeatable, resumable, paired by seed, on the right frames, and plain about bad input."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.faults import flips
from models.initialisation import initialise
from models.network import Classifier
from models.segmenter import Segmenter
from pipeline.config import params
from pipeline.data.reader import Prepared
from pipeline.training.loop import CURVE, Checkpoint
from pipeline.training.pretrain import trained
from pipeline.training.train import Frames, train
from pipeline.utils import weights
from pipeline.utils.errors import BadInput
from tests.conftest import Workspace, copy_repository
from tests.prepared_frames import write_prepared

RUN = Path("results/runs/synthetic/crops/quick/single/0")
TRAIN = ("train", "synthetic", "crops", "quick", "single", "0", "--no-track")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """The tiny study up to where training, of two epochs, begins."""
    root = tmp_path_factory.mktemp("pretrained")
    workspace = copy_repository(root)
    workspace.edit(lambda content: content["recipes"]["quick"]["training"].update(epochs=2))
    for stage in ("prepare", "pretrain"):
        workspace.main(stage)
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
    pretrained.main(*TRAIN)
    first, record = state(), json.loads((RUN / "train.json").read_text())
    assert record["result"]["frames_seen"] == 2 * 8
    before = (RUN / "weights.pt").stat().st_mtime_ns
    pretrained.main(*TRAIN, "--force")
    assert (RUN / "weights.pt").stat().st_mtime_ns > before, "a forced rerun must train again"
    assert same(first, state())

    for output in RUN.iterdir():
        output.unlink()
    _kill_after_first_epoch(pretrained)
    assert not (RUN / "weights.pt").exists()
    done = pretrained.main(*TRAIN)
    assert same(first, state()), done.stderr
    curve = pd.read_csv(RUN / "curve.csv")
    assert curve["epoch"].tolist() == [0, 1]
    assert not list(Path("work/checkpoints").rglob("*.pt")), "a finished run keeps no checkpoint"


def _kill_after_first_epoch(workspace) -> None:
    """Start the trainer slowed down after each epoch, and kill it once it has saved a checkpoint."""
    slow = "import time, pipeline.training.loop as o; save = o._save\n"
    slow += "o._save = lambda *a: (save(*a), time.sleep(30))\n"
    slow += f"import pipeline.__main__ as m; m.main({list(TRAIN)!r})"
    process = subprocess.Popen([sys.executable, "-c", slow], cwd=workspace.root)
    deadline = time.monotonic() + 60
    while not list(Path("work/checkpoints").rglob("*/train.pt")):
        assert time.monotonic() < deadline and process.poll() is None, "no checkpoint was written"
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_weights_hold_no_code_and_are_refused_for_another_network(pretrained, tmp_path):
    (path,) = Path("results/pretrained/crops").rglob("weights.pt")
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


def test_a_flipped_byte_in_weights_or_a_checkpoint_is_refused_or_changes_nothing(tmp_path):
    path, content = tmp_path / "weights.pt", {"fingerprint": "same", "state": {"x": torch.arange(1000.0)}}
    refused = 0
    for seed in range(20):
        weights.save(path, content)
        flips.flip(path, random.Random(seed))
        try:
            loaded = weights.load(path)
        except BadInput as error:
            assert "is not a checkpoint of this project" in str(error)
            refused += 1
        else:
            assert loaded["fingerprint"] == "same" and same(loaded["state"], content["state"])
    assert refused > 10


def test_a_batch_larger_than_the_set_and_a_diverging_rate_say_so(pretrained, high_rates_diverge):
    pretrained.edit(lambda p: p["recipes"]["quick"]["training"].update(batch_size=64))
    assert "batch_size is 64, but there are only 8 images" in _fails(pretrained)
    pretrained.edit(lambda p: p["recipes"]["quick"]["training"].update(batch_size=4, learning_rate=100.0))
    assert "the learning rate 100.0 is too high" in _fails(pretrained)
    assert not (RUN / "weights.pt").exists() and not (RUN / "train.json").exists()


def _fails(workspace) -> str:
    done = workspace.main(*TRAIN, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    return done.stderr


def test_initial_weights_depend_on_the_seed_alone():
    models = [Segmenter("single", "xception-b", "fc", 1, "HL", 3) for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        torch.manual_seed(os.getpid())
        initialise(model, seed)
    assert same(models[0].state_dict(), models[1].state_dict())
    assert not same(models[0].state_dict(), models[2].state_dict())


DEFAULTS = params.load()
SIZE = (64, 96)
RECIPE = DEFAULTS.recipes["quick"].training.model_copy(
    update={"crop_size": SIZE, "frame_size": SIZE, "epochs": 2, "batch_size": 2, "scale": (0.75, 1.75)}
)


@pytest.fixture
def data(tmp_path):
    """Frames that share their red and green, which are noise; a frame's class is its number, and twenty times the blue.

    Frames 0 to 3 are of train, 4 and 5 of val, 6 and 7 of test.
    """
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    images, labels = np.stack([noise] * 8), np.zeros((8, *SIZE), np.uint8)
    for number in range(8):
        images[number, ..., 2], labels[number] = 20 * number, number
    parts = {"train": slice(4), "val": slice(4, 6), "test": slice(6, 8)}
    names = [f"class {number}" for number in range(8)]
    write_prepared(tmp_path / "data", names, **{split: (images[part], labels[part]) for split, part in parts.items()})
    return tmp_path / "data"


@pytest.fixture
def start(data, tmp_path):
    """Train a variant, by name or itself, in a folder of its own."""

    def start(variant, pretrained=None, recipe=RECIPE, seed=0):
        variant = DEFAULTS.variants[variant] if isinstance(variant, str) else variant
        folder = tmp_path / "run"
        return train(recipe, variant, seed, data, pretrained, folder, Checkpoint(folder / "checkpoint.pt", "same"))

    start.folder = tmp_path / "run"
    return start


@pytest.fixture
def begun(start, monkeypatch):
    """What the loop is given in place of training: the network's state and the frames, by variant and seed."""

    def begun(variant, pretrained=None, seed=0):
        given = []

        def loop(model, frames, recipe, seed, *rest):
            given.append(({name: value.clone() for name, value in model.state_dict().items()}, frames, seed))
            return pd.DataFrame(0.0, index=[0], columns=[*CURVE, "skipped", "seconds", "waited", "resident", "step"])

        monkeypatch.setattr("pipeline.training.train.optimise", loop)
        monkeypatch.setattr("pipeline.training.train.health.step", lambda *rest: {})
        monkeypatch.setattr("pipeline.training.train._health", lambda *rest: {"last": {"loss": 0.0}})
        result = start(variant, pretrained, seed=seed)
        return *given[0], result

    return begun


def test_each_image_meets_its_own_label_and_the_scored_split_is_not_trained_on(data):
    frames = Frames(Prepared(data), RECIPE.model_copy(update={"splits": ["train", "val"], "score": "test"}), 0)
    for index in range(len(frames)):
        pixels, labels = frames[3, index]
        kept = labels != 255
        assert set(labels[kept].tolist()) == {index}
        blue = (pixels[2] * 0.225 + 0.406) * 255
        assert torch.all((blue[kept] - 20 * index).abs() < 1)
    assert len(frames) == 6, "the four of train and the two of val"


def test_a_crop_depends_on_seed_epoch_and_frame_and_on_nothing_else(data):
    def red(seed, epoch, index):
        return Frames(Prepared(data), RECIPE, seed)[epoch, index][0][0]

    first = red(0, 3, 1)
    assert torch.equal(first, red(0, 3, 1))
    assert not any(torch.equal(first, red(*other)) for other in ((1, 3, 1), (0, 4, 1), (0, 3, 2)))


def test_variants_of_one_seed_see_the_same_crops_in_the_same_order(begun):
    runs = [begun(*which) for which in (("single", None, 3), ("d", None, 3), ("fast-scnn", None, 3), ("d", None, 4))]
    assert [seed for _, _, seed, _ in runs] == [3, 3, 3, 4]
    first, *same, other = ([frames[2, index][0] for index in range(4)] for _, frames, _, _ in runs)
    assert all(torch.equal(*pair) for each in same for pair in zip(first, each, strict=True))
    assert not any(torch.equal(*pair) for pair in zip(first, other, strict=True))


def test_what_is_kept_is_the_last_epoch_s_network_with_its_running_statistics(start):
    start("single")
    kept, last = state(start.folder / "weights.pt"), weights.load(start.folder / "checkpoint.pt")
    assert [row["epoch"] for row in last["curve"]] == [0, 1] and same(kept, last["model"])
    assert {int(value) for name, value in kept.items() if name.endswith("num_batches_tracked")} == {4}
    rates = [RECIPE.learning_rate * (1 - step / 4) ** 0.9 * (step + 1) / (RECIPE.warmup + 1) for step in (1, 3)]
    assert pd.read_csv(start.folder / "curve.csv")["learning_rate"].tolist() == pytest.approx(rates), (
        "the recipe's warm-up"
    )


@pytest.fixture
def backbone(tmp_path):
    """A pretrained network with its FC layer, and running statistics that no network starts from."""
    name = DEFAULTS.variants["d"].pretrained
    model = Classifier(name)
    initialise(model, 7)
    for key, value in model.state_dict().items():
        if "running" in key:
            value.uniform_(1, 2)
    weights.save(tmp_path / "backbone.pt", {"made_for": {"backbone": name}, "state": trained(model)})
    return tmp_path / "backbone.pt"


def test_every_network_starts_from_the_pretrained_tensors_fc_layer_and_running_statistics_included(begun, backbone):
    pretrained = state(backbone)
    began, _, _, result = begun("d", backbone)
    for number in (0, 1):
        own = {name: began.get(f"structure.networks.{number}.{name}") for name in pretrained}
        fitting = [name for name, value in own.items() if value is not None and value.shape == pretrained[name].shape]
        assert all(torch.equal(own[name], pretrained[name]) for name in fitting)
        assert {"attention.fc.weight", "attention.fc.bias", "backbone.enc4.3.body.2.1.1.running_var"} <= set(fitting)
        assert result["loaded"][number]["matched"] == len(fitting)
    first, second = result["loaded"]
    assert first["matched"] == len(pretrained) and first["missing"] == 6, "attention's way back and its norm"
    assert second["matched"] > 0.9 * first["matched"] and second["reshaped"] > 0


def test_a_network_of_another_paper_trains_from_scratch(start):
    result = start("fast-scnn")
    assert result["loaded"] == [] and np.isfinite(result["loss"])
    kept = weights.load(start.folder / "weights.pt")
    assert kept["made_for"] == {"variant": {"peer": "fast-scnn"}, "classes": 8}
    assert any(key.startswith("auxiliary.") for key in kept["state"])


def test_a_network_of_another_paper_takes_no_backbone_of_dfanet(start, backbone):
    with pytest.raises(BadInput, match="fast-scnn cannot start from .*train it in a study that trains from scratch"):
        start("fast-scnn", backbone)
