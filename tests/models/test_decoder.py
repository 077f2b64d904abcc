"""The decoder (Figure 3) against its sum written out: which outputs meet, where they are resized, and to what size."""

import pytest
import torch
import torch.nn.functional as F

from models.decoder import Decoder

SIZE = (13, 17)
HIGH, LOW = [4, 5, 6], [2, 3, 2]


def outputs():
    """Of three networks: the first one's stride is four, each next one's twice that."""
    random = torch.Generator().manual_seed(0)
    high = [torch.randn(2, width, 4 - n, 5 - n, generator=random) for n, width in enumerate(HIGH)]
    low = [torch.randn(2, width, -(-13 // 2**n), -(-17 // 2**n), generator=random) for n, width in enumerate(LOW)]
    return high, low


def fused(path, features):
    """The sum of all, each through its own convolution, at the size of the first network's enc2."""
    reduced = [reduce(x) for reduce, x in zip(path.reduce, features, strict=True)]
    return sum(F.interpolate(x, SIZE, mode="bilinear", align_corners=False) for x in reduced)


@pytest.mark.parametrize("kind", ["HL", "HL+LL"])
def test_the_paths_add_every_network_s_output(kind):
    torch.manual_seed(0)
    decoder, (high, low) = Decoder(kind, HIGH, LOW, classes=7).eval(), outputs()
    with torch.no_grad():
        expected = fused(decoder.high, high)
        if kind == "HL+LL":
            expected = expected + decoder.merge(fused(decoder.low, low))
        scores = decoder(high, low)
        assert scores.shape == (2, 7, *SIZE)
        torch.testing.assert_close(scores, decoder.classify(expected))


def test_without_paths_the_last_network_s_output_is_classified():
    decoder, (high, low) = Decoder("none", HIGH, LOW, classes=7), outputs()
    torch.testing.assert_close(decoder(high, low), decoder.classify(high[2]))
