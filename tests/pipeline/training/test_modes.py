"""Captured and compiled steps against eager ones. A stand-in takes the place of CUDA's graphs."""

import contextlib
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import default_collate

from pipeline.config import params
from pipeline.training import modes, optimisers
from pipeline.training.processes import ALONE
from pipeline.training.steps import Step
from pipeline.utils.errors import BadInput
from tests.pipeline.training.test_processes import Deep, Frames

RECIPE = params.load().recipes["quick"].training
CPU = torch.device("cpu")


def batch(number):
    """Four frames that differ by step."""
    return default_collate([Frames()[number, index] for index in range(4, 8)])


def trained(mode, optimiser, steps=5, before=lambda step: None):
    """Weights, optimiser state and sums after steps in a mode, each at another rate."""
    changed = {"optimiser": optimiser, "batch_size": 4, "accumulate": 2, "learning_rate": 0.1, "step": mode}
    recipe, model = RECIPE.model_copy(update=changed), Deep().train()
    step = Step(model, model, optimisers.make(model, recipe), recipe, CPU, ALONE)
    before(step)
    for number in range(steps):
        step(*batch(number), 0.1 / (number + 1))
    return step, {name: value.clone() for name, value in model.state_dict().items()}, step.totals.row(steps)


@pytest.fixture
def graphs(monkeypatch):
    """Graphs that note what they are captured with, change nothing by it, and do it at each replay."""
    taken = Step.take
    captured = []

    class Graph:
        def replay(self):
            taken(*self.noted)

    @contextlib.contextmanager
    def graph(holder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Step, "take", lambda *arguments: setattr(holder, "noted", arguments))
            yield
        captured.append(holder.noted)

    stream = SimpleNamespace(wait_stream=lambda other: None)
    for name, stand_in in {
        "Stream": lambda: stream, "current_stream": lambda: stream, "CUDAGraph": Graph, "graph": graph,
        "stream": lambda _: contextlib.nullcontext(), "synchronize": lambda: None,
    }.items():  # fmt: skip
        monkeypatch.setattr(torch.cuda, name, stand_in)
    return captured


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_captured_step_trains_on_each_batch_at_each_rate_as_an_eager_one(graphs, monkeypatch, optimiser):
    """Warm-up and capture leave no trace: the first step starts from the initial weights and an empty optimiser."""
    _, expected, sums = trained("eager", optimiser)
    monkeypatch.setattr(modes, "choose", lambda step, *batch: ("captured", modes.Captured(step, *batch)))
    step, found, row = trained("captured", optimiser)
    assert step.mode == "captured" and len(graphs) == 1
    assert isinstance(graphs[0][3], torch.Tensor), "the rate must not be a number that the graph repeats"
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)
    assert row == pytest.approx(sums, rel=1e-5)


def test_a_compiled_step_trains_as_an_eager_one(monkeypatch):
    monkeypatch.setattr(modes, "COMPILE", {"backend": "aot_eager"})
    torch.compiler.reset()
    _, expected, sums = trained("eager", "sgd")
    step, found, row = trained("compiled", "sgd")
    assert step.compute != step._compute
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)
    assert row == pytest.approx(sums, rel=1e-5)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_trial_leaves_no_trace_and_the_faster_mode_is_taken(graphs, monkeypatch, capsys, optimiser):
    seconds = iter([0.03, 0.002])
    monkeypatch.setattr(modes, "timed", lambda run, *batch: [run(*batch, 0.5) for _ in range(2)] and next(seconds))
    _, expected, _ = trained("eager", optimiser)
    chosen = []

    def trial(step):
        chosen.append(modes.faster(step, *batch(9)))

    _, found, _ = trained("eager", optimiser, before=trial)
    assert chosen == ["captured"] and "eager 30.0 ms, captured 2.0 ms" in capsys.readouterr().err
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)


def test_a_step_that_cannot_be_captured_is_eager(monkeypatch, capsys):
    def refuse(*_):
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    monkeypatch.setitem(modes.MODES, "captured", refuse)
    step, _, _ = trained("eager", "sgd", 1)
    assert modes.faster(step, *batch(0)) == "eager"
    assert "cannot be captured: operation not permitted when stream is capturing\n" in capsys.readouterr().err


def test_what_a_mode_needs():
    assert trained("auto", "sgd", 1)[0].mode == "eager", "a CPU has no graphs"
    with pytest.raises(BadInput, match="needs a CUDA GPU; write eager or auto"):
        trained("captured", "sgd", 1)
    for changed in ({"precision": "float16"}, {"processes": 2}):
        with pytest.raises(ValueError, match="step captured cannot be used with"):
            type(RECIPE).model_validate(RECIPE.model_dump() | {"step": "captured"} | changed)
