"""The appearance of objects and the panels that they consist of.

(x, z) is the left edge and the nearest point of an object, in metres. All panels of an object have the same depth.
"""

import numpy as np

from pipeline.data.base import IGNORE
from pipeline.data.scenes.drawing import Panel, Patch, Shape, cover, tint
from pipeline.data.scenes.noise import Dice, grain
from pipeline.data.scenes.palette import METAL, Colour, Palette, vary
from pipeline.data.scenes.surfaces import ID, inside

SKIN = ((206, 164, 138), (150, 108, 84), (98, 72, 58), (222, 184, 162))
CLOTHES = ((44, 46, 58), (70, 72, 80), (130, 44, 46), (52, 76, 118), (196, 194, 190), (84, 92, 62), (176, 150, 96),
           (30, 30, 32), (110, 112, 114), (196, 60, 50), (62, 118, 92), (214, 190, 76), (118, 82, 128), (228, 226, 222),
           (150, 100, 84), (156, 176, 192))  # fmt: skip
DARK = (30.0, 31.0, 34.0)
SIGNS = (((206, 208, 210), (176, 40, 44)), ((40, 76, 148), (206, 210, 214)), ((214, 176, 48), (44, 44, 40)),
         ((176, 40, 44), (214, 212, 208)), ((124, 126, 128), (110, 112, 114)), ((52, 108, 76), (206, 210, 206))
)  # fmt: skip
LAMPS = ((226, 60, 48), (96, 226, 150), (236, 186, 70))


def disc(s: np.ndarray, t: np.ndarray, centre: float, up: float, width: float, height: float) -> np.ndarray:
    """Return the mask of an ellipse with these half axes."""
    across, along = (s - centre) / width, (t - up) / height
    return across * across + along * along < 1


def box(s: np.ndarray, t: np.ndarray, left: float, right: float, low: float, high: float) -> np.ndarray:
    return inside(s, left, right) & inside(t, low, high)


def _person_shape(dice: Dice, height: float, seated: bool) -> Shape:
    shirt, legs = vary(dice, CLOTHES, 0.3), vary(dice, CLOTHES, 0.3)
    skin, stride, seed = vary(dice, SKIN), dice.uniform(0.02, 0.2), dice.seed()

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        t = t / height
        middle, head = s - 0.35, disc(s, t, 0.35, 0.925, 0.12, 0.075)
        torso = disc(s, t, 0.35, 0.68, 0.25, 0.2)
        apart = np.abs(np.abs(middle) - stride * (1 - t / 0.55))
        leg = (apart < 0.09) & (t < 0.6) & (t > (0.2 if seated else 0.0))
        rgb = np.where(torso, tint(shirt), tint(legs)) * (0.85 + 0.3 * grain(s * 9, t * 16, seed))
        return Patch(cover(rgb, head, skin), head | torso | leg)

    return paint


def person(dice: Dice, x: float, z: float, thing: int) -> list[Panel]:
    height = dice.uniform(1.5, 1.9) if dice.chance(0.85) else dice.uniform(0.9, 1.4)
    shape = _person_shape(dice, height, False)
    return [Panel(z, (x, z), (x + 0.7, z), 0, height, shape, ID["person"], thing)]


def _bicycle_shape(dice: Dice, length: float) -> Shape:
    frame = vary(dice, CLOTHES + METAL, 0.3)

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        wheels = [disc(s, t, at, 0.34, 0.34, 0.34) for at in (0.34, length - 0.34)]
        holes = [disc(s, t, at, 0.34, 0.27, 0.27) for at in (0.34, length - 0.34)]
        bars = box(s, t, 0.45, length - 0.4, 0.62, 0.72) | box(s, t, 0.5, 0.6, 0.3, 0.9)
        bars |= box(s, t, length - 0.55, length - 0.47, 0.4, 1.02) | box(s, t, 0.4, 0.75, 0.86, 0.94)
        tyres = (wheels[0] & ~holes[0]) | (wheels[1] & ~holes[1])
        web = box(s, t, 0.4, length - 0.4, 0.3, 0.72)
        return Patch(cover(tint(frame), tyres, DARK), wheels[0] | wheels[1] | bars | web, tyres | bars)

    return paint


def _motorcycle_shape(dice: Dice, length: float) -> Shape:
    body = vary(dice, CLOTHES, 0.4)

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        wheels = disc(s, t, 0.32, 0.32, 0.32, 0.32) | disc(s, t, length - 0.32, 0.32, 0.32, 0.32)
        tank = disc(s, t, 0.55 * length, 0.68, 0.36 * length, 0.26)
        seat = box(s, t, 0.15 * length, 0.55 * length, 0.74, 0.88)
        fork = box(s, t, 0.76 * length, 0.82 * length, 0.3, 1.15)
        rgb = cover(tint(body), wheels & (t < 0.5) | seat | fork, DARK)
        return Patch(cover(rgb, disc(s, t, 0.85 * length, 0.9, 0.1, 0.1), (226, 222, 200)), wheels | tank | seat | fork)

    return paint


def _from_behind(shape: Shape, length: float, width: float) -> Shape:
    """Return the shape of a two-wheeler seen along the road: the side view, compressed horizontally."""
    return lambda s, t: shape(s * (length / width), t)


