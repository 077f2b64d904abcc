"""The graph as dvc.yaml says it: the default study's jobs in the root's, all others in studies/dvc.yaml.

DVC lets an output be declared once, so a run that several studies share stands in one place; each study has a `track`
stage of its own, which everything else of the study leads to. Jobs that differ in their wildcards alone are one stage
over a table of them (`foreach`).
"""

from collections.abc import Iterable
from pathlib import Path

from pipeline.config import params, paths
from pipeline.config.params import Params
from pipeline.graph import graph, provenance
from pipeline.graph.graph import Job
from pipeline.utils.errors import BadInput

ROOT, STUDIES = Path(paths.DVC_YAML), Path("studies") / paths.DVC_YAML
UNCACHED = ("manifest.json", "metrics.json", "mlflow.json")
"""Small outputs that DVC leaves where they are."""

HEADER = """# Written by `python -m pipeline dvc` from pipeline/graph/graph.py, params.yaml and studies/; do not edit.
#
#   dvc repro                                      the default study
#   dvc repro studies/dvc.yaml:track-camvid        another, by its last stage

stages:
"""


def files() -> dict[Path, str]:
    """The content of both dvc.yaml. Every job of every study is in one of them, once."""
    default, *others = [params.load(name) for name in params.studies()]
    first = {job.name: (job, default) for job in graph.jobs(default)}
    rest = {job.name: (job, study) for study in others for job in graph.jobs(study) if job.name not in first}
    return {ROOT: _file(first.values(), wdir=None), STUDIES: _file(rest.values(), wdir="..")}


def write() -> None:
    """Write both files where they differ from what they should be."""
    for path, text in _outdated().items():
        provenance.write_atomically(path, text)


def check() -> None:
    """`BadInput` if a dvc.yaml is not what params.yaml, the studies and the sources ask for."""
    old = _outdated()
    if old:
        raise BadInput(
            f"{' and '.join(map(str, old))} differ from what params.yaml, studies/ and the sources ask for; "
            "run `python -m pipeline dvc`, then the same command again"
        )


def _outdated() -> dict[Path, str]:
    """What the files that are missing or not as they should be should hold."""
    return {path: text for path, text in files().items() if not path.exists() or path.read_text() != text}


def addresses(jobs: Iterable[Job]) -> list[str]:
    """Where DVC finds these jobs: FILE:STAGE, as its commands take it."""
    default = {job.name for job in graph.jobs(params.load())}
    return [f"{ROOT if job.name in default else STUDIES}:{name(job)}" for job in jobs]


def name(job: Job) -> str:
    """A job's name in dvc.yaml."""
    if "study" in job.wildcards:
        return f"{job.stage}-{job.wildcards['study']}"
    if job.stage == "prepare":  # each data set has sources of its own
        return f"prepare-{job.wildcards['data']}"
    return f"{_stage(job)}@{_key(job)}" if job.wildcards else job.stage


def _stage(job: Job) -> str:
    """Of which table a job is a row. Jobs of one stage that take other kinds of files need tables of their own."""
    kinds = {"scratch": _scratch(job), "peer": _module(job), job.wildcards.get("recipe"): _grid(job)}
    return "_".join([job.stage, *(str(kind) for kind, true in kinds.items() if true)])


def _scratch(job: Job) -> bool:
    return job.stage == "train" and not any(path.name == paths.WEIGHTS for path in job.inputs)


def _grid(job: Job) -> list[str]:
    """The recipes that a job's learning rate is chosen from."""
    return [path.parts[-4] for path in job.inputs if path.name == "scores.json"] if job.stage == "train" else []


def _module(job: Job) -> Path | None:
    """The file of a job's one network, if it is a peer."""
    peers = [path for path in job.sources if path.parent == Path("models/peers")]
    return peers[0] if peers and "variant" in job.wildcards else None


def _key(job: Job) -> str:
    return "-".join(job.wildcards.values())


