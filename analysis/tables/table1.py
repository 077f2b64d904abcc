"""Table 1 of the paper, read from the modules of Xception A and B."""

from typing import Any

from analysis.tables.table import Column, Table, grid


def table(rows: list[dict[str, Any]]) -> Table:
    """`rows` are the result of `pipeline.complexity.table1.table1`."""
    texts = [{"stage": row["stage"]} | {name: _stage(row[name]) for name in row if name != "stage"} for row in rows]
    note = (
        "Each cell gives the kernel and channels of each convolution, the number of blocks, and the output as rows x "
        "columns x channels for an image of 1024x1024. All convolutions except conv1 are depthwise separable. The "
        "first block of a stage halves the resolution."
    )
    return Table([grid([Column(name, name) for name in texts[0]], texts), note])


def _stage(found: dict[str, Any]) -> str:
    convolutions = "; ".join(f"{kernel}, {channels}" for kernel, channels in found["convolutions"])
    channels, height, width = found["output"]
    return f"[{convolutions}] x{found['repeats']}, {height}x{width}x{channels}"
