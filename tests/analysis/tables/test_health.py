"""What is planted in a trained network is said in the table of health, and wherever the network's score is shown."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from analysis.figures import per_class, style
from analysis.report.page import render
from analysis.results import diagnosis
from analysis.results.results import Results, read
from analysis.tables import accuracy, frames, health
from pipeline.config import params
from pipeline.training import loop
from pipeline.training import train as training
from pipeline.utils.digests import digest
from tests.analysis.claims.test_verdicts import claim, judged
from tests.prepared_frames import write_prepared

EVEN = math.log(19)

SOUND = {
    "classes": 19,
    "first": {"loss": 3.0, "guessing": EVEN, "gradients": {"decoder": 1.5}},
    "last": {"loss": 0.7, "gradients": {"decoder": 0.25}},
    "frames": 64,
    "dead_relu": {"decoder": 0.1},
    "gates": {"attention of network 1": {"saturated": 0.05, "between_images": 0.15, "input": 1.2}},
    "saturated": [0.05, 0.95],
    "not_finite": {"weights": [], "statistics": []},
}


def gate(number, **changed):
    sound = SOUND["gates"]["attention of network 1"]
    return SOUND | {"gates": SOUND["gates"] | {f"attention of network {number}": sound | changed}}


def first(loss, guessing=EVEN):
    return SOUND | {"first": SOUND["first"] | {"loss": loss, "guessing": guessing}}


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([SOUND], []),
        ([gate(2, saturated=0.97)], ["the gates of network 2 are 97 % saturated"]),
        ([gate(1, saturated=0.2, between_images=0.05)], []),
        (
            [gate(1, between_images=0.002), gate(3, between_images=0.0149)],
            ["the gates of network 1 and network 3 are the same for every image (standard deviation 0.002 to 0.015)"],
        ),
        ([first(10.5)], ["first loss 10.5 is far from ln 19 = 2.94"]),
        ([first(3.5), first(1.0), SOUND], ["first loss 1 is far from ln 19 = 2.94"]),
        ([first(3 * EVEN, 3 * EVEN)], []),
        ([first(14.5, 3 * EVEN)], ["first loss 14.5 is far from 3 x ln 19 = 8.83"]),
        ([first(None)], ["the first loss is no number"]),
        ([SOUND | {"dead_relu": {"context": 0.62, "decoder": 0.5}}], ["62 % of the ReLU channels of context are dead"]),
        (
            [SOUND | {"not_finite": {"weights": ["decoder"], "statistics": ["context", "decoder"]}}],
            ["batch norm statistics of context and decoder are not finite", "weights of decoder are not finite"],
        ),
        ([gate(1, saturated=None, between_images=None, input=None)], []),
    ],
)
def test_reasons_are_the_parts_beyond_a_limit_and_their_range_over_the_seeds(records, said):
    assert diagnosis.reasons(records) == said


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """The health that training records where `plant` spoils the network before (`first`) or after its steps."""

    def call(plant, before=False):
        random = np.random.default_rng(0)
        frames = random.integers(0, 256, (4, 64, 64, 3), np.uint8), random.integers(0, 3, (4, 64, 64), np.uint8)
        write_prepared(tmp_path / "data", ["a", "b", "c"], train=frames)
        hooked = "initialise" if before else "optimise"
        original = getattr(training, hooked)

        def spoilt(model, *rest):
            found = original(model, *rest)
            with torch.no_grad():
                plant(model)
            return found

        monkeypatch.setattr(training, hooked, spoilt)
        loaded = params.load()
        recipe = loaded.recipes["quick"].training.model_copy(
            update={"crop_size": (64, 64), "frame_size": (64, 64), "epochs": 1, "batch_size": 4, "learning_rate": 0.01}
        )
        checkpoint = loop.Checkpoint(tmp_path / "checkpoint.pt", "same")
        return training.train(recipe, loaded.variants["d"], 0, tmp_path / "data", None, tmp_path, checkpoint)["health"]

    return call


def recorded(made, **records) -> Results:
    """A study of two variants; the runs of those that are named have a record of their health."""
    made.variants, made.seeds, made.frames = ("single", "d"), (0, 1), 3
    made.write()
    for name, record in records.items():
        for seed in made.seeds:
            path = made.run(name, seed) / "train.json"
            content = json.loads(path.read_text())
            content["result"] |= {"health": record, "loss": record["last"]["loss"]}
            content["outputs"] |= _ends_with(path.with_name("curve.csv"), record["last"]["loss"])
            path.write_text(json.dumps(content))
    return read(made.study, made.results)


def _ends_with(path: Path, loss: float | None) -> dict[str, str]:
    """Give a curve this last loss; its new digest by its name."""
    curve = pd.read_csv(path)
    curve.loc[len(curve) - 1, "loss"] = loss
    curve.to_csv(path, index=False)
    return {f"results/{path.as_posix().rpartition('/results/')[2]}": digest(path)}


def shown(results: Results) -> dict[str, str]:
    """Texts with a score of each variant, and the table of health."""
    tables = {"health": health.table(results), "accuracy": accuracy.table(results)}
    with style.context():
        figure = " ".join(per_class.draw(results).texts[0].get_text().split())
    texts = {name: table.markdown(name) for name, table in tables.items()}
    return texts | {"figure": figure, "report": render(results, None, tables, {})}


def dead_gate(model):
    bias = model.structure.networks[1].attention.norm.bias
    bias.copy_(torch.tensor([-1e9, 1e9]).repeat(len(bias) // 2))


def lost_statistics(model):
    model.decoder.high.reduce[0][1].running_var[0] = math.nan


def loud_start(model):
    model.decoder.classify.weight.fill_(0)
    model.decoder.classify.bias.copy_(torch.tensor([0.0, 0.0, 50.0]))


@pytest.mark.parametrize(
    ("plant", "before", "said"),
    [
        (dead_gate, False, ["network 2 are 100 % saturated", "network 2 are the same for every image"]),
        (lost_statistics, False, ["batch norm statistics of decoder are not finite"]),
        (loud_start, True, ["is far from ln 3 = 1.1"]),
    ],
)
def test_what_is_planted_in_a_network_is_said_wherever_its_score_is_shown(trained, made, plant, before, said):
    for name, text in shown(recorded(made, single=SOUND, d=trained(plant, before))).items():
        assert text.count("d is unhealthy: ") == 1 and "single is unhealthy" not in text, name
        sentence = text.partition("d is unhealthy: ")[2].split("Data streets")[0]
        assert all(words in sentence for words in said), name


def test_the_tables_have_each_seed_s_numbers_and_the_parts_their_ranges(made):
    results = recorded(made, single=SOUND, d=gate(1, saturated=0.97))
    shown = health.table(results)
    table = shown.data.set_index(["variant", "seed"])
    assert table.loc[("d", 1), "gates.attention of network 1.saturated"] == 0.97
    assert table["unhealthy"].tolist() == ["", "", *["the gates of network 1 are 97 % saturated"] * 2]
    text = shown.markdown("Health")
    assert "| single | 3 | 2.94 | 0.7 | yes |" in text and "| d | 3 | 2.94 | 0.7 | no |" in text
    assert "| d | decoder | 1.5 | 0.25 | 10 |  |  |  |" in text
    assert "| d | attention of network 1 |  |  |  | 97 | 0.150 | 1.2 |" in text
    healthy = frames.accuracy(results).set_index("model")["healthy"]
    assert healthy["single"].all() and not healthy["d"].any() and math.isnan(healthy["floor"])
    assert frames.structures(results).set_index("variant")["healthy"].to_dict() == {"single": True, "d": False}


def test_runs_without_a_record_are_named_once(made):
    text = shown(recorded(made, single=SOUND))
    assert text["health"].count("not recorded") == 1 and "Health was not recorded for d." in text["health"]
    assert "not recorded" not in text["accuracy"] and "unhealthy:" not in text["health"]


def test_a_study_from_before_the_record_says_so_once(results):
    text = shown(results)
    assert "Health was not recorded for single, a, b, c, d, dfanet-a." in text["health"]
    assert text["health"].count("not recorded") == text["report"].count("not recorded") == 1


def test_a_verdict_on_an_unhealthy_network_s_score_says_so(made):
    found = recorded(made, d=gate(2, saturated=0.97))
    reason = judged([claim("miou", "64.0", variant="d")], {}, found)["reason"].item()
    assert reason.endswith("; unhealthy: the gates of network 2 are 97 % saturated")
