"""Table 1, as the modules of Xception A and B say it of themselves."""

from typing import Any

from analysis.tables.markdown import grid, page


def markdown(rows: list[dict[str, Any]]) -> str:
    """`rows` are what `pipeline.complexity.table1.table1` returns."""
    return page(
        "# Table 1: the backbones, read off the modules",
        grid([{"stage": row["stage"]} | {name: _stage(row[name]) for name in row if name != "stage"} for row in rows]),
        "Kernel and channels of each convolution, blocks, and rows x columns x channels of the output for an image "
        "of 1024x1024. All convolutions but conv1's are depthwise separable; the first block of a stage halves the "
        "resolution.",
    )


def _stage(found: dict[str, Any]) -> str:
    convolutions = "; ".join(f"{kernel}, {channels}" for kernel, channels in found["convolutions"])
    channels, height, width = found["output"]
    return f"[{convolutions}] x{found['repeats']}, {height}x{width}x{channels}"
