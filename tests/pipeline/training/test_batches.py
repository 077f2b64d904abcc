"""Loader processes: started once, asked for every epoch, and without a trace in what is trained."""

import os
import shutil
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import Dataset

from pipeline.config import params
from pipeline.training import batches, loop
from pipeline.utils import device as devices
from tests.pipeline.training.test_loop import CLASSES, Dropping

RECIPE = params.load().recipes["quick"].training


class Frames(Dataset):
    """Eight frames that differ by epoch and index; each process that loads one leaves its id in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __len__(self):
        return 8

    def __getitem__(self, item):
        epoch, index = item
        (self.folder / str(os.getpid())).touch()
        random = torch.Generator().manual_seed(100 * epoch + index)
        return torch.rand(3, 5, 7, generator=random), torch.randint(CLASSES, (5, 7), generator=random)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Train with a number of loader processes; return the weights, the curve and the processes that loaded frames."""

    def run(workers, name, epochs=3, on_epoch=lambda row: None):
        monkeypatch.setattr(devices, "loading", lambda *_: {"num_workers": workers})
        recipe = RECIPE.model_copy(update={"epochs": epochs, "batch_size": 4, "learning_rate": 0.1})
        (tmp_path / name).mkdir(exist_ok=True)
        model, checkpoint = Dropping(), loop.Checkpoint(tmp_path / f"{name}.pt", "same")
        curve = loop.optimise(model, Frames(tmp_path / name), recipe, 0, checkpoint, on_epoch)
        return model.state_dict(), curve, {path.name for path in (tmp_path / name).iterdir()}

    return run


def test_workers_live_through_all_epochs_and_change_no_bit_of_a_resumed_run_either(run):
    alone, curve, own = run(0, "alone")
    state, _, loaders = run(2, "workers")
    assert own == {str(os.getpid())} and len(loaders) == 2 and not own & loaders
    with pytest.raises(KeyboardInterrupt):
        run(1, "resumed", on_epoch=lambda row: signal_after(row, 1))
    resumed = run(1, "resumed")[0]
    for other in (state, resumed):
        assert all(torch.equal(value, other[name]) for name, value in alone.items())
    assert 0 < loop.summary(curve)["waiting_for_data"] < 1 and (curve["waited"] < curve["seconds"]).all()


def signal_after(row, epoch):
    if row["epoch"] == epoch:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("cpus", "workers"), [(1, 1), (2, 1), (8, 7), (64, 16)])
def test_a_gpu_has_as_many_loaders_as_the_job_has_cpus_and_a_cpu_has_none(cpus, workers, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cpus)))
    assert devices.loading(torch.device("cuda")) == {"num_workers": workers, "pin_memory": True}
    assert devices.loading(torch.device("cuda"), 4)["num_workers"] == max(1, cpus // 4 - 1), "shared by four processes"
    assert devices.loading(torch.device("cpu"))["num_workers"] == 0


@pytest.mark.parametrize(("room", "workers"), [(100, 4), (8, 4), (5, 2), (1, 0)])
def test_no_more_loaders_than_have_room_for_their_batches_in_shared_memory(
    tmp_path, monkeypatch, capsys, room, workers
):
    """A quarter of the paper's batch, 12 crops, takes 252 MB, and each process keeps two of them."""
    monkeypatch.setattr(devices, "loading", lambda *_: {"num_workers": 4})
    each = 2 * 12 * 1024 * 1024 * 20
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2 * room * each if path else 0))
    data = Frames(tmp_path)
    data.size = 1024, 1024
    found = batches.Batches(data, [[(0, 0)] * 12], torch.device("cpu"), processes=2)
    assert found._batches.num_workers == workers
    said = "503.3 MB of batches ready in /dev/shm, which has"
    assert (said in capsys.readouterr().err) == (workers < 4)
