"""Reads the frames of a video and writes segmented ones, with PyAV (the optional extra `video`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.utils.errors import BadInput
from pipeline.utils.files import atomic

ENDINGS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")


class Video(NamedTuple):
    """`frames` (HxWx3 uint8, RGB) at `rate` per second. `count` is what the file says, 0 if it does not."""

    frames: Iterator[np.ndarray]
    rate: Fraction
    count: int


@contextmanager
def opened(path: Path) -> Iterator[Video]:
    """Open a video for reading. Raises `BadInput` if it cannot be read or PyAV is missing."""
    av = _library()
    try:
        with av.open(str(path)) as file:
            stream = file.streams.video[0]
            rate = stream.average_rate or Fraction(25)
            yield Video((frame.to_ndarray(format="rgb24") for frame in file.decode(stream)), rate, stream.frames)
    except (av.FFmpegError, IndexError) as error:
        raise BadInput(f"{path} cannot be read as a video ({error}); convert it to MP4") from None


class Writer:
    """Writes frames of one size to an MP4 file. An odd last row or column is left out: H.264 needs even sides."""

    def __init__(self, file: Any, rate: Fraction):
        self._file, self._rate, self._stream = file, rate, None

    def add(self, frame: np.ndarray) -> None:
        """Append a frame (HxWx3 uint8, RGB)."""
        av = _library()
        rows, columns = (side // 2 * 2 for side in frame.shape[:2])
        if self._stream is None:
            self._stream = self._file.add_stream("libx264", rate=self._rate)
            self._stream.height, self._stream.width, self._stream.pix_fmt = rows, columns, "yuv420p"
        shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:rows, :columns]), format="rgb24")
        self._file.mux(self._stream.encode(shown))

    def close(self) -> None:
        """Write what the encoder still holds."""
        if self._stream is not None:
            self._file.mux(self._stream.encode())


@contextmanager
def written(path: Path, rate: Fraction) -> Iterator[Writer]:
    """Open an MP4 file for writing. After an error, no file is left."""
    with atomic(path) as temporary, _library().open(str(temporary), "w", format="mp4") as file:
        writer = Writer(file, rate)
        yield writer
        writer.close()


def _library() -> Any:
    try:
        import av
    except ImportError:
        raise BadInput("videos require PyAV, which is missing; run `pip install -e '.[video]'`") from None
    return av
