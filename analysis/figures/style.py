"""The look of all figures, and how they become files: equal numbers give equal bytes."""

import io
import textwrap
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A5195")
COLOURS += ("#999933", "#661100", "#882255", "#44AA99")
"""The palette of Okabe and Ito, which colour-blind readers can tell apart, without its yellow; then four of Tol's."""
MARKERS = ("o", "s", "^", "v", "D", "P", "X", "*")
GREY = "#808080"
"""For everything that is not from this study."""
WIDTH = 7.2
"""Two columns of the paper's format, in inches."""
DPI = 200

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "svg.hashsalt": "dfanet",
    "svg.fonttype": "path",
}


def context() -> Any:
    """Matplotlib's settings for drawing and rendering, without those of the user."""
    defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if key != "backend"}
    return matplotlib.rc_context({**defaults, **_RC})


def colours(variants: list[str]) -> dict[str, str]:
    """The colour of each variant, the same in every figure of a study."""
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(variants)}


def markers(variants: list[str]) -> dict[str, str]:
    """The marker of each variant. Up to 64 variants have different pairs of colour and marker."""
    return {name: MARKERS[(index + index // len(COLOURS)) % len(MARKERS)] for index, name in enumerate(variants)}


def figure(width: float, height: float, caption: str) -> Figure:
    """A figure of this size in inches, plus the height of its caption at the bottom."""
    size = 6.5 * max(1, width / WIDTH)
    lines = [line for part in caption.split("\n") for line in textwrap.wrap(part, int(width * 72 / (size * 0.56)))]
    below = (len(lines) * size * 1.35 + 8) / 72
    drawn = Figure(figsize=(width, height + below), layout="constrained")
    FigureCanvasAgg(drawn)
    share = below / (height + below)
    drawn.get_layout_engine().set(rect=(0, share, 1, 1 - share))
    look = {"fontsize": size, "linespacing": 1.35, "va": "bottom", "color": "#404040"}
    drawn.text(0.01, 4 / 72 / (height + below), "\n".join(lines), **look)
    return drawn


def render(drawn: Figure, kind: str) -> bytes:
    """The figure as a file, `svg` or `png`, without a date in it."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()
