"""`python -m pipeline STAGE …`: run one job of the graph, or ask about a study."""

import argparse
import os
import sys
from pathlib import Path

from pipeline.config import params
from pipeline.graph import graph
from pipeline.utils.errors import BadInput, did_you_mean


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code. A user's mistake is one sentence on standard error and code 1."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    options = _parser().parse_args([word for word in arguments if word != "--debug"])
    try:
        options.call(options)
    except BadInput as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command continues where it stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipeline", description=__doc__)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error; goes anywhere")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for stage, spec in graph.STAGES.items():
        command = commands.add_parser(stage, help=f"run one job of the stage: {' '.join(spec.wildcards).upper()}")
        # Without wildcards, every job of the stage: a matrix in dvc.yaml cannot name all of them.
        command.add_argument("wildcards", nargs="*", metavar=" ".join(spec.wildcards).upper() or "-")
        command.add_argument("--force", action="store_true", help="run it even if its record is current")
        if stage == "train":
            command.add_argument("--no-track", action="store_true", help="keep the run out of MLflow for now")
            command.add_argument("--with-trials", action="store_true", help="first the runs that its rate is chosen by")
        command.set_defaults(call=_job, stage=stage, no_track=False, with_trials=False)
    plan = _add(commands, "plan", _plan, "what a study would run, why, and what it costs", "study")
    plan.add_argument("--cores", type=int, default=os.cpu_count(), help="jobs side by side (default: all cores)")
    _add(commands, "fetch", _fetch, "download a data set that may be downloaded", "data")
    _add(commands, "use", _use, "make a study of studies/ the one in params.yaml, which DVC runs", "study")
    _add(commands, "keep", _keep, "keep a study's result files in studies/STUDY", "study")
    _add(commands, "render", _render, "tables and figures from kept result files, without training", "study")
    ui = _add(commands, "ui", _ui, "browse a study's runs in MLflow's UI", "study")
    ui.add_argument("--port", type=int, default=5000)
    _deployment(commands)
    return parser


def _deployment(commands) -> None:
    export = _add(commands, "export", _export, "write a variant's network as one file to run elsewhere", "variant")
    export.add_argument("output", type=Path)
    export.add_argument("--checkpoint", type=Path, help="trained weights, results/runs/…/weights.pt (default: random)")
    export.add_argument("--classes", type=int, default=19, help="without a checkpoint (default: 19)")
    export.add_argument("--size", default="1024x1024", help="rows x columns of the image (default: 1024x1024)")
    export.add_argument("--format", default="torch", help="torch (torch.export) or onnx (default: torch)")
    export.add_argument("--force", action="store_true", help="replace an existing file")
    predict = _add(commands, "predict", _predict, "segment your own pictures with trained weights", "checkpoint")
    predict.add_argument("images", type=Path, nargs="+", metavar="image")
    predict.add_argument("--output", type=Path, default=Path("predictions"), help="folder (default: predictions)")
    predict.add_argument("--data", help="the data set whose classes they are, if train.json is not beside the weights")
    predict.add_argument("--size", help="rows x columns that the network sees (default: as many pixels as in training)")
    predict.add_argument("--force", action="store_true", help="replace existing files")


def _add(commands, name: str, call, text: str, argument: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text)
    command.add_argument(argument, **({"nargs": "?"} if argument == "study" else {}))
    command.set_defaults(call=call)
    return command


def _job(options: argparse.Namespace) -> None:
    from pipeline.run import run_stage

    names, values = graph.STAGES[options.stage].wildcards, options.wildcards
    if values and len(values) != len(names):
        raise BadInput(
            f"{options.stage} takes {' '.join(names).upper() or 'no arguments'}, or nothing for all of the study's jobs"
        )
    wildcards = dict(zip(names, values, strict=True)) if values else None
    loaded = params.load((wildcards or {}).get("study"))
    _known(wildcards or {}, loaded)
    run_stage(loaded, options.stage, wildcards, options.force, options.with_trials, track=not options.no_track)


def _known(wildcards: dict[str, str], loaded: params.Params) -> None:
    sections = {
        "data": loaded.data,
        "images": {**loaded.data, params.NO_IMAGES: None},
        "recipe": loaded.recipes,
        "variant": loaded.variants,
        "pretraining": graph.pretrainings(loaded),
    }
    for name, section in sections.items():
        value = wildcards.get(name)
        if value is not None and value not in section:
            known = ", ".join(section)
            raise BadInput(f'params.yaml has no {name} "{value}"{did_you_mean(value, section)}; known are {known}')
    if not wildcards.get("seed", "0").isdecimal():
        raise BadInput(f'the seed is "{wildcards["seed"]}"; it must be a whole number from 0')


def _plan(options: argparse.Namespace) -> None:
    from pipeline.plan import plan

    print(plan(params.load(options.study), options.cores))


def _fetch(options: argparse.Namespace) -> None:
    from pipeline.data.registry import fetch

    _known({"data": options.data}, loaded := params.load())
    fetch(options.data, loaded.data[options.data])


def _use(options: argparse.Namespace) -> None:
    from pipeline.config.choose import use

    print(use(options.study))


def _keep(options: argparse.Namespace) -> None:
    from pipeline.keep import keep

    print(f"the study's results are kept in {keep(params.load(options.study))}")


def _render(options: argparse.Namespace) -> None:
    from pipeline.keep import render

    print(f"tables and figures are in {render(params.load(options.study))}")


def _ui(options: argparse.Namespace) -> None:
    from pipeline.tracking import track

    track.serve(options.port, params.load(options.study))


def _export(options: argparse.Namespace) -> None:
    _known({"variant": options.variant}, loaded := params.load())
    if options.format not in (formats := ("torch", "onnx")):
        raise BadInput(f'--format is "{options.format}"{did_you_mean(options.format, formats)}; known are torch, onnx')
    if options.classes < 1:
        raise BadInput(f"--classes is {options.classes}; it must be 1 or more")
    if options.output.is_dir() or options.output.exists() and not options.force:
        raise BadInput(f"{options.output} exists; name another file, or --force if it may be replaced")
    size = _size(options.size)
    from pipeline.deployment.export import export

    variant = loaded.variants[options.variant]
    print(export(variant, options.classes, size, options.format, options.output, options.checkpoint))


def _predict(options: argparse.Namespace) -> None:
    size = options.size and _size(options.size)
    from pipeline.deployment.predict import predict

    done = predict(Path(options.checkpoint), options.images, options.output, options.data, size, options.force)
    print(f"{done} picture{'s' if done > 1 else ''} segmented, in {options.output}")


def _size(text: str) -> tuple[int, int]:
    rows, _, columns = text.partition("x")
    sides = [int(side) if side.isdecimal() else 0 for side in (rows, columns)]
    if not all(64 <= side <= 4096 for side in sides):
        raise BadInput(f'--size is "{text}"; it must be rows x columns, each from 64 to 4096 pixels, e.g. 512x1024')
    return sides[0], sides[1]


if __name__ == "__main__":
    sys.exit(main())
