"""Composes a street: camera, light, ground plan; paints it and what stands in it."""

from typing import NamedTuple

import numpy as np

from pipeline.datasets.base import IGNORE
from pipeline.datasets.scenes.drawing import WHOLE, Camera, Canvas, Light, Panel, Window
from pipeline.datasets.scenes.noise import Dice
from pipeline.datasets.scenes.surfaces import ID, PAVING, SKIES, SOIL, Ground, draw_ground, draw_sky, vary
from pipeline.datasets.scenes.vehicles import BUILDS


class Street(NamedTuple):
    """All but the objects. `hood` and `border` are heights of void at the frame's foot and edge, in frame heights."""

    camera: Camera
    light: Light
    ground: Ground
    sky: tuple[float, float, float]
    hood: float
    border: float
    seed: int


def plan_street(dice: Dice) -> Street:
    """Choose all that is not an object. The spread of the camera keeps place from giving the class away."""
    camera = Camera(dice.uniform(1.2, 2.0), dice.uniform(1.2, 1.9), dice.uniform(0.3, 0.5),
                    dice.uniform(0.7, 1.3), dice.uniform(-0.003, 0.003))  # fmt: skip
    sky, bright = vary(dice, SKIES, 0.05), dice.uniform(0.6, 1.2)
    gain = tuple(bright * dice.uniform(0.92, 1.08) for _ in range(3))
    haze = tuple(0.5 * value + 90 for value in sky)
    light = Light(gain, haze, dice.choose((90.0, 250.0, 700.0)), dice.uniform(2, 8))
    hood = dice.uniform(0.02, 0.1) if dice.chance(0.75) else 0.0
    return Street(camera, light, _plan_ground(dice), sky, hood, dice.uniform(0.004, 0.012), dice.seed())


def _plan_ground(dice: Dice) -> Ground:
    left, right = -dice.uniform(2.5, 8.5), dice.uniform(2.0, 6.0)
    near = dice.uniform(10, 45)
    crossing = (near, near + dice.uniform(7, 12)) if dice.chance(0.55) else (1e3, 1e3)
    middle = (left + right) / 2
    lines = [(middle, dice.choose((3.0, 4.0, 0.0)), 0.16)]
    if dice.chance(0.5):
        lines += [(left + 0.4, 0.0, 0.14), (right - 0.4, 0.0, 0.14)]
    shadow_side = dice.choose((-1, 1))
    shadow = {-1: left, 1: right}[shadow_side] * dice.uniform(-0.5, 1.5)
    colours = (vary(dice, PAVING), vary(dice, PAVING, 0.18), vary(dice, SOIL, 0.2))
    return Ground(left, right, dice.uniform(1.0, 4.0), dice.uniform(1.0, 4.0), crossing, tuple(lines),
                  dice.choose(((212, 212, 208), (206, 176, 84), (170, 170, 168))), colours, shadow, shadow_side,
                  dice.seed())  # fmt: skip


def draw_street(street: Street, panels: list[Panel], height: int, width: int, window: Window = WHOLE) -> Canvas:
    """Paint sky, ground, shadows under the vehicles, then the panels in their order."""
    canvas = Canvas(street.camera, height, width, window)
    draw_sky(canvas, street.sky, street.seed)
    draw_ground(canvas, street.ground)
    for footprint in _footprints(panels):
        canvas.darken(*footprint, 0.45)
    for panel in panels:
        canvas.draw(panel)
    return canvas


def _footprints(panels: list[Panel]) -> list[tuple[float, float, float, float]]:
    """Return left, right, near and far of the ground that each vehicle shades."""
    kinds, ends = {ID[kind] for kind in BUILDS}, {}
    for panel in panels:
        if panel.label in kinds and panel.depth < 60:
            ends.setdefault(panel.thing, []).extend((panel.start, panel.end))
    spans = [([x for x, _ in corners], [z for _, z in corners]) for corners in ends.values()]
    return [(min(x) - 0.5, max(x) + 0.5, min(z) - 0.7, max(max(z), min(z) + 1.5)) for x, z in spans]


def draw_void(canvas: Canvas, street: Street) -> None:
    """Lay the ego vehicle's hood and the rectification border over a finished scene."""
    x, y = canvas.x, canvas.y
    hood = y > 1 - street.hood * (1 - 0.6 * (x - 1) * (x - 1))
    border = (x < street.border) | (x > 2 - street.border) | (y < street.border)
    shine = np.clip(1.5 - 4 * (1 - y), 0.3, 1.5)
    np.copyto(canvas.rgb, shine * np.array(street.sky, np.float32)[:, None, None] * np.float32(0.3), where=hood)
    np.copyto(canvas.rgb, 0, where=border)
    np.copyto(canvas.clearness, 1e6, where=hood | border)
    np.copyto(canvas.label, IGNORE, where=hood | border)
    np.copyto(canvas.things, 0, where=hood | border)
