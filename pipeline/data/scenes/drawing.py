"""A pinhole camera above flat ground, and a canvas on which upright panels are painted from far to near.

World coordinates are in metres: x to the right, z ahead, and heights above the ground. In the picture, one unit is the
height of the frame. A frame is 2 wide and 1 high at any resolution, so that a scene is the same at every size.
"""

from collections.abc import Callable
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np

from pipeline.data.base import IGNORE
from pipeline.data.scenes.light import Light, respond
from pipeline.data.scenes.noise import scramble
from pipeline.data.scenes.palette import Colour

FARTHEST = 400.0
"""Metres. Ground further away is drawn at this distance, which keeps its coordinates finite."""


class Patch(NamedTuple):
    """What a shape paints: `rgb` broadcasts to 3xHxW, `mask` (labelled) and `painted` (coloured) to HxW.

    `painted` differs from `mask` for see-through objects such as fences, which are labelled as a whole.
    """

    rgb: np.ndarray
    mask: np.ndarray
    painted: np.ndarray | None = None


Shape = Callable[[np.ndarray, np.ndarray], Patch]
"""Maps metres along a panel and metres above the ground, float32 arrays that broadcast to HxW, to a patch."""


class Panel(NamedTuple):
    """An upright rectangle on the ground from `start` to `end`, both (x, z), between the heights `base` and `top`.

    Panels are painted in order of `depth` (metres). `thing` is the number of the object, or 0 for none.
    """

    depth: float
    start: tuple[float, float]
    end: tuple[float, float]
    base: float
    top: float
    shape: Shape
    label: int
    thing: int = 0


class Camera(NamedTuple):
    """`bend` curves the street: points z metres ahead are shifted `bend * z * z` metres to the right."""

    focal: float
    height: float
    horizon: float
    centre: float
    bend: float

    def column(self, x: float, z: float) -> float:
        return self.centre + self.focal * (x / z + self.bend * z)

    def row(self, up: float, z: float) -> float:
        return self.horizon + self.focal * (self.height - up) / z

    def sideways(self, column: float, z: float) -> float:
        """Return the x of the point at depth z that is seen at `column`."""
        return ((column - self.centre) / self.focal - self.bend * z) * z


class Window(NamedTuple):
    """The part of the picture that a canvas shows."""

    left: float
    top: float
    width: float
    height: float


WHOLE = Window(0.0, 0.0, 2.0, 1.0)


def tint(colour: Colour, shade: np.ndarray | float = 1.0) -> np.ndarray:
    """Return `colour` times `shade` as 3xHxW float32."""
    return np.array(colour, np.float32)[:, None, None] * np.float32(shade)


def cover(rgb: np.ndarray, mask: np.ndarray, colour: Colour) -> np.ndarray:
    """Return `rgb` with `colour` where `mask` holds."""
    return np.where(mask, tint(colour), rgb)


