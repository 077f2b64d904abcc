"""Dilations, scales, activations and receptive fields of the peers, as read in their authors' code or by hand."""

import pytest
import torch
from torch import nn

from models.build import build
from models.deeplab import AtrousSeparable
from models.esp import ESP
from models.initialisation import initialise
from models.mobilenet import MobileNetV2
from models.peers import deeplab_v3plus, enet, fcn_8s, icnet, pspnet, u_net
from models.resnet import ResNet

CLASSES = 19


@pytest.fixture
def meta():
    with torch.device("meta"):
        yield


def dilations(model):
    """Of every 3x3 convolution, in order."""
    return [m.dilation[0] for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]


def test_every_block_of_pspnets_last_stages_dilates(meta):
    """pspnet101_cityscapes_713.prototxt: conv1 (3), conv2 (3), conv3 (4), conv4 (23) by 2, conv5 (3) by 4."""
    model = pspnet.Network(CLASSES)
    assert dilations(model.backbone) == [1] * (3 + 3 + 4) + [2] * 23 + [4] * 3
    assert dilations(model.head) == dilations(model.auxiliary) == [1]


def test_every_block_of_icnets_last_stages_dilates(meta):
    """icnet_cityscapes_bnnomerge.prototxt: as above with 6 blocks in conv4; conv_sub4 and conv_sub2 by 2."""
    model = icnet.Network(CLASSES)
    assert dilations(model.pspnet) == [1] * (3 + 3 + 4) + [2] * 6 + [4] * 3
    assert dilations(model.fuse_quarter) == dilations(model.fuse_half) == [2]


@pytest.mark.parametrize(
    ("output_stride", "last"), [(8, [1] + [2] * 5 + [2, 4, 4]), (16, [1] * 6 + [1, 2, 2]), (32, [1] * 9)]
)
def test_dfanets_own_resnet_leaves_a_first_block_at_the_rate_before_it(output_stride, last, meta):
    """As in TorchSeg, where strides are removed from a finished ResNet (`_nostride_dilate`)."""
    assert dilations(ResNet(50, output_stride, deep_stem=True)) == [1] * (3 + 3 + 4) + last


