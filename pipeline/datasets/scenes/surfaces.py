"""What stuff looks like: façades, walls, fences, foliage, the ground and the sky.

Palettes overlap on purpose: concrete is road, façade and wall, dark green is tree and car. What tells the classes apart
is texture, shape and place among the others.
"""

from typing import NamedTuple

import numpy as np

from pipeline.datasets.cityscapes import CLASSES
from pipeline.datasets.scenes.drawing import Canvas, Colour, Patch, Shape, cover, tint
from pipeline.datasets.scenes.noise import Dice, blobs, grain

ID = {item.name: index for index, item in enumerate(CLASSES)}

MASONRY = ((150, 146, 140), (118, 116, 114), (186, 176, 158), (142, 98, 82), (196, 190, 180), (98, 96, 100),
           (168, 140, 110), (120, 128, 134), (176, 158, 150))  # fmt: skip
FOLIAGE = ((62, 84, 42), (48, 70, 44), (88, 98, 50), (110, 96, 52), (74, 92, 66), (56, 62, 46))
PAVING = ((112, 110, 110), (98, 98, 102), (128, 124, 118), (104, 108, 106), (140, 132, 128))
SOIL = ((92, 100, 58), (112, 104, 72), (78, 92, 52), (124, 112, 88), (96, 88, 66))
SKIES = ((150, 180, 215), (205, 210, 214), (228, 230, 232), (176, 184, 196), (132, 158, 200))
METAL = ((112, 114, 116), (72, 74, 76), (142, 144, 142), (64, 78, 66), (96, 82, 68))


def vary(dice: Dice, palette: tuple[Colour, ...], spread: float = 0.12) -> Colour:
    """Pick a colour and change its brightness, and a little its hue."""
    bright = dice.uniform(1 - spread, 1 + spread)
    return tuple(value * bright * dice.uniform(0.95, 1.05) for value in dice.choose(palette))


def part(value: np.ndarray) -> np.ndarray:
    """Return the fractional part."""
    return value - np.floor(value)


def inside(value: np.ndarray, low: float, high: float) -> np.ndarray:
    return (value >= low) & (value < high)


def facade(dice: Dice, side_light: float) -> Shape:
    """Rows of windows over a ground floor of its own colour."""
    colour = tuple(value * side_light for value in vary(dice, MASONRY, 0.2))
    shop, glass = vary(dice, MASONRY + METAL, 0.3), vary(dice, ((60, 66, 76), (96, 108, 122), (44, 44, 48)))
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


def wall(dice: Dice, side_light: float) -> Shape:
    """Courses of blocks, or slabs of concrete with a coping, in a façade's colours but without windows."""
    colour = tuple(value * side_light for value in vary(dice, MASONRY, 0.2))
    width, height = dice.choose(((0.5, 0.25), (2.5, 4.0), (0.9, 0.4)))
    top, seed = dice.uniform(0.9, 1.4), dice.seed()

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        row = np.floor(t / height)
        column = s / width + 0.5 * row
        joint = (part(column) < 0.1) | (part(t / height) < 0.16)
        shade = 0.82 + 0.3 * grain(column, row + np.zeros_like(column), seed)
        return Patch(tint(colour, np.where(joint, shade * 0.72, shade) * np.where(t < 0.3, 0.8, top * 0.9)), np.True_)

    return paint


def fence(dice: Dice) -> Shape:
    """Uprights and rails; one sees through, but the whole is labelled, as in Cityscapes."""
    colour, pitch = vary(dice, METAL + FOLIAGE[:1] + MASONRY[:1], 0.3), dice.choose((0.22, 0.4, 0.7))
    share, height = dice.uniform(0.35, 0.6), dice.uniform(0.4, 0.8)

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        bar = (part(s / pitch) < share) | (part(t / height) < 0.2)
        return Patch(tint(colour), np.True_, bar)

    return paint


