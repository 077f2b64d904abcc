"""The protocol of the latency stage: order, figures and marks. No test here depends on how long anything takes."""

import json
import platform

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pipeline.config import params
from pipeline.config.protocols import Latency
from pipeline.timing import latency, modes

SETTINGS = Latency(warmup=2, rounds=6, samples=3, threads=1, seed=0, stability=0.1, cpu_pixels=8192)
VARIANTS = {name: params.load().variants[name] for name in ("single", "dfanet-a")}


pytestmark = pytest.mark.usefixtures("torch_as_before")


def test_every_round_times_every_row_once_in_an_order_of_its_own():
    rounds = latency.orders(6, SETTINGS)
    assert len(rounds) == 6
    assert all(sorted(order) == [0, 1, 2, 3, 4, 5] for order in rounds)
    assert len({tuple(order) for order in rounds}) > 1
    assert rounds == latency.orders(6, SETTINGS)
    assert rounds != latency.orders(6, SETTINGS.model_copy(update={"seed": 1}))


def test_turns_are_interleaved_and_warm_up_is_not_kept():
    ran = []
    passes = [lambda row=row: ran.append(row) for row in range(2)]

    def ticks(run):
        run()
        return float(len(ran))

    samples = latency.measure(passes, [[1, 0], [0, 1]], SETTINGS, ticks)
    assert ran == [1] * 5 + [0] * 5 + [0] * 5 + [1] * 5
    assert samples == [[[8.0, 9.0, 10.0], [13.0, 14.0, 15.0]], [[3.0, 4.0, 5.0], [18.0, 19.0, 20.0]]]


def test_figures_by_hand():
    found = latency.summarise([[1.0, 4.0], [3.0, 2.0]], stability=0.1)
    assert (found["median_ms"], found["fps"]) == (2.5, 400)
    assert found["p90_ms"] == pytest.approx(3 + 0.7)
    assert found["p99_ms"] == pytest.approx(3 + 0.97)
    assert found["samples_ms"] == [[1.0, 4.0], [3.0, 2.0]]


@pytest.mark.parametrize(
    ("medians", "drift", "stable"),
    [
        ([10, 10, 10, 10], 0, True),
        ([10, 10, 10.5, 10.5], 0.05, True),
        ([10, 10, 12, 12], 0.2, False),
        ([12.5, 12.5, 10, 10], 0.2, False),
        ([10, 10, 99, 10, 10], 0, True),
    ],
)
def test_drift_between_the_halves_marks_a_row(medians, drift, stable):
    found = latency.summarise([[median - 1.0, median, median + 1.0] for median in medians], stability=0.1)
    assert found["drift"] == pytest.approx(drift)
    assert found["stable"] is stable


def test_without_a_gpu_every_row_says_cpu(cpu_alone):
    few = SETTINGS.model_copy(update={"warmup": 0, "rounds": 2})
    found = latency.time_variants(few, VARIANTS, 19, dict.fromkeys(VARIANTS, (64, 96)))
    assert [(row["variant"], row["mode"]) for row in found["rows"]] == [(name, "eager float32") for name in VARIANTS]
    assert {row["device"] for row in found["rows"]} == {"cpu"}
    assert {row["layout"] for row in found["rows"]} == {"channels_last"}
    assert all([len(taken) for taken in row["samples_ms"]] == [3, 3] for row in found["rows"])
    assert (found["batch"], found["size"], found["device"]["threads"]) == (1, [64, 96], 1)
    assert found["protocol"]["clock"] == "time.perf_counter_ns"
    assert len(found["device"]["clocks"]) == 3  # before each round, and at the end
    assert {"cpu_mhz", "load_average", "others_cpu"} <= set(found["device"]["clocks"][0])
    assert platform.node() not in json.dumps(found).split('"')


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ((64, 96), (64, 96)),
        ((97, 83), (97, 83)),
        ((1024, 1024), (96, 96)),
        ((512, 1024), (64, 128)),
        ((720, 960), (64, 96)),
    ],
)
def test_a_cpu_times_fewer_pixels_of_about_the_same_shape(asked, fits):
    """8,192 pixels: 90x90, 64x128 and 78x104, to the next multiple of 32; a GPU times what is asked for."""
    assert latency.fitting(asked, SETTINGS, torch.device("cpu")) == fits
    assert latency.fitting(asked, SETTINGS, torch.device("cuda")) == asked


@pytest.mark.parametrize("asked", [(720, 960), (1024, 2048), (360, 480), (713, 713)])
def test_the_size_that_a_cpu_times_is_near_the_limit_and_keeps_the_aspect(asked):
    limit = params.load().latency
    rows, columns = latency.fitting(asked, limit, torch.device("cpu"))
    assert rows % 32 == columns % 32 == 0
    assert rows * columns == pytest.approx(limit.cpu_pixels, rel=0.15)
    assert rows / columns == pytest.approx(asked[0] / asked[1], rel=0.1)


def test_a_cpu_scales_all_images_of_a_comparison_alike():
    """Table 5's DFANet A at 1024x1024 and A', which sees half of each side of 1024x2048: half as many pixels."""
    limit, cpu = params.load().latency, torch.device("cpu")
    whole, wide = (latency.fitting(size, limit, cpu, 1024 * 2048) for size in ((1024, 1024), (1024, 2048)))
    assert (whole, wide) == ((256, 256), (256, 512))


