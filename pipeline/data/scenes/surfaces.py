"""The appearance of surfaces: façades, walls, fences, foliage, the ground and the sky."""

from typing import NamedTuple

import numpy as np

from pipeline.data.scenes.drawing import Canvas, Patch, Shape, cover, tint
from pipeline.data.scenes.light import Light
from pipeline.data.scenes.noise import Dice, blobs, grain
from pipeline.data.scenes.palette import BARK, GLASS, METAL, Colour, Palette, vary
from pipeline.data.sets.cityscapes import CLASSES

ID = {item.name: index for index, item in enumerate(CLASSES)}

KERB = 0.3
"""Width in metres of the pale edge of a pavement, which separates it from a road of the same colour."""


def part(value: np.ndarray) -> np.ndarray:
    """Return the fractional part."""
    return value - np.floor(value)


def inside(value: np.ndarray, low: float, high: float) -> np.ndarray:
    return (value >= low) & (value < high)


def facade(dice: Dice, palette: Palette, side_light: float) -> Shape:
    """Rows of windows above a ground floor of another colour."""
    colour = tuple(value * side_light for value in vary(dice, palette.masonry, 0.2))
    shop, glass = vary(dice, palette.masonry + METAL, 0.3), vary(dice, GLASS)
    storey, pitch = dice.uniform(2.7, 3.6), dice.uniform(1.4, 3.2)
    low, left, right = dice.uniform(0.2, 0.35), dice.uniform(0.12, 0.3), dice.uniform(0.62, 0.88)
    seed = dice.seed()

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        column, floor = s / pitch, t / storey
        window = inside(part(column), left, right) & inside(part(floor), low, 0.8)
        rgb = tint(colour, 0.94 + 0.12 * grain(s * 3, t * 4, seed))
        rgb = np.where(t < storey, tint(shop), rgb)
        bright = 0.7 + 0.8 * grain(column, floor, seed + 1)
        return Patch(np.where(window, tint(glass) * bright, rgb), np.True_)

    return paint


def wall(dice: Dice, palette: Palette, side_light: float) -> Shape:
    """Courses of blocks, or concrete slabs with a coping, in the colours of a façade but without windows."""
    colour = tuple(value * side_light for value in vary(dice, palette.masonry, 0.2))
    width, height = dice.choose(((0.5, 0.25), (2.5, 4.0), (0.9, 0.4)))
    top, seed = dice.uniform(0.9, 1.4), dice.seed()

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        row = np.floor(t / height)
        column = s / width + 0.5 * row
        joint = (part(column) < 0.1) | (part(t / height) < 0.16)
        shade = 0.82 + 0.3 * grain(column, row + np.zeros_like(column), seed)
        return Patch(tint(colour, np.where(joint, shade * 0.72, shade) * np.where(t < 0.3, 0.8, top * 0.9)), np.True_)

    return paint


def fence(dice: Dice, palette: Palette) -> Shape:
    """Posts and rails. The gaps are see-through but labelled as fence, as in Cityscapes."""
    colour, pitch = vary(dice, METAL + palette.foliage[:1] + palette.masonry[:1], 0.3), dice.choose((0.22, 0.4, 0.7))
    share, height = dice.uniform(0.35, 0.6), dice.uniform(0.4, 0.8)

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        bar = (part(s / pitch) < share) | (part(t / height) < 0.2)
        return Patch(tint(colour), np.True_, bar)

    return paint


def _leaves(colour: Colour, s: np.ndarray, t: np.ndarray, seed: int) -> np.ndarray:
    clumps, twigs = blobs(s * 0.9, t * 0.9, seed), grain(s * 5, t * 5, seed + 1)
    return tint(colour, 0.35 + 0.75 * clumps + 0.5 * twigs)


def hedge(dice: Dice, palette: Palette, top: float) -> Shape:
    """Foliage without trunks and with a ragged top."""
    colour, seed, ragged = vary(dice, palette.foliage, 0.3), dice.seed(), dice.uniform(0.15, 0.45)

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        edge = top * (1 - ragged * blobs(s * 0.35, s * 0 + 3, seed + 2) - 0.1 * grain(s * 2, s * 0, seed + 3))
        return Patch(_leaves(colour, s, t, seed), t < edge)

    return paint


