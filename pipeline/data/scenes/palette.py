"""Colours, drawn per scene and then per object.

Palettes overlap on purpose: concrete occurs on roads, façades and walls, and dark green on trees, houses and cars.
Classes therefore differ by texture, shape and position, not by colour alone.
"""

from typing import NamedTuple

from pipeline.data.scenes.noise import Dice

Colour = tuple[float, float, float]
Colours = tuple[Colour, ...]

MASONRY = ((222, 220, 214), (214, 198, 164), (196, 158, 92), (196, 150, 140), (164, 98, 70), (132, 70, 58),
           (92, 58, 52), (178, 156, 124), (150, 146, 140), (84, 84, 88), (104, 116, 132), (156, 176, 188),
           (132, 148, 120), (104, 106, 74), (216, 206, 150), (112, 88, 70), (66, 74, 58), (118, 116, 114))  # fmt: skip
PAVING = ((62, 62, 66), (88, 88, 92), (112, 110, 110), (138, 136, 132), (168, 164, 156), (124, 108, 92), (130, 100, 88),
          (96, 106, 118), (104, 108, 98))  # fmt: skip
SLABS = (*PAVING, (152, 100, 80), (178, 160, 126), (194, 192, 186), (74, 74, 78))
METAL = ((112, 114, 116), (72, 74, 76), (142, 144, 142), (64, 78, 66), (96, 82, 68), (176, 178, 178), (44, 46, 50))
BARK = ((72, 62, 52), (96, 88, 76))
GLASS = ((60, 66, 76), (96, 108, 122), (44, 44, 48), (150, 166, 180))
LINES = ((212, 212, 208), (206, 176, 84), (170, 170, 168))


class Season(NamedTuple):
    foliage: Colours
    soil: Colours


SEASONS = (
    Season(((62, 84, 42), (48, 70, 44), (74, 92, 66), (88, 98, 50), (40, 54, 38)), ((92, 100, 58), (78, 92, 52))),
    Season(((104, 124, 60), (124, 134, 84), (92, 112, 72), (188, 158, 164)), ((96, 116, 58), (116, 126, 74))),
    Season(
        ((150, 112, 46), (130, 78, 42), (112, 96, 52), (98, 62, 46), (172, 140, 64)), ((124, 104, 62), (140, 110, 66))
    ),
    Season(
        ((92, 84, 78), (112, 102, 92), (70, 64, 60), (54, 62, 52), (138, 130, 122)), ((124, 112, 88), (170, 170, 164))
    ),
    Season(((112, 112, 74), (128, 120, 84), (98, 96, 64)), ((170, 150, 110), (150, 130, 98))),
)
"""Summer, spring with blossom, autumn, winter with bare and evergreen trees, drought."""

BUILDING_COLOURS = 4
"""Number of colours that the houses and walls of a street share, since a street is built at one time."""


class Palette(NamedTuple):
    """The colours of one scene: choices for buildings and plants, and one colour for each part of the ground."""

    masonry: Colours
    foliage: Colours
    road: Colour
    walk: Colour
    soil: Colour
    lines: Colour


def vary(dice: Dice, colours: Colours, spread: float = 0.12) -> Colour:
    """Pick a colour and randomly change its brightness and, slightly, its hue."""
    bright = dice.uniform(1 - spread, 1 + spread)
    return tuple(value * bright * dice.uniform(0.93, 1.07) for value in dice.choose(colours))


def plan_palette(dice: Dice) -> Palette:
    season = dice.choose(SEASONS)
    masonry = tuple(dice.choose(MASONRY) for _ in range(BUILDING_COLOURS))
    return Palette(masonry, season.foliage, vary(dice, PAVING), vary(dice, SLABS), vary(dice, season.soil, 0.2),
                   dice.choose(LINES))  # fmt: skip