class Canvas:
    """The planes of one picture: colour 3xHxW, and clearness, label and object number HxW.

    Clearness is 1 / distance in 1/metres; haze increases as it falls.
    """

    def __init__(self, camera: Camera, height: int, width: int, window: Window = WHOLE):
        self.camera = camera
        self.rgb = np.zeros((3, height, width), np.float32)
        self.clearness = np.ones((height, width), np.float32)
        self.label = np.full((height, width), IGNORE, np.uint8)
        self.things = np.zeros((height, width), np.uint16)
        self._window = window
        self._across, self._down = width / window.width, height / window.height
        self.x = self._centres(width, window.left, self._across)[None, :]
        self.y = self._centres(height, window.top, self._down)[:, None]

    @staticmethod
    def _centres(count: int, start: float, scale: float) -> np.ndarray:
        return ((np.arange(count) + 0.5) / scale + start).astype(np.float32)

    def columns(self, left: float, right: float) -> slice:
        """Return the pixel columns whose centres lie in [left, right)."""
        return self._slice(left - self._window.left, right - self._window.left, self._across, self.label.shape[1])

    def rows(self, top: float, bottom: float) -> slice:
        """Return the pixel rows whose centres lie in [top, bottom)."""
        return self._slice(top - self._window.top, bottom - self._window.top, self._down, self.label.shape[0])

    @staticmethod
    def _slice(low: float, high: float, scale: float, count: int) -> slice:
        first = max(0, ceil(low * scale - 0.5))
        return slice(first, max(first, min(count, ceil(high * scale - 0.5))))

    def ground(self, rows: slice, columns: slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """Return x (HxW) and z (Hx1), in metres, of the ground at these pixels, which must lie below the horizon."""
        camera = self.camera
        fall = (self.y[rows] - camera.horizon) / (camera.focal * camera.height)
        z = 1 / np.maximum(fall, np.float32(1 / FARTHEST))
        return (self.x[:, columns] - camera.centre) * (z / camera.focal) - camera.bend * z * z, z

    def darken(self, left: float, right: float, near: float, far: float, factor: float) -> None:
        """Darken the ellipse inscribed in a rectangle on the ground, given in metres."""
        rows = self.rows(self.camera.row(0, far), self.camera.row(0, near))
        sides = [self.camera.column(x, z) for x in (left, right) for z in (near, far)]
        columns = self.columns(min(sides), max(sides))
        x, z = self.ground(rows, columns)
        across, along = (2 * x - left - right) / (right - left), (2 * z - near - far) / (far - near)
        inside = np.clip(2 - 2 * (across * across * across * across + along * along), 0, 1)
        self.rgb[:, rows, columns] *= 1 - (1 - factor) * inside

    def draw(self, panel: Panel) -> None:
        """Paint a panel over the picture. It is at least one pixel wide, so that distant poles stay connected."""
        camera, (start, end) = self.camera, (panel.start, panel.end)
        first, last = camera.column(*start), camera.column(*end)
        slack = 0.5 * max(0.0, 1 / self._across - abs(last - first))
        sign = 1 if last >= first else -1
        first, last = first - sign * slack, last + sign * slack
        columns = self.columns(min(first, last), max(first, last))
        heights = [camera.row(up, z) for up in (panel.base, panel.top) for z in (start[1], end[1])]
        rows = self.rows(min(heights), max(heights))
        if columns.start >= columns.stop or rows.start >= rows.stop:
            return
        share = (self.x[:, columns] - first) / (last - first)
        nearness, along = _perspective(share, start, end)
        up = camera.height - (self.y[rows] - camera.horizon) * ((1 / camera.focal) / nearness)
        patch = panel.shape(along, up)
        mask = patch.mask & (up >= panel.base) & (up < panel.top)
        self._stamp(rows, columns, patch, mask, nearness, panel)

    def _stamp(self, rows, columns, patch: Patch, mask: np.ndarray, nearness, panel: Panel) -> None:
        painted = mask if patch.painted is None else mask & patch.painted
        np.copyto(self.rgb[:, rows, columns], patch.rgb, where=painted)
        np.copyto(self.clearness[rows, columns], nearness, where=painted)
        np.copyto(self.label[rows, columns], panel.label, where=mask)
        np.copyto(self.things[rows, columns], panel.thing, where=mask)

    def develop(self, light: Light, seed: int) -> np.ndarray:
        """Return the photograph, HxWx3 uint8: haze, light colour, lens blur, camera response and sensor noise."""
        clear = self.clearness * np.float32(light.reach)
        clear /= 1 + clear
        rows = np.arange(self.label.shape[0], dtype=np.int32)[:, None]
        columns = np.arange(self.label.shape[1], dtype=np.int32)[None, :]
        noise = scramble(columns, rows, seed)
        grey = (self.rgb[0] + self.rgb[1] + self.rgb[2]) * np.float32((1 - light.saturation) / 3)
        image = np.empty((*self.label.shape, 3), np.uint8)
        for channel, (gain, haze) in enumerate(zip(light.gain, light.horizon, strict=True)):
            plane = self.rgb[channel] * np.float32(light.saturation) + grey
            plane = (plane - np.float32(haze)) * clear + np.float32(haze)
            plane = respond(_soften(_soften(plane).T).T * np.float32(gain), light)
            bits = (noise >> np.uint32(8 * channel + 8)) & np.uint32(255)
            plane += (bits.astype(np.float32) - np.float32(127.5)) * np.float32(light.noise / 74)
            image[..., channel] = np.clip(plane, 0, 255)
        return image


def _perspective(share: np.ndarray, start, end) -> tuple[np.ndarray, np.ndarray]:
    """Return 1/z, which is linear in the picture, and the metres along a panel at each fraction of its width."""
    length = sqrt((end[0] - start[0]) * (end[0] - start[0]) + (end[1] - start[1]) * (end[1] - start[1]))
    if start[1] == end[1]:
        return np.full((1, 1), 1 / start[1], np.float32), share * length
    nearness = 1 / start[1] + share * (1 / end[1] - 1 / start[1])
    return nearness, share * (length / end[1]) / nearness


def _soften(plane: np.ndarray) -> np.ndarray:
    """Blur the rows with weights 1/4, 1/2, 1/4."""
    soft = plane * np.float32(0.5)
    soft[1:] += plane[:-1] * np.float32(0.25)
    soft[:-1] += plane[1:] * np.float32(0.25)
    soft[0] += plane[0] * np.float32(0.25)
    soft[-1] += plane[-1] * np.float32(0.25)
    return soft
