"""Fuses a convolution with the sum and the ReLU that follow it into one kernel of cuDNN, for any network on a GPU."""

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from models.folding import fold
from pipeline.deployment.formats import program

ATEN = torch.ops.aten
CONVOLUTION = ATEN.conv2d.default
SUM = ATEN.add.Tensor
RELU = (ATEN.relu.default, ATEN.relu_.default)
BIAS, STRIDE, PADDING, DILATION, GROUPS = range(2, 7)
"""Arguments of a convolution after its input and its weights."""
DEFAULTS = {BIAS: None, STRIDE: [1, 1], PADDING: [0, 0], DILATION: [1, 1], GROUPS: 1}


@torch.no_grad()
def fuse(model: nn.Module, image: Tensor) -> GraphModule:
    """Fold batch norms (`models.folding.fold`), in place, and return the exported program with fused convolutions.

    The bias of a depthwise convolution moves into the 1x1 convolution that alone reads it: W(Dx + b) + c is
    WDx + (Wb + c). A convolution whose sum with another tensor, or which itself, is only read by a ReLU becomes one
    operation with them, if cuDNN has a kernel for it. Scores change by rounding only.
    """
    module = program(fold(model, image), image).module()
    for node in list(module.graph.nodes):
        if node.target is CONVOLUTION:
            _pass_bias_on(module, node)
        elif node.target in RELU:
            _absorb(module, node)
    module.recompile()
    return module


def _pass_bias_on(module: GraphModule, node: Node) -> None:
    reader = _reader(node)
    if reader is None or reader.target is not CONVOLUTION or not _option(node, BIAS) or not _option(reader, BIAS):
        return
    weight, bias, own = (module.get_parameter(each.target) for each in (reader.args[1], reader.args[2], node.args[2]))
    if weight.shape[2:] != (1, 1) or _option(reader, GROUPS) != 1 or any(_option(reader, PADDING)):
        return
    bias += (weight[:, :, 0, 0].float() @ own.float()).to(bias.dtype)
    node.update_arg(BIAS, None)


def _absorb(module: GraphModule, relu: Node) -> None:
    (source,) = relu.args
    added = None
    if source.target is SUM and _reader(source) is relu and not source.kwargs:
        terms = [(term, other) for term, other in (source.args, source.args[::-1]) if _absorbable(term, source)]
        if not terms or not _alike(*source.args):
            return
        convolution, added = terms[0]
    elif _absorbable(source, relu):
        convolution = source
    else:
        return
    options = [_option(convolution, place) for place in (BIAS, STRIDE, PADDING, DILATION, GROUPS)]
    first = convolution.args[:2]
    operation, arguments = ATEN.cudnn_convolution_relu.default, (*first, *options)
    if added is not None:
        operation, arguments = ATEN.cudnn_convolution_add_relu.default, (*first, added, 1.0, *options)
    if not _runs(operation, arguments):
        return
    with module.graph.inserting_before(relu):
        fused = module.graph.call_function(operation, arguments)
    fused.meta["val"] = relu.meta["val"]
    relu.replace_all_uses_with(fused)
    for each in (relu, source) if added is None else (relu, source, convolution):
        module.graph.erase_node(each)


def _reader(node: Node) -> Node | None:
    """The only node that reads this one."""
    return next(iter(node.users)) if len(node.users) == 1 else None


def _absorbable(node: object, reader: Node) -> bool:
    found = isinstance(node, Node) and node.target is CONVOLUTION and _reader(node) is reader
    return found and _option(node, GROUPS) == 1


def _alike(one: object, other: object) -> bool:
    return all(isinstance(each, Node) for each in (one, other)) and one.meta["val"].shape == other.meta["val"].shape


def _option(node: Node, place: int) -> object:
    return node.args[place] if len(node.args) > place else DEFAULTS[place]


def _runs(operation: torch._ops.OpOverload, arguments: tuple[object, ...]) -> bool:
    """Whether cuDNN has a kernel for these tensors."""
    try:
        operation(*(_random(each) if isinstance(each, Node) else each for each in arguments))
    except RuntimeError:
        return False
    return True


def _random(node: Node) -> Tensor:
    """A tensor like the one of this node."""
    like = node.meta["val"]
    found = torch.rand(like.shape, dtype=like.dtype, device=like.device)
    return found.contiguous(memory_format=torch.channels_last) if like.ndim == 4 else found
