"""Counted MACs and sizes of the paper's networks against its tables; `pytest -rP` shows every figure."""

import csv
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml

from models.build import build
from pipeline.complexity.macs import count_at, count_layers
from pipeline.complexity.shapes import ShapesOnly
from pipeline.config import params

VARIANTS = params.load().variants
TOLERANCES = yaml.safe_load(Path("data/paper/tolerances.yaml").read_text())
CELLS = [
    row
    for row in csv.DictReader(Path("data/paper/claims.csv").read_text().splitlines())
    if row["source"] == "dfanet" and hasattr(VARIANTS.get(row["variant"]), "structure")
]
MISSED = {"t3-backbone-b-x4-macs", "t4-backbone-b-x3-hl-parameters", "t4-backbone-b-x3-hl-ll-parameters"}
"""Cells that the networks here do not meet."""


def cells(quantity):
    return [pytest.param(row, id=row["id"]) for row in CELLS if row["quantity"] == quantity]


def meta(name):
    with torch.device("meta"):
        return build(VARIANTS[name].model_dump(), 19).eval()


@cache
def macs(name, size):
    with ShapesOnly():
        return sum(count_layers(meta(name), torch.empty(1, 3, *size, device="meta")).values())


def within(row, value):
    """Whether a number is as near to the printed one as data/paper/tolerances.yaml allows, rounding added; printed."""
    paper, half = float(row["value"]), 0.5 * 10 ** -int(row["decimals"])
    print(f"{row['id']}: paper {row['value']}, counted {value:.3f} ({value / paper - 1:+.1%})")
    return abs(value - paper) <= TOLERANCES[row["quantity"]]["relative"] * paper + half


@pytest.mark.parametrize("row", cells("macs"))
def test_macs(row):
    size = tuple(map(int, row["size"].split("x")))
    assert within(row, macs(row["variant"], size) / 1e9) == (row["id"] not in MISSED)


@pytest.mark.parametrize("row", cells("parameters"))
def test_parameters_are_megabytes_of_float32(row):
    megabytes = 4 * sum(parameter.numel() for parameter in meta(row["variant"]).parameters()) / 1e6
    assert within(row, megabytes) == (row["id"] not in MISSED)


def test_dfanet_a_by_both_counters():
    found = count_at(meta("dfanet-a"), (1024, 1024))
    for counter in ("macs", "ptflops_macs"):
        assert found[counter] / 1e9 == pytest.approx(3.4, rel=0.01)


def test_counting_needs_no_memory():
    assert count_at(meta("dfanet-a"), (4096, 4096))["macs"] > 16 * 3.2e9
