"""Cars, trucks, buses and trams. Each has a side view and an end view with the features that tell them apart."""

from typing import NamedTuple

import numpy as np

from pipeline.data.scenes.drawing import Panel, Patch, Shape, cover, tint
from pipeline.data.scenes.noise import Dice
from pipeline.data.scenes.objects import DARK, box, disc
from pipeline.data.scenes.palette import Colour, vary
from pipeline.data.scenes.surfaces import ID, inside, part

PAINTS = ((38, 40, 44), (70, 72, 76), (122, 124, 128), (176, 178, 182), (222, 222, 224), (132, 34, 36), (40, 62, 112),
          (44, 70, 54), (150, 126, 86), (24, 26, 32), (206, 202, 190), (186, 64, 44), (92, 102, 62), (62, 118, 146),
          (112, 84, 66), (160, 172, 182), (196, 158, 70))  # fmt: skip
FLEETS = PAINTS + ((206, 168, 50), (176, 58, 40), (64, 116, 76), (190, 196, 200))
GLASS = (54.0, 62.0, 72.0)
RED, WHITE = (168.0, 30.0, 34.0), (226.0, 224.0, 210.0)


class Build(NamedTuple):
    """Dimensions in metres."""

    width: float
    height: float
    length: float


BUILDS = {
    "car": (Build(1.7, 1.4, 4.0), Build(1.9, 1.9, 4.9)),
    "truck": (Build(2.2, 2.8, 6.5), Build(2.5, 3.8, 11.0)),
    "bus": (Build(2.5, 2.9, 10.0), Build(2.6, 3.3, 13.0)),
    "train": (Build(2.4, 3.3, 22.0), Build(2.7, 3.7, 34.0)),
}
"""Smallest and largest build of each kind."""


def vehicle(dice: Dice, kind: str, x: float, z: float, thing: int, across: bool = False) -> list[Panel]:
    """Return the panels of a vehicle along the road, or the side view of one that crosses it."""
    share = dice.uniform(0, 1)
    build = Build(*(low + (high - low) * share for low, high in zip(*BUILDS[kind], strict=True)))
    colour = vary(dice, PAINTS if kind == "car" else FLEETS, 0.2)
    flank = SIDES[kind](dice, colour, build)
    if across:
        return [Panel(z, (x, z), (x + build.length, z), 0, build.height, flank, ID[kind], thing)]
    end = _end(dice, kind, tuple(value * dice.uniform(0.75, 1.1) for value in colour), build)
    seen = x + build.width if x + build.width / 2 < 0 else x
    return [
        Panel(z, (seen, z), (seen, z + build.length), 0, build.height, flank, ID[kind], thing),
        Panel(z, (x, z), (x + build.width, z), 0, build.height, end, ID[kind], thing),
    ]


def _wheels(s: np.ndarray, t: np.ndarray, places: tuple[float, ...], radius: float) -> np.ndarray:
    found = disc(s, t, places[0], radius, radius, radius)
    for place in places[1:]:
        found = found | disc(s, t, place, radius, radius, radius)
    return found


def _car_side(dice: Dice, colour: Colour, build: Build) -> Shape:
    belt, rear, front = 0.6 * build.height, dice.uniform(0.0, 0.14), dice.uniform(0.66, 0.78)

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        along, rise = s / build.length, np.maximum(t - belt, 0) / (build.height - belt)
        cabin = (along > rear + 0.1 * rise) & (along < front - 0.16 * rise)
        glass = cabin & inside(rise, 0.12, 0.85) & (along > rear + 0.06) & (np.abs(along - 0.42) > 0.02)
        wheels = _wheels(s, t, (0.19 * build.length, 0.81 * build.length), 0.33)
        hull = (t > 0.24) & ((t < belt) | cabin)
        rgb = tint(colour, np.where(t > belt * 0.75, np.float32(1.1), np.float32(0.9)))
        return Patch(cover(cover(rgb, glass & (t > belt), GLASS), wheels, DARK), hull | wheels)

    return paint


