"""Deployment forms of one variant, checked against eager mode and timed with the protocol of
pipeline/timing/latency.py.

- `folded`: batch norm folded into the convolutions (models/folding.py). All forms below include it.
- `torch.export`: the exported program, run by torch's own kernels.
- `AOTInductor`: the exported program, compiled ahead of time. On a CPU this requires a C++ compiler.
- `ONNX Runtime`: its CPU kernels. Requires the optional extra `onnx`; not timed on a GPU.
- `OpenVINO`: its CPU kernels. Requires the optional extra `openvino`; not timed on a GPU.
- `compiled`: torch.compile, with CUDA graphs.
- `fused`: sums and ReLUs computed by the convolutions before them (pipeline/deployment/fusing.py), on a GPU.

A form that this machine cannot build has no row, but an entry with its reason in `skipped`. The `difference` of a row
is between its class scores and those of eager float32 (`pipeline.deployment.formats.difference`). The row `agrees` if
the difference is at most its `tolerance`. What a form costs in mIoU is measured with trained weights
(`pipeline.deployment.form_scores`).
"""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from models.folding import fold
from pipeline.deployment.form_scores import Trained
from pipeline.deployment.formats import TOLERANCE, decode, difference, encode, program, run_openvino
from pipeline.deployment.fusing import fuse
from pipeline.timing import latency as protocol
from pipeline.timing import modes, roofline
from pipeline.timing.latency import Row
from pipeline.timing.modes import GPU_MODES, Form, Mode
from pipeline.utils.errors import BadInput
from pipeline.utils.progress import progress

if TYPE_CHECKING:
    from pipeline.config.protocols import Latency
    from pipeline.config.variants import Variant

Runner = Callable[[Tensor], Tensor]


def exported(model: nn.Module, image: Tensor) -> Runner:
    """Return the exported program as a module."""
    return program(fold(model, image), image).module()


def compiled(model: nn.Module, image: Tensor) -> Runner:
    """Return the exported program, compiled ahead of time. Raises whatever torch's compiler raises."""
    import torch._inductor as inductor

    with tempfile.TemporaryDirectory() as folder:
        package = str(Path(folder) / "model.pt2")
        return inductor.aoti_load_package(
            inductor.aoti_compile_and_package(program(fold(model, image), image), package_path=package)
        )


def onnx_runtime(model: nn.Module, image: Tensor) -> Runner:
    """Return the exported program in ONNX Runtime, on the CPU."""
    return decode(encode(program(fold(model, image), image), image, "onnx"), "onnx")


def openvino(precision: str) -> Form:
    """Return a form: the exported program in OpenVINO, on the CPU. `precision` is "f32" or "bf16"."""

    def form(model: nn.Module, image: Tensor) -> Runner:
        return run_openvino(program(fold(model, image), image), precision)

    return form


def brain_float(model: nn.Module, image: Tensor) -> Runner:
    """Return the folded network in bfloat16. Raises `BadInput` if the processor has no instructions for it."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise BadInput("this processor has no instructions for bfloat16")
    return fold(model, image)


def torch_compiled(model: nn.Module, image: Tensor) -> Runner:
    """Return the folded network, compiled by torch.compile and replayed as CUDA graphs."""
    return torch.compile(fold(model, image), mode="reduce-overhead")


def fused_graph(model: nn.Module, image: Tensor) -> Runner:
    """Return a CUDA graph of the folded network, whose convolutions take their sums and ReLUs along."""
    return modes.cuda_graph(fuse(model, image), image)


CPU_FORMS = (
    Mode("eager float32"),
    Mode("eager float32 contiguous", layout=torch.contiguous_format),
    Mode("folded float32", form=fold),
    Mode("torch.export float32", form=exported),
    Mode("AOTInductor float32", form=compiled),
    Mode("folded bfloat16", torch.bfloat16, form=brain_float),
    Mode("ONNX Runtime float32", layout=torch.contiguous_format, form=onnx_runtime),
    Mode("OpenVINO float32", layout=torch.contiguous_format, form=openvino("f32")),
    Mode("OpenVINO bfloat16", layout=torch.contiguous_format, form=openvino("bf16")),
)
GPU_FORMS = (
    *GPU_MODES,
    Mode("folded float32", form=fold),
    Mode("folded float16", torch.float16, form=fold),
    Mode("torch.export float16", torch.float16, form=exported),
    Mode("AOTInductor float16", torch.float16, form=compiled),
    Mode("compiled float16", torch.float16, form=torch_compiled),
    Mode("fused CUDA graph float16", torch.float16, form=fused_graph),
)


def time_forms(
    latency: "Latency",
    name: str,
    variant: "Variant",
    classes: int,
    size: tuple[int, int],
    trained: Trained | None = None,
    largest: int = 0,
) -> dict[str, Any]:
    """Check, time and, if `trained` is given, score every form of a variant on this machine's device.

    `size` (rows, columns) is that of the timed images; `largest` is passed to `latency.fitting`. The result has the
    format of `latency.time_variants`, where each mode is a form, and adds `skipped` and the frames that were `scored`.
    """
    device, rows, skipped = protocol.choose(latency), [], []
    size = protocol.fitting(size, latency, device, largest)
    # Not in inference mode, because torch.export rejects networks whose tensors were created in it.
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, image = modes.untrained(variant, classes, size, device)
        expected = model(image)
        for mode in progress(GPU_FORMS if device.type == "cuda" else CPU_FORMS, f"forms of {name}", unit="forms"):
            try:
                run = modes.prepare(*modes.untrained(variant, classes, size, device), mode)
                scores = run()
            except Exception as error:  # compilers and libraries raise errors of any type
                reason = str(error).strip() or type(error).__name__
                skipped.append({"mode": mode.name, "reason": reason.splitlines()[0]})
                torch.backends.mkldnn.enabled = True  # a failed export leaves it off
                continue
            done = roofline.operations(variant.network, classes, size, mode.dtype)
            notes = _check(scores, expected, mode)
            if trained:
                notes["confusion"] = trained.confusion(mode, device).tolist()
            rows.append(Row(name, mode, run, done, size, notes))
    with torch.inference_mode():
        timed = protocol.time_rows(latency, rows, device)
    return timed | {"skipped": skipped} | ({"scored": trained.described} if trained else {})


def _check(scores: Tensor, expected: Tensor, mode: Mode) -> dict[str, Any]:
    found, allowed = difference(scores, expected), TOLERANCE[mode.arithmetic]
    return {"difference": found, "tolerance": allowed, "agrees": found <= allowed}
