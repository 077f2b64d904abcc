"""Draws a picture beside its predicted classes and their overlay, with a legend."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from pipeline.data.base import Class, opened

PANEL = (320, 960)
"""Smallest and largest width of a panel, in pixels."""
GAP = 8
TEXT = 16
"""Smallest height of the legend's text, in pixels."""
OVERLAY = 0.45
"""Weight of the class colours over the picture."""


def open_picture(path: Path) -> np.ndarray:
    """Read a picture as HxWx3 uint8 RGB, rotated as its EXIF data says. Raises `BadInput` if it cannot be read."""
    with opened(path, path, "convert it to a PNG or JPEG file of a smaller size") as image:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def class_map(labels: np.ndarray, classes: tuple[Class, ...]) -> Image.Image:
    """Return labels HxW (uint8) as a paletted image: pixel values are class numbers, palette entries their colours."""
    image = Image.fromarray(labels)
    image.putpalette([part for each in classes for part in each.colour])
    return image


def side_by_side(picture: np.ndarray, labels: np.ndarray, classes: tuple[Class, ...]) -> Image.Image:
    """Return picture HxWx3, class map and overlay in one row, above a legend of the classes that occur."""
    height, width = labels.shape
    columns = min(max(width, PANEL[0]), PANEL[1])
    size = columns, max(1, round(height * columns / width))
    shown = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)
    coloured = class_map(labels, classes).resize(size, Image.Resampling.NEAREST).convert("RGB")
    panels = shown, coloured, Image.blend(shown, coloured, OVERLAY)
    total = 3 * columns + 4 * GAP
    legend = _legend(labels, classes, total - 2 * GAP, max(TEXT, columns // 40))
    sheet = Image.new("RGB", (total, size[1] + legend.height + 3 * GAP), "white")
    for index, panel in enumerate(panels):
        sheet.paste(panel, (GAP + index * (columns + GAP), GAP))
    sheet.paste(legend, (GAP, size[1] + 2 * GAP))
    return sheet


def overlaid(picture: np.ndarray, labels: np.ndarray, classes: tuple[Class, ...]) -> np.ndarray:
    """Return the overlay of picture HxWx3 and its class map alone, HxWx3 uint8."""
    coloured = class_map(labels, classes).convert("RGB")
    return np.asarray(Image.blend(Image.fromarray(picture), coloured, OVERLAY))


def _legend(labels: np.ndarray, classes: tuple[Class, ...], width: int, size: int) -> Image.Image:
    """Draw the classes that occur, the most frequent first, each with its share of the picture."""
    font, line = ImageFont.load_default(size), round(1.5 * size)
    counts = np.bincount(labels.ravel(), minlength=len(classes))
    entries, x, y = [], 0, 0
    for index in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]:
        text = f"{classes[index].name}: {_share(counts[index] / labels.size)}"
        wide = 3 * size + 6 + round(font.getlength(text))
        if x and x + wide - 2 * size > width:
            x, y = 0, y + line
        entries.append((x, y, text, classes[index].colour))
        x += wide
    legend = Image.new("RGB", (width, y + line), "white")
    draw = ImageDraw.Draw(legend)
    for x, y, text, colour in entries:
        draw.rectangle((x, y + 2, x + size, y + 2 + size), fill=colour, outline="#404040")
        draw.text((x + size + 6, y + 2 + size / 2), text, fill="black", font=font, anchor="lm")
    return legend


def _share(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "< 1 %"
