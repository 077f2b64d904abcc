"""At which sizes structures exist: maps counted by hand, and kernels held against torch's own convolutions."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pipeline import plan
from pipeline.complexity import reach
from pipeline.config import params

VARIANTS = params.load().variants


def said(size, *names):
    return reach.warnings({name: VARIANTS[name] for name in names}, 5, [size])


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        # Stride 16: 4x8. With 304 rows there are 19, one more than the largest rate; with 288 there are 18.
        (
            "b", (64, 128),
            "b: at 64x128, in `context` on a feature map of 4x8, 3x3 convolutions of rate 6 act as 1x3 and 3x3 "
            "convolutions of rates 12 and 18 act as 1x1; images of at least 304x304 avoid this",
        ),
        # Strides 16, 32 and 64 at the three networks' ends: 4x8, 2x4, 1x2. 80 rows give 5, 3 and 2.
        (
            "dfanet-a", (64, 128),
            "dfanet-a: at 64x128, in `enc4` of network 3 on a feature map of 1x2, 3x3 convolutions act as 1x3; "
            "images of at least 80x80 avoid this",
        ),
        (
            "dfanet-a-half", (96, 128),
            "network 3 on a feature map of 1x1, 3x3 convolutions act as 1x1; images of at least 14",
        ),
        # Rates to 16 at strides 4 (16x32) and 8 (8x16); 16 needs 17 rows, which 144 give.
        (
            "espnet", (64, 128),
            "espnet: at 64x128, in `decoder` and `encoder` on a feature map of 16x32, 3x3 convolutions of rate 16 act "
            "as 1x3; in `encoder` on a feature map of 8x16, 3x3 convolutions of rate 8 act as 1x3 and 3x3 "
            "convolutions of rate 16 act as 1x1; images of at least 144x144 avoid this",
        ),
        ("enet", (64, 128), "in `stage2` and `stage3` on a feature map of 8x16, 3x3 convolutions of rate 8 act as 1x3"),
        # Stride 32: 2x4. To pool into 6 rows takes 7, which 208 give.
        (
            "fast-scnn", (64, 128),
            "fast-scnn: at 64x128, pooling to 2x2 and 3x3 bins does not reduce the height of a feature map of 2x4; "
            "pooling to 6x6 bins does not reduce a feature map of 2x4; images of at least 208x208 avoid this",
        ),
    ],
)  # fmt: skip
def test_maps_by_hand(name, size, expected):
    (sentence,) = said(size, name)
    assert expected in sentence


@pytest.mark.parametrize(("name", "last"), [("b", 288), ("dfanet-a", 64), ("espnet", 128), ("fast-scnn", 192)])
def test_nothing_is_said_from_the_named_size_on(name, last):
    """`last` is the largest multiple of 16 that is too small, by hand as above; one side may be longer."""
    assert said((last, 1024), name) and said((1024, last), name)
    assert said((last + 16, last + 16), name) == said((1024, 1024), name) == []


def test_variants_with_one_fault_share_a_sentence():
    first, second = said((64, 128), "b", "dfanet-a", "single", "xception-a-aspp")
    assert first.startswith("b and xception-a-aspp: at") and second.startswith("dfanet-a: at")


def test_a_size_too_small_for_any_image_is_said():
    variant = VARIANTS["b"].model_copy(update={"scale": 0.05})
    assert "even images of 4096x4096 do not avoid this" in reach.warnings({"b": variant}, 5, [(64, 64)])[0]


@pytest.mark.parametrize("kernel", [(3, 3), (5, 1), (1, 5)])
def test_a_kernel_acts_as_what_is_left_of_it(kernel):
    """torch's convolution with the whole kernel is the one with the centre that is left, and no less of it will do."""
    for rows, columns, rate in product((1, 2, 3, 4), (1, 3), (1, 2, 3, 4)):
        layer = nn.Conv2d(1, 1, kernel, dilation=rate, padding=[rate * (k // 2) for k in kernel], bias=False)
        whole = layer.weight.detach().fill_(1.0)
        found = reach.Convolution("", (rows, columns), kernel, layer.dilation)
        image = torch.ones(1, 1, rows, columns)
        for along, side in enumerate(kernel):
            centre = whole.narrow(2 + along, side // 2, 1)
            padding = [0 if along == other else rate * (k // 2) for other, k in enumerate(kernel)]
            same = torch.equal(F.conv2d(image, centre, dilation=rate, padding=padding), layer(image))
            assert same == (found.left[along] == 1), (rows, columns, rate)


def test_the_plan_says_it_for_the_size_trained_on_and_the_one_scored():
    loaded = params.load()
    recipe = loaded.recipes["quick"]
    training = recipe.training.model_copy(update={"crop_size": (64, 128), "frame_size": (64, 256)})
    study = loaded.study.model_copy(update={"variants": ["single", "b"]})
    recipes = {"quick": recipe.model_copy(update={"training": training})}
    small, large = plan._sizes(loaded.model_copy(update={"study": study, "recipes": recipes}))
    assert small.startswith("sizes      b: at 64x128") and large.startswith("sizes      b: at 64x256")
