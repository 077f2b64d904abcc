"""A mistake in the parameters ends in one sentence that names the key, the value and what is allowed."""

import pytest

from models import space, structures
from models.attention import ATTENTIONS
from models.decoder import Decoder
from models.network import BACKBONES
from pipeline.__main__ import main
from pipeline.config import params, recipes, study, variants
from pipeline.training import losses, optimisers
from pipeline.utils.errors import BadInput
from tests.conftest import Workspace, copy_repository


@pytest.fixture
def workspace(tmp_path, monkeypatch) -> Workspace:
    """What parameters are read from, without the code; the test's working directory."""
    monkeypatch.chdir(tmp_path)
    return copy_repository(tmp_path, ("params.yaml", "studies", "data/paper"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda p: p["recipes"]["quick"]["training"].update(ephocs=3),
            r'recipes\.quick\.training\.ephocs is unknown \(did you mean "epochs"\?\); allowed here are batch_size, learning_rate',
        ),
        (lambda p: p["latency"].update(warmpu=3), r'latency\.warmpu is unknown \(did you mean "warmup"\?\)'),
        (lambda p: p["data"]["synthetic"].update(sede=3), r'data\.synthetic\.sede is unknown \(did you mean "seed"\?\)'),
        (lambda p: p["data"]["camvid"].update(dir="x"), r"data\.camvid\.dir is unknown.*allowed here are kind, directory"),
        (lambda p: p["variants"]["d"].update(network=2), r'variants\.d\.network is unknown \(did you mean "networks"\?\)'),
        (lambda p: p["floor"].pop("seed"), r"floor\.seed is missing; add it"),
        (lambda p: p["variants"]["d"].update(structure="tree"), r"variants\.d\.structure is 'tree': there is no such structure; known are a, b, c, d"),
        (lambda p: p["variants"]["d"].update(backbone="xception"), r"variants\.d\.backbone is 'xception': there is no such backbone \(did you mean \"xception-[ab]\"\?\)"),
        (lambda p: p["recipes"]["quick"]["training"].update(optimiser="adam"), r"training\.optimiser is 'adam': there is no such optimiser \(did you mean \"adamw\"\?\); known are sgd, adamw"),
        (lambda p: p["recipes"]["quick"]["training"].update(loss="crossentropy"), r"training\.loss is 'crossentropy': there is no such loss \(did you mean \"cross-entropy\"\?\)"),
        (lambda p: p["variants"]["d"].update(networks=7), r"variants\.d\.networks is 7: .*less than or equal to 4"),
        (lambda p: p["variants"]["d"].update(networks=1), r"variants\.d: structure d has 2 to 4 networks, not 1"),
        (lambda p: p["recipes"]["quick"]["training"].update(flip=1.5), r"recipes\.quick\.training\.flip is 1\.5: .*or equal to 1"),
        (lambda p: p["recipes"]["quick"]["training"].update(crop_size=[32, 64]), r"training\.crop_size\.0 is 32: .*to 64"),
        (lambda p: p["recipes"]["quick"]["training"].update(score="train"), r'score is "train", which splits .* train on'),
        (lambda p: p["recipes"]["quick"]["training"].update(scale=[1.75, 0.75]), r"scale is .*smaller first"),
        (lambda p: p["data"]["synthetic"].update(kind="video"), r"data\.synthetic\.kind is 'video': there is no such kind; known are synthetic, crops, images, camvid"),
        (lambda p: p["study"].update(variants=["single", "dd"]), r'study\.variants names "dd"( \(did you mean "d"\?\))?, known are'),
        (lambda p: p["variants"]["d"].update(training={"score": "val"}), r"variants\.d\.training\.score cannot differ within a study; allowed are batch_size"),
        (lambda p: p["variants"]["d"].update(training={"epoch": 2}), r'variants\.d\.training\.epoch is unknown \(did you mean "epochs"\?\)'),
        (lambda p: p["variants"]["d"].update(training={"epochs": 0}), r"variants\.d\.training\.epochs is 0: Input should be greater than or equal to 1"),
        (lambda p: p["study"].update(contrasts=[["d", "e"]]), r"contrasts names e, which is none of the variants"),
        (lambda p: p["study"].update(correction="bonferroni"), r"study\.correction is 'bonferroni': input should be 'holm' or 'none'"),
        (lambda p: p["study"].update(seeds=[0, 0]), r"seeds holds an entry twice: \[0, 0\]"),
        (lambda p: p["study"].update(baseline="dfanet-b"), r'baseline names dfanet-b, which is none of the variants'),
        (lambda p: p["study"].update(recipe="fast"), r'study\.recipe names "fast", known are paper, camvid'),
        (lambda p: p["study"].update(images="imagenets"), r'study\.images names "imagenets"'),
        (lambda p: p["study"].update(timed_at={"dfanet-b": [512, 1024]}), r"timed_at names dfanet-b, which is none of the variants \['single', 'd'\]"),
        (lambda p: p["study"].update(forms="dfanet-b"), r"forms names dfanet-b, which is none of the variants"),
        (lambda p: p["study"].update(variants=["single", "enet"]), r'study\.images is "crops", but enet cannot be pretrained here; write images: none'),
        (lambda p: p["variants"]["enet"].update(peer="enett"), r'variants\.enet\.peer is \'enett\': there is no such peer \(did you mean "enet"\?\); known are bisenet-1, bisenet-2'),
        (lambda p: p["recipes"]["quick"]["training"].update(learning_rate=["peers-high", "peers-lo"]), r'recipes\.quick\.training\.learning_rate names "peers-lo", known are'),
        (
            lambda p: p["recipes"]["quick"]["training"].update(learning_rate=["camvid", "peers-low"]),
            r"recipes\.quick\.training\.learning_rate names camvid, which must have a number for its learning rate and score another split than test",
        ),
        (
            lambda p: p["recipes"]["paper"]["training"].update(learning_rate=["peers", "camvid"]),
            r"recipes\.paper\.training\.learning_rate names peers, which must have a number for its learning rate",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_cure(workspace, change, sentence):
    workspace.edit(change)
    with pytest.raises(BadInput, match=sentence) as caught:
        params.load()
    assert str(caught.value).startswith("params.yaml: ") and "\n" not in str(caught.value)


def test_one_network_may_have_two_names_even_in_one_study(workspace):
    """An edit of one study's variant may make it another's; that stops neither."""
    workspace.edit(lambda p: (p["variants"].update(twin=p["variants"]["d"]), p["study"]["variants"].append("twin")))
    loaded = params.load()
    assert loaded.variants["twin"] == loaded.variants["d"] and "twin" in loaded.study.variants


def test_the_command_line_prints_the_sentence_alone_and_the_traceback_on_demand(workspace):
    workspace.edit(lambda p: p["floor"].update(seed="zero"))
    done = workspace.pipeline("plan", check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: params.yaml: floor.seed is 'zero': ") and done.stderr.count("\n") == 1
    with pytest.raises(BadInput, match="floor.seed is 'zero'"):
        main(["plan", "--debug"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("plan", "camvod"), 'there is no study "camvod" (did you mean "camvid"?); known are quickstart, aggregation, backbones'),
        (("complexity", "synthetic", "quick", "x"), 'params.yaml has no variant "x"; known are single, a, b, c, d,'),
        (("train", "synthetic", "crops", "quick", "d", "one"), 'the seed is "one"; it must be a whole number from 0'),
    ],
)  # fmt: skip
def test_a_misspelt_argument_is_named_with_what_is_known(workspace, arguments, sentence):
    done = workspace.main(*arguments, check=False)
    assert done.returncode == 1 and sentence in done.stderr


@pytest.mark.parametrize("study", params.studies())
def test_every_study_of_the_repository_loads(study):
    loaded = params.load(study)
    assert loaded.study.name == study and set(loaded.study.variants) <= set(loaded.variants)


def test_no_yaml_and_a_missing_file_are_told_apart(workspace):
    (workspace.root / "params.yaml").write_text("study: [")
    with pytest.raises(BadInput, match=r"params\.yaml is not valid YAML"):
        params.load()
    (workspace.root / "params.yaml").unlink()
    with pytest.raises(BadInput, match=r"params\.yaml is missing; run this from the root of the repository"):
        params.load()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("study: {name: mine, variantz: [d]}", r'study\.variantz is unknown \(did you mean "variants"\?\)'),
        ("study: {name: mine}\nrecipes: {}", "holds recipes; only the section study is allowed"),
        ("study:", "study.name must be mine, the name of its file"),
    ],
)
def test_a_mistake_in_a_study_s_file_is_said_of_that_file(workspace, content, sentence):
    path = workspace.root / "studies/mine.yaml"
    path.write_text(content)
    with pytest.raises(BadInput, match=rf"^studies/mine\.yaml:? .*{sentence}"):
        params.load("mine")


