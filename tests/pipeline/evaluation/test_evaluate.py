"""Evaluation of a run, end to end, against scikit-learn and torch on the predictions it writes."""

import json
import zipfile

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score
from torch import nn

from models.initialisation import initialise
from models.segmenter import Segmenter
from pipeline.config import params
from pipeline.data.augment import normalise
from pipeline.data.base import IGNORE
from pipeline.evaluation import metrics
from pipeline.evaluation.evaluate import evaluate, evenly_spaced, predict
from pipeline.utils import weights
from pipeline.utils.errors import BadInput
from tests.prepared_frames import write_prepared

NAMES = ["road", "car", "pole", "sky"]
FRAMES, SIZE = 5, (80, 112)
DEFAULTS = params.load()
EVALUATION = DEFAULTS.evaluation.model_copy(update={"batch_size": 2, "pictures": FRAMES, "sizes": [20, 200]})
TRAINING = DEFAULTS.recipes["quick"].training.model_copy(update={"frame_size": SIZE})
VARIANT = DEFAULTS.variants["single"]


def frames() -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures of blocks of classes, some of them ignored."""
    rng = np.random.default_rng(0)
    blocks = rng.choice(np.array([0, 0, 1, 2, IGNORE], np.uint8), (FRAMES, SIZE[0] // 8, SIZE[1] // 8))
    labels = blocks.repeat(8, axis=1).repeat(8, axis=2)
    images = labels[..., None] // 2 + rng.integers(0, 100, (*labels.shape, 3), np.uint8)
    return images.astype(np.uint8), labels


def save_weights(path, variant=VARIANT, spoil=False):
    torch.manual_seed(0)
    model = Segmenter(**variant.model_dump(), classes=len(NAMES))
    initialise(model, 0)
    if spoil:
        nn.init.constant_(model.decoder.classify.weight, float("nan"))
    made_for = {"variant": variant.model_dump(mode="json"), "classes": len(NAMES)}
    weights.save(path, {"made_for": made_for, "state": model.state_dict()})
    return model.eval()


@pytest.fixture
def run(tmp_path):
    """Evaluate a run with untrained weights; what differs from the default is given by name."""
    images, labels = frames()
    write_prepared(tmp_path / "data", NAMES, test=(images, labels))
    save_weights(tmp_path / "run" / "weights.pt")

    def call(evaluation=EVALUATION, training=TRAINING, variant=VARIANT):
        folder = tmp_path / "run"
        return evaluate(evaluation, training, variant, tmp_path / "data", folder / "weights.pt", folder)

    call.folder, call.data, call.labels = tmp_path / "run", tmp_path / "data", labels
    return call


def written(folder, name):
    with np.load(folder / name) as arrays:
        return dict(arrays)


def test_the_scores_are_scikit_learns_on_the_predictions_of_the_whole_split(run):
    result = run()
    predictions, known = written(run.folder, "predictions.npz")["predictions"], run.labels != IGNORE
    assert predictions.shape == run.labels.shape and predictions.dtype == np.uint8
    truth, guessed = run.labels[known], predictions[known]
    assert result["miou"] == pytest.approx(jaccard_score(truth, guessed, average="macro"), abs=1e-12)
    assert result["pixel_accuracy"] == accuracy_score(truth, guessed)
    assert (result["split"], result["frames"], result["size"]) == ("test", FRAMES, list(SIZE))
    assert json.loads(json.dumps(result)) == result, "ready for JSON"


def test_the_matrices_of_the_frames_sum_to_the_split_and_the_border_is_a_part_of_it(run):
    result = run()
    arrays = written(run.folder, "confusion.npz")
    total = arrays["confusion"].sum(0)
    assert arrays["confusion"].shape == (FRAMES, 4, 4) and arrays["confusion"].dtype == np.int64
    assert arrays["confusion"].sum((1, 2)).tolist() == (run.labels != IGNORE).sum((1, 2)).tolist()
    assert result["pixel_accuracy"] == np.trace(total) / total.sum()
    assert arrays["border"].shape == (FRAMES, 4, 4) and (arrays["border"] <= arrays["confusion"]).all()
    bands = [metrics.border_band(truth, EVALUATION.border) & (truth != IGNORE) for truth in run.labels]
    predictions = written(run.folder, "predictions.npz")["predictions"]
    for border, band, truth, guessed in zip(arrays["border"], bands, run.labels, predictions, strict=True):
        assert np.array_equal(border, confusion_matrix(truth[band], guessed[band], labels=range(4)))
    assert 0 < arrays["border"].sum() < total.sum() and result["border"]["width"] == EVALUATION.border


def test_objects_come_from_instances_or_from_regions(run, tmp_path):
    regions = run()["objects"]
    rows = written(run.folder, "confusion.npz")["objects"]
    assert regions["source"] == "components" and sum(each["count"] for each in regions["bins"]) == len(rows) > 0
    assert set(rows[:, 1]) == {1, 2}, "car and pole are countable, road is not"
    assert rows[:, 2].sum() == np.isin(run.labels, [1, 2]).sum()
    assert set(rows[:, 0]) == set(range(FRAMES))

    instances = np.zeros(run.labels.shape, np.uint16)
    instances[1, :8, :8] = 24001
    write_prepared(run.data, NAMES, test=(*frames(), instances))
    assert run()["objects"]["source"] == "instances"
    assert len(written(run.folder, "confusion.npz")["objects"]) <= 1


def test_a_smaller_input_is_scored_at_the_labels_full_resolution(run):
    small = (64, 64)
    result = run(training=TRAINING.model_copy(update={"frame_size": small}))
    assert (result["input_size"], result["size"]) == (list(small), list(SIZE))
    predictions = written(run.folder, "predictions.npz")["predictions"]
    pixels = torch.from_numpy(frames()[0]).permute(0, 3, 1, 2)
    seen = F.interpolate(pixels, small, mode="bilinear", antialias=True).permute(0, 2, 3, 1)
    with torch.inference_mode():
        scores = save_weights(run.folder / "again.pt")(normalise(seen))
    expected = F.interpolate(scores, SIZE, mode="bilinear", align_corners=False).argmax(1).numpy()
    assert (predictions == expected).mean() > 0.999, "class scores are resized, not classes"


class Reader(nn.Module):
    """A network that is always right: the class is written into the red channel, which it reads."""

    def forward(self, images):
        red = (images[:, 0] * 0.229 + 0.485) * 255
        return -torch.stack([(red - index).abs() for index in range(len(NAMES))], 1)


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_frames_come_out_in_order_whatever_the_batch(batch):
    truth = np.random.default_rng(0).integers(0, 4, (7, 64, 64), np.uint8)
    images = np.stack([truth] * 3, axis=-1)
    predictions = np.stack(list(predict(Reader(), images, (64, 64), batch, torch.device("cpu"))))
    assert np.array_equal(predictions, truth)


def test_the_pictures_are_evenly_spaced_frames_and_may_be_none(run):
    assert evenly_spaced(40, 4) == [0, 13, 26, 39] and evenly_spaced(3, 9) == [0, 1, 2] and evenly_spaced(9, 1) == [0]
    run(EVALUATION.model_copy(update={"pictures": 3}))
    shown = written(run.folder, "predictions.npz")
    assert shown["index"].tolist() == [0, 2, 4] and shown["names"].tolist() == ["test_0", "test_2", "test_4"]
    run(EVALUATION.model_copy(update={"pictures": 0}))
    assert all(len(array) == 0 for array in written(run.folder, "predictions.npz").values())


def test_each_network_of_an_aggregation_is_shown_as_if_the_others_gave_nothing(run):
    variant = DEFAULTS.variants["d"]
    model = save_weights(run.folder / "weights.pt", variant)
    run(EVALUATION.model_copy(update={"pictures": 3}), variant=variant)
    networks = written(run.folder, "predictions.npz")["networks"]
    assert networks.shape == (2, 3, *SIZE) and networks.dtype == np.uint8
    with torch.inference_mode():
        nn.init.zeros_(model.decoder.high.reduce[0][1].weight)  # the first network's norm: nothing passes
        expected = model(normalise(torch.from_numpy(frames()[0][[0, 2, 4]]))).argmax(1).numpy()
    assert (networks[1] == expected).mean() > 0.999 and (networks[0] != expected).mean() > 0.1


@pytest.mark.parametrize(("name", "changed"), [("single", {}), ("d", {"decoder": "none"})])
def test_without_several_networks_that_are_added_none_is_shown_apart(run, name, changed):
    variant = DEFAULTS.variants[name].model_copy(update=changed)
    save_weights(run.folder / "weights.pt", variant)
    run(variant=variant)
    assert "networks" not in written(run.folder, "predictions.npz")


def test_equal_weights_give_equal_bytes(run):
    outputs = [run.folder / name for name in ("confusion.npz", "predictions.npz")]
    run()
    first = [path.read_bytes() for path in outputs]
    run()
    assert [path.read_bytes() for path in outputs] == first
    dates = {entry.date_time for path in outputs for entry in zipfile.ZipFile(path).infolist()}
    assert len(dates) == 1, "no time of writing in the file"


def test_weights_of_another_variant_are_refused(run):
    with pytest.raises(BadInput, match=r"weights.pt belongs to .*'single'.*, not to .*'structure': 'b'.*; delete it"):
        run(variant=DEFAULTS.variants["b"])
    assert {path.name for path in run.folder.iterdir()} == {"weights.pt"}, "and nothing is written"


def test_weights_whose_training_diverged_are_refused(run):
    save_weights(run.folder / "weights.pt", spoil=True)
    with pytest.raises(BadInput, match=r"weights.pt gives scores that are not finite, because its training diverged"):
        run()
    assert {path.name for path in run.folder.iterdir()} == {"weights.pt"}


def test_a_split_that_is_not_there_and_a_set_to_classify_are_refused(run):
    with pytest.raises(BadInput, match="has no split val, only test"):
        run(training=TRAINING.model_copy(update={"score": "val"}))
    manifest = json.loads((run.data / "manifest.json").read_text())
    manifest["result"]["task"] = "classification"
    (run.data / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadInput, match="data is a classification set; set study.data to a segmentation set"):
        run()
