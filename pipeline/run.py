"""Run jobs: lock a job's folder, call its stage, write its record. The only place that binds stages to the graph."""

import contextlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from pipeline.config import claims, paths
from pipeline.config.params import Params, load
from pipeline.graph import graph, provenance
from pipeline.graph.graph import Job
from pipeline.utils import pointers, records
from pipeline.utils.digests import sha256_of_json
from pipeline.utils.errors import BadInput, refuse
from pipeline.utils.files import space_for

if TYPE_CHECKING:
    from pipeline.config.recipes import Optimisation, Training
    from pipeline.training.loop import Checkpoint


def run_stage(
    params: Params,
    stage: str,
    wildcards: Mapping[str, str] | None = None,
    force: bool = False,
    with_trials: bool = False,
    track: bool = True,
) -> None:
    """Run one job of a stage or, without `wildcards`, each that the study has. Raises `BadInput`.

    With `with_trials` the runs that a training's learning rate is chosen from are trained and scored first.
    """
    jobs = _jobs(params, stage, wildcards)
    before = [trial for job in jobs if with_trials for trial in graph.trials(params, job)]
    _run_each(before, params, track)
    _run_each(jobs, params, track, force)
    if "DVC_STAGE" in os.environ:
        _check_still_current(params, [*before, *jobs])


def _run_each(jobs: list[Job], params: Params, track: bool, force: bool = False) -> None:
    """Run jobs one after the other. If one fails, the others still run; then its error is raised."""
    failed: list[Exception] = []
    for job in jobs:
        try:
            run(job, params, track, force)
        except Exception as error:
            failed.append(error)
            if len(jobs) > 1:
                say(f"{job.name} failed: {error}")
    if failed:
        raise failed[0]


def run(job: Job, params: Params, track: bool = True, force: bool = False) -> None:
    """Run a job and leave its outputs whole, or leave no record. Raises `BadInput`.

    A job with a current record is skipped, unless `force` is true.
    """
    if not force and not provenance.reasons(job):
        say(f"{job.name}: up to date")
        return
    _check_inputs(job)
    job.folder.mkdir(parents=True, exist_ok=True)
    with _logged(job), _locked(job) as waited:
        if waited and not provenance.reasons(job):
            say(f"{job.name}: the other process finished it")
            return
        refuse(_left_elsewhere(job))
        begun = provenance.begin(job)
        job.record.unlink(missing_ok=True)  # if the job fails, nothing may take the old result for a new one
        for output in job.output_files:
            output.parent.mkdir(parents=True, exist_ok=True)
        with _explained(job):
            result, conditions = STAGES[job.stage](job, params, track)
            provenance.write(job, begun, result, conditions)
        unfinished(job).unlink(missing_ok=True)


def _check_inputs(job: Job) -> None:
    """`BadInput` names the command that makes what is missing, before anything is written."""
    for path in job.input_files:
        command = None if path.exists() else graph.maker(path)
        if command:
            raise BadInput(f"{job.name}: {path} is missing; run `{command}`")


def _jobs(params: Params, stage: str, wildcards: Mapping[str, str] | None) -> list[Job]:
    if wildcards is not None:
        return [graph.job(params, stage, wildcards)]
    return graph.jobs(params, only=stage)


def _check_still_current(params: Params, jobs: list[Job]) -> None:
    """`BadInput` if a parameter, source or input changed while the jobs ran.

    Their records say so, but DVC looks at its dependencies after a command has ended and would take the changed ones
    for those that the command ran with.
    """
    now = load(params.study.name)
    for job in jobs:
        changed = provenance.reasons(graph.job(now, job.stage, job.wildcards))
        if changed:
            raise BadInput(f"while {job.name} ran, {changed[0]}; run it again")


def say(line: str) -> None:
    """A status line, on standard error and so in the job's log."""
    print(line, file=sys.stderr, flush=True)


def checkpoint(job: Job) -> "Checkpoint":
    """Where an unfinished job keeps its state, and the fingerprint of everything that makes the job."""
    import torch

    from pipeline.training.loop import Checkpoint

    made_of = {
        **provenance.made_of(job),
        # A state does not go on on another device, nor with another torch: the rest would be made of two halves.
        "torch": torch.__version__,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
    }
    return Checkpoint(unfinished(job), sha256_of_json(made_of))


def unfinished(job: Job) -> Path:
    """The file in which a job that has not ended keeps its state."""
    return paths.work("checkpoints", job.record).with_suffix(".pt")


