"""Figure 4: what each network of an aggregation predicts, beside the frame and the truth."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import qualitative, style
from analysis.results import conditions
from analysis.results.results import Results

KEY = "networks"
"""An array of predictions.npz, (networks, frames, H, W), for variants that fuse several networks."""


def draw(results: Results, prepared: Path) -> Figure:
    """Rows are frames. Columns are the networks of the variant with the most networks, and last their sum.

    If no variant has predictions by network, the figure is a sentence that says why.
    """
    found = {name: each for name, each in results.predictions.items() if np.size(each.get(KEY, ()))}
    if not found:
        return style.figure(style.WIDTH, 0.1, _reason(results))
    name = max(found, key=lambda name: len(found[name][KEY]))
    predictions, pictures = found[name], qualitative.shown(results, prepared, found[name])
    alone = {f"network {index}": list(each) for index, each in enumerate(predictions[KEY], 1)}
    columns = pictures.columns | alone | {name: list(predictions["predictions"])}
    caption = (
        f"Figure 4 for {name}. The paper does not say how it obtained the prediction of one network. Here the trained "
        "decoder is given the output of that network only; it applies that network's convolution, upsampling and the "
        f"classifier. Upsampling and classifier are linear, so the high-level scores of {name} are the sum of the "
        "networks' scores: each column shows one term of that sum, not a network that was trained to work alone. The "
        "low-level path is not used in these columns. "
        f"Frames {', '.join(predictions['names'])}; seed {results.study.seeds[0]}. {pictures.note} "
    )
    return qualitative.grid(results, columns, pictures.colours, caption + " ".join(conditions.all_of(results)))


def _reason(results: Results) -> str:
    if not any(len(each["index"]) for each in results.predictions.values()):
        return "No predictions by network: evaluation.pictures is 0."
    run = next(iter(results.score))
    made = [results.score[name, run[1]]["params"][f"variants.{name}"] for name in results.study.variants]
    several = [
        name
        for name, variant in zip(results.study.variants, made, strict=True)
        if variant.get("networks", 1) > 1 and variant.get("decoder") != "none"
    ]
    if several:
        return (
            f"No predictions by network: the runs of {', '.join(several)} were evaluated before these were recorded. "
            "Evaluate them again to get this figure."
        )
    return "No predictions by network: no variant of this study fuses the outputs of several networks."
