"""What only a GPU can show: `python -m pytest -m gpu`. All other tests run on the CPU, also where there is a GPU."""

import pytest
import torch

from models.folding import fold
from pipeline.config import params
from pipeline.config.protocols import Latency
from pipeline.deployment.formats import TOLERANCE, difference
from pipeline.deployment.fusing import fuse
from pipeline.doctor.trials import trials
from pipeline.timing import latency, modes
from pipeline.training import optimisers
from pipeline.training.modes import MODES
from pipeline.training.steps import Step
from tests.pipeline.training.test_modes import RECIPE, batch
from tests.pipeline.training.test_processes import Deep

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.usefixtures("torch_as_before"),
]
PARAMS = params.load()
FEW = Latency(warmup=1, rounds=2, samples=2, threads=1, seed=0, stability=0.1, cpu_pixels=8192)
SIZE = (128, 256)


def untrained(variant="dfanet-a"):
    return modes.untrained(PARAMS.variants[variant], 19, SIZE, torch.device("cuda"))


def test_each_part_of_a_run_works():
    failed = [f"{trial.name}: {trial.error}" for trial in trials(PARAMS) if trial.error]
    assert not failed


def test_each_mode_is_a_row():
    found = latency.time_variants(FEW, {"single": PARAMS.variants["single"]}, 19, {"single": SIZE})
    assert [row["mode"] for row in found["rows"]] == [mode.name for mode in modes.GPU_MODES]
    assert {row["device"] for row in found["rows"]} == {torch.cuda.get_device_name()}
    assert found["protocol"]["float32"] == {"convolutions": "ieee", "products": "ieee"}
    assert found["protocol"]["cudnn_benchmark"] is False


@pytest.mark.parametrize("mode", modes.GPU_MODES, ids=lambda mode: mode.name)
def test_each_mode_computes_what_the_first_does(mode):
    latency.choose(FEW)
    with torch.inference_mode():
        expected = modes.prepare(*untrained(), modes.GPU_MODES[0])().clone()
        found = modes.prepare(*untrained(), mode)()
    assert difference(found, expected) <= TOLERANCE[mode.arithmetic]


def test_fused_convolutions_compute_what_folded_ones_do():
    latency.choose(FEW)
    with torch.no_grad():
        (model, image), (other, _) = untrained(), untrained()
        model, other = (each.half().to(memory_format=torch.channels_last) for each in (model, other))
        image = image.half().to(memory_format=torch.channels_last)
        expected, fused = fold(model, image)(image), fuse(other, image)
        assert difference(fused(image), expected) <= TOLERANCE["float16"]
    operations = [str(node.target) for node in fused.graph.nodes]
    assert operations.count("aten.cudnn_convolution_relu.default") > 50
    assert operations.count("aten.cudnn_convolution_add_relu.default") > 20


@pytest.mark.parametrize("mode", ["captured", "compiled"])
def test_a_step_in_another_mode_trains_as_an_eager_one(mode):
    def trained(mode):
        recipe, model = RECIPE.model_copy(update={"batch_size": 4, "step": mode, "optimiser": "sgd"}), Deep().cuda()
        step = Step(model.train(), model, optimisers.make(model, recipe), recipe, torch.device("cuda"))
        for number in range(4):
            step(*batch(number), 0.1 / (number + 1))
        assert step.mode == mode and mode in MODES
        return model.state_dict(), step.row(4)

    (expected, sums), (found, row) = trained("eager"), trained(mode)
    assert row == pytest.approx(sums, rel=1e-3)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-2, atol=1e-3)
