"""What `snakemake --report` shows of a stage's outputs, under which heading and with which caption."""

from pathlib import Path
from typing import Any

from analysis.registry import FIGURES, TABLES
from pipeline.graph.stages import STAGES

CAPTIONS = Path("analysis/registry/captions")
CATEGORIES = {
    "report.html": "Report",
    "tables/*.csv": "Tables",
    "tables/*.md": "Tables",
    "figures/*.svg": "Figures",
    "figures/*.png": "Figures",
}
"""By how a file's path ends; other outputs are not shown."""

BETTER = {".png": ".svg", ".md": ".csv"}
"""Of what is there in both formats only the second is shown."""


def outputs(name: str) -> list[Any]:
    """The output `name` of the stage `analyse` for the Snakefile, with each figure and each table shown once."""
    from snakemake.io import report

    group = STAGES["analyse"].outputs[name]
    patterns = (group,) if isinstance(group, str) else group
    shown = {pattern: category(pattern) for pattern in patterns if _better(pattern) not in patterns}
    return [
        report(pattern, caption=str(caption(pattern)), category=shown[pattern], labels={"what": _title(pattern)})
        if pattern in shown
        else pattern
        for pattern in patterns
    ]


def category(pattern: str) -> str | None:
    """The heading that a file stands under."""
    return next((name for ending, name in CATEGORIES.items() if Path(pattern).match(ending)), None)


def _better(pattern: str) -> str | None:
    path = Path(pattern)
    return str(path.with_suffix(BETTER[path.suffix])) if path.suffix in BETTER else None


def caption(pattern: str) -> Path:
    """The caption of a file."""
    return CAPTIONS / f"{Path(pattern).stem}.rst"


def _title(pattern: str) -> str:
    name = Path(pattern).stem
    return (FIGURES | TABLES)[name].title if name in FIGURES | TABLES else name.capitalize()
