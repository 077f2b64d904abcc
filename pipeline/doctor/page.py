"""The page that `python -m pipeline doctor` prints, line by line as it is found out."""

import time
from collections.abc import Iterable

from pipeline.config.params import Params
from pipeline.doctor import facts, packages, trials
from pipeline.doctor.facts import Line
from pipeline.graph.stages import STAGES

ON_THE_WAY = ("prepare", "pretrain", "train", "evaluate", "latency")
"""Stages that a machine for training must be able to run; the others can be made elsewhere."""


def examine(params: Params) -> bool:
    """Print the page; return whether all stages that train and time can run."""
    started = time.perf_counter()
    _table(facts.machine())
    stages = {stage: packages.missing(stage) for stage in STAGES}
    _table(_packages(stages))
    well = not any(stages[stage] for stage in ON_THE_WAY)
    if not well:
        return False
    _table(facts.gpu())
    _table(facts.data(params))
    for trial in trials.trials(params):
        said = f"FAILED  {trial.error}" if trial.error else f"ok  {trial.found}".rstrip()
        print(f"{trial.name:<36}{trial.seconds:>6.2f} s  {said}", flush=True)
        well = well and not trial.error
    print(f"\n{'everything' if well else 'not everything'} works, {time.perf_counter() - started:.0f} s")
    return well


def _table(lines: Iterable[Line]) -> None:
    for what, found in lines:
        print(f"{what:<16}{found}", flush=True)
    print()


def _packages(missing: dict[str, list[str]]) -> Iterable[Line]:
    ready = [stage for stage, lacking in missing.items() if not lacking]
    yield "can run", ", ".join(ready) or "no stage"
    for stage, lacking in missing.items():
        if lacking:
            what = "FAILED  needs" if stage in ON_THE_WAY else "can be made elsewhere; needs"
            yield stage, f"{what} {', '.join(lacking)}"
