"""`python -m pipeline predict`: a user's pictures, their classes in colour and laid over them, or one sentence."""

import json
import shutil
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

from models.build import build
from pipeline.__main__ import main
from pipeline.config import params
from pipeline.data.sets import camvid
from pipeline.deployment import predict, video
from pipeline.timing import modes
from pipeline.utils import weights
from pipeline.utils.records import KEYS
from tests.conftest import ROOT

FRAMES = (64, 96)


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def write_run(folder, classes=11):
    """A run's folder with random weights and the record that training leaves beside them; returns the weights."""
    variant = params.load().variants["single"]
    with torch.no_grad():
        model, _ = modes.untrained(variant, classes, FRAMES, torch.device("cpu"))
    made_for = {"variant": variant.model_dump(mode="json"), "classes": classes}
    weights.save(folder / "weights.pt", {"made_for": made_for, "state": model.state_dict()})
    training = {"recipes.mine.training": {"frame_size": list(FRAMES)}}
    wildcards = {"data": "camvid", "recipe": "mine", "variant": "single", "seed": "0"}
    (folder / "train.json").write_text(
        json.dumps(dict.fromkeys(KEYS, {}) | {"wildcards": wildcards, "params": training})
    )
    return folder / "weights.pt"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("made")).parent


@pytest.fixture
def checkpoint(tmp_path, run):
    return shutil.copytree(run, tmp_path / "run") / "weights.pt"