def _left_elsewhere(job: Job) -> Iterator[str]:
    """A sentence for each input that is only a pointer to weights, or whose arrays are pointers."""
    for path in job.input_files:
        if path.suffix == ".pt" and path.exists() and pointers.read(path):
            yield (
                f"{path} only names weights that were left where they were trained, and {job.name} needs them; "
                "delete it and run its stage again, or take in a file that was packed with --weights"
            )
        if job.stage != "analyse" and path.name == "manifest.json" and pointers.among(path.parent):
            yield (
                f"{path.parent} only names frames that were left where they were prepared, and {job.name} needs them; "
                f"run `python -m pipeline prepare {path.parent.name} --force`"
            )


@contextlib.contextmanager
def _explained(job: Job) -> Iterator[None]:
    """Turn what a machine has too little of into a sentence."""
    try:
        with space_for(job.folder, paths.WORK):
            yield
    except ModuleNotFoundError as error:
        raise BadInput(
            f"{job.name} needs the package {error.name}, which is not installed here; install it, or make this result "
            "on another machine (`python -m pipeline doctor` says what is missing for which stage)"
        ) from error
    except RuntimeError as error:
        if type(error).__name__ != "OutOfMemoryError":  # torch's; a stage that needs no torch must not import it
            raise
        raise BadInput(
            f"the GPU has too little memory for {job.name}; make the recipe's batch or sizes smaller"
        ) from error


@contextlib.contextmanager
def _locked(job: Job) -> Iterator[bool]:
    """Hold the job's folder; say whether another process held it first (an engine's kill leaves its jobs running)."""
    path = paths.work("locks", job.record).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, waited = FileLock(path), False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waited = True
        say(f"{job.name}: another process works on {job.folder}; waiting for it (to end it: `fuser -k {path}`)")
        lock.acquire()
    try:
        yield waited
    finally:
        lock.release()


@contextlib.contextmanager
def _logged(job: Job) -> Iterator[None]:
    """Copy everything said on standard error, each line under the job's name, to the job's log."""
    path = job.log
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file, contextlib.redirect_stderr(_Tee(file, sys.stderr, job.name)):
        try:
            yield
        except Exception:
            file.write(traceback.format_exc())
            raise


class _Tee:
    def __init__(self, file: Any, terminal: Any, name: str):
        self.file, self.terminal, self.name, self.fresh = file, terminal, name, True

    def write(self, text: str) -> None:
        self.file.write(text)
        for line in text.splitlines(keepends=True):
            self.terminal.write((f"[{self.name}] " if self.fresh else "") + line)
            self.fresh = line.endswith("\n")

    def flush(self) -> None:
        self.file.flush()
        self.terminal.flush()

    def isatty(self) -> bool:
        return False


Outcome = tuple[dict[str, Any], dict[str, Any]]
"""A stage's result, and the conditions it was made under."""


