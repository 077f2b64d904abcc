"""A few of the faults that `python -m benchmarks.faults` tries, once each: the suite has no time for more."""

from random import Random

import pytest

from benchmarks.faults import kills
from benchmarks.faults.__main__ import KINDS, Outcome, table
from benchmarks.faults.study import ENGINES, Lost, Study, compare, undisturbed


@pytest.mark.engines
@pytest.mark.timeout(1800)
def test_a_killed_engine_and_the_same_command_come_to_the_undisturbed_outcome(tmp_path):
    """With real trainings; every weight, curve, score and metric is compared."""
    reference = undisturbed(tmp_path / "undisturbed")
    for name in ENGINES:
        study = Study(tmp_path / name, reference, Random(name))
        kills.engine(name, kills.everything, times=1)(study)
        assert study.faults == 1


def test_a_difference_is_lost_and_named():
    undisturbed = {"weights.pt": "1", "MLflow: loss": [0.5]}
    compare(undisturbed, dict(undisturbed))
    for found in ({"weights.pt": "1"}, undisturbed | {"MLflow: loss": [0.5, 0.5]}, undisturbed | {"other": 1}):
        with pytest.raises(Lost, match="1 of . values are not the undisturbed run's, such as (MLflow: loss|other)"):
            compare(found, undisturbed)


def test_the_table_counts_what_was_tried_and_survived():
    first, second = [*KINDS][:2]
    found = [Outcome(first, 3, True, "noticed"), Outcome(second, 0, True, "not tried: no Slurm")]
    lines = table([*found, Outcome(first, 2, False, "lost")]).splitlines()
    assert lines[2:] == [
        f"| {first} | 5 | 3 | noticed; lost |",
        f"| {second} | 0 | 0 | not tried: no Slurm |",
    ]
