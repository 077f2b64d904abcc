"""Where every file lies. Patterns, because Snakemake and DVC fill them too; `{...}` are the graph's wildcards."""

import os
from pathlib import Path

PARAMS = "params.yaml"
STUDY = "studies/{study}.yaml"
KEPT = "studies/{study}"
LIST = "studies/lists/{list}.yaml"
PAPER = "data/paper"
CLAIMS = PAPER + "/claims.csv"
EFFECTS = PAPER + "/effects.csv"
TOLERANCES = PAPER + "/tolerances.yaml"

PREPARED = "data/prepared/{data}"
MANIFEST = PREPARED + "/manifest.json"

PRETRAINED = "results/pretrained/{images}/{pretraining}/{backbone}"
RUN = "results/runs/{data}/{images}/{recipe}/{variant}/{seed}"
GRID = "results/runs/{data}/{images}/{grid}/{variant}/0"
"""A run of seed 0 by a recipe that another recipe chooses its learning rate from."""
FLOOR = "results/floor/{data}/{recipe}"
COMPLEXITY = "results/complexity/{data}/{recipe}/{variant}.json"
PAPER_COMPLEXITY = "results/paper/complexity.json"
INTERPRETATIONS = "results/paper/interpretations.json"
RESULTS = "results/{study}"
SHARED = sorted({Path(path).parts[1] for path in (PRETRAINED, RUN, FLOOR, COMPLEXITY, PAPER_COMPLEXITY)})
"""Folders of results/ that belong to no study."""
FORMS = RESULTS + "/forms/{variant}.json"

WEIGHTS = "weights.pt"
"""Name of the weights in `PRETRAINED` and `RUN`."""

WORK = Path("work")
"""Checkpoints, locks and logs: nothing here is a result, and deleting it costs only time."""


def fill(pattern: str, **wildcards: object) -> Path:
    """Put the wildcards' values into a pattern."""
    return Path(pattern.format(**wildcards))


def work(kind: str, output: Path) -> Path:
    """The path of a stage's `kind` (`checkpoint`, `lock`, `log`) that belongs to an output folder."""
    return WORK / kind / output.relative_to(output.parts[0])


def directory(name: str, configured: str) -> Path:
    """Where the published files of data set `name` lie: the environment's NAME_DIR, else as configured."""
    return Path(os.environ.get(variable(name)) or configured)


def variable(name: str) -> str:
    """The environment variable that overrides data set `name`'s directory."""
    return name.upper().replace("-", "_") + "_DIR"
