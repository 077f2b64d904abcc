"""Which packages each stage needs, by what its modules import, and which of them are missing here."""

from functools import cache
from importlib.util import find_spec

from analysis.registry import FIGURES, TABLES
from pipeline.graph import sources
from pipeline.graph.stages import STAGES

COMMAND_LINE = frozenset({"filelock", "pydantic", "typer", "yaml"})
"""What `python -m pipeline` imports before any stage."""
OPTIONAL = frozenset({"pooch", "onnxruntime", "openvino"})
"""Imported by functions for what a stage can do without: `fetch`, and deployment forms that are then skipped."""
DISTRIBUTIONS = {"PIL": "pillow", "pynvml": "nvidia-ml-py", "sklearn": "scikit-learn", "yaml": "pyyaml"}
"""Names under which packages are installed, where they differ from the imported ones."""


@cache
def needed(stage: str) -> frozenset[str]:
    """The packages that a stage imports, by their imported names."""
    modules = [STAGES[stage].module]
    if stage == "analyse":
        modules += [output.module for output in (*FIGURES.values(), *TABLES.values())]
    return (COMMAND_LINE | sources.packages(modules)) - OPTIONAL


@cache
def missing(stage: str) -> list[str]:
    """The packages that a stage needs and this Python lacks, as they are installed."""
    return sorted(distribution(name) for name in needed(stage) if find_spec(name) is None)


def distribution(name: str) -> str:
    """The name under which an imported package is installed."""
    return DISTRIBUTIONS.get(name, name)
