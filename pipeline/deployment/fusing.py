"""Fuses a convolution with the sum and the ReLU that follow it into one kernel of cuDNN, for any network on a GPU."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from models.folding import fold
from pipeline.deployment.formats import program

ATEN = torch.ops.aten
RELU = (ATEN.relu.default, ATEN.relu_.default)
BIAS, STRIDE, PADDING, DILATION, GROUPS = OPTIONS = range(2, 7)
"""Places of a convolution's options among its arguments, after its input and its weights."""
DEFAULTS = {BIAS: None, STRIDE: [1, 1], PADDING: [0, 0], DILATION: [1, 1], GROUPS: 1}


@torch.no_grad()
def fuse(model: nn.Module, image: Tensor) -> GraphModule:
    """Fold batch norms (`models.folding.fold`), in place, and return the exported program with fused convolutions.

    The bias of a depthwise convolution moves into the 1x1 convolution that alone reads it: W(Dx + b) + c is
    WDx + (Wb + c). A convolution that is only read by a ReLU, or by a sum that is, becomes one operation with them, if
    cuDNN has a kernel for it. Scores change by rounding only.
    """
    module = program(fold(model, image), image).module()
    for node in list(module.graph.nodes):
        if _is_convolution(node):
            _pass_bias_on(module, node)
        elif node.target in RELU:
            _absorb(module.graph, node)
    module.recompile()
    return module


def _pass_bias_on(module: GraphModule, node: Node) -> None:
    reader = _only_reader(node)
    if not _is_convolution(reader) or not _option(node, BIAS) or not _option(reader, BIAS):
        return
    weight, bias, passed = (module.get_parameter(at.target) for at in (*reader.args[1:3], node.args[BIAS]))
    if weight.shape[2:] == (1, 1) and _option(reader, GROUPS) == 1 and not any(_option(reader, PADDING)):
        bias += (weight[:, :, 0, 0].float() @ passed.float()).to(bias.dtype)
        node.update_arg(BIAS, None)


def _absorb(graph: torch.fx.Graph, relu: Node) -> None:
    """Let the convolution before a ReLU compute it, and the sum between them if there is one."""
    (before,) = relu.args
    if _absorbable(before, relu):
        found = _operation(ATEN.cudnn_convolution_relu.default, before)
        absorbed = [relu, before]
    elif (convolution := _summed(before, relu)) is not None:
        other = next(term for term in before.args if term is not convolution)
        found = _operation(ATEN.cudnn_convolution_add_relu.default, convolution, other, 1.0)
        absorbed = [relu, before, convolution]
    else:
        return
    if not _runs(*found):
        return
    with graph.inserting_before(relu):
        fused = graph.call_function(*found)
    fused.meta["val"] = relu.meta["val"]
    relu.replace_all_uses_with(fused)
    for node in absorbed:
        graph.erase_node(node)


def _summed(node: Node, reader: Node) -> Node | None:
    """The convolution among the two terms of a sum that only `reader` reads, if both have one shape."""
    if node.target is not ATEN.add.Tensor or node.kwargs or _only_reader(node) is not reader:
        return None
    if not all(isinstance(term, Node) for term in node.args) or len({term.meta["val"].shape for term in node.args}) > 1:
        return None
    return next((term for term in node.args if _absorbable(term, node)), None)


def _absorbable(node: Any, reader: Node) -> bool:
    return _is_convolution(node) and _only_reader(node) is reader and _option(node, GROUPS) == 1


def _is_convolution(node: Any) -> bool:
    return isinstance(node, Node) and node.target is ATEN.conv2d.default


def _only_reader(node: Node) -> Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _option(convolution: Node, place: int) -> Any:
    return convolution.args[place] if len(convolution.args) > place else DEFAULTS[place]


def _operation(operation: torch._ops.OpOverload, convolution: Node, *more: Any) -> tuple[Any, tuple[Any, ...]]:
    options = (_option(convolution, place) for place in OPTIONS)
    return operation, (*convolution.args[:2], *more, *options)


def _runs(operation: torch._ops.OpOverload, arguments: tuple[Any, ...]) -> bool:
    """Whether cuDNN has a kernel for tensors like these."""
    try:
        operation(*(_random(each) if isinstance(each, Node) else each for each in arguments))
    except RuntimeError:
        return False
    return True


def _random(node: Node) -> Tensor:
    like = node.meta["val"]
    found = torch.rand(like.shape, dtype=like.dtype, device=like.device)
    return found.contiguous(memory_format=torch.channels_last) if like.ndim == 4 else found