def test_the_names_in_the_space_are_the_networks_that_exist():
    assert list(BACKBONES) == space.BACKBONES and list(ATTENTIONS) == space.ATTENTIONS
    for name in space.STRUCTURES:
        networks = 1 if name in space.SINGLE_NETWORK else 2
        assert len(structures.find(name)("xception-b", "none", networks).networks) == networks
    with_paths = {kind: (decoder.high is not None, decoder.low is not None) for kind, decoder in decoders().items()}
    assert with_paths == {"none": (False, False), "HL": (True, False), "HL+LL": (True, True)}


def decoders():
    return {kind: Decoder(kind, [4, 4], [4, 4], classes=2) for kind in space.DECODERS}


def test_the_losses_and_optimisers_of_a_recipe_are_those_that_exist():
    assert tuple(losses.LOSSES) == recipes.LOSSES
    assert tuple(optimisers.OPTIMISERS) == recipes.OPTIMISERS


def test_a_field_at_its_default_is_in_no_record():
    """So a new field with a default leaves earlier results valid; a value that is given is recorded."""
    loaded = params.load("cityscapes")
    recorded = params.lookup(loaded, "study"), params.lookup(loaded, "recipes.paper.training")
    assert "forms" not in recorded[0] and recorded[0]["timed_at"]["dfanet-a"] == [1024, 1024]
    assert "loss" not in recorded[1] and recorded[1]["frame_size"] == [1024, 2048]
    assert params.lookup(loaded, "recipes.paper.training.frame_size") == [1024, 2048]
    assert params.lookup(loaded, "variants.dfanet-a-half")["scale"] == 0.5


