"""What the paper leaves open, as choices. An interpretation is one answer to each open question.

`pipeline/complexity/interpretations.py` tries them all on the paper's MACs and Params. The defaults are the
interpretation `first`.
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Blocks:
    """Table 1's blocks: which of a first block's three convolutions has the stride, and what its shortcut holds.

    `shortcut` is none (no sum in that block), plain (a 1x1 convolution), normalised (with a batch norm) or separable (a
    separable 3x3 with a batch norm, as in the same laboratory's Xception39: TorchSeg, furnace/base_model/xception.py).
    `depthwise_norm` gives each depthwise convolution a batch norm of its own, the shortcut's too; Xception39 has none.
    """

    strided: int = 1
    shortcut: str = "normalised"
    depthwise_norm: bool = False


@dataclass(frozen=True)
class Residuals:
    """ResNet-50: its output stride, which of a bottleneck's convolutions has the stride, and its stem.

    A deep stem is three 3x3 convolutions to 64, 64 and 128 channels in place of one 7x7 to 64 (Zhao et al. 2017).
    """

    output_stride: int = 16
    strided: int = 1
    deep_stem: bool = True


@dataclass(frozen=True)
class Context:
    """ASPP: with DeepLab's 1x1 branch or image pooling, and branches summed, or concatenated and projected
    (Chen et al. 2017)."""

    pointwise: bool = False
    pooling: bool = False
    projection: bool = False


@dataclass(frozen=True)
class Fusion:
    """The decoder of Figure 3.

    `width` channels; the convolutions that reduce to them have `kernel` and run before resizing (`reduce_first`) or
    after it. The low-level path is joined by sum or concat (`join`); the convolution after it (`merge`: 1x1, separable
    or 3x3) is applied to it alone or to both paths (`merges_both`, which needs the sum). A network without decoder is
    classified at its own resolution or at stride 4 (`classified`).
    """

    width: int = 64
    kernel: int = 1
    reduce_first: bool = True
    join: str = "sum"
    merge: str = "1x1"
    merges_both: bool = False
    classified: str = "own"


@dataclass(frozen=True)
class Gate:
    """FC attention between its 1x1 convolution and the channel-wise product.

    `norm` is none, batch (after the convolution) or layer (before it, over the 1000 scores). With `sigmoid` a gate lies
    in (0, 1), without it is 1 + x. The product is multiplied by `scale`: with 2 a sigmoid that knows nothing passes its
    features. No answer changes MACs, and Params by 0.1 % at most, so training decides, not the paper's tables.
    """

    norm: str = "none"
    sigmoid: bool = True
    scale: float = 1.0


@dataclass(frozen=True)
class Transfer:
    """What a later network's first blocks take of pretrained tensors, which have fewer channels than theirs (Figure 3).

    `first_blocks` is matched (nothing: only tensors of equal shape are loaded) or sliced (the weights of the network's
    own features; those of what is concatenated to them keep their start, which is smaller than what was trained, so at
    first they count less). No answer changes MACs or Params.
    """

    first_blocks: str = "matched"


@dataclass(frozen=True)
class Interpretation:
    """One answer to every open question, by the part of the network that it concerns."""

    blocks: Blocks = field(default_factory=Blocks)
    residuals: Residuals = field(default_factory=Residuals)
    context: Context = field(default_factory=Context)
    fusion: Fusion = field(default_factory=Fusion)
    gate: Gate = field(default_factory=Gate)
    transfer: Transfer = field(default_factory=Transfer)


FIRST = Interpretation()
FITTED = Interpretation(
    blocks=Blocks(shortcut="separable", depthwise_norm=True), fusion=Fusion(merge="separable"), gate=Gate(norm="batch")
)
INTERPRETATIONS = {
    "first": FIRST,
    "fitted": FITTED,
    "sliced": replace(FITTED, transfer=Transfer("sliced")),
    "plain-gate": replace(FITTED, gate=Gate()),
    "layer-gate": replace(FITTED, gate=Gate(norm="layer")),
    "open-gate": replace(FITTED, gate=Gate(norm="batch", scale=2.0)),
    "linear-gate": replace(FITTED, gate=Gate(norm="batch", sigmoid=False)),
}
"""The interpretations by name.

- `first`: what a variant without an interpretation means.
- `fitted`: that of all the paper's networks here. Among the interpretations that fit the paper's MACs and Params as
  well as printed digits can tell, it differs from `first` in the fewest answers, and it trains. Measured on DFANet A
  with its blocks and a plain gate (CamVid at 96x128, random weights, seed 0, batch size 8, learning rate 0.2, no
  warm-up): the loss falls from 2.39 to 0.95 in 180 steps, and every score on val is finite. With He's start over the
  fan-out the first loss is 6.1 and scores on val are not finite after 90 steps.
- The others differ from `fitted` in what the paper's numbers cannot tell apart. The study `choices` compares them.
"""