def _prepare(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.data.prepare import prepare

    name = job.wildcards["data"]
    return prepare(name, params.data[name], job.folder, sha256_of_json(provenance.made_of(job))), {}


def _pretrain(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.training.pretrain import pretrain

    recipe = params.recipes[graph.pretrainings(params)[job.wildcards["pretraining"]]].pretraining
    backbone, images = job.wildcards["backbone"], _prepared(job.wildcards["images"])
    return pretrain(recipe, backbone, images, job.folder, checkpoint(job)), _device(recipe)


def _train(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.training.train import train

    variant, seed = params.variants[job.wildcards["variant"]], int(job.wildcards["seed"])
    data, pretrained = _prepared(job.wildcards["data"]), next(iter(job.inputs["pretrained"]), None)
    pretrained = None if variant.scratch else pretrained
    training, rates = _with_rate(_training(job, params), job, params)
    with _live(job, params, track) as on_epoch:
        place = job.folder, checkpoint(job)
        result = train(training, variant, seed, data, pretrained, *place, on_epoch, _is_trial(job, params))
    return result | {"learning_rate": training.learning_rate} | rates, _device(training)


def _with_rate(training: "Training", job: Job, params: Params) -> tuple["Training", dict[str, Any]]:
    """The training with a number for its rate: the one whose run scored best; and what each of them scored."""
    if not training.grid:
        return training, {}
    rates = [params.recipes[name].training.learning_rate for name in training.grid]
    found = dict(zip(rates, (records.read(path)["result"] for path in job.inputs["trials"]), strict=True))
    scores = {rate: result["miou"] for rate, result in found.items() if "diverged" not in result}
    if not scores:
        key = f"recipes.{job.wildcards['recipe']}.training.learning_rate"
        raise BadInput(
            f"{job.wildcards['variant']} diverged at every rate that it was tried at ({', '.join(map(str, rates))}); "
            f"name a recipe with a lower rate or a longer warmup in {key}"
        )
    best = max(scores, key=lambda rate: scores[rate])
    rated = {str(rate): result["miou"] for rate, result in found.items()}
    return training.model_copy(update={"learning_rate": best}), {"learning_rates": rated}


def _prepared(data: str) -> Path:
    return paths.fill(paths.PREPARED, data=data)


@contextlib.contextmanager
def _live(job: Job, params: Params, track: bool) -> Iterator[Callable[[dict[str, float]], None]]:
    """What training calls after each epoch: a growing curve in MLflow, or nothing."""
    if not track:
        yield lambda row: None
        return
    from pipeline.tracking.live import LiveRun

    run = LiveRun(job, params)
    status = "FAILED"
    try:
        yield lambda row: run.epoch(int(row["epoch"]), {key: row[key] for key in ("learning_rate", "loss", "accuracy")})
        status = "FINISHED"
    finally:
        run.finish(status)


def _evaluate(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.evaluation.evaluate import evaluate

    training, variant = _training(job, params), params.variants[job.wildcards["variant"]]
    data, weights, trial = _prepared(job.wildcards["data"]), job.inputs["weights"][0], _is_trial(job, params)
    result = evaluate(params.evaluation, training, variant, data, weights, job.folder, trial)
    return result, _device(training, params.evaluation.threads)


def _floor(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.evaluation.floor import fit

    data = _prepared(job.wildcards["data"])
    return fit(params.floor, _training(job, params), data), {"device": "cpu", "threads": 1}


def _complexity(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.complexity.macs import count

    variant, classes = params.variants[job.wildcards["variant"]], _classes(params)
    return count(params.complexity, variant, classes, _training(job, params).frame_size), {}


def _paper(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.complexity.paper import count

    return count(claims.networks(), params.variants, claims.CLASSES), {}


def _interpretations(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.complexity.interpretations import search

    return search(claims.rows(), params.variants, claims.CLASSES), {}


def _latency(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.timing.latency import time_variants

    variants = {name: params.variants[name] for name in params.study.variants}
    return time_variants(params.latency, variants, _classes(params), _sizes(params), params.study.timed_over), {}


def _forms(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.deployment.form_scores import Trained
    from pipeline.deployment.forms import time_forms
    from pipeline.timing.latency import most_pixels

    name, sizes, study = job.wildcards["variant"], _sizes(params), params.study
    variant, largest, training = params.variants[name], most_pixels(sizes), params.training(study.recipe, name)
    trained = Trained(variant, job.inputs["weights"][0], _prepared(study.data), training.score, training.frame_size)
    return time_forms(params.latency, name, variant, _classes(params), sizes[name], trained, largest), {}


def _sizes(params: Params) -> dict[str, tuple[int, int]]:
    """The image that each variant is timed with."""
    size = params.recipes[params.study.recipe].training.frame_size
    return {name: params.study.timed_at.get(name, size) for name in params.study.variants}


def _analyse(job: Job, params: Params, track: bool) -> Outcome:
    from analysis.study import analyse

    return analyse(params.study, job.folder), {}


def _track(job: Job, params: Params, track: bool) -> Outcome:
    from pipeline.tracking import track

    return track.track(params, graph.jobs(params)), {}


def _is_trial(job: Job, params: Params) -> bool:
    """Whether the run is one that a learning rate is chosen by: its divergence is a result."""
    return job.wildcards["recipe"] in params.trials


def _training(job: Job, params: Params) -> "Training":
    return params.training(job.wildcards["recipe"], job.wildcards.get("variant"))


def _classes(params: Params) -> int:
    from pipeline.data import registry

    return len(registry.classes(params.data[params.study.data].kind))


def _device(recipe: "Optimisation", threads: int | None = None) -> dict[str, Any]:
    """The device and precision of a recipe's jobs, with its own or another number of CPU threads."""
    from pipeline.utils import device

    return device.describe(device.choose(threads or recipe.threads), recipe.precision)


STAGES: dict[str, Callable[[Job, Params, bool], Outcome]] = {
    "prepare": _prepare,
    "pretrain": _pretrain,
    "train": _train,
    "evaluate": _evaluate,
    "floor": _floor,
    "complexity": _complexity,
    "paper": _paper,
    "interpretations": _interpretations,
    "latency": _latency,
    "forms": _forms,
    "analyse": _analyse,
    "track": _track,
}