def _truck_side(dice: Dice, colour: Colour, build: Build) -> Shape:
    load, cab = vary(dice, FLEETS, 0.2), 0.78 * build.length

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        cargo = (s < cab - 0.3) & (t > 0.95)
        cabin = (s > cab) & inside(t, 0.5, 0.82 * build.height)
        chassis = box(s, t, 0.2, build.length, 0.55, 0.95)
        wheels = _wheels(s, t, (1.0, 2.1, build.length - 1.0), 0.48)
        seams = np.where(part(s / 0.8) < 0.1, np.float32(0.8), np.float32(1))
        rgb = np.where(cargo, tint(load, seams), tint(colour))
        rgb = cover(rgb, chassis & (s < cab) | wheels, DARK)
        rgb = cover(rgb, cabin & (t > 0.52 * build.height) & (s > cab + 0.3), GLASS)
        return Patch(rgb, cargo | cabin | chassis | wheels)

    return paint


def _bus_side(dice: Dice, colour: Colour, build: Build) -> Shape:
    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        wheels = _wheels(s, t, (0.25 * build.length, 0.78 * build.length), 0.48)
        band = inside(t, 0.42 * build.height, 0.82 * build.height)
        doors = ((np.abs(s - 0.5 * build.length) < 0.6) | (s > build.length - 1.4)) & inside(t, 0.45, 2.4)
        rgb = cover(tint(colour), (band & (part(s / 1.5) > 0.08)) | doors, GLASS)
        return Patch(cover(rgb, wheels, DARK), (t > 0.3) | wheels)

    return paint


def _train_side(dice: Dice, colour: Colour, build: Build) -> Shape:
    stripe = vary(dice, FLEETS, 0.2)

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        t = t / build.height
        rgb = cover(tint(colour), inside(t, 0.3, 0.4), stripe)
        rgb = cover(rgb, inside(t, 0.46, 0.74) & (part(s / 2.4) > 0.2), GLASS)
        rgb = cover(rgb, (part(s / 7.2) < 0.02) | (t < 0.13) | (t > 0.93), DARK)
        roof = (t < 0.93) | (part(s / 7.2) > 0.45)
        return Patch(rgb, roof & (t > 0.03))

    return paint


SIDES = {"car": _car_side, "truck": _truck_side, "bus": _bus_side, "train": _train_side}


def _end(dice: Dice, kind: str, colour: Colour, build: Build) -> Shape:
    """Return the rear view, or the front view of an oncoming vehicle."""
    lamp, plate = dice.choose((RED, WHITE)), dice.choose((WHITE, DARK))
    low, high = {"car": (0.62, 0.92), "truck": (2.0, 2.0), "bus": (0.5, 0.86), "train": (0.45, 0.8)}[kind]
    taper, sill = (0.18, 0.24) if kind == "car" else (0.03, 0.4)
    seam = 0.02 if kind == "truck" else 0.0

    def paint(s: np.ndarray, t: np.ndarray) -> Patch:
        across, up = np.abs(2 * s / build.width - 1), t / build.height
        hull = (t > sill) & (across < 1 - taper * np.maximum(up - 0.5, 0) / 0.5)
        tyres = (t <= sill) & inside(across, 0.68, 0.96)
        rgb = tint(colour, np.where(t < 0.5, np.float32(0.75), np.float32(1)))
        rgb = cover(rgb, inside(up, low, high) & (across < 0.8), GLASS)
        rgb = cover(rgb, box(across, t, 0.72, 0.96, 0.3 * build.height, 0.3 * build.height + 0.22), lamp)
        rgb = cover(rgb, box(across, t, 0.0, 0.28, 0.42, 0.56), plate)
        rgb = cover(rgb, tyres | (across < seam) | ((t < 0.42) & (kind == "train")), DARK)
        return Patch(rgb, hull | tyres)

    return paint
