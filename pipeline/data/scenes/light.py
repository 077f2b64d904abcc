"""The light of a scene and the response of the camera, drawn per scene. Labels depend on neither.

Only + - * / are used. A power, as in gamma correction, is not rounded in the same way on every machine.
"""

from operator import mul, truediv
from typing import NamedTuple

import numpy as np

from pipeline.data.scenes.noise import Dice
from pipeline.data.scenes.palette import Colour

EXPOSURE = (0.6, 1.35)
"""Exposure factor: up to 0.7 stops too dark or 0.4 too bright, as automatic exposure errs in sun and shade."""

WHITE = (0.86, 1.17)
"""White balance: factor of red and divisor of blue, from too cold to too warm."""

GREEN = (0.94, 1.06)
"""White balance: factor of green, from magenta to green."""

SATURATION = (0.4, 1.15)
"""Saturation, from a dull sensor on a dull day to a vivid camera setting."""

CURVE = (-0.35, 0.9)
"""Bend of the tone curve. A mid-grey of 128 maps to 101 to 167, as with a gamma of 1.3 to 0.6."""

FLARE = (0.0, 0.12)
"""Brightness that stray light in the lens adds to black, as a fraction of white."""

REACH = (60.0, 130.0, 300.0, 700.0)
"""Distance in metres at which haze hides half of the contrast: fog, mist, haze, clear."""

NOISE = (1.0, 4.5)
"""Standard deviation of the sensor noise, in grey levels."""


class Sky(NamedTuple):
    """Colours of the zenith, of the horizon, and of the light that reaches the street."""

    zenith: Colour
    horizon: Colour
    light: Colour


SKIES = (
    Sky((104, 146, 204), (204, 216, 228), (1.08, 1.04, 0.96)),
    Sky((72, 112, 176), (164, 192, 220), (1.1, 1.04, 0.92)),
    Sky((218, 221, 225), (236, 237, 238), (0.9, 0.91, 0.93)),
    Sky((150, 157, 166), (188, 192, 196), (0.8, 0.82, 0.86)),
    Sky((82, 90, 102), (138, 144, 152), (0.7, 0.73, 0.78)),
    Sky((124, 126, 160), (238, 180, 124), (0.95, 0.76, 0.58)),
    Sky((152, 142, 170), (230, 198, 192), (0.8, 0.72, 0.72)),
    Sky((40, 52, 90), (112, 106, 124), (0.58, 0.6, 0.7)),
)
"""Fair, deep blue, white, grey, storm, sunset, dawn, dusk."""


class Light(NamedTuple):
    """`gain` is the light times the camera's gain; `zenith` and `horizon` (also the haze's colour) are without gain.

    The other fields are drawn from the ranges above.
    """

    zenith: Colour
    horizon: Colour
    gain: Colour
    reach: float
    saturation: float
    curve: float
    flare: float
    noise: float


def plan_light(dice: Dice) -> Light:
    """Choose a sky and camera settings.

    `SKIES` holds the colours of skies as seen, so zenith and horizon are divided by the sky's light.
    """
    sky, exposure, warm = dice.choose(SKIES), dice.uniform(*EXPOSURE), dice.uniform(*WHITE)
    camera = (exposure * warm, exposure * dice.uniform(*GREEN), exposure / warm)
    zenith, horizon = (tuple(map(truediv, colour, sky.light)) for colour in (sky.zenith, sky.horizon))
    return Light(zenith, horizon, tuple(map(mul, camera, sky.light)), dice.choose(REACH),
                 dice.uniform(*SATURATION), dice.uniform(*CURVE), dice.uniform(*FLARE),
                 dice.uniform(*NOISE))  # fmt: skip


def respond(plane: np.ndarray, light: Light) -> np.ndarray:
    """Map the exposure of a channel (HxW, 255 is white) to grey levels: tone curve, then flare."""
    white = np.clip(plane, 0, 255) * np.float32(1 / 255)
    white = white / (1 + np.float32(light.curve) * white)
    scale, black = 255 * (1 - light.flare) * (1 + light.curve), 255 * light.flare
    return white * np.float32(scale) + np.float32(black)
