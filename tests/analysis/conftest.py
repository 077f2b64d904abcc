from pathlib import Path

import pandas as pd
import pytest
import textalloc
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.results.results import Results, read
from analysis.study import analyse
from analysis.tables import frames
from tests.analysis.made import Made

COARSE = 40
"""Dots per inch of figures that no test looks at closely: drawing them takes most of the time."""


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Not yet written: a test changes what it needs."""
    return Made(tmp_path)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Written once, and only read."""
    return Made(tmp_path_factory.mktemp("whole"), forms="dfanet-a").write()


@pytest.fixture(scope="session")
def results(whole: Made) -> Results:
    return read(whole.study, whole.results)


@pytest.fixture(scope="session")
def compared(results: Results) -> pd.DataFrame:
    """The variants compared with the baseline, for which the bootstrap takes seconds."""
    return frames.structures(results)


def one_kind(patched: pytest.MonkeyPatch) -> None:
    """Each figure is rendered as the first of its kinds, coarsely; its other file is empty."""
    real, rendered = style.render, []

    def render(drawn: Figure, kind: str) -> bytes:
        if drawn in rendered:
            return b""
        rendered.append(drawn)
        return real(drawn, kind)

    patched.setattr(style, "DPI", COARSE)
    patched.setattr(style, "render", render)


@pytest.fixture(scope="session")
def rendered(whole: Made) -> Path:
    """The folder that holds the whole study's tables and figures, these by `one_kind`."""
    with pytest.MonkeyPatch.context() as patched:
        one_kind(patched)
        analyse(whole.study, whole.root / "rendered", whole.results, whole.prepared)
    return whole.root / "rendered"


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures with few dots per inch."""
    monkeypatch.setattr(style, "DPI", COARSE)


@pytest.fixture
def unlabelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures without the names beside their points, whose places take seconds to find."""
    monkeypatch.setattr(textalloc, "allocate", lambda *arguments, **options: None)