def test_mobilenet_dilates_after_the_first_block_that_does_not_halve(meta):
    """slim's mobilenet_base at output stride 16: 13 blocks before the row of 160, whose first still has rate 1."""
    model = MobileNetV2()
    depthwise = [m.dilation[0] for m in model.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    assert depthwise == [1] * (1 + 2 + 3 + 4 + 3) + [1, 2, 2] + [2]


def test_xception_dilates_in_its_last_three_convolutions_alone(meta):
    """stack_blocks_dense at output stride 16: the exit flow's first block keeps rate 1."""
    depthwise = [m.dilation[0] for m in deeplab_v3plus.Xception65().modules() if isinstance(m, nn.Conv2d)]
    assert [rate for rate in depthwise if rate > 1] == depthwise[-6::2] == [2, 2, 2]


def receptive_field(layers, length):
    """Columns from the first to the last that one value amid the output depends on, of an image one row high.

    All weights are positive and pooling averages, so that nothing cancels and no ReLU or maximum hides a path.
    """
    layers = layers.double().eval()
    for module in [*layers.modules()]:
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
    for parameter in layers.parameters():
        nn.init.constant_(parameter, 1 / parameter[0].numel() if parameter.dim() > 1 else 1)
    image = torch.ones(1, 3, 1, length, dtype=torch.float64, requires_grad=True)
    out = layers(image)
    out = out[-1] if isinstance(out, tuple) else out
    out[0, :, 0, out.shape[-1] // 2].sum().backward()
    seen = image.grad[0].sum(dim=(0, 1)).nonzero()
    return int(seen.max() - seen.min()) + 1


def test_receptive_field_of_icnets_backbone():
    """Stem and pooling 15 columns at stride 4; three 3x3 at 4, four at 8; six at 8 dilated by 2, three by 4."""
    field = 15 + 3 * 2 * 4 + 4 * 2 * 8 + 6 * 2 * 8 * 2 + 3 * 2 * 8 * 4
    assert field == 487
    assert receptive_field(icnet.Network(CLASSES).pspnet, 640) == field


def test_receptive_field_of_mobilenet():
    """Stem 3 at stride 2; 3x3 at strides 2, 2 (to 4), 4, 4 (to 8), 8, 8, 8 (to 16), then 6 and one more at 16, three
    dilated by 2."""
    field = 3 + 2 * (2 + 2 + 4 + 4 + 8 + 8 + 8 + (6 + 1) * 16 + 3 * 2 * 16)
    assert field == 491
    assert receptive_field(MobileNetV2(), 640) == field


def test_receptive_field_of_an_esp_is_that_of_its_widest_branch():
    assert receptive_field(nn.Sequential(nn.Conv2d(3, 5, 1, bias=False), ESP(5, 5)), 65) == 2 * 16 + 1


def test_enets_context_is_regular_dilated_and_asymmetric_in_turn(meta):
    """encoder.lua: kernels as rows x columns; of the asymmetric pair the one over columns comes first."""
    model = enet.Network(CLASSES)
    square, pair = (3, 3), [((1, 5), 1), ((5, 1), 1)]
    expected = [(square, 1), (square, 2), *pair, (square, 4), (square, 1), (square, 8), *pair, (square, 16)]
    for stage in (model.stage2, model.stage3):
        middles = [m for m in stage.modules() if isinstance(m, nn.Conv2d) and m.kernel_size != (1, 1)]
        assert [(m.kernel_size, max(m.dilation)) for m in middles] == expected


@pytest.mark.parametrize("name", ["enet", "espnet", "espnet-c"])
def test_norms_of_enet_and_espnet_have_the_eps_of_their_code(name, meta):
    assert {m.eps for m in build({"peer": name}, CLASSES).modules() if isinstance(m, nn.BatchNorm2d)} == {1e-3}


@pytest.mark.parametrize("name", ["deeplab-v3plus", "deeplab-v3plus-light"])
def test_deeplabs_encoders_have_another_eps_than_what_follows(name, meta):
    model = build({"peer": name}, CLASSES)
    found = {
        part: {m.eps for m in getattr(model, part).modules() if isinstance(m, nn.BatchNorm2d)}
        for part in ("encoder", "context", "decoder")
    }
    assert found == {"encoder": {1e-3}, "context": {1e-5}, "decoder": {1e-5}}


def test_fcn_scales_what_it_scores_of_pool3_and_pool4(monkeypatch):
    """voc-fcn8s-atonce/net.py: 0.0001 and 0.01."""
    monkeypatch.setattr(fcn_8s, "WIDTH", 8)
    model, images = fcn_8s.Network(CLASSES).eval(), torch.rand(1, 3, 64, 64)
    pooled, scored = [], {}
    model.encoder.register_forward_hook(lambda _, inputs, outputs: pooled.extend(outputs))
    for name in ("score8", "score16", "score32"):
        getattr(model, name).register_forward_pre_hook(lambda _, inputs, name=name: scored.update({name: inputs[0]}))
    with torch.inference_mode():
        model(images)
    for name, features, scale in zip(("score8", "score16", "score32"), pooled, (0.0001, 0.01, 1), strict=True):
        torch.testing.assert_close(scored[name], scale * features)


def test_fcn_starts_from_scores_of_zero(monkeypatch):
    monkeypatch.setattr(fcn_8s, "WIDTH", 8)
    model = fcn_8s.Network(CLASSES).eval()
    initialise(model, 0)
    with torch.inference_mode():
        assert not model(torch.rand(1, 3, 64, 64)).any()


def test_xceptions_blocks_activate_the_input_of_each_convolution_and_nothing_else():
    """xception.py: ReLU before each of the three separable convolutions, none inside them or after the sum."""
    inner, block = AtrousSeparable(4, 4, activation=False).eval(), deeplab_v3plus.Block(4, (4, 4, 4)).eval()
    x = torch.randn(1, 4, 9, 9)
    with torch.no_grad():
        torch.testing.assert_close(inner(-x), -inner(x))
        torch.testing.assert_close(block(-x.abs()), -x.abs())
        assert (block.body(x.abs()) < 0).any()
    assert [type(layer).__name__ for layer in block.body] == ["ReLU", "AtrousSeparable"] * 3


def test_xceptions_low_level_features_and_exit_flow_read_values_before_relu():
    model = deeplab_v3plus.Xception65().eval()
    initialise(model, 0)
    read = []
    model.exit[1].register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    with torch.inference_mode():
        low, high = model(torch.randn(1, 3, 64, 64))
    assert low.shape[1] == 256 and (low < 0).any() and (read[0] < 0).any() and (high >= 0).all()


def test_mobilenets_low_level_features_are_expanded_and_activated():
    """feature_extractor.py: layer_4/depthwise_output, six times 24 channels."""
    with torch.inference_mode():
        low, high = MobileNetV2().eval()(torch.randn(1, 3, 64, 64))
    assert low.shape == (1, 144, 16, 16) and (low >= 0).all()
    assert high.shape == (1, 320, 4, 4) and (high < 0).any()


def test_u_net_drops_out_its_two_deepest_steps_and_activates_what_it_upsamples(meta):
    """phseg_v5.prototxt of the authors' release."""
    steps = u_net.Network(CLASSES).contracting.steps
    assert [[m.p for m in step.modules() if isinstance(m, nn.Dropout)] for step in steps] == [[], [], [], [0.5], [0.5]]


def test_u_nets_up_convolutions_are_activated():
    step, read = u_net.Step(4), []
    step.body.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    left = torch.full((1, 4, 6, 6), -1.0)
    step(torch.randn(1, 8, 3, 3), left)
    assert torch.equal(read[0][:, :4], left) and (read[0][:, 4:] >= 0).all() and (read[0][:, 4:] > 0).any()
