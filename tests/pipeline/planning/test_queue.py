"""Which job a batch starts next, what it predicts, and how many jobs a GPU should run side by side."""

import pytest

from pipeline.config import params
from pipeline.planning import queue, side_by_side
from pipeline.planning.cost import Cost, work
from pipeline.planning.rates import START, Rates
from pipeline.planning.steps import Step
from pipeline.timing.modes import FIRST_PASSES


@pytest.fixture
def tasks(workspace):
    workspace.edit(lambda content: content["study"].update(seeds=[0, 1]))
    return queue.tasks([(params.load(), [])])


def names(tasks):
    return [" ".join([task.job.stage, *list(task.job.wildcards.values())[-2:]]) for task in tasks]


def test_a_variant_is_trained_and_scored_with_every_seed_before_the_next_begins(tasks):
    found = names(tasks)
    runs = [
        f"{stage} {variant} {seed}" for variant in ("single", "d") for seed in (0, 1) for stage in ("train", "evaluate")
    ]
    assert [name for name in found if name.split()[0] in ("train", "evaluate")] == runs
    assert found[:3] == ["prepare synthetic", "prepare crops", "pretrain 1-epochs-0993dc xception-a-fitted"]
    assert [task.job.stage for task in tasks][-5:] == ["floor", "complexity", "complexity", "paper", "interpretations"]


def test_some_stages_of_a_study_bring_what_they_need_and_nothing_else(workspace):
    found = [task.job.stage for task in queue.tasks([(params.load(), ["pretrain"]), (params.load(), ["latency"])])]
    assert found == ["prepare", "pretrain", "latency"]


def choose(tasks, done=(), running=(), left=100.0, seconds=lambda task: 10.0):
    waiting = [task for task in tasks if task.name not in done and task not in running]
    found = queue.choose(waiting, running, done, seconds, left)
    return found and found.job.stage


def test_what_waits_for_another_job_or_would_not_end_is_not_started(tasks):
    ready = [task.name for task in tasks if task.job.stage in ("prepare", "pretrain")]
    assert choose(tasks) == "prepare"
    assert choose(tasks, ready) == "train"
    assert choose(tasks, ready, left=19) == "latency"  # a training is worth nothing without its scores
    assert choose(tasks, ready, left=9) is None


def test_a_timing_runs_alone(tasks):
    ready = [task.name for task in tasks if task.job.stage in ("prepare", "pretrain")]
    train, latency = (next(task for task in tasks if task.job.stage == stage) for stage in ("train", "latency"))
    assert choose(tasks, ready, [train], left=19) is None
    assert choose(tasks, ready, [latency]) is None


def test_a_prediction_follows_what_jobs_of_the_batch_took(tasks, tmp_path):
    first, second, *_ = [task.job for task in tasks if task.job.stage == "train"]
    evaluate = next(task.job for task in tasks if task.job.stage == "evaluate")
    rates = Rates(tmp_path / "rates.json")
    assert rates.predicted(first, "same", lambda: 30.0) == 30
    rates.took(first, "same", 30.0, 60.0)
    read = Rates(tmp_path / "rates.json")  # as the next call of an interrupted batch does
    assert read.predicted(second, "same", lambda: 999.0) == 60
    assert read.predicted(second, "more", lambda: 90.0) == 180
    assert read.predicted(evaluate, "same", lambda: 90.0) == 90
    read.spent(second, 50.0)
    assert read.predicted(second, "same", lambda: 0.0, resumes=True) == 10
    assert read.predicted(second, "same", lambda: 0.0) == 60
    read.spent(second, 50.0)
    assert read.predicted(second, "same", lambda: 0.0, resumes=True) == START


def test_a_job_costs_its_steps_and_each_network_is_timed_once(tasks):
    timed = []

    def measure(steps):
        timed.extend(steps)
        return [2.0] * len(steps)

    loaded, cost = tasks[0].params, Cost(measure)
    runs = [task.job for task in tasks if task.job.stage in ("train", "evaluate")]
    found = cost.of(loaded, runs)
    assert found["train synthetic crops quick single 0"] == START + 2 * 8 * 3  # frames and epochs of the tiny study
    assert found["evaluate synthetic crops quick d 1"] == START + 2 * 4
    assert len(timed) == 2 and cost.of(loaded, runs) == found and len(timed) == 2


def test_a_timing_costs_the_passes_of_one_attempt_at_all_its_sizes(workspace, cpu_alone):
    def over_sizes(content):
        content["study"].update(timed_over=[[64, 64], [96, 128]])
        content["latency"].update(attempts=3, rounds=2, warmup=1, samples=2)

    workspace.edit(over_sizes)
    loaded = params.load()
    job = next(task.job for task in queue.tasks([(loaded, ["latency"])]))
    steps = work(loaded, job)
    assert {number for _, number in steps} == {2 * (1 + 2) + FIRST_PASSES}
    assert sorted(step.size for step, _ in steps) == 4 * [(64, 64)] + 2 * [(96, 128)]


def test_without_its_data_a_job_costs_what_nobody_knows(workspace):
    workspace.edit(lambda content: content["study"].update(data="cityscapes"))
    loaded = params.load()
    unknown = [task.job for task in queue.tasks([(loaded, [])]) if task.job.wildcards.get("data") == "cityscapes"]
    assert {job.stage for job in unknown if work(loaded, job) is None} == {"prepare", "train", "evaluate"}


@pytest.mark.parametrize(("rates", "best"), [((10, 10.5), 1), ((10, 19, 20), 2), ((10, 19, 37, 0), 4)])
def test_more_jobs_run_side_by_side_while_all_together_are_faster(rates, best):
    each = dict(zip((1, 2, 4, 8), rates, strict=False))
    assert side_by_side.best(Step("xception-a", 0, (64, 64), 2), 8, lambda step, jobs: each[jobs]) == best
