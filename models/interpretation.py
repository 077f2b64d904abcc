"""Choices that the paper leaves open. An interpretation gives one answer to each of them.

`pipeline/complexity/interpretations.py` compares all combinations with the paper's MACs and Params. The defaults are
the interpretation `first`.
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Blocks:
    """Blocks of Table 1: which convolution of a stage's first block has the stride, and what its shortcut contains.

    `shortcut` is none (that block adds no input), plain (a 1x1 convolution), normalised (with batch norm) or separable
    (a separable 3x3 with batch norm, as in Xception39 of the same laboratory: TorchSeg,
    furnace/base_model/xception.py). `depthwise_norm` adds a batch norm after each depthwise convolution, including the
    shortcut's; Xception39 has none.
    """

    strided: int = 1
    shortcut: str = "normalised"
    depthwise_norm: bool = False


@dataclass(frozen=True)
class Residuals:
    """ResNet-50: its output stride, which convolution of a bottleneck has the stride, and its stem.

    A deep stem replaces one 7x7 convolution to 64 channels by three 3x3, to 64, 64 and 128 channels (Zhao et al. 2017).
    """

    output_stride: int = 16
    strided: int = 1
    deep_stem: bool = True


@dataclass(frozen=True)
class Context:
    """ASPP: whether it has DeepLab's 1x1 branch (`pointwise`) and image pooling (`pooling`).

    With `projection` the branches are concatenated and projected (Chen et al. 2017); without it they are summed.
    """

    pointwise: bool = False
    pooling: bool = False
    projection: bool = False


@dataclass(frozen=True)
class Fusion:
    """The decoder of Figure 3.

    The decoder has `width` channels. The convolutions that reduce to them have kernel size `kernel` and run before
    resizing (`reduce_first`) or after it. The inputs of the low-level path are joined by sum or concat (`join`). The
    convolution after them (`merge`: 1x1, separable or 3x3) is applied to that path alone, or to both paths
    (`merges_both`, which needs the sum). Without a decoder, scores are computed at the features' own resolution or at
    stride 4 (`classified`).
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
    in (0, 1); without it the gate is 1 + x. The product is multiplied by `scale`: with 2, a sigmoid of 0 passes its
    features unchanged. No choice changes MACs, and Params change by 0.1 % at most, so training has to decide, not the
    paper's tables.
    """

    norm: str = "none"
    sigmoid: bool = True
    scale: float = 1.0


@dataclass(frozen=True)
class Transfer:
    """How pretrained tensors are loaded into later networks' first blocks, which have more input channels (Figure 3).

    `first_blocks` is matched (only tensors of equal shape are loaded) or sliced (the weights that read the network's
    own features are loaded; those that read concatenated features keep their initial values, which are smaller than
    trained ones, so they contribute less at first). No choice changes MACs or Params.
    """

    first_blocks: str = "matched"


@dataclass(frozen=True)
class Interpretation:
    """One answer to every open question, grouped by the part of the network that it concerns."""

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

- `first`: the default of a variant that names no interpretation.
- `fitted`: the interpretation of all the paper's networks in this study. It is one of those that match the paper's MACs
  and Params within the precision of the printed digits, differs from `first` in the fewest choices, and trains.
  Measured on DFANet A with its blocks and a plain gate (CamVid at 96x128, random weights, seed 0, batch size 8,
  learning rate 0.2, no warm-up): the loss falls from 2.39 to 0.95 in 180 steps, and every score on val is finite. With
  He initialisation over the fan-out, the first loss is 6.1 and scores on val are not finite after 90 steps.
- The others differ from `fitted` in choices that the paper's numbers cannot settle. The study `choices` compares them.
"""