def test_a_variant_may_be_trained_otherwise_than_its_studys_recipe(workspace):
    workspace.edit(lambda p: p["variants"]["d"].update(training={"optimiser": "sgd", "learning_rate": 0.1}))
    loaded = params.load()
    changed, same = loaded.training("quick", "d"), loaded.training("quick", "single")
    assert (changed.optimiser, changed.learning_rate) == ("sgd", 0.1) and same == loaded.recipes["quick"].training
    assert changed.model_copy(update={"optimiser": "adamw", "learning_rate": same.learning_rate}) == same
    assert params.lookup(loaded, "variants.d")["training"] == {"optimiser": "sgd", "learning_rate": 0.1}
    assert "training" not in loaded.variants["d"].network, "the network is the same"


def test_no_default_changes():
    """Records leave defaults out: with another default they would mean something else, and nothing would notice."""
    sections = (study.Study, recipes.Training, recipes.Pretraining, variants.Variant)
    found = {
        key: field.default for kind in sections for key, field in kind.model_fields.items() if not field.is_required()
    }
    assert found == {
        "timed_at": {}, "timed_over": [], "forms": None, "question": "", "contrasts": [], "correction": "holm", "smallest_effect": 1.0,
        "frames_per_block": 1, "training": {}, "scratch": False, "loss": "cross-entropy", "precision": "float32", "accumulate": 1, "processes": 1, "step": "eager", "scale": 1.0, "interpretation": "first",
    }  # fmt: skip
