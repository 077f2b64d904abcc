"""Compose a street from a camera, light and ground plan, and paint it with everything in it."""

from typing import NamedTuple

import numpy as np

from pipeline.data.base import IGNORE
from pipeline.data.scenes.drawing import WHOLE, Camera, Canvas, Panel, Window, tint
from pipeline.data.scenes.light import Light, plan_light
from pipeline.data.scenes.noise import Dice
from pipeline.data.scenes.palette import plan_palette
from pipeline.data.scenes.surfaces import ID, Ground, draw_ground, draw_sky
from pipeline.data.scenes.vehicles import BUILDS


class Street(NamedTuple):
    """Everything but the objects. `hood` and `border` are the heights of void areas, in frame heights."""

    camera: Camera
    light: Light
    ground: Ground
    hood: float
    border: float
    seed: int


def plan_street(dice: Dice) -> Street:
    """Choose everything but the objects.

    The camera varies widely, so that the position in the picture does not reveal the class.
    """
    camera = Camera(dice.uniform(1.1, 2.0), dice.uniform(1.2, 2.2), dice.uniform(0.24, 0.56),
                    dice.uniform(0.5, 1.5), dice.uniform(-0.005, 0.005))  # fmt: skip
    light = plan_light(Dice(dice.bits()))
    hood = dice.uniform(0.02, 0.1) if dice.chance(0.75) else 0.0
    return Street(camera, light, _plan_ground(dice), hood, dice.uniform(0.004, 0.012), dice.seed())


def _plan_ground(dice: Dice) -> Ground:
    left, right = -dice.uniform(2.2, 11.0), dice.uniform(1.8, 8.0)
    near = dice.uniform(10, 45)
    crossing = (near, near + dice.uniform(7, 12)) if dice.chance(0.55) else (1e3, 1e3)
    middle = (left + right) / 2
    lines = [(middle, dice.choose((3.0, 4.0, 0.0)), 0.16)]
    if dice.chance(0.5):
        lines += [(left + 0.4, 0.0, 0.14), (right - 0.4, 0.0, 0.14)]
    shadow_side = dice.choose((-1, 1))
    shadow = {-1: left, 1: right}[shadow_side] * dice.uniform(-0.5, 1.5)
    return Ground(left, right, dice.uniform(0.8, 5.0), dice.uniform(0.8, 5.0), crossing, tuple(lines),
                  plan_palette(Dice(dice.bits())), shadow, shadow_side, dice.seed())  # fmt: skip


def draw_street(street: Street, panels: list[Panel], height: int, width: int, window: Window = WHOLE) -> Canvas:
    """Paint the sky, the ground, shadows under the vehicles, and then the panels in the given order."""
    canvas = Canvas(street.camera, height, width, window)
    draw_sky(canvas, street.light, street.seed)
    draw_ground(canvas, street.ground)
    for footprint in _footprints(panels):
        canvas.darken(*footprint, 0.45)
    for panel in panels:
        canvas.draw(panel)
    return canvas


def _footprints(panels: list[Panel]) -> list[tuple[float, float, float, float]]:
    """Return the left, right, near and far limits of the ground that each vehicle shades."""
    kinds, ends = {ID[kind] for kind in BUILDS}, {}
    for panel in panels:
        if panel.label in kinds and panel.depth < 60:
            ends.setdefault(panel.thing, []).extend((panel.start, panel.end))
    spans = [([x for x, _ in corners], [z for _, z in corners]) for corners in ends.values()]
    return [(min(x) - 0.5, max(x) + 0.5, min(z) - 0.7, max(max(z), min(z) + 1.5)) for x, z in spans]


def draw_void(canvas: Canvas, street: Street) -> None:
    """Paint the hood of the ego vehicle and the rectification border over a finished scene."""
    x, y = canvas.x, canvas.y
    hood = y > 1 - street.hood * (1 - 0.6 * (x - 1) * (x - 1))
    border = (x < street.border) | (x > 2 - street.border) | (y < street.border)
    shine = np.clip(1.5 - 4 * (1 - y), 0.3, 1.5)
    np.copyto(canvas.rgb, shine * tint(street.light.zenith) * np.float32(0.3), where=hood)
    np.copyto(canvas.rgb, 0, where=border)
    np.copyto(canvas.clearness, 1e6, where=hood | border)
    np.copyto(canvas.label, IGNORE, where=hood | border)
    np.copyto(canvas.things, 0, where=hood | border)
