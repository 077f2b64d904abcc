"""Snakefile and dvc.yaml state one graph: the one of pipeline/graph."""

import contextlib
import io
import re
from pathlib import Path

import pytest
from dvc.repo import Repo
from snakemake.cli import main as snakemake

from analysis.registry import FIGURES
from pipeline.config import inheritance, params
from pipeline.graph import graph
from pipeline.graph.stages import STAGES
from pipeline.utils.digests import tree
from tests.conftest import ROOT, Workspace, copy_repository

SNAKEFILE, DVC_YAML = ROOT / "Snakefile", ROOT / "dvc.yaml"


def test_both_can_be_read_in_one_sitting():
    assert all(len(path.read_text().splitlines()) <= 220 for path in (SNAKEFILE, DVC_YAML))


# Snakefile


def shown(*arguments: str) -> str:
    """What Snakemake prints in the working directory; called in this process, it need not start first."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), pytest.raises(SystemExit):
        snakemake(list(arguments))
    return printed.getvalue()


@pytest.mark.parametrize("stage", STAGES)
def test_a_rule_names_the_inputs_outputs_and_parameters_of_its_stage(stage):
    text = re.search(rf"^rule {stage}:\n(.*?)(?=^rule |\Z)", SNAKEFILE.read_text(), re.MULTILINE | re.DOTALL)[1]
    blocks = dict(re.findall(r"^    (\w+):\n((?:^        .*\n)+)", text, re.MULTILINE))
    names = {key: re.findall(r"^        (\w+)=", block, re.MULTILINE) for key, block in blocks.items()}
    assert names["input"] == ["stamp", *STAGES[stage].inputs]
    assert names["output"] == list(STAGES[stage].outputs)
    keys = re.search(r'yaml="(.*)"', blocks["params"])[1].split()
    assert not [key for key in STAGES[stage].params if not _covered(key.replace("{claimed}", "*"), _sections(keys))]


def _sections(keys: list[str]) -> list[str]:
    return [*keys, "pretraining"] if "recipes" in keys else keys


def _covered(key: str, keys: list[str]) -> bool:
    return any(key == each or key.startswith(f"{each}.") for each in keys)


@pytest.mark.parametrize("study", ["quickstart", "real-time", "speed"])
def test_rules_have_the_commands_inputs_and_outputs_of_every_job(workspace, study):
    options = ["--dry-run", "--forceall", "--printshellcmds", "--cores", "2", "--workflow-profile", "none"]
    found = {}
    for block in re.split(r"\n\n", shown(*options, "--config", f"study={study}")):
        shell = re.search(r"Shell command: (python .*)", block)
        if shell:
            found[shell[1]] = {key: _files(block, key) for key in ("input", "output")}
    jobs = {job.command: job for job in graph.jobs(params.load(study))}
    assert found.keys() == jobs.keys()
    for command, job in jobs.items():
        assert found[command]["output"] == set(job.output_files)
        stamps = {path for path in found[command]["input"] if path.parts[:2] == ("work", "stamps")}
        assert found[command]["input"] - stamps == set(job.input_files)
        assert stamps == {Path("work/stamps", *job.record.with_suffix(".stamp").parts[1:])}


def _files(block: str, key: str) -> set[Path]:
    line = re.search(rf"^    {key}: (.*)$", block, re.MULTILINE)
    return {Path(name) for name in line[1].split(", ")} if line else set()


def test_snakemake_lint_finds_at_most_a_missing_container_and_missing_logs(workspace):
    """Every command writes a log of its own (work/logs), whoever calls it."""
    complaints = re.findall(r"^    \* (.*):$", shown("--lint"), re.MULTILINE)
    assert {text for text in complaints if "container" not in text and "log directive" not in text} == set()


# dvc.yaml


class Declared:
    """The stages that DVC reads, each under the name of every stage of the graph that it calls."""

    def __init__(self, root: Path):
        self.root, self.stages = root, {}
        index = Repo(root).index
        for stage in index.stages:
            commands = stage.cmd if isinstance(stage.cmd, list) else [stage.cmd]
            self.stages |= {name: stage for name in re.findall(r"python -m pipeline (\w+)", "\n".join(commands))}
        (plots,) = index._plots.values()
        self.plots = {}
        for each in plots:
            self.plots |= each if isinstance(each, dict) else {each: {}}

    def of(self, job: graph.Job):
        """The stage that runs a job."""
        return self.stages[job.stage]

    def paths(self, files) -> list[Path]:
        return [Path(each.fs_path).relative_to(self.root) for each in files if not hasattr(each, "params")]


@pytest.fixture(scope="module", params=["quickstart", "real-time", "speed"])
def read_by_dvc(tmp_path_factory, request) -> Declared:
    """What DVC reads while params.yaml holds a study."""
    workspace = copy_repository(tmp_path_factory.mktemp(request.param))
    if request.param != "quickstart":
        workspace.main("use", request.param)
    workspace.run("git", "init", "--quiet", ".")
    Repo.init(workspace.root).close()
    return Declared(workspace.root)


@pytest.fixture
def declared(read_by_dvc, monkeypatch) -> tuple[Declared, list[graph.Job]]:
    """The same, and the jobs of that study."""
    monkeypatch.chdir(read_by_dvc.root)
    return read_by_dvc, graph.jobs(params.load())


def test_a_stage_of_dvc_depends_on_all_that_its_jobs_depend_on(declared):
    """So nothing stale is skipped; that its folders hold more than a job depends on costs a command that returns."""
    found, jobs = declared
    for job in jobs:
        stage = found.of(job)
        made_in_it = {path for each in jobs if found.of(each) is stage for path in each.output_files}
        needed = [path for path in [*job.input_files, *job.sources] if path not in made_in_it and _says_something(path)]
        assert not [path for path in needed if not _below(path, found.paths(stage.deps))], job.name
        keys = [key for dependency in stage.deps if hasattr(dependency, "params") for key in dependency.params]
        assert not [key for key in job.params if not _covered(key, _sections(keys))], job.name
        assert not [path for path in job.output_files if not _below(path, found.paths(stage.outs))], job.name


def test_entries_that_may_be_like_others_are_depended_on_as_a_whole_section(declared):
    """DVC sees `like: paper` and not what the entry takes from `paper`."""
    for stage in declared[0].stages.values():
        keys = [key for dependency in stage.deps if hasattr(dependency, "params") for key in dependency.params]
        assert not [key for key in keys if "." in key and key.split(".")[0] in inheritance.SECTIONS]


def test_dvc_runs_every_stage_and_keeps_outputs_where_they_are(declared):
    stages = declared[0].stages
    assert stages.keys() == STAGES.keys()
    assert all(out.persist for stage in stages.values() for out in stage.outs)


def test_dvc_shows_each_figure_once_and_the_curves_of_every_variant(declared):
    found, _ = declared
    study = params.load().study
    formats = {name: "svg" if "svg" in figure.formats else "png" for name, figure in FIGURES.items()}
    figures = [f"results/{study.name}/figures/{name}.{kind}" for name, kind in formats.items()]
    curves = [{f"results/{study.name}/curves/{name}.csv": study.variants} for name in ("loss", "accuracy")]
    assert [plot["y"] for plot in found.plots.values() if plot] == curves
    assert [name for name, plot in found.plots.items() if not plot] == figures


def _says_something(path: Path) -> bool:
    """Packages whose `__init__` is a docstring or empty are no dependency."""
    return path.name != "__init__.py" or any(type(node).__name__ != "Expr" for node in tree(path).body)


def _below(path: Path, folders: list[Path]) -> bool:
    return any(path == folder or folder in path.parents for folder in folders)


# The graph itself

GRID = {"high": 0.2, "low": 0.01}


@pytest.fixture
def graded(workspace: Workspace) -> params.Params:
    """The tiny study from scratch, DFANet beside a peer, by a recipe that chooses its rate from two others on val."""

    def change(content):
        quick = content["recipes"]["quick"]
        content["study"] |= {"images": "none", "variants": ["single", "enet"], "seeds": [3]}
        content["data"]["synthetic"]["frames"]["val"] = 2
        for name, rate in GRID.items():
            content["recipes"][name] = quick | {"training": quick["training"] | {"score": "val", "learning_rate": rate}}
        content["recipes"]["quick"] = quick | {"training": quick["training"] | {"learning_rate": list(GRID)}}

    workspace.edit(change)
    return params.load()


@pytest.mark.parametrize("variant", ["single", "enet"])
def test_training_waits_for_the_scores_that_its_rate_is_chosen_by(graded, variant):
    jobs = graph.jobs(graded)
    final = next(job for job in jobs if job.name == f"train synthetic none quick {variant} 3")
    wanted = [Path(f"results/runs/synthetic/none/{recipe}/{variant}/0/scores.json") for recipe in GRID]
    assert list(final.inputs["trials"]) == wanted
    before = [job.name for job in jobs[: jobs.index(final)]]
    names = [f"{stage} synthetic none {recipe} {variant} 0" for recipe in GRID for stage in ("train", "evaluate")]
    assert [job.name for job in graph.trials(graded, final)] == names and set(names) <= set(before)


def test_a_trial_takes_no_scores_and_runs_with_one_seed(graded):
    trials = [job for job in graph.jobs(graded) if job.stage == "train" and job.wildcards["recipe"] in GRID]
    assert {job.wildcards["seed"] for job in trials} == {"0"} and len(trials) == 2 * len(GRID)
    assert {job.inputs["trials"] for job in trials} == {()}


def test_from_scratch_nothing_is_pretrained_and_no_weights_are_asked_for(graded):
    jobs = graph.jobs(graded)
    assert [job.name for job in jobs if job.stage in ("prepare", "pretrain")] == ["prepare synthetic"]
    assert {job.inputs["pretrained"] for job in jobs if job.stage == "train"} == {()}


def pretraining() -> graph.Job:
    return next(job for job in graph.jobs(params.load()) if job.stage == "pretrain")


def test_recipes_that_pretrain_alike_share_one_result(monkeypatch):
    """The recipes quick, choose and hour of params.yaml differ in their training alone."""
    monkeypatch.chdir(ROOT)
    loaded = params.load()
    assert len({graph.pretraining(loaded, recipe) for recipe in ("quick", "choose", "hour")}) == 1
    assert graph.pretraining(loaded, "paper") != graph.pretraining(loaded, "quick")


def test_training_asks_for_what_pretraining_makes(workspace):
    trained = [job for job in graph.jobs(params.load()) if job.stage == "train"]
    assert trained and {job.inputs["pretrained"] for job in trained} == {pretraining().outputs["weights"]}


def test_a_recipe_in_front_leaves_old_pretraining_where_it_is_and_a_changed_one_goes_elsewhere(workspace):
    before = pretraining()

    def put_in_front(content):
        content["recipes"] = {"first": content["recipes"]["quick"], **content["recipes"]}

    workspace.edit(put_in_front)
    assert pretraining() == before
    workspace.edit(lambda content: content["recipes"]["quick"]["pretraining"].update(seed=1))
    assert pretraining().record != before.record and pretraining().params["pretraining"]["seed"] == 1
