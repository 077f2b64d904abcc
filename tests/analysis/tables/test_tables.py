"""What the two tables say."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, jaccard_score

from analysis.results.results import read
from analysis.tables import accuracy as accuracy_table
from analysis.tables import frames
from analysis.tables import structures as structures_table
from tests.analysis.made import CLASSES


def both(made):
    results = read(made.study, made.results)
    accuracy = accuracy_table.table(results)
    structures = structures_table.table(results, frames.structures(results))
    return accuracy.data, structures.data, accuracy.markdown("Accuracy"), structures.markdown("Structures")


@pytest.fixture(scope="module")
def accuracy(rendered):
    return pd.read_csv(rendered / "tables/accuracy.csv")


@pytest.fixture(scope="module")
def structures(rendered):
    return pd.read_csv(rendered / "tables/structures.csv").set_index("variant")


def test_accuracy_of_a_run_is_scikit_learns(whole, accuracy):
    row = accuracy[(accuracy["model"] == "d") & (accuracy["seed"] == 2)].squeeze()
    counted = whole.truth != 255
    truth, predictions = whole.truth[counted], whole.predictions["d", 2][counted]
    assert row["pixel_accuracy"] == pytest.approx(accuracy_score(truth, predictions), abs=1e-12)
    assert row["miou"] == pytest.approx(jaccard_score(truth, predictions, average="macro"), abs=1e-12)
    assert row[list(CLASSES)].tolist() == pytest.approx(jaccard_score(truth, predictions, average=None), abs=1e-12)


def test_accuracy_has_every_run_the_floor_and_the_majority_class(whole, accuracy):
    assert len(accuracy) == len(whole.variants) * len(whole.seeds) + 2
    assert accuracy["model"].tolist()[-2:] == ["floor", "majority class"]


def test_majority_class_row_agrees_with_itself(accuracy):
    row = accuracy.iloc[-1]
    assert np.mean(row[list(CLASSES)].astype(float)) == pytest.approx(row["miou"])


def test_the_difference_to_the_baseline_and_the_spread_are_over_the_seeds(whole, structures):
    runs = structures[[f"miou_seed_{seed}" for seed in whole.seeds]]
    assert structures["difference"].tolist() == pytest.approx((runs - runs.loc["single"]).mean(axis=1).tolist())
    assert structures["miou_sd"].tolist() == pytest.approx(runs.std(axis=1).tolist())
    assert (structures["miou_low"] < structures["miou_frames_low"]).all()


def test_markdown_names_costs_devices_and_conditions(rendered):
    text = (rendered / "tables/structures.md").read_text()
    for words in (
        "GMACs at 128x256", "GMACs at 1024x1024", "ms, eager float32, cpu", "10 (unstable)", "1 CPU thread, a CPU",
        "10 frames of split test", "Seeds 0, 1, 2", "commit 01234567", "recall 1 to 64 px",
    ):  # fmt: skip
        assert words in text


def test_a_variant_below_the_floor_is_not_a_result(made):
    made.frames, made.errors["c"] = 4, 0.9
    accuracy, structures, *texts = both(made.write())
    assert structures.set_index("variant")["above_floor"].to_dict() == {name: name != "c" for name in made.variants}
    assert not accuracy[accuracy["model"] == "c"]["above_floor"].any()
    for text in texts:
        assert text.count("c is below the floor") == 1
        assert "c is below the floor: too little trained for the score to be a result." in text


def test_absent_classes_are_counted_and_left_out(made):
    made.frames, made.absent = 4, (5,)
    accuracy, _, text, _ = both(made.write())
    runs = accuracy[accuracy["model"].isin(made.variants)]
    assert (runs["absent"] == 1).all() and runs["pole"].isna().all()
    assert runs["miou"].tolist() == pytest.approx(runs[list(CLASSES[:-1])].mean(axis=1).tolist())
    row = next(line for line in text.splitlines() if line.startswith("| d |"))
    assert row.split(" | ")[3] == "1" and row.endswith("| - |")
