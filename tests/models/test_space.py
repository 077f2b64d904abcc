"""Every choice in the space of variants changes what it names and nothing else, and every parameter is trained.

Points and neighbours are those of `space.pairwise`: every pair of choices that exists is tested, not every combination.
"""

import re
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from models.build import build
from models.initialisation import initialise
from pipeline.complexity.macs import count_layers
from pipeline.config.variants import Variant
from tests.models.space import ALLOWED, FORBIDDEN, SHARE, TESTED, name, pairs, pairwise

CLASSES, SIZE = 5, (65, 97)


def trained_once(model):
    """Names of the parameters whose gradient is missing or zero after one loss on noise of an odd size."""
    random = torch.Generator().manual_seed(0)
    images = torch.rand(3, 3, *SIZE, generator=random)
    labels = torch.randint(CLASSES, (3, *SIZE), generator=random)
    scores = model.train()(images)
    assert scores.shape == (3, CLASSES, *SIZE)
    F.cross_entropy(scores, labels).backward()
    return [key for key, value in model.named_parameters() if value.grad is None or not value.grad.any()]


def test_every_pair_of_choices_that_exists_is_tested():
    assert set().union(*map(pairs, TESTED)) == set().union(*map(pairs, ALLOWED))
    assert len(TESTED) < len(ALLOWED) / 5


@pytest.fixture(scope="module")
def seen():
    """The first value of each tensor, by its name and shape, over all points."""
    return {}


@pytest.mark.parametrize("point", TESTED, ids=name)
def test_every_point_trains_all_of_itself_and_starts_like_its_neighbours(point, seen):
    model = build(Variant(**point).model_dump(), CLASSES)
    initialise(model, seed=0)
    drawn = {key: value for key, value in model.state_dict().items() if not re.fullmatch(SHARE, key)}
    for key, value in drawn.items():
        assert torch.equal(seen.setdefault((key, value.shape), value.clone()), value), key
    assert trained_once(model) == []


@pytest.mark.parametrize("decoder", ["none", "HL", "HL+LL"])
def test_the_fitted_reading_and_scales_train_all_of_themselves(decoder):
    point = {"structure": "d", "backbone": "xception-b", "attention": "fc", "networks": 2, "decoder": decoder}
    model = build(Variant(**point, interpretation="fitted", scale=0.5).model_dump(), CLASSES)
    initialise(model, seed=0)
    assert trained_once(model) == []


def test_what_does_not_exist_is_refused_in_one_sentence():
    for point in FORBIDDEN:
        with pytest.raises(ValidationError) as caught:
            Variant(**point)
        sentence = caught.value.errors()[0]["msg"]
        assert point["structure"] in sentence.split() or point["backbone"] in sentence.split(), point
        assert re.search(r"has .* networks?, not \d|must be .*, not ", sentence) and "\n" not in sentence, point


def test_every_point_that_exists_is_a_variant():
    for point in ALLOWED:
        Variant(**point)


@cache
def layers(point):
    """Each layer's parameter shapes and MACs; with arithmetic, which is faster than the meta device on small images."""
    with pytest.MonkeyPatch.context() as patched:  # weights that nobody reads are not drawn
        patched.setattr(torch.nn.init, "kaiming_uniform_", lambda weight, **options: torch.nn.init.zeros_(weight))
        model = build(dict(point), CLASSES).eval()
    macs = count_layers(model, torch.empty(1, 3, 33, 65))
    return {
        key: (macs.get(key, 0), tuple(tuple(value.shape) for value in layer.parameters()))
        for key, layer in model.named_modules()
        if not [*layer.children()]
    }


def changed(before, after):
    """Names of layers that only one of two points has, or that differ between them."""
    before, after = (layers(tuple(sorted(point.items()))) for point in (before, after))
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def turned(axis, value, other):
    """Pairs of neighbours along an axis, with every pair of the other choices that such neighbours have."""
    before = pairwise([point for point in ALLOWED if point[axis] == value and point | {axis: other} in ALLOWED])
    return [pytest.param(point, point | {axis: other}, id=name(point)) for point in before]


FIRST_BLOCKS = r"structure\.networks\.[123]\.backbone\.enc[234]\.0\.(body\.0\..*|shortcut\..*)"


