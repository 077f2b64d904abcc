"""`like`: an entry takes what it does not name from another entry; and DVC's writer leaves params.yaml as it is."""

import difflib

import pytest
from dvc.utils.hydra import apply_overrides

from pipeline.config import params
from pipeline.config.inheritance import resolve
from pipeline.utils.errors import BadInput
from tests.conftest import ROOT


def resolved(**recipes: object) -> dict:
    return resolve({"recipes": recipes}, "params.yaml")["recipes"]


BASE = {"pretraining": {"epochs": 9, "seed": 0}, "training": {"epochs": 5, "splits": ["train"], "flip": 0.5}}


def test_an_entry_changes_what_it_names_in_each_section_and_takes_the_rest():
    found = resolved(long={"like": "base", "training": {"epochs": 50, "splits": ["train", "val"]}}, base=BASE)
    assert found["long"] == {
        "pretraining": {"epochs": 9, "seed": 0},
        "training": {"epochs": 50, "splits": ["train", "val"], "flip": 0.5},
    }
    assert found["base"] == BASE, "the other entry stays as it is"


def test_an_entry_may_be_like_one_that_is_like_a_third():
    long, longer = {"like": "base", "training": {"epochs": 50}}, {"like": "long", "training": {"flip": 0}}
    assert resolved(base=BASE, long=long, longer=longer)["longer"]["training"] == {
        "epochs": 50, "splits": ["train"], "flip": 0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        (
            {"quick": BASE, "slow": {"like": "quik"}},
            r'^params.yaml: recipes.slow.like names "quik" \(did you mean "quick"\?\), known are quick, slow$',
        ),
        ({"slow": {"like": ["quick"]}}, r"""recipes.slow.like names "\['quick'\]", known are slow"""),
        ({"slow": {"like": None}}, 'recipes.slow.like names "None", known are slow'),
        ({"slow": {"like": "slow"}}, r"recipes.slow.like leads back to an entry that is like it \(slow -> slow\)"),
        (
            {"a": {"like": "b"}, "b": {"like": "c"}, "c": {"like": "b"}},
            r"^params.yaml: recipes.c.like leads back to an entry that is like it \(a -> b -> c -> b\); write out one",
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_in_a_sentence(entries, sentence):
    with pytest.raises(BadInput, match=sentence):
        resolved(**entries)


def test_a_chain_of_thousands_of_entries_is_followed():
    entries = {str(index): {"like": str(index - 1)} for index in range(1, 3000)}
    assert resolved(**{"0": BASE}, **entries)["2999"] == BASE


@pytest.mark.parametrize("section", ["data", "recipes", "variants"])
def test_what_is_no_mapping_is_left_to_the_checks_of_params(section):
    assert resolve({section: 3}, "x") == {section: 3}
    assert resolve({section: {"a": 3, "b": {"like": "a", "c": 1}}}, "x")[section] == {"a": 3, "b": {"c": 1}}


@pytest.mark.parametrize(
    ("override", "before", "after"),
    [
        ("recipes.quick.training.epochs=1", "      epochs: 8", "      epochs: 1"),
        (
            "recipes.paper.training.crop_size=96x192",
            "      crop_size: 1024x1024       # Section 4, Table 5",
            "      crop_size: 96x192          # Section 4, Table 5",
        ),
        ("study.seeds=[0,1,2]", None, "  - 2"),
        ("+variants.b.scale=2", "  b: {like: single, structure: b}", "  b: {like: single, structure: b, scale: 2}"),
    ],
)
def test_dvc_exp_run_s_changes_one_line_of_params_yaml(tmp_path, override, before, after):
    text, path = (ROOT / "params.yaml").read_text(), tmp_path / "params.yaml"
    path.write_text(text)
    apply_overrides(str(path), [override])
    changed = [line for line in difflib.ndiff(text.splitlines(), path.read_text().splitlines()) if line[0] in "-+"]
    assert changed == [f"{sign} {line}" for sign, line in (("-", before), ("+", after)) if line]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("crop_size", "64x", "crop_size is '64x': it must be rows x columns, as in 512x1024"),
        ("crop_size", "32x64", "crop_size.0 is 32: input should be greater than or equal to 64"),
        ("scale", "1 - 2", "scale is '1 - 2': it must be two numbers, as in 0.75 to 1.75"),
        ("scale", "2 to 1", "smaller first"),
    ],
)
def test_a_pair_may_be_one_word_and_is_checked_like_a_list(workspace, key, value, sentence):
    workspace.edit(lambda content: content["recipes"]["quick"]["training"].update({key: value}))
    with pytest.raises(BadInput, match=sentence):
        params.load()
    right = {"crop_size": "64x128", "scale": "0.5 to 1"}
    workspace.edit(lambda content: content["recipes"]["quick"]["training"].update(right))
    training = params.load().recipes["quick"].training
    assert training.crop_size == (64, 128) and training.scale == (0.5, 1.0)
