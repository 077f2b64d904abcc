"""What the roofline counts, by hand, and what follows from it."""

import pytest
import torch
from torch import nn

from pipeline.complexity import macs
from pipeline.config import params
from pipeline.config.protocols import Latency
from pipeline.timing import latency, roofline
from pipeline.timing.roofline import Ceiling, Operation, Rates

pytestmark = pytest.mark.usefixtures("torch_as_before")


def counted(model, *shape, dtype=torch.float32):
    with torch.no_grad():
        return roofline.counted(model.to("meta", dtype), torch.empty(*shape, device="meta", dtype=dtype))


def test_a_convolution_reads_image_and_weights_and_writes_its_features():
    (found,) = counted(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), 1, 3, 16, 24)
    assert found.macs == 8 * 3 * 9 * 8 * 12
    assert found.bytes == 4 * (3 * 16 * 24 + 8 * 3 * 9 + 8 * 8 * 12)


def test_half_precision_moves_half_the_bytes():
    (found,) = counted(nn.Conv2d(3, 8, 1, bias=False), 1, 3, 16, 16, dtype=torch.float16)
    assert found.bytes == 2 * (3 * 256 + 24 + 8 * 256)


def test_what_does_no_macs_moves_bytes_and_a_view_moves_none():
    class Rest(nn.Module):
        def forward(self, x):
            halves = x[:, :2], x[:, 2:]
            joined = torch.cat(halves, 1).flatten(1)
            return joined.relu_()

    found = counted(Rest(), 1, 4, 8, 8)
    values = 4 * 64
    assert found == [Operation(0, 4 * 2 * values), Operation(0, 4 * 2 * values)]


def test_the_limit_is_the_slower_of_both_as_a_whole_and_by_operation():
    found = roofline.limits([Operation(4000, 100), Operation(0, 700)], Rates(bandwidth=1e5, macs=1e6))
    assert (found["macs"], found["bytes"]) == (4000, 800)
    assert (found["arithmetic_ms"], found["traffic_ms"]) == (pytest.approx(4), pytest.approx(8))
    assert found["limit_ms"] == pytest.approx(8)
    assert found["limit_by_operation_ms"] == pytest.approx(4 + 7)


def test_a_ceiling_is_its_work_over_the_median():
    found = latency.reached(Ceiling("copy", torch.uint8, 6_000_000, print), [[1.0, 2.0], [4.0, 2.0]])
    assert found["per_second"] == pytest.approx(3e9)


def test_ceilings_do_the_work_that_they_say(monkeypatch):
    monkeypatch.setitem(roofline.COPIED, "cpu", 1000)
    monkeypatch.setitem(roofline.MATMUL_SIDE, "cpu", 16)
    done = []
    monkeypatch.setattr(torch, "mm", lambda *sides, out: done.append((*sides, out)))
    copy, *products = roofline.ceilings(torch.device("cpu"), ["bfloat16", "tf32"])
    assert copy.run().tolist() == [1] * 1000
    assert [each.run() for each in products] == [None, None]
    assert [each.work for each in (copy, *products)] == [2000, 16**3, 16**3]
    assert [{side.shape for side in sides} for sides in done] == [{(16, 16)}, {(16, 16)}]
    assert [{side.dtype for side in sides} for sides in done] == [{torch.bfloat16}, {torch.float32}]


def test_timed_rows_hold_the_macs_that_the_complexity_stage_counts(cpu_alone):
    few = Latency(warmup=0, rounds=2, samples=1, threads=1, seed=0, stability=0.1, cpu_pixels=8192)
    variant = params.load().variants["single"]
    found = latency.time_variants(few, {"single": variant}, 19, {"single": (64, 96)})
    counted = macs.count(params.load().complexity, variant, 19, (64, 96))
    assert [row["macs"] for row in found["rows"]] == [counted["at"]["study"]["macs"]]
    assert found["rows"][0]["bytes"] > 4 * counted["parameters"]
    assert [(each["kind"], each["dtype"]) for each in found["ceilings"]] == [("copy", "uint8"), ("product", "float32")]
    assert all([len(taken) for taken in each["samples_ms"]] == [1, 1] for each in found["ceilings"])


@pytest.mark.parametrize(("groups", "layer"), [(1, nn.Conv2d), (8, nn.Conv2d), (8, nn.ConvTranspose2d)])
def test_the_backward_pass_of_a_convolution_takes_twice_its_macs(groups, layer):
    convolution = layer(8, 16, 3, padding=1, stride=2, groups=groups)
    images = torch.rand(2, 8, 12, 16, requires_grad=True)
    forward = sum(each.macs for each in roofline.counted(convolution, images))
    both = sum(each.macs for each in roofline.counted(lambda shown: convolution(shown).sum().backward(), images))
    assert forward > 0 and both == 3 * forward
