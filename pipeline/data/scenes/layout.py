"""Place everything in a scene: the skyline, the buildings along the road, and the objects on and beside it."""

from pipeline.data.scenes.drawing import Camera, Panel
from pipeline.data.scenes.noise import Dice
from pipeline.data.scenes.objects import clutter, lamp_post, person, traffic_light, traffic_sign, two_wheeler
from pipeline.data.scenes.palette import Palette
from pipeline.data.scenes.surfaces import ID, Ground, facade, fence, hedge, tree, wall
from pipeline.data.scenes.vehicles import vehicle

END = 130.0
"""Metres. Buildings along the street stop here, and a skyline closes the view."""

PER_THING = 4
"""Numbers reserved per object. A traffic light needs three: the light, its pole and a second light."""


def panels_of(dice: Dice, camera: Camera, ground: Ground) -> list[Panel]:
    """Return all panels of a scene, from far to near."""
    panels = skyline(dice, camera, ground.palette)
    for side in (-1, 1):
        panels += _frontage(dice, ground, side)
    for number, group in enumerate(_things(dice, ground)):
        panels += [_numbered(panel, PER_THING * number) for panel in group]
    return sorted(panels, key=lambda panel: -panel.depth)


def _numbered(panel: Panel, offset: int) -> Panel:
    return panel._replace(thing=panel.thing + offset) if panel.thing else panel


def skyline(dice: Dice, camera: Camera, palette: Palette) -> list[Panel]:
    """Return distant houses and woods, side by side over the whole width of the picture."""
    panels, z, column = [], 180.0, -0.3
    while column < 2.3:
        end = column + dice.uniform(0.15, 0.7)
        start_x, end_x, top = camera.sideways(column, z), camera.sideways(end, z), dice.uniform(8, 26)
        if dice.chance(0.55):
            shape, label = hedge(dice, palette, top), ID["vegetation"]
        else:
            shape, label = facade(dice, palette, dice.uniform(0.7, 1.1)), ID["building"]
        panels.append(Panel(z, (start_x, z), (end_x, z), 0, top, shape, label))
        column, z = end, z - 0.5
    return panels


def _frontage(dice: Dice, ground: Ground, side: int) -> list[Panel]:
    """Return the panels along one side of the road, with a gap at the crossing."""
    edge = ground.left - ground.left_walk if side < 0 else ground.right + ground.right_walk
    setback = dice.uniform(0, 1) if dice.chance(0.7) else dice.uniform(2, 6)
    bright, z, panels = dice.uniform(0.65, 1.15), 2.4, []
    built = dice.uniform(0.2, 0.8)
    while z < END:
        far = z + dice.uniform(10, 30)
        if z < ground.crossing[1] and far > ground.crossing[0]:
            far = max(ground.crossing[0], z + 0.5)
            panels += _lot(dice, ground.palette, edge + side * setback, z, far, side, bright, built)
            z = ground.crossing[1]
            continue
        panels += _lot(dice, ground.palette, edge + side * setback, z, far, side, bright, built)
        z = far
    return panels


def _lot(
    dice: Dice, palette: Palette, x: float, z: float, far: float, side: int, bright: float, built: float
) -> list[Panel]:
    """Return one section of a frontage: a house, trees, a hedge, a wall, a fence, or nothing."""
    if dice.chance(built):
        return _house(dice, palette, x, z, far, side, bright)
    kind = dice.choose(("woods", "woods", "trees", "hedge", "wall", "fence", "nothing"))
    panels = _trees(dice, palette, x + side * 4, z, far) if kind in ("trees", "wall", "fence") else []
    if kind in ("hedge", "woods"):
        top = dice.uniform(1.5, 3) if kind == "hedge" else dice.uniform(5, 14)
        panels.append(Panel(far, (x, z), (x, far), 0, top, hedge(dice, palette, top), ID["vegetation"]))
    elif kind in ("wall", "fence"):
        shape = wall(dice, palette, bright) if kind == "wall" else fence(dice, palette)
        panels.append(Panel(far, (x, z), (x, far), 0, dice.uniform(1.1, 3.2), shape, ID[kind]))
    return panels


def _house(dice: Dice, palette: Palette, x: float, z: float, far: float, side: int, bright: float) -> list[Panel]:
    top, away = dice.uniform(5, 20), x + side * dice.uniform(8, 30)
    state = facade(dice, palette, bright)
    end = facade(dice, palette, 1.8 - bright)
    return [
        Panel(far, (x, z), (x, far), 0, top, state, ID["building"]),
        Panel(far, (min(x, away), z), (max(x, away), z), 0, top, end, ID["building"]),
    ]


def _trees(dice: Dice, palette: Palette, x: float, z: float, far: float) -> list[Panel]:
    panels = []
    while z < far:
        panels.append(_one_tree(dice, palette, x, z + 1)[0]._replace(depth=far))
        z += dice.uniform(5, 10)
    return panels[::-1]