def tree(dice: Dice, palette: Palette, width: float, top: float) -> Shape:
    """A crown on a trunk, both labelled as vegetation."""
    colour, bark, seed = vary(dice, palette.foliage, 0.3), vary(dice, BARK), dice.seed()
    clear = dice.uniform(0.2, 0.35) * top

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        across, up = (2 * s - width) / width, (2 * t - top - clear) / (top - clear)
        crown = across * across + up * up < 0.55 + 0.45 * blobs(s * 1.3, t * 1.3, seed + 2)
        trunk = (np.abs(across) < 0.3 / width) & (t < 0.5 * top)
        rgb = np.where(crown, _leaves(colour, s, t, seed), tint(bark))
        return Patch(rgb, crown | trunk)

    return paint


class Ground(NamedTuple):
    """The plan of a street, in metres: a road between `left` and `right`, pavements outside, and perhaps a crossing.

    `lines` are (x, dash length or 0 for a solid line, width). One row of houses, given by `shadow_side`, shades the
    street up to x = `shadow`.
    """

    left: float
    right: float
    left_walk: float
    right_walk: float
    crossing: tuple[float, float]
    lines: tuple[tuple[float, float, float], ...]
    palette: Palette
    shadow: float
    shadow_side: int
    seed: int


def draw_ground(canvas: Canvas, plan: Ground) -> None:
    """Paint and label everything below the horizon: terrain, pavements, road, markings and shadows."""
    rows = canvas.rows(canvas.camera.horizon, 2.0)
    x, z = canvas.ground(rows)
    across = inside(z, *plan.crossing)
    road = inside(x, plan.left, plan.right) | across
    walk = inside(x, plan.left - plan.left_walk, plan.right + plan.right_walk) & ~road
    canvas.label[rows] = np.where(road, ID["road"], np.where(walk, ID["sidewalk"], ID["terrain"]))
    canvas.clearness[rows] = 1 / z
    rough = grain(x * 7, z * 7, plan.seed)
    worn = blobs(x * 0.6, z * 0.25, plan.seed + 1)
    asphalt, paving, soil = (tint(colour) for colour in (plan.palette.road, plan.palette.walk, plan.palette.soil))
    shade = np.where(road, 0.88 + 0.1 * rough + 0.14 * worn, 0.72 + 0.3 * rough + 0.26 * worn)
    stones = np.where(inside(x, plan.left - KERB, plan.right + KERB), np.float32(1.45), _slabs(x, z))
    rgb = np.where(road, asphalt, np.where(walk, paving * stones, soil)) * shade
    rgb = cover(rgb, road & ~across & _markings(x, z, plan), plan.palette.lines)
    canvas.rgb[:, rows] = rgb * _shadow(x, z, plan)


def _slabs(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    joint = (part(x * 1.25) < 0.12) | (part(z * 1.25) < 0.12)
    return np.where(joint, np.float32(0.8), np.float32(1.15))


def _markings(x: np.ndarray, z: np.ndarray, plan: Ground) -> np.ndarray:
    near = plan.crossing[0]
    marked = inside(z, near - 4, near - 1) & (part(x) < 0.5)
    for place, dash, width in plan.lines:
        drawn = np.abs(x - place) < width / 2
        marked |= drawn & (part(z / (2 * dash)) < 0.5) if dash else drawn
    return marked


def _shadow(x: np.ndarray, z: np.ndarray, plan: Ground) -> np.ndarray:
    edge = plan.shadow + 2.5 * grain(z / 9, z * 0, plan.seed + 2)
    return np.where((x - edge) * plan.shadow_side > 0, np.float32(0.62), np.float32(1.0))


def draw_sky(canvas: Canvas, light: Light, seed: int) -> None:
    """Paint everything above the horizon: a gradient from zenith to horizon, and clouds in the horizon's colour."""
    rows = canvas.rows(-99.0, canvas.camera.horizon)
    y = canvas.y[rows]
    clouds = blobs(canvas.x * 2.5, y * 7, seed) * blobs(canvas.x * 6, y * 15, seed + 1)
    pale = np.clip(0.1 + 0.8 * y / canvas.camera.horizon + 0.8 * clouds, 0, 1)
    canvas.rgb[:, rows] = tint(light.zenith) + (tint(light.horizon) - tint(light.zenith)) * pale
    canvas.clearness[rows] = 1e6
    canvas.label[rows] = ID["sky"]
