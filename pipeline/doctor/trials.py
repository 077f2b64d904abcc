"""Each part of a run, tried by itself with a tiny data set: a training step, an evaluation, a pass of each mode."""

import contextlib
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline.config.data import SyntheticData
from pipeline.config.params import Params
from pipeline.config.recipes import Training

VARIANT = "single"
SIZE = (64, 128)
DATA = SyntheticData(kind="synthetic", seed=0, size=SIZE, frames={"train": 2, "val": 0, "test": 1})


class Trial(NamedTuple):
    """What was tried, the seconds that it took, what it found, and the error if it failed."""

    name: str
    seconds: float
    found: str
    error: str = ""


def trials(params: Params) -> Iterator[Trial]:
    """Try each part; one that fails does not stop the next."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        yield _tried("prepare 3 drawn frames", lambda: _prepare(root))
        yield _tried("one training step", lambda: _train(params, root))
        yield _tried("one evaluation", lambda: _evaluate(params, root))
    for mode in _modes():
        yield _tried(f"one pass, {mode.name}", lambda mode=mode: _pass(params, mode))


def _tried(name: str, what: Callable[[], str]) -> Trial:
    started = time.perf_counter()
    try:
        found, error = what(), ""
    except Exception as raised:  # whatever it is, the next part is tried and this one is told
        lines = str(raised).strip().splitlines()
        found, error = "", f"{type(raised).__name__}: {lines[0] if lines else 'no message'}"
    return Trial(name, time.perf_counter() - started, found, error)


def _prepare(root: Path) -> str:
    from pipeline.data.prepare import prepare

    with contextlib.redirect_stderr(io.StringIO()):
        result = prepare("doctor", DATA, root / "data")
    (root / "data" / "manifest.json").write_text(json.dumps({"result": result}))
    return ""


def _training(params: Params) -> Training:
    given = params.recipes[params.study.recipe].training.model_dump()
    changes = {"splits": ["train"], "score": "test", "crop_size": SIZE, "frame_size": SIZE, "epochs": 1}
    return Training.model_validate(given | changes | {"batch_size": 2, "learning_rate": 0.01, "warmup": 0})


def _train(params: Params, root: Path) -> str:
    from pipeline.training.loop import Checkpoint
    from pipeline.training.train import train

    checkpoint = Checkpoint(root / "state.pt", "doctor")
    result = train(_training(params), params.variants[VARIANT], 0, root / "data", None, root, checkpoint)
    return f"{VARIANT} on 2 frames of {SIZE[0]}x{SIZE[1]}, loss {result['loss']:.2f}"


def _evaluate(params: Params, root: Path) -> str:
    from pipeline.evaluation.evaluate import evaluate

    variant, weights = params.variants[VARIANT], root / "weights.pt"
    result = evaluate(params.evaluation, _training(params), variant, root / "data", weights, root)
    return f"1 frame, pixel accuracy {result['pixel_accuracy']:.2f}"


def _modes() -> list:
    import torch

    from pipeline.timing import modes

    return [*(modes.GPU_MODES if torch.cuda.is_available() else modes.CPU_MODES)]


def _pass(params: Params, mode) -> str:
    import torch

    from pipeline.timing import latency, modes

    device = latency.choose(params.latency)
    size = latency.fitting((1024, 1024), params.latency, device)
    with torch.inference_mode():
        run = modes.prepare(*modes.untrained(params.variants[VARIANT], 19, size, device), mode)
        taken = (latency.on_gpu if device.type == "cuda" else latency.on_cpu)(run)
    return f"{VARIANT} at {size[0]}x{size[1]}, {taken:.2f} ms"
