"""`python -m pipeline COMMAND …`: run one job of the graph, or ask about a study.

Commands import what they need when they are called, so that a job that is up to date returns in a moment.
"""

import inspect
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

try:
    import typer

    from pipeline.config import params
    from pipeline.config.data import wrong_task
    from pipeline.config.study import NO_IMAGES
    from pipeline.config.variants import Peer
    from pipeline.graph import graph
    from pipeline.graph.stages import STAGES, Stage
    from pipeline.utils.errors import BadInput, did_you_mean, one_line
except ModuleNotFoundError as error:  # on a machine that was not set up, where a traceback would say less
    sys.exit(
        f"error: the package {error.name} is missing; `make setup` installs everything, and "
        "docs/gpu-and-cluster.md says what is enough on a machine without a network"
    )

STUDIES, NETWORKS, JOBS = "Studies", "Trained networks", "Stages, as Snakemake and DVC call them"
EXAMPLES = {
    "data": "synthetic", "images": "crops", "recipe": "quick", "variant": "single", "seed": "0", "study": "quickstart"
}  # fmt: skip

INTERRUPTED = 130
"""Exit code after Ctrl-C. Typer returns it in place of the exception."""

app = typer.Typer(
    help="Reproduce DFANet: run a job, or ask about a study. `COMMAND --help` gives an example.",
    epilog="`--debug`, anywhere, shows the traceback of an error.",
    add_completion=False, pretty_exceptions_enable=False,
)  # fmt: skip

