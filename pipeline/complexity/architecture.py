"""A variant's parts, their output shapes and the data flow between them, found by a run on the meta device (Figure 3).

Hooks record the inputs and outputs of each part. Between the parts every torch operation is followed, so that a
concatenation, a sum or a resize is in the result only if the network does it.
"""

import re
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from models.build import build
from models.segmenter import Segmenter
from pipeline.complexity.shapes import ShapesOnly
from pipeline.utils.errors import BadInput

if TYPE_CHECKING:
    from pipeline.config.variants import AnyVariant

PARTS = re.compile(
    r"structure\.(networks\.\d+\.)(?:backbone\.)?((?!backbone$)\w+)|structure\.()((?!networks\b)\w+(?:\.\d+)?)"
    r"|(decoder\.(?:high\.|low\.)?)(?:reduce\.)?(\d+|(?!high$|low$)\w+)"
)
"""The parts by the names of their modules: a network's stages and attention, the other modules of a structure, such as
`context` of b or the members of a list, and the convolutions of a decoder. The groups make up the name of the part."""

IMAGE, SCORES = "image", "scores"


def describe(variant: "AnyVariant", classes: int, size: tuple[int, int]) -> dict[str, Any]:
    """Return the parts and the data flow of `variant` for one image of `size` (rows, columns).

    `parts` maps each part to the shape of its output, [channels, rows, columns], in the order of execution: `image`,
    `networks.N.STAGE`, `context` or another module of the structure's own, `decoder.high.N`, `decoder.low.N`,
    `decoder.merge`, `decoder.classify`, `scores`. `flow` has one entry per input tensor of a part: {from, to, resized:
    [rows, columns] or None, joined: concat, sum, another operation's name, or None}. Raises `BadInput` if `variant` is
    a peer, whose paper draws another figure.
    """
    with torch.device("meta"):
        model = build(variant.network, classes).eval()
    if not isinstance(model, Segmenter):
        raise BadInput(f"the variant {variant} is a peer, but Figure 3 shows a variant of DFANet; name one of those")
    flow = Flow(model)
    image = torch.empty(1, 3, *size, device="meta")
    with torch.no_grad(), ShapesOnly(), flow:
        flow.give(IMAGE, image)
        scores = model(image)
    flow.take(SCORES, [scores])
    flow.give(SCORES, scores)
    return {"variant": variant.network, "size": list(size), "parts": flow.parts, "flow": flow.edges}


class Flow(TorchFunctionMode):
    """Traces every tensor outside the parts of `model` back to the parts that produced it."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.parts: dict[str, list[int]] = {}
        self.edges: list[dict[str, Any]] = []
        self.known: dict[int, tuple[Tensor, list[tuple[str, list[int] | None]], str | None]] = {}
        self.inside: str | None = None
        for name, module in model.named_modules():
            found = PARTS.fullmatch(name)
            if found and not isinstance(module, nn.Identity):
                self._watch("".join(filter(None, found.groups())), module)

    def take(self, part: str, inputs: Any) -> None:
        """Record the sources of the tensors that enter a part."""
        for value in tree_leaves(inputs):
            _, sources, joined = self.known[id(value)]
            self.edges += [{"from": name, "to": part, "resized": to, "joined": joined} for name, to in sources]

    def give(self, part: str, output: Tensor) -> None:
        """Record that a tensor is the output of a part."""
        self.parts[part] = list(output.shape[1:])
        # Keeping the tensor prevents another from getting its id.
        self.known[id(output)] = output, [(part, None)], None

    def _watch(self, part: str, module: nn.Module) -> None:
        def before(_: nn.Module, inputs: Any) -> None:
            if self.inside is None:
                self.inside = part
                self.take(part, inputs)

        def after(_: nn.Module, inputs: Any, output: Tensor) -> None:
            if self.inside == part:
                self.inside = None
                self.give(part, output)

        module.register_forward_pre_hook(before)
        module.register_forward_hook(after)

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = function(*args, **(kwargs or {}))
        if self.inside is None and isinstance(output, Tensor):
            known = [self.known[id(each)] for each in tree_leaves(args) if id(each) in self.known]
            sources = [source for _, each, _ in known for source in each]
            joined = next((word for _, _, word in known if word), None)
            if len(known) > 1:
                name = function.__name__
                joined = "concat" if function is torch.cat else "sum" if "add" in name else name
            if function is F.interpolate:
                sources = [(name, list(output.shape[-2:])) for name, _ in sources]
            self.known[id(output)] = output, sources, joined
        return output