def two_wheeler(dice: Dice, kind: str, x: float, z: float, thing: int, ridden: bool) -> list[Panel]:
    """Return a bicycle or motorcycle. If it is `ridden`, the rider is a second object (`thing + 1`)."""
    length = dice.uniform(1.6, 1.8) if kind == "bicycle" else dice.uniform(1.9, 2.2)
    shape = (_bicycle_shape if kind == "bicycle" else _motorcycle_shape)(dice, length)
    width = length if dice.chance(0.5) else dice.uniform(0.55, 0.9)
    machine = _from_behind(shape, length, width)
    panels = [Panel(z, (x, z), (x + width, z), 0, 1.2, machine, ID[kind], thing)]
    if ridden:
        seat, height = x + 0.45 * width - 0.35, dice.uniform(1.65, 1.85)
        body = _person_shape(dice, height, True)
        panels.insert(0, Panel(z, (seat, z), (seat + 0.7, z), 0.2, height, body, ID["rider"], thing + 1))
    return panels


def post(x: float, z: float, width: float, top: float, colour: Colour, thing: int) -> Panel:
    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        return Patch(tint(colour, 1.15 - 0.35 * s / width), np.True_)

    return Panel(z, (x, z), (x + width, z), 0, top, paint, ID["pole"], thing)


def lamp_post(dice: Dice, x: float, z: float, thing: int) -> list[Panel]:
    """Return a street lamp with its arm over the road."""
    top, colour = dice.uniform(5, 9), vary(dice, METAL, 0.25)
    reach = dice.uniform(0.8, 2.0) * (1 if x < 0 else -1)
    arm = Panel(z, (min(x, x + reach), z), (max(x, x + reach), z), top - 0.16, top,
                lambda s, t: Patch(tint(colour), np.True_), ID["pole"], thing)  # fmt: skip
    return [post(x, z, dice.uniform(0.12, 0.22), top, colour, thing), arm]


def _lamps(dice: Dice) -> Shape:
    lit, bright = dice.bits() % 3, LAMPS

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        place = np.clip(t / 1.1, 0, 1)
        rgb = tint((38.0, 40.0, 40.0))
        for number in range(3):
            glow = disc(s, place, 0.2, (2.5 - number) / 3, 0.14, 0.13)
            rgb = cover(rgb, glow, bright[number] if number == lit else (58.0, 54.0, 52.0))
        return Patch(rgb, np.True_)

    return paint


def _raised(shape: Shape, base: float) -> Shape:
    """Return `shape` with heights measured from `base`."""
    return lambda s, t: shape(s, t - base)


def traffic_light(dice: Dice, x: float, z: float, thing: int) -> list[Panel]:
    """Return a light on a pole (`thing + 1`), sometimes with a second light on an arm (`thing + 2`)."""
    base, high, colour = dice.uniform(2.2, 2.8), 5.0, vary(dice, METAL, 0.25)
    lamps, arm = _lamps(dice), dice.chance(0.4)
    panels = [
        post(x + 0.1, z, 0.14, high if arm else base + 1.2, colour, thing + 1),
        _lamp_box(lamps, x, z, base, thing),
    ]
    if arm:
        far = x + (3.0 if x < 0 else -3.0)
        panels.append(Panel(z, (min(x, far), z), (max(x, far) + 0.3, z), high, high + 0.14,
                            lambda s, t: Patch(tint(colour), np.True_), ID["pole"], thing + 1))  # fmt: skip
        panels.append(_lamp_box(lamps, far, z, high - 0.6, thing + 2))
    return panels


def _lamp_box(lamps: Shape, x: float, z: float, base: float, thing: int) -> Panel:
    return Panel(z, (x, z), (x + 0.4, z), base, base + 1.1, _raised(lamps, base), ID["traffic light"], thing)


def _sign_face(dice: Dice, width: float, height: float) -> Shape:
    (face, rim), form = dice.choose(SIGNS), dice.bits() % 3

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        across, up = np.abs(2 * s / width - 1), 2 * t / height - 1
        reach = (across * across + up * up, np.maximum(across, np.abs(up)), across + 0.5 * up + 0.5)[form]
        return Patch(cover(tint(face), (reach > 0.62) | (np.abs(up) < 0.12) & (across < 0.4), rim), reach < 1)

    return paint


def traffic_sign(dice: Dice, x: float, z: float, thing: int) -> list[Panel]:
    """Return a sign on a pole (`thing + 1`)."""
    width, base = dice.uniform(0.6, 0.9), dice.uniform(1.9, 2.6)
    height = width * dice.choose((1.0, 1.0, 1.5))
    if dice.chance(0.12):
        width, height = dice.uniform(1.5, 3.0), dice.uniform(1.0, 2.0)
    pole = post(x + width / 2 - 0.05, z, 0.1, base + height, vary(dice, METAL, 0.25), thing + 1)
    face = _raised(_sign_face(dice, width, height), base)
    return [pole, Panel(z, (x, z), (x + width, z), base, base + height, face, ID["traffic sign"], thing)]


def clutter(dice: Dice, palette: Palette, x: float, z: float) -> list[Panel]:
    """Return a bin, box or cart, labelled as void."""
    width, top, colour = (
        dice.uniform(0.5, 1.6),
        dice.uniform(0.6, 1.6),
        vary(dice, METAL + palette.masonry + palette.foliage, 0.3),
    )
    seed = dice.seed()

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        return Patch(tint(colour, 0.8 + 0.3 * grain(s * 4, t * 3, seed)) * np.where(t > top - 0.12, 0.7, 1), np.True_)

    return [Panel(z, (x, z), (x + width, z), 0, top, paint, IGNORE)]