def _one_tree(dice: Dice, palette: Palette, x: float, z: float) -> list[Panel]:
    width, top = dice.uniform(3, 7), dice.uniform(4, 12)
    return [Panel(z, (x - width / 2, z), (x + width / 2, z), 0, top, tree(dice, palette, width, top), ID["vegetation"])]


def _things(dice: Dice, ground: Ground) -> list[list[Panel]]:
    """Return the panels of each object. Numbers start at 1 within an object."""
    return [*_parked(dice, ground), *_traffic(dice, ground), *_walkers(dice, ground), *_furniture(dice, ground)]


def _clear(ground: Ground, z: float, length: float) -> bool:
    return z + length < ground.crossing[0] - 4 or z > ground.crossing[1] + 1


def _parked(dice: Dice, ground: Ground) -> list[list[Panel]]:
    groups = []
    for x in (ground.left + 0.1, ground.right - 2.0):
        density, z = dice.choose((0.0, 0.3, 0.75)), dice.uniform(4, 12)
        while z < 70:
            if dice.chance(density) and _clear(ground, z, 5):
                kind = "truck" if dice.chance(0.03) else "car"
                groups.append(vehicle(dice, kind, x + dice.uniform(-0.1, 0.1), z, 1))
                z += 5 if kind == "truck" else 0
            z += dice.uniform(5.4, 7)
    return groups


def _traffic(dice: Dice, ground: Ground) -> list[list[Panel]]:
    """Return moving vehicles in both lanes, and sometimes one at the crossing."""
    groups, quarter = [], (ground.right - ground.left) / 4
    for lane in (ground.left + quarter, ground.right - quarter):
        z = dice.uniform(7, 45)
        while z < 90:
            kind = _kind(dice)
            groups.append(vehicle(dice, kind, lane - 1 + dice.uniform(-0.4, 0.4), z, 1))
            z += dice.uniform(12, 60) + (30 if kind == "train" else 0)
    if ground.crossing[0] < END and dice.chance(0.5):
        z = (ground.crossing[0] + ground.crossing[1]) / 2
        groups.append(vehicle(dice, _kind(dice), dice.uniform(-14, 8), z, 1, across=True))
    return groups


def _kind(dice: Dice) -> str:
    share = dice.uniform(0, 1)
    for kind, limit in (("truck", 0.05), ("bus", 0.11), ("train", 0.15)):
        if share < limit:
            return kind
    return "car"


def _spot(dice: Dice, ground: Ground, margin: float = 0.0) -> float:
    """Return the x of a random spot on one of the pavements."""
    if dice.chance(0.5):
        return ground.left - dice.uniform(margin, ground.left_walk)
    return ground.right + dice.uniform(margin, ground.right_walk)


def _walkers(dice: Dice, ground: Ground) -> list[list[Panel]]:
    groups = []
    for _ in range(dice.choose((2, 8, 14, 22))):
        z = dice.uniform(5, 60)
        on_road = ground.crossing[0] < END and dice.chance(0.25)
        x = dice.uniform(ground.left, ground.right) if on_road else _spot(dice, ground) - 0.35
        groups.append(person(dice, x, ground.crossing[0] - dice.uniform(1, 4) if on_road else z, 1))
    for _ in range(dice.choose((1, 2, 3, 5))):
        kind, ridden = dice.choose(("bicycle", "bicycle", "motorcycle")), dice.chance(0.55)
        x = dice.uniform(ground.left + 0.3, ground.right - 1) if ridden else _spot(dice, ground) - 0.5
        groups.append(two_wheeler(dice, kind, x, dice.uniform(5, 40), 1, ridden))
    return groups


def _furniture(dice: Dice, ground: Ground) -> list[list[Panel]]:
    groups = []
    for x in (ground.left - 0.4, ground.right + 0.3):
        z, pitch = dice.uniform(5, 20), dice.uniform(14, 34)
        while z < 80:
            groups.append(lamp_post(dice, x, z, 1))
            z += pitch
        groups += _avenue(dice, ground.palette, x) if dice.chance(0.5) else []
    for _ in range(dice.choose((1, 3, 6))):
        groups.append(traffic_sign(dice, _spot(dice, ground, 0.2) - 0.4, dice.uniform(7, 60), 1))
    if ground.crossing[0] < END:
        for x in (ground.left - 0.6, ground.right + 0.3):
            groups.append(traffic_light(dice, x, ground.crossing[0] - 1, 1))
    for _ in range(dice.choose((0, 1, 3))):
        groups.append(clutter(dice, ground.palette, _spot(dice, ground) - 0.5, dice.uniform(7, 40)))
    return groups


def _avenue(dice: Dice, palette: Palette, x: float) -> list[list[Panel]]:
    """Return trees along the kerb."""
    groups, z, pitch = [], dice.uniform(6, 16), dice.uniform(8, 18)
    while z < 60:
        groups.append(_one_tree(dice, palette, x + (-0.6 if x < 0 else 0.6), z))
        z += pitch
    return groups
