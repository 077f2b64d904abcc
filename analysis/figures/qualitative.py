"""A few fixed frames: the frame, the truth, and the prediction of each variant."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.figures import style
from analysis.results import conditions
from analysis.results.results import Results
from pipeline.data.reader import Prepared
from pipeline.utils import pointers
from pipeline.utils.errors import BadInput
from pipeline.utils.text import drawn

CELL = 1.5
"""Width of a picture, in inches."""


class Shown(NamedTuple):
    """Pictures to the left of the predictions, the colours of the classes (the last one: ignored), and a note."""

    columns: dict[str, list[np.ndarray]]
    colours: np.ndarray
    note: str


def draw(results: Results, prepared: Path) -> Figure:
    """Rows are frames. Without `prepared` frames only predictions are shown, and the caption says so."""
    first = next(iter(results.predictions.values()))
    if not len(first["index"]):
        return style.figure(style.WIDTH, 0.1, "No pictures: evaluation.pictures is 0.")
    found = shown(results, prepared, first)
    columns = found.columns | {name: list(each["predictions"]) for name, each in results.predictions.items()}
    caption = f"Frames {', '.join(first['names'])}; predictions of seed {results.study.seeds[0]}. {found.note}"
    return grid(results, columns, found.colours, f"{caption} {' '.join(conditions.all_of(results))}")


def shown(results: Results, prepared: Path, predictions: dict[str, np.ndarray]) -> Shown:
    """The frame and truth of each prediction, if the `prepared` frames are available."""
    colours = np.array(colormaps["tab20"].colors[: len(results.classes)]) * 255
    columns, note = {}, "The frames are not available here, so only predictions are shown."
    if (prepared / "manifest.json").exists():
        data = Prepared(prepared)
        colours = np.array([each.colour for each in data.classes])
        images = prepared / f"{results.scored['split']}.images.npy"
        if images.exists() and not pointers.read(images):
            columns, note = _frames(results, data, predictions), "Ignored pixels of the truth are black."
    return Shown(columns, np.vstack([colours, np.zeros(3)]).astype(np.uint8), note)


def _frames(results: Results, data: Prepared, found: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    split, index = results.scored["split"], found["index"]
    images, labels, names = data.images(split), data.labels(split), data.names(split)
    if index.max() >= len(names) or [names[place] for place in index] != list(found["names"]):
        raise BadInput(
            f"{data.folder} does not hold the frames {', '.join(found['names'])} that were predicted; "
            "evaluate the runs on the data in that folder"
        )
    return {"frame": [images[place] for place in index], "truth": [labels[place] for place in index]}


def grid(results: Results, columns: dict[str, list[np.ndarray]], colours: np.ndarray, caption: str) -> Figure:
    """Pictures in columns with titles: H x W x 3 are shown as they are, H x W of classes in their `colours`."""
    pictures = next(iter(columns.values()))
    height, width = pictures[0].shape[:2]
    figure = style.figure(CELL * len(columns), (CELL * height / width + 0.03) * len(pictures) + 0.5, caption)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    panels = figure.subplots(len(pictures), len(columns), squeeze=False)
    for column, (name, pictures) in zip(panels.T, columns.items(), strict=True):
        column[0].set_title(name, loc="center", color=style.colours(results.study.variants).get(name, "black"))
        for axes, picture in zip(column, pictures, strict=True):
            if picture.ndim == 3:
                axes.imshow(picture)
            else:  # nearest, because a colour between those of two classes may be that of a third
                axes.imshow(colours[np.minimum(picture, len(colours) - 1)], interpolation="nearest")
            axes.set_axis_off()
    patches = [Patch(facecolor=colours[index] / 255, label=drawn(name)) for index, name in enumerate(results.classes)]
    squares = {"handlelength": 1, "handleheight": 1, "borderaxespad": 0.3}
    fitting = min(11, len(patches), round(1.4 * len(columns)))
    figure.legend(handles=patches, loc="outside upper center", ncols=fitting, **squares)
    return figure