def test_a_row_says_the_size_that_was_timed(cpu_alone):
    few = SETTINGS.model_copy(update={"warmup": 0, "rounds": 2, "samples": 1})
    found = latency.time_variants(few, VARIANTS, 19, {"single": (64, 64), "dfanet-a": (1024, 2048)})
    assert {row["variant"]: row["size"] for row in found["rows"]} == {"single": [64, 64], "dfanet-a": [64, 128]}


def test_every_variant_is_timed_over_the_sizes_asked_for(cpu_alone):
    """The limit of a CPU's pixels holds for the single size of a variant, not for those that a study lists."""
    few = SETTINGS.model_copy(update={"warmup": 0, "rounds": 2, "samples": 1})
    found = latency.time_variants(few, VARIANTS, 19, dict.fromkeys(VARIANTS, (64, 64)), [(64, 96), (128, 192)])
    assert [(row["variant"], row["size"]) for row in found["over"]] == [
        (name, size) for name in VARIANTS for size in ([64, 96], [128, 192])
    ]
    assert found["over"][1]["macs"] == pytest.approx(4 * found["over"][0]["macs"], rel=0.03)
    assert len(found["rows"]) == 2


@pytest.mark.parametrize(("attempts", "made"), [(1, 1), (2, 2), (3, 2)])
def test_rows_that_are_unstable_are_timed_again_and_the_others_are_not(cpu_alone, monkeypatch, attempts, made):
    """One of two rows is unstable, and stable in the second attempt, so that a third is not needed."""
    timed = []

    def measured(passes, orders, *_):
        timed.append(len(passes))
        steady = [[3.0], [3.0]]
        return [steady] + [[[1.0], [2.0]] if len(timed) == 1 else steady for _ in passes[1:]]

    monkeypatch.setattr(latency, "measure", measured)
    asked = SETTINGS.model_copy(update={"attempts": attempts})
    first, second = latency.time_variants(asked, VARIANTS, 19, dict.fromkeys(VARIANTS, (64, 64)))["rows"]
    assert timed == [2 + 2, 1][:made]
    assert (first["attempt"], first["stable"], first["median_ms"]) == (1, True, 3.0)
    assert (second["attempt"], second["stable"], second["median_ms"]) == (made, made == 2, 3.0 if made == 2 else 1.5)


def test_a_tf32_graph_is_captured_in_tf32_and_everything_else_is_exact(monkeypatch):
    captured = []
    monkeypatch.setattr(
        modes, "cuda_graph", lambda *_: captured.append(torch.backends.fp32_precision) or (lambda image: image)
    )
    latency.choose(SETTINGS)
    mode = next(mode for mode in modes.GPU_MODES if mode.name == "CUDA graph TF32")
    modes.prepare(torch.nn.Identity(), torch.zeros(1, 3, 8, 8), mode)
    assert (captured, torch.backends.fp32_precision) == (["tf32"], "ieee")
    assert (mode.arithmetic, mode.dtype) == ("tf32", torch.float32)


def scores(mode, size, device="cpu"):
    with torch.inference_mode():
        made = modes.untrained(VARIANTS["dfanet-a"], 19, size, torch.device(device))
        return modes.prepare(*made, mode)()


def test_scores_of_untrained_weights_fit_half_precision():
    assert scores(modes.CPU_MODES[0], (64, 96)).half().isfinite().all()


class Operations(TorchDispatchMode):
    """The names of what torch computes."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(str(function))
        return function(*args, **(kwargs or {}))

    @classmethod
    def of(cls, run):
        with torch.inference_mode(), cls() as seen:
            seen.names = []
            run()
        return seen.names


def test_a_timed_pass_is_the_network_s_and_nothing_else():
    """No copy, no argmax, and the image is there beforehand: one image, random, in the network's layout."""
    model, image = modes.untrained(VARIANTS["single"], 19, (64, 96), torch.device("cpu"))
    assert image.shape == (1, 3, 64, 96) and image.std() > 0.1
    assert not any(module.training for module in model.modules())
    run = modes.prepare(model, image, modes.CPU_MODES[0])
    ready = image.to(memory_format=torch.channels_last)
    assert Operations.of(run) == Operations.of(lambda: model(ready))


def test_passes_are_timed_without_gradients(cpu_alone, monkeypatch):
    timed = []
    monkeypatch.setattr(latency, "on_cpu", lambda run: timed.append(torch.is_grad_enabled()) or 1.0)
    latency.time_variants(SETTINGS, {"single": VARIANTS["single"]}, 19, {"single": (64, 64)})
    assert timed and not any(timed)


def test_the_cpu_s_clock_runs_while_a_pass_does_and_no_longer(monkeypatch):
    happened = []
    monkeypatch.setattr(latency.time, "perf_counter_ns", lambda: happened.append("clock") or 3_000_000 * len(happened))
    assert latency.on_cpu(lambda: happened.append("pass")) == 6
    assert happened == ["clock", "pass", "clock"]


def test_the_gpu_s_clock_starts_on_an_idle_device_and_is_read_when_the_work_is_done(monkeypatch):
    happened = []

    class Event:
        def __init__(self, enable_timing):
            self.name = f"event {len(made)}"
            made.append(self)

        def record(self):
            happened.append(f"{self.name} recorded")

        def synchronize(self):
            happened.append(f"{self.name} waited for")

        def elapsed_time(self, other):
            return 4.0 if (self, other) == tuple(made) else None

    made = []
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: happened.append("idle"))
    assert latency.on_gpu(lambda: happened.append("pass")) == 4.0
    assert happened == ["idle", "event 0 recorded", "pass", "event 1 recorded", "event 1 waited for"]
