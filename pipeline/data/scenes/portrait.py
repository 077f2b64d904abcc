"""Small pictures of one class in front of a street, used to pretrain a classifier."""

import numpy as np

from pipeline.data.scenes.drawing import Camera, Canvas, Panel, Window
from pipeline.data.scenes.layout import skyline
from pipeline.data.scenes.noise import Dice
from pipeline.data.scenes.objects import lamp_post, person, traffic_light, traffic_sign, two_wheeler
from pipeline.data.scenes.palette import Palette
from pipeline.data.scenes.street import Street, draw_street, plan_street
from pipeline.data.scenes.surfaces import ID, facade, fence, hedge, tree, wall
from pipeline.data.scenes.vehicles import BUILDS, vehicle


def draw_portrait(dice: Dice, name: str, size: int) -> np.ndarray:
    """Return a picture (size x size x 3 uint8) with the class `name` in the middle."""
    street = plan_street(dice)
    palette = street.ground.palette
    panels = skyline(dice, street.camera, palette) + ([] if name == "sky" else _backdrop(dice, palette))
    if name in ("road", "sidewalk", "terrain", "sky"):
        window = _view_of_surface(dice, name, street)
    else:
        subject = _subject(dice, palette, name)
        of_class = [panel for panel in subject if panel.label == ID[name]]
        first = [panel for panel in of_class if panel.thing == of_class[0].thing]
        window = _around(first, street.camera, dice, name)
        panels += subject
    canvas: Canvas = draw_street(street, panels, size, size, window)
    return canvas.develop(street.light, street.seed)


def _backdrop(dice: Dice, palette: Palette) -> list[Panel]:
    """Return a house or a wood at some distance behind the subject."""
    z, start, top = dice.uniform(40, 80), dice.uniform(-30, 0), dice.uniform(3, 16)
    shape, label = (
        (facade(dice, palette, 1.0), ID["building"])
        if dice.chance(0.5)
        else (hedge(dice, palette, top), ID["vegetation"])
    )
    return [Panel(z, (start, z), (start + dice.uniform(10, 40), z), 0, top, shape, label)]


def _subject(dice: Dice, palette: Palette, name: str) -> list[Panel]:
    x, z = dice.uniform(-6, 4), dice.uniform(8, 22)
    if name in BUILDS:
        return vehicle(dice, name, x, z, 1, across=dice.chance(0.35))
    if name in ("bicycle", "motorcycle"):
        return two_wheeler(dice, name, x, z, 1, dice.chance(0.4))
    if name == "rider":
        return two_wheeler(dice, dice.choose(("bicycle", "motorcycle")), x, z, 1, True)
    makers = {"person": person, "pole": lamp_post, "traffic light": traffic_light, "traffic sign": traffic_sign}
    return makers[name](dice, x, z, 1) if name in makers else _stuff(dice, palette, name, x, z)


def _stuff(dice: Dice, palette: Palette, name: str, x: float, z: float) -> list[Panel]:
    """Return an upright surface, seen frontally or at an angle."""
    top = dice.uniform(1.3, 3.2) if name in ("wall", "fence") else dice.uniform(4, 14)
    width = dice.uniform(1.5, 3) * top if name != "vegetation" else dice.uniform(0.5, 0.8) * top
    shapes = {
        "building": lambda: facade(dice, palette, dice.uniform(0.65, 1.15)),
        "wall": lambda: wall(dice, palette, dice.uniform(0.65, 1.15)),
        "fence": lambda: fence(dice, palette),
        "vegetation": lambda: tree(dice, palette, width, top) if dice.chance(0.6) else hedge(dice, palette, top),
    }
    turn = dice.choose((0.0, 0.0, 0.8)) * width
    return [Panel(z, (x, z), (x + width, z + turn), 0, top, shapes[name](), ID[name])]


def _around(panels: list[Panel], camera: Camera, dice: Dice, name: str) -> Window:
    """Return a window around the panels with some margin. For large surfaces and poles, part of them is enough."""
    columns = [camera.column(*end) for panel in panels for end in (panel.start, panel.end)]
    rows = [camera.row(up, panel.start[1]) for panel in panels for up in (panel.base, panel.top)]
    wide, high = max(columns) - min(columns), max(rows) - min(rows)
    partial = name in ("building", "wall", "fence", "vegetation", "pole")
    side = max(wide, high) * (dice.uniform(0.4, 1.1) if partial else dice.uniform(0.9, 1.5))
    centre = (min(columns) + max(columns)) / 2 + 0.08 * side * dice.uniform(-1, 1)
    middle = (min(rows) + max(rows)) / 2 + 0.08 * side * dice.uniform(-1, 1)
    return Window(centre - side / 2, middle - side / 2, side, side)


def _view_of_surface(dice: Dice, name: str, street: Street) -> Window:
    camera, ground = street.camera, street.ground
    if name == "sky":
        side = dice.uniform(0.5, 0.9) * camera.horizon
        return Window(dice.uniform(0, 1.2), camera.horizon - side - dice.uniform(0.1, 0.25), side, side)
    z = dice.uniform(4, 9)
    places = {
        "road": (ground.left, ground.right),
        "sidewalk": (ground.right, ground.right + ground.right_walk),
        "terrain": (ground.right + ground.right_walk, ground.right + ground.right_walk + 5),
    }
    low, high = places[name]
    x, side = low + (high - low) * dice.uniform(0.35, 0.65), dice.uniform(0.2, 0.4)
    return Window(camera.column(x, z) - side / 2, camera.row(0, z) - side / 2, side, side)