@pytest.mark.parametrize(("before", "after"), turned("attention", "none", "fc"))
def test_attention_adds_itself_and_nothing_else(before, after):
    found = changed(before, after)
    channels = {"xception-a": 192, "xception-b": 128, "resnet-50": 2048}[before["backbone"]]
    numbers = range(before["networks"])
    # Without attention its place is held by an identity, a leaf of its own.
    layers_of = ("", ".fc", ".before", ".back", ".norm", ".gate")
    parts = {f"structure.networks.{n}.attention{part}" for n in numbers for part in layers_of}
    assert found == parts
    macs = {key: layers(tuple(sorted(after.items()))).get(key, (0,))[0] for key in found}
    assert sum(macs.values()) == before["networks"] * 2 * 1000 * channels


@pytest.mark.parametrize(
    ("before", "after"), [p for pair in (("none", "HL"), ("HL", "HL+LL")) for p in turned("decoder", *pair)]
)
def test_a_decoder_path_changes_the_decoder_alone(before, after):
    found = changed(before, after)
    assert found and all(key.startswith("decoder.") for key in found)
    if after["decoder"] == "HL+LL":
        assert all(key.startswith(("decoder.low.", "decoder.merge.")) for key in found)


@pytest.mark.parametrize(("before", "after"), [p for n in (2, 3) for p in turned("networks", n, n + 1)])
def test_one_network_more_changes_itself_and_its_way_into_the_decoder(before, after):
    number = before["networks"]
    own = (f"structure.networks.{number}.", f"decoder.high.reduce.{number}.", f"decoder.low.reduce.{number}.")
    # Without a decoder the last network is the one that is classified: where it stands, and so its size, changes.
    last = ("decoder.classify",) if before["decoder"] == "none" else ()
    found = changed(before, after)
    assert any(key.startswith(own[0]) for key in found)
    assert all(key.startswith(own + last) for key in found)


@pytest.mark.parametrize(("before", "after"), turned("structure", "c", "d"))
def test_stage_reuse_widens_the_first_block_of_each_later_stage(before, after):
    found = changed(before, after)
    assert found and all(re.fullmatch(FIRST_BLOCKS, key) for key in found)
    assert {key.split(".")[2] for key in found} == {str(n) for n in range(1, before["networks"])}


@pytest.mark.parametrize(("before", "after"), turned("structure", "single", "b"))
def test_pyramid_pooling_adds_a_context_and_what_reads_it(before, after):
    found = changed(before, after)
    reads = "decoder.classify" if before["decoder"] == "none" else "decoder.high.reduce.0.0"
    assert {key for key in found if not key.startswith("structure.context.")} == {reads}


FITTED = (
    r"structure\.networks\.\d\.backbone\.enc[234]\.\d\.(body\.\d\.norm|shortcut\..*)",
    r"decoder\.merge\..*",
    r"structure\.networks\.\d\.attention\.(back|norm)",
)


@pytest.mark.parametrize("point", [p for p in TESTED if p["networks"] in (1, 3)], ids=name)
def test_the_fitted_reading_changes_shortcuts_depthwise_norms_the_merge_and_the_gate(point):
    found = changed(point, point | {"interpretation": "fitted"})
    blocks, merge, gate = ({key for key in found if re.fullmatch(part, key)} for part in FITTED)
    assert found == blocks | merge | gate
    assert bool(blocks) == (point["backbone"] != "resnet-50")
    assert bool(merge) == (point["decoder"] == "HL+LL")
    assert bool(gate) == (point["attention"] == "fc")


def test_scale_changes_no_module_and_costs_what_the_smaller_image_does():
    point = {"structure": "d", "backbone": "xception-a", "attention": "fc", "networks": 3, "decoder": "HL+LL"}
    whole, half = (build(point | extra, CLASSES).eval() for extra in ({}, {"scale": 0.5}))
    assert {k: v.shape for k, v in whole.state_dict().items()} == {k: v.shape for k, v in half.state_dict().items()}
    assert count_layers(half, torch.empty(1, 3, 128, 256)) == count_layers(whole, torch.empty(1, 3, 64, 128))
    assert half(torch.empty(2, 3, 97, 131)).shape == (2, CLASSES, 97, 131)


def test_scale_shows_the_network_the_mean_of_each_patch():
    """Antialiased, a checkerboard of single pixels becomes grey; by points it would stay black or white."""
    model = build(ALLOWED[0] | {"scale": 0.25}, CLASSES).eval()
    seen = []
    model.structure.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(96), indexing="ij")
    model(((rows + columns) % 2).float().expand(1, 3, 64, 96))
    assert seen[0].shape == (1, 3, 16, 24)
    torch.testing.assert_close(seen[0][..., 2:-2, 2:-2], torch.full((1, 3, 12, 20), 0.5), rtol=0, atol=0.02)
