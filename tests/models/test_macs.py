"""Counted MACs and sizes against the paper's tables, by both counters; `pytest -rP` shows every figure."""

import csv
from pathlib import Path

import pytest
import torch

from models.network import Network
from models.segmenter import Segmenter
from models.structures import STRUCTURES
from pipeline import params
from pipeline.complexity import count, count_at

SIZE = (1024, 1024)
BACKBONES = {"A": "xception-a", "B": "xception-b"}
TABLE2, TABLE3, TABLE4 = (
    list(csv.DictReader(Path(f"data/paper/table{number}.csv").read_text().splitlines())) for number in (2, 3, 4)
)


def macs(model):
    return count_at(model.to("meta").eval(), SIZE)


def error(what, found, paper):
    """Relative error of both counters to the paper's GMACs; printed, and the larger returned."""
    counters = {"torch": found["macs"] / 1e9 / paper - 1, "ptflops": found["ptflops_macs"] / 1e9 / paper - 1}
    shown = ", ".join(f"{name} {(1 + value) * paper:.3f} ({value:+.1%})" for name, value in counters.items())
    print(f"{what}: paper {paper} GMACs, {shown}")
    return max(map(abs, counters.values()))


def networks(name):
    """The networks of a row such as `Backbone A x3`, without a decoder."""
    _, backbone, *times = name.split("+")[0].split()
    number = int(times[0][1:]) if times else 1
    with torch.device("meta"):
        return STRUCTURES["d" if number > 1 else "single"](BACKBONES[backbone], "fc", number)


def test_dfanet_a():
    loaded = params.load()
    found = count(loaded.complexity, loaded.variants["dfanet-a"], 19, (64, 64))["at"]["paper"]
    assert found["size"] == list(SIZE)
    assert error("DFANet A", found, 3.4) < 0.05


def test_backbone_a():
    assert error("Backbone A", macs(Network("xception-a", "fc")), 1.6) < 0.05


@pytest.mark.parametrize("row", TABLE3, ids=lambda row: row["model"])
def test_aggregation(row):
    model = networks(row["model"])
    megabytes = 4 * sum(parameter.numel() for parameter in model.parameters()) / 1e6
    print(f"{row['model']}: paper {row['params_m']} M parameters, counted {megabytes:.2f} MB of float32")
    assert error(row["model"], macs(model), float(row["gmacs"])) < 0.15
    assert megabytes == pytest.approx(float(row["params_m"]), rel=0.15)


@pytest.mark.parametrize("row", [row for row in TABLE4 if "+" in row["model"]], ids=lambda row: row["model"])
def test_decoder(row):
    backbone, number = BACKBONES[row["model"].split()[1]], int(row["model"].split("x")[1][0])
    with torch.device("meta"):
        model = Segmenter("d", backbone, "fc", number, row["model"].partition("+")[2], classes=19)
    assert error(row["model"], macs(model), float(row["gmacs"])) < 0.15


@pytest.mark.parametrize("row", [row for row in TABLE2 if "Xception" in row["model"]], ids=lambda row: row["model"])
def test_pyramid_pooling(row):
    structure = "b" if "ASPP" in row["model"] else "single"
    model = STRUCTURES[structure](BACKBONES[row["model"].split()[1]], "none", 1)
    assert error(row["model"], macs(model), float(row["gmacs"])) < 0.05


@pytest.mark.parametrize("name", ["resnet-50", "resnet-50-quarter", "resnet-50-aspp"])
def test_resnet_50(name):
    paper = {"resnet-50": 149.2, "resnet-50-quarter": 9.3, "resnet-50-aspp": 214.4}[name]
    with torch.device("meta"):
        model = Segmenter(**params.load().variants[name].model_dump(), classes=19)
    assert error(name, macs(model), paper) < 0.05


def test_counting_needs_no_memory():
    with torch.device("meta"):
        model = Segmenter(**params.load().variants["dfanet-a"].model_dump(), classes=19).eval()
    assert count_at(model, (4096, 4096))["macs"] > 16 * 3.2e9
