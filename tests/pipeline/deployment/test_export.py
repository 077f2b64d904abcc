"""`python -m pipeline export`: a file that runs alone and computes what the network does, or one sentence."""

import importlib.util
import shutil

import pytest
import torch

from models.build import build
from pipeline.__main__ import main
from pipeline.config import params
from pipeline.timing import modes
from pipeline.utils import weights
from tests.conftest import ROOT

VARIANT = "single"


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    variant = params.load().variants[VARIANT]
    with torch.no_grad():
        model, _ = modes.untrained(variant, 5, (64, 96), torch.device("cpu"))
    path = tmp_path_factory.mktemp("made") / "weights.pt"
    made_for = {"variant": variant.model_dump(mode="json"), "classes": 5}
    weights.save(path, {"made_for": made_for, "state": model.state_dict()})
    return path


@pytest.fixture
def checkpoint(tmp_path, made):
    return shutil.copy(made, tmp_path / "weights.pt")


def network(checkpoint):
    content = torch.load(checkpoint)
    model = build(content["made_for"]["variant"], 5)
    model.load_state_dict(content["state"])
    return model.eval()


def test_an_exported_checkpoint_computes_what_the_network_does(tmp_path, checkpoint, capsys):
    output = tmp_path / "new" / "single.pt2"
    assert main(["export", VARIANT, str(output), "--checkpoint", str(checkpoint), "--size", "64x96"]) == 0
    said = capsys.readouterr().out
    assert "1x3x64x96 to 1x5x64x96" in said and "trained weights" in said
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(
            torch.export.load(output).module()(image), network(checkpoint)(image), rtol=1e-3, atol=1e-3
        )
    assert [path.name for path in output.parent.iterdir()] == ["single.pt2"]


def test_onnx_runtime_computes_what_the_network_does(tmp_path, checkpoint):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    output = tmp_path / "single.onnx"
    assert (
        main(["export", VARIANT, str(output), "--checkpoint", str(checkpoint), "--size", "64x96", "--format", "onnx"])
        == 0
    )
    session = onnxruntime.InferenceSession(output, providers=["CPUExecutionProvider"])
    image = torch.rand(1, 3, 64, 96)
    (scores,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(scores), network(checkpoint)(image), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["singel", "new.pt2"], 'params.yaml has no variant "singel" (did you mean "single"?); known are '),
        (["single", "new.pt2", "--size", "512"], '--size is "512"; it must be rows x columns, each from 64 to 4096'),
        (["single", "new.pt2", "--size", "32x64"], '--size is "32x64"; it must be'),
        (["single", "new.pt2", "--format", "onx"], '--format is "onx" (did you mean "onnx"?); known are torch, onnx'),
        (["single", "new.pt2", "--classes", "0"], "for '--classes'"),
        (["single", "there.pt2"], "there.pt2 exists; name another file, or --force if it may be replaced"),
        (["single", "new.pt2", "--checkpoint", "none.pt"], "none.pt is missing; run the stage that writes it"),
        (["single", "new.pt2", "--checkpoint", "there.pt2"], "there.pt2 is not a checkpoint of this project"),
        (["d", "new.pt2", "--checkpoint", "weights.pt"], "weights.pt belongs to {'structure': 'single'"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_written(arguments, sentence, tmp_path, checkpoint, capsys):
    (tmp_path / "there.pt2").write_text("mine")
    files = ("new.pt2", "there.pt2", "none.pt", "weights.pt")
    assert main(["export", *(str(tmp_path / word) if word in files else word for word in arguments)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line.replace(f"{tmp_path}/", "")
    assert not (tmp_path / "new.pt2").exists() and (tmp_path / "there.pt2").read_text() == "mine"


def test_without_the_extra_the_sentence_says_how_to_install_it(tmp_path, monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else object())
    assert main(["export", VARIANT, str(tmp_path / "a.onnx"), "--format", "onnx"]) == 1
    monkeypatch.setattr(importlib.util, "find_spec", found)
    assert "onnxscript is missing; run `pip install -e '.[onnx]'`" in capsys.readouterr().err
