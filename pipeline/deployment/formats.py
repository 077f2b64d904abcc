"""Converts a network to torch.export or ONNX: export, encode as bytes, decode, and compare with eager mode."""

import importlib.util
import io
import logging
import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from pipeline.utils.errors import BadInput

ONNX = ("onnx", "onnxscript", "onnxruntime")

TOLERANCE = {"float32": 1e-3, "tf32": 1.0, "float16": 1.0, "bfloat16": 3.0}
"""Largest allowed `difference` from the scores of eager float32, by arithmetic. Rounding alone caused up to 3e-4 at
352x352, 0.53 at 1024x1024 (float16, whose 10 bits TF32 has too) and 1.8 at 352x352 (bfloat16, which has 7)."""


def difference(scores: Tensor, expected: Tensor) -> float:
    """Return the largest difference of two NxCxHxW, in standard deviations of a class's score over the image."""
    spread = expected.float().std(dim=(-2, -1)).mean()
    return float((scores.float() - expected.float()).abs().max() / spread)


def program(model: nn.Module, image: Tensor) -> ExportedProgram:
    """Export the network with torch.export, for images of the size of `image`."""
    with torch.no_grad():
        return torch.export.export(model, (image,))


def encode(exported: ExportedProgram, image: Tensor, form: str) -> bytes:
    """Return the content of a file in format `form`. Raises `BadInput` if a package that it requires is missing."""
    if form == "torch":
        buffer = io.BytesIO()
        torch.export.save(exported, buffer)
        return buffer.getvalue()
    require_onnx()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # hides warnings about torchvision's operators
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.onnx.export(exported, (image,), dynamo=True, verbose=False).model_proto.SerializeToString()


class Decoded(NamedTuple):
    """What `encode` returned, ready to run on the CPU with torch's number of threads, on images of one `size`."""

    run: Callable[[Tensor], Tensor]
    size: tuple[int, int]

    def __call__(self, image: Tensor) -> Tensor:
        return self.run(image)


def decode(content: bytes, form: str) -> Decoded:
    """Decode what `encode` returned. Raises `BadInput` if a package that it requires is missing."""
    if form == "torch":
        exported = torch.export.load(io.BytesIO(content))
        (name,) = exported.graph_signature.user_inputs
        image = next(node.meta["val"] for node in exported.graph.nodes if node.name == name)
        return Decoded(exported.module(), tuple(image.shape[-2:]))
    require_onnx()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    run = lambda image: torch.from_numpy(session.run(None, {taken.name: image.contiguous().numpy()})[0])  # noqa: E731
    return Decoded(run, tuple(taken.shape[-2:]))


def run_openvino(exported: ExportedProgram, precision: str) -> Callable[[Tensor], Tensor]:
    """Return a function that runs a program in OpenVINO, on the CPU with torch's number of threads.

    `precision` is that of its arithmetic, "f32" or "bf16". Raises `BadInput` if OpenVINO is missing, or if the
    processor has no instructions for bfloat16.
    """
    _require("openvino", ("openvino",))
    import openvino

    core = openvino.Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise BadInput("this processor has no instructions for bfloat16")
    asked = {"INFERENCE_NUM_THREADS": torch.get_num_threads(), "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": precision}
    compiled = core.compile_model(openvino.convert_model(exported), "CPU", asked)
    return lambda image: torch.from_numpy(compiled(image.contiguous().numpy())[0])


def require_onnx() -> None:
    """Raise `BadInput` unless all packages in `ONNX` are installed."""
    _require("onnx", ONNX)


def _require(extra: str, packages: tuple[str, ...]) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            needed = ", ".join(packages)
            raise BadInput(f"{extra} requires {needed}, but {package} is missing; run `pip install -e '.[{extra}]'`")