Study = Annotated[str | None, typer.Argument(help="A study; by default the one in params.yaml.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code. A user's mistake is one sentence on standard error and code 1."""
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    debug = "--debug" in arguments
    try:
        words = [word for word in arguments if word != "--debug"]
        if app(words, prog_name="python -m pipeline", standalone_mode=False) == INTERRUPTED:
            raise KeyboardInterrupt
    except typer.TyperException as error:
        said = one_line(error.format_message().rstrip("."))
        print(f"error: {said} (`python -m pipeline --help` lists all commands)", file=sys.stderr)
        return 1
    except BadInput as error:
        if debug:
            raise
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return 1
    except OSError as error:  # of a file or folder that is not what it should be, or not the user's
        if debug or not error.filename:
            raise
        print(f"error: {one_line(f'{error.filename}: {error.strerror}')}; `--debug` shows where", file=sys.stderr)
        return 1
    except Exception as error:
        if debug or type(error).__name__ != "NotANetwork":  # of models.build, which imports torch
            raise
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, typer.Abort):
        print("interrupted; the same command continues where it stopped", file=sys.stderr)
        return INTERRUPTED
    return 0


@app.command(rich_help_panel=STUDIES)
def plan(
    study: Study = None,
    cores: Annotated[int, typer.Option(help="Jobs that run side by side.", min=1, max=100_000)] = os.cpu_count() or 1,
) -> None:
    """Show which jobs of a study would run, why, and what they would cost.

    Example: python -m pipeline plan camvid --cores 8
    """
    from pipeline.plan import plan

    print(plan(params.load(study), cores))


@app.command(rich_help_panel=STUDIES)
def batch(
    studies: Annotated[str, typer.Argument(metavar="LIST", help="A file of studies/lists/, without its ending.")],
    minutes: Annotated[float, typer.Option(help="When all jobs must have ended and be packed.")],
    jobs: Annotated[int | None, typer.Option(help="Jobs side by side; by default what is fastest here.")] = None,
    weights: Annotated[bool, typer.Option("--weights", help="Pack weights too.")] = False,
    output: Annotated[Path | None, typer.Option(help="The file to pack into; by default LIST.zip.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would run, and what would fit.")] = False,
) -> None:
    """Run a list of studies on this machine without an engine, and pack the results into one file.

    Example: python -m pipeline batch first-half-hour --minutes 25
    """
    if not 0.5 < minutes <= 100_000 or jobs is not None and not 1 <= jobs <= 1000:
        raise BadInput(
            f"--minutes is {minutes:g} and --jobs {jobs}; they must be more than 0.5 and at most 100,000, and 1 to 1000"
        )
    from pipeline.listed import run

    run(studies, minutes, jobs, weights, output, dry_run)


@app.command(rich_help_panel=STUDIES)
def doctor() -> None:
    """Show what this machine has, what is missing for which stage, and try each part of a run once.

    Example: python -m pipeline doctor
    """
    from pipeline.doctor.page import examine

    if not examine(params.load()):
        raise BadInput("a stage cannot run on this machine; the lines above marked FAILED say which and why")


@app.command(rich_help_panel=STUDIES)
def power(study: Study = None) -> None:
    """Show which effects a study could see, and how many seeds the paper's effects would take.

    Example: python -m pipeline power effects
    """
    from pipeline.power import power

    print(power(params.load(study)))


@app.command(rich_help_panel=STUDIES)
def fetch(data: Annotated[str, typer.Argument(help="An entry of `data` in params.yaml.")]) -> None:
    """Download a data set that may be downloaded.

    Example: python -m pipeline fetch camvid
    """
    from pipeline.data.registry import fetch

    _known({"data": data}, loaded := params.load())
    fetch(data, loaded.data[data])


@app.command(rich_help_panel=STUDIES)
def use(study: Annotated[str, typer.Argument(help="A file of studies/, without its ending.")]) -> None:
    """Exchange the study in params.yaml, which plain snakemake and DVC run, for another one.

    Example: python -m pipeline use camvid
    """
    from pipeline.config.choose import use

    print(use(study))


@app.command(rich_help_panel=STUDIES)
def keep(
    study: Study = None,
    unfinished: Annotated[bool, typer.Option("--unfinished", help="Some runs may be missing.")] = False,
    parcel: Annotated[
        Path | None, typer.Option("--from", help="First take in the results that `batch` packed.")
    ] = None,
) -> None:
    """Copy a study's records to studies/STUDY, where git tracks them.

    Example: python -m pipeline keep camvid --from first-half-hour.zip
    """
    loaded = params.load(study)
    if parcel:
        from pipeline.parcel import complete, take_in

        print(*take_in(loaded, parcel), sep="\n", flush=True)
        complete(loaded)
    from pipeline.keep import keep

    print(f"the study's results are kept in {keep(loaded, unfinished)}")


@app.command(rich_help_panel=STUDIES)
def render(study: Study = None) -> None:
    """Draw tables, figures and report of kept records again, without data and without training.

    Example: python -m pipeline render choices
    """
    from pipeline.keep import render

    print(f"tables and figures are in {render(params.load(study))}")


@app.command(rich_help_panel=STUDIES)
def verify(
    study: Study = None,
    results: Annotated[bool, typer.Option("--results", help="Those in results/, even if there are kept ones.")] = False,
) -> None:
    """Check a study's numbers against arrays, records, digests and git, without data and without training.

    Example: python -m pipeline verify camvid
    """
    from pipeline.verification.check import table
    from pipeline.verify import verify

    print(table(checks := verify(params.load(study), results)))
    failed = [check for check in checks if check.failures]
    if failed:
        raise BadInput(f"{len(failed)} of {len(checks)} checks failed; the lines above say what differs")
    print(f"all {len(checks)} checks passed")


@app.command(rich_help_panel=STUDIES)
def ui(study: Study = None, port: Annotated[int, typer.Option(min=1, max=65_535)] = 5000) -> None:
    """Browse a study's runs in MLflow.

    Example: python -m pipeline ui --port 5001
    """
    from pipeline.tracking import track

    track.serve(port, params.load(study))


@app.command(rich_help_panel=NETWORKS)
def predict(
    network: Annotated[Path, typer.Argument(help="Trained weights, results/runs/…/weights.pt, or an exported file.")],
    inputs: Annotated[list[Path], typer.Argument(help="Pictures of any size, videos, or folders of them.")],
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("predictions"),
    data: Annotated[str | None, typer.Option(help="Data set of the classes, if no train.json lies beside.")] = None,
    size: Annotated[
        str | None, typer.Option(help="ROWSxCOLUMNS that the network sees; default as in training.")
    ] = None,
    force: Force = False,
) -> None:
    """Segment your own pictures and videos with a trained network.

    Example: python -m pipeline predict results/runs/synthetic/crops/quick/dfanet-a/0/weights.pt photo.jpg
    """
    seen = size and _size(size)
    from pipeline.deployment.predict import predict

    print(predict(network, inputs, output, data, seen, force))


@app.command(rich_help_panel=NETWORKS)
def export(
    variant: Annotated[str, typer.Argument(help="An entry of `variants` in params.yaml.")],
    output: Annotated[Path, typer.Argument(help="The file to write.")],
    checkpoint: Annotated[Path | None, typer.Option(help="Trained weights; random ones by default.")] = None,
    classes: Annotated[int, typer.Option(help="Number of classes without a checkpoint.", min=1, max=255)] = 19,
    size: Annotated[str, typer.Option(help="ROWSxCOLUMNS of the image.")] = "1024x1024",
    format: Annotated[str, typer.Option(help="torch (torch.export) or onnx.")] = "torch",
    force: Force = False,
) -> None:
    """Write a network as one file that runs without this repository.

    Example: python -m pipeline export dfanet-a dfanet-a.onnx --format onnx --size 512x1024
    """
    _known({"variant": variant}, loaded := params.load())
    if format not in (formats := ("torch", "onnx")):
        raise BadInput(f'--format is "{format}"{did_you_mean(format, formats)}; known are torch, onnx')
    if output.is_dir() or output.exists() and not force:
        raise BadInput(f"{output} exists; name another file, or --force if it may be replaced")
    pixels = _size(size)
    from pipeline.deployment.export import export

    print(export(loaded.variants[variant], classes, pixels, format, output, checkpoint))


def _run(stage: str, values: dict[str, str | None], **options: bool) -> None:
    from pipeline.run import run_stage

    given = {name: value for name, value in values.items() if value is not None}
    if given and len(given) != len(values):
        named = " ".join(values).upper()
        raise BadInput(f"{stage} takes {named}, or nothing, which runs the stage's jobs of the study in params.yaml")
    loaded = params.load(given.get("study"))
    _known(given, loaded)
    _fit(stage, given, loaded)
    run_stage(loaded, stage, given or None, **options)


def _command(stage: str, spec: Stage) -> Callable[..., None]:
    """A function whose parameters are the stage's wildcards and options, for typer to read."""

    def call(**arguments: Any) -> None:
        values = {name: arguments.pop(name) for name in spec.wildcards}
        _run(stage, values, track=not arguments.pop("no_track", False), **arguments)

    options = {"force": Annotated[bool, typer.Option("--force", help="Run it even if its record is current.")]}
    if stage == "train":
        trials = typer.Option("--with-trials", help="First make the runs that the learning rate is chosen from.")
        options["with_trials"] = Annotated[bool, trials]
        options["no_track"] = Annotated[bool, typer.Option("--no-track", help="Keep the run out of MLflow for now.")]
    wildcards = dict.fromkeys(spec.wildcards, Annotated[str | None, typer.Argument(show_default=False)])
    call.__annotations__ = wildcards | options
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    call.__signature__ = inspect.Signature(
        [inspect.Parameter(name, kind, annotation=hint, default=None) for name, hint in wildcards.items()]
        + [inspect.Parameter(name, kind, annotation=hint, default=False) for name, hint in options.items()]
    )
    values = [EXAMPLES[name] for name in spec.wildcards] if EXAMPLES.keys() >= set(spec.wildcards) else []
    example = " ".join(["python -m pipeline", stage, *values])
    call.__doc__ = f"{spec.summary}\n\nWithout arguments: all jobs of the study in params.yaml.\n\nExample: {example}"
    return call


for _stage, _spec in STAGES.items():
    app.command(_stage, rich_help_panel=JOBS)(_command(_stage, _spec))


def _known(wildcards: dict[str, str], loaded: params.Params) -> None:
    sections = {
        "data": loaded.data,
        "images": {**loaded.data, NO_IMAGES: None},
        "recipe": loaded.recipes,
        "variant": loaded.variants,
        "pretraining": graph.pretrainings(loaded),
        "backbone": graph.backbones(loaded),
    }
    for name, section in sections.items():
        value = wildcards.get(name)
        if value is not None and value not in section:
            known = ", ".join(section)
            raise BadInput(f'params.yaml has no {name} "{value}"{did_you_mean(value, section)}; known are {known}')
    seed = wildcards.get("seed", "0")
    if not (re.fullmatch("0|[1-9][0-9]{,9}", seed) and int(seed) < 2**32):
        raise BadInput(f'the seed is "{seed:.40}"; it must be a whole number from 0 to {2**32 - 1}')


def _fit(stage: str, given: dict[str, str], loaded: params.Params) -> None:
    """`BadInput` if the values of a job, each of which exists, do not go together."""
    for key in ("data", "images"):
        name = given.get(key, NO_IMAGES)
        task = "images" if stage == "prepare" and name in loaded.data and loaded.data[name].classifies else key
        if name != NO_IMAGES and (wrong := wrong_task(task, name, loaded.data[name], loaded.data)):
            raise BadInput(wrong)
    if stage == "pretrain" and given.get("images") == NO_IMAGES:
        raise BadInput(f"{NO_IMAGES} are no images to pretrain on; name a set of images")
    peer = isinstance(loaded.variants.get(given.get("variant", "")), Peer)
    if peer and given.get("images", NO_IMAGES) != NO_IMAGES:
        raise BadInput(f"{given['variant']} cannot be pretrained; name {NO_IMAGES} in place of {given['images']}")
    if stage == "forms" and given and given["variant"] not in loaded.study.variants:
        named = ", ".join(loaded.study.variants)
        raise BadInput(f"{given['variant']}, which is none of the variants of {loaded.study.name}; known are {named}")


def _size(text: str) -> tuple[int, int]:
    rows, _, columns = text.partition("x")
    sides = [int(side) if re.fullmatch("[1-9][0-9]{1,3}", side) else 0 for side in (rows, columns)]
    if not all(64 <= side <= 4096 for side in sides):
        raise BadInput(f'--size is "{text}"; it must be rows x columns, each from 64 to 4096 pixels, e.g. 512x1024')
    return sides[0], sides[1]


if __name__ == "__main__":
    # Slurm and other schedulers stop a job by SIGTERM; it ends as it does by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