def _leaves(colour: Colour, s: np.ndarray, t: np.ndarray, seed: int) -> np.ndarray:
    clumps, twigs = blobs(s * 0.9, t * 0.9, seed), grain(s * 5, t * 5, seed + 1)
    return tint(colour, 0.35 + 0.75 * clumps + 0.5 * twigs)


def hedge(dice: Dice, top: float) -> Shape:
    """Foliage without trunks and with a ragged top."""
    colour, seed, ragged = vary(dice, FOLIAGE, 0.3), dice.seed(), dice.uniform(0.15, 0.45)

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        edge = top * (1 - ragged * blobs(s * 0.35, s * 0 + 3, seed + 2) - 0.1 * grain(s * 2, s * 0, seed + 3))
        return Patch(_leaves(colour, s, t, seed), t < edge)

    return paint


def tree(dice: Dice, width: float, top: float) -> Shape:
    """A crown on a trunk; both are vegetation."""
    colour, bark, seed = vary(dice, FOLIAGE, 0.3), vary(dice, ((72, 62, 52), (96, 88, 76))), dice.seed()
    clear = dice.uniform(0.2, 0.35) * top

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        across, up = (2 * s - width) / width, (2 * t - top - clear) / (top - clear)
        crown = across * across + up * up < 0.55 + 0.45 * blobs(s * 1.3, t * 1.3, seed + 2)
        trunk = (np.abs(across) < 0.3 / width) & (t < 0.5 * top)
        rgb = np.where(crown, _leaves(colour, s, t, seed), tint(bark))
        return Patch(rgb, crown | trunk)

    return paint


class Ground(NamedTuple):
    """The street's plan, in metres: road between `left` and `right`, pavements outside, a road across if any.

    `lines` are (x, dash length or 0 for unbroken, width); `shadow` is the x up to which one row of houses shades the
    street, and `shadow_side` tells which row.
    """

    left: float
    right: float
    left_walk: float
    right_walk: float
    crossing: tuple[float, float]
    lines: tuple[tuple[float, float, float], ...]
    paint: Colour
    colours: tuple[Colour, Colour, Colour]
    shadow: float
    shadow_side: int
    seed: int


def draw_ground(canvas: Canvas, plan: Ground) -> None:
    """Paint and label everything below the horizon: terrain, pavements, road, its markings, shadows."""
    rows = canvas.rows(canvas.camera.horizon, 2.0)
    x, z = canvas.ground(rows)
    across = inside(z, *plan.crossing)
    road = inside(x, plan.left, plan.right) | across
    walk = inside(x, plan.left - plan.left_walk, plan.right + plan.right_walk) & ~road
    canvas.label[rows] = np.where(road, ID["road"], np.where(walk, ID["sidewalk"], ID["terrain"]))
    canvas.clearness[rows] = 1 / z
    rough = grain(x * 7, z * 7, plan.seed)
    worn = blobs(x * 0.6, z * 0.25, plan.seed + 1)
    asphalt, paving, soil = (tint(colour) for colour in plan.colours)
    shade = np.where(road, 0.88 + 0.1 * rough + 0.14 * worn, 0.72 + 0.3 * rough + 0.26 * worn)
    rgb = np.where(road, asphalt, np.where(walk, paving * _slabs(x, z), soil)) * shade
    rgb = cover(rgb, road & ~across & _markings(x, z, plan), plan.paint)
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


def draw_sky(canvas: Canvas, colour: Colour, seed: int) -> None:
    """Paint above the horizon: paler towards it, with clouds."""
    rows = canvas.rows(-99.0, canvas.camera.horizon)
    y = canvas.y[rows]
    clouds = blobs(canvas.x * 2.5, y * 7, seed) * blobs(canvas.x * 6, y * 15, seed + 1)
    pale = np.clip(0.25 + 1.1 * y + 0.8 * clouds, 0, 1)
    canvas.rgb[:, rows] = tint(colour) + (tint((232, 233, 234)) - tint(colour)) * pale
    canvas.clearness[rows] = 1e6
    canvas.label[rows] = ID["sky"]