def _file(jobs: Iterable[tuple[Job, Params]], wdir: str | None) -> str:
    tables: dict[str, list[tuple[Job, Params]]] = {}
    for job, study in jobs:
        single = "@" not in name(job)
        tables.setdefault(name(job) if single else _stage(job), []).append((job, study))
    stages = [_declare(stage, rows, wdir) for stage, rows in tables.items()]
    return HEADER + "\n\n".join(stages) + "\n"


def _declare(stage: str, rows: list[tuple[Job, Params]], wdir: str | None) -> str:
    job, study = rows[0]
    single = stage == name(job)
    items = [] if single else ["foreach:", *(f"  {_key(row)}: {_item(row)}" for row, _ in rows), "do:"]
    body = _body(job, study, {} if single else _values(job))
    body = [f"wdir: {wdir}", *body] if wdir else body
    lines = [f"{stage}:", *("  " + line for line in items), *(("  " if single else "    ") + line for line in body)]
    if not single and len({_key(row) for row, _ in rows}) < len(rows):
        raise BadInput(f"two jobs of {stage} have one name in dvc.yaml; rename a variant, recipe or data set")
    return "\n".join("  " + line for line in lines)


def _values(job: Job) -> dict[str, str]:
    """What a job's files and parameters are named by, from name to value."""
    backbones = [path.parent.name for path in job.inputs if path.parts[:2] == ("results", "pretrained")]
    module = _module(job)
    found = dict(job.wildcards) | ({"backbone": backbones[0]} if backbones else {})
    return found | ({"module": str(module)} if module else {})


def _item(job: Job) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in _values(job).items()) + "}"


def _body(job: Job, study: Params, named: dict[str, str]) -> list[str]:
    """What a stage runs, takes and makes; with `named`, in terms of a row's values."""
    spec = graph.STAGES[job.stage]
    if not named:
        command, inputs, outputs, keys = job.command, job.inputs, job.outputs, job.params
    else:
        kept = [pattern for pattern in spec.inputs if "{backbone}" not in pattern or "backbone" in named]
        one_each = [pattern.replace("{grid}", name) for pattern in kept for name in _each(pattern, job)]
        inputs, outputs, keys = ([_in_a_row(text) for text in texts] for texts in (one_each, spec.outputs, spec.params))
        command = " ".join(["python -m pipeline", job.stage, *(f"${{item.{key}}}" for key in spec.wildcards)])
    module = {named["module"]: "${item.module}"} if "module" in named else {}
    sources = [module.get(str(path), str(path)) for path in job.sources]
    return [f"cmd: {command}", *_list("deps", [*map(str, inputs), *sources]), *_params(keys, study), *_outputs(outputs)]


def _each(pattern: str, job: Job) -> list[str]:
    return _grid(job) if "{grid}" in pattern else [""]


def _in_a_row(pattern: str) -> str:
    return pattern.replace("{", "${item.")


def _params(keys: Iterable[str], study: Params) -> list[str]:
    """Keys of params.yaml; those of a study that lies elsewhere are read there."""
    own = [key for key in keys if key.partition(".")[0] == "study"]
    where = paths.fill(paths.STUDY, study=study.study.name)
    if not own or not where.exists():
        return _list("params", list(keys))
    rest = [f"- {key}" for key in keys if key not in own]
    return ["params:", *("  " + line for line in [*rest, f"- {where}:", *(f"    - {key}" for key in own)])]


def _outputs(outputs: Iterable[object]) -> list[str]:
    kinds: dict[str, list[str]] = {"outs": [], "metrics": [], "plots": []}
    for path in map(str, outputs):
        kind = "metrics" if path.endswith("metrics.json") else "plots" if "/figures/" in path else "outs"
        kinds[kind].append(path + (": {cache: false}" if path.endswith(UNCACHED) else ""))
    return [line for kind, names in kinds.items() if names for line in _list(kind, names)]


def _list(key: str, values: list[str]) -> list[str]:
    return [f"{key}:", *(f"  - {value}" for value in values)]