def write_picture(path, rows, columns, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (rows, columns, 3), np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def test_the_class_map_holds_what_the_network_says(tmp_path, checkpoint):
    picture = write_picture(tmp_path / "street.png", *FRAMES)
    assert main(["predict", str(checkpoint), str(picture), "--output", str(tmp_path / "out")]) == 0
    content = torch.load(checkpoint)
    model = build(content["made_for"]["variant"], 11)
    model.load_state_dict(content["state"])
    mean, deviation = (np.array(each, np.float32) for each in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    image = (np.array(Image.open(picture), np.float32) / 255 - mean) / deviation
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(image).permute(2, 0, 1)[None])[0].argmax(0)
    found = Image.open(tmp_path / "out" / "street.classes.png")
    assert (np.array(found) == expected.numpy()).mean() > 0.999
    row, column = 10, 20
    colour = camvid.CLASSES[int(np.array(found)[row, column])].colour
    assert found.convert("RGB").getpixel((column, row)) == colour


@pytest.mark.parametrize(("rows", "columns"), [(64, 96), (90, 40), (13, 300), (300, 500), (1, 1)])
def test_pictures_of_any_size(rows, columns, tmp_path, checkpoint):
    picture = write_picture(tmp_path / "one.png", rows, columns)
    assert main(["predict", str(checkpoint), str(picture), "--output", str(tmp_path / "out")]) == 0
    assert Image.open(tmp_path / "out" / "one.classes.png").size == (columns, rows)
    shown = Image.open(tmp_path / "out" / "one.segmented.png")
    assert shown.width >= 3 * 320 and shown.height > rows / columns * 320


def test_a_picture_lying_on_its_side_is_turned_as_its_camera_says(tmp_path, checkpoint):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = write_picture(tmp_path / "photo.jpg", 60, 90, exif=exif)
    assert main(["predict", str(checkpoint), str(picture), "--output", str(tmp_path / "out")]) == 0
    assert Image.open(tmp_path / "out" / "photo.classes.png").size == (60, 90)


def test_the_network_sees_proportions_of_the_picture_and_pixels_of_its_training():
    assert predict.fitting((360, 480), (144, 192)) == (144, 192)
    rows, columns = predict.fitting((2000, 1000), (144, 192))
    assert rows / columns == pytest.approx(2, rel=0.01) and rows * columns == pytest.approx(144 * 192, rel=0.01)
    assert predict.fitting((30, 500), None) == (64, 500)


def test_existing_outputs_are_replaced_only_by_force(tmp_path, checkpoint, capsys):
    picture, out = write_picture(tmp_path / "one.png", 64, 96), tmp_path / "out"
    command = ["predict", str(checkpoint), str(picture), "--output", str(out)]
    assert main(command) == 0
    (out / "one.classes.png").write_text("kept")
    assert main(command) == 1
    assert "one.segmented.png exists; replace it with --force, or name another" in capsys.readouterr().err
    assert (out / "one.classes.png").read_text() == "kept"
    assert main([*command, "--force"]) == 0
    assert Image.open(out / "one.classes.png").size == (96, 64)


def test_a_broken_picture_is_named_after_the_others_are_done(tmp_path, checkpoint, capsys):
    good, broken = write_picture(tmp_path / "good.png", 64, 96), tmp_path / "broken.png"
    broken.write_bytes(good.read_bytes()[:500])
    assert main(["predict", str(checkpoint), str(broken), str(good), "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "broken.png cannot be read as an image" in said and "1 of 2 files are in" in said
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good.classes.png", "good.segmented.png"]


def test_without_a_record_classes_are_numbers_unless_a_data_set_is_named(tmp_path, checkpoint):
    checkpoint.with_name("train.json").unlink()
    picture = write_picture(tmp_path / "one.png", 64, 96)

    def palette(*more):
        assert main(["predict", str(checkpoint), str(picture), "--output", str(tmp_path), "--force", *more]) == 0
        return Image.open(tmp_path / "one.classes.png").getpalette()[:33]

    named = [part for each in camvid.CLASSES for part in each.colour]
    assert palette() != named
    assert palette("--data", "camvid") == named


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run/weights.pt", "none.png"], "none.png is missing; name pictures or videos that exist"),
        (["run/weights.pt", "run"], "run holds no picture or video; their names end in"),
        (["run/weights.pt", "one.png", "other/one.jpg"], "two inputs would be written to out/one.segmented.png"),
        (["run/weights.pt", "text.png"], "text.png cannot be read as an image (unknown format); convert it to"),
        (["run/weights.pt", "one.png", "--data", "camvit"], 'no data set "camvit" (did you mean "camvid"?); known are'),
        (["run/weights.pt", "one.png", "--data", "cityscapes"], "weights.pt has 11 classes, but data.cityscapes has"),
        (["run/weights.pt", "one.png", "--size", "9x9"], '--size is "9x9"; it must be rows x columns'),
        (["none.pt", "one.png"], "none.pt is missing; run the stage that writes it"),
        (["run", "one.png"], "run is a folder; name a checkpoint in it, e.g. run/weights.pt"),
        (["text.png", "one.png"], "text.png is not a checkpoint of this project"),
        (["backbone.pt", "one.png"], "backbone.pt was made for {'backbone': 'xception-a'}, not for segmentation"),
        (["other.pt", "one.png"], "other.pt does not fit the network that this version builds for"),
        (["none.pt2", "one.png"], "none.pt2 is missing; `python -m pipeline export` writes it"),
        (["text.pt2", "one.png"], "text.pt2 is not an exported network ("),
        (["run/weights.pt", "one.mp4"], "one.mp4 cannot be read as a video ("),
    ],
)
def test_a_mistake_is_one_sentence(words, sentence, tmp_path, checkpoint, capsys):
    write_picture(tmp_path / "one.png", 64, 96)
    write_picture(tmp_path / "other" / "one.jpg", 64, 96)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "text.pt2").write_text("no network")
    (tmp_path / "one.mp4").write_text("no video")
    weights.save(tmp_path / "backbone.pt", {"made_for": {"backbone": "xception-a"}, "state": {}})
    weights.save(tmp_path / "other.pt", {**torch.load(checkpoint), "state": {"layer": torch.zeros(1)}})
    known = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")} | {
        "none.png",
        "none.pt",
        "none.pt2",
    }
    words = [str(tmp_path / word) if word in known else word for word in words]
    if words[-1].endswith(".mp4"):
        pytest.importorskip("av")
    assert main(["predict", *words, "--output", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line.replace(f"{tmp_path}/", "")
    assert not list((tmp_path / "out").glob("*"))


def test_a_folder_stands_for_the_pictures_in_it_and_the_rate_is_said(tmp_path, checkpoint, capsys):
    for name in ("b.png", "a.jpg"):
        write_picture(tmp_path / "photos" / name, 64, 96)
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    assert main(["predict", str(checkpoint), str(tmp_path / "photos"), "--output", str(tmp_path / "out")]) == 0
    assert {path.name.split(".")[0] for path in (tmp_path / "out").iterdir()} == {"a", "b"}
    said = capsys.readouterr().out
    assert "2 files segmented, in " in said and " ms a picture without reading and writing (" in said


def test_an_exported_file_predicts_what_its_checkpoint_does(tmp_path, checkpoint, capsys):
    """Its size is fixed: a picture of another size is resized to it."""
    picture, exported = write_picture(tmp_path / "one.png", 80, 120), str(tmp_path / "single.pt2")
    assert main(["export", "single", exported, "--size", "64x96", "--checkpoint", str(checkpoint)]) == 0
    found = {}
    for network, more in ((str(checkpoint), ["--size", "64x96"]), (exported, ["--data", "camvid"])):
        assert main(["predict", network, str(picture), "--output", str(tmp_path), "--force", *more]) == 0
        found[network] = np.array(Image.open(tmp_path / "one.classes.png").convert("RGB"))
    assert (found[exported] == found[str(checkpoint)]).mean() > 0.999
    assert main(["predict", exported, str(picture), "--output", str(tmp_path), "--force", "--size", "64x64"]) == 1
    assert "single.pt2 takes images of 64x96 only; leave --size out, or export it at that" in capsys.readouterr().err


def test_a_video_becomes_a_video_of_as_many_frames(tmp_path, checkpoint):
    av = pytest.importorskip("av")
    with video.written(tmp_path / "street.mp4", Fraction(10)) as file:
        for shade in range(7):
            file.add(np.full((64, 97, 3), 30 * shade, np.uint8))
    assert main(["predict", str(checkpoint), str(tmp_path / "street.mp4"), "--output", str(tmp_path / "out")]) == 0
    with av.open(str(tmp_path / "out" / "street.segmented.mp4")) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
        assert (len(frames), file.streams.video[0].average_rate) == (7, 10)
    assert frames[0].shape == (64, 96, 3) and frames[6].mean() > frames[0].mean() + 50


def test_without_pyav_a_video_is_a_sentence(tmp_path, checkpoint, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "street.mp4").write_bytes(b"")
    assert main(["predict", str(checkpoint), str(tmp_path / "street.mp4"), "--output", str(tmp_path / "out")]) == 1
    assert "videos require PyAV, which is missing; run `pip install -e '.[video]'`" in capsys.readouterr().err
