"""Measures a training step in each mode: images per second, and its share of the roofline.

    python -m benchmarks.training_step [VARIANT] [--size 360x480] [--batch 16] [--precision float32] [--modes eager]

The batch is random and on the device already, so this is the pace of the network without its data. The roofline
(pipeline/timing/roofline.py) is the time that the step's arithmetic or its memory traffic takes at rates measured here:
for the whole step, and summed over its operations, which eager mode finishes one by one. If a mode takes much longer
than the sum over operations, it is bound by what starts them.
"""

import argparse
import statistics

import torch

from models.build import build
from models.initialisation import initialise
from pipeline.config import params
from pipeline.timing import roofline
from pipeline.training import modes, optimisers
from pipeline.training.steps import Step
from pipeline.utils import device as devices

CLASSES = 12
ROUNDS = 5
"""Measurements of each rate and of each mode; the median is reported."""


def step_of(variant: str, batch: int, precision: str, device: torch.device) -> Step:
    """Return a step of a variant with the recipe `converged` (SGD), without its data."""
    loaded = params.load()
    changed = {"batch_size": batch, "precision": precision, "learning_rate": 0.01}
    recipe = loaded.recipes["converged"].training.model_copy(update=changed)
    model = build(loaded.variants[variant].network, CLASSES)
    initialise(model, 0)
    model.to(device, memory_format=torch.channels_last).train()
    return Step(model, model, optimisers.make(model, recipe), recipe, device)


def random_batch(batch: int, size: tuple[int, int], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and labels of one batch on the device."""
    images = torch.rand(batch, 3, *size, device=device).contiguous(memory_format=torch.channels_last)
    return images, torch.randint(CLASSES, (batch, *size), device=device)


def rates(device: torch.device, precision: str) -> roofline.Rates:
    """Measure bytes and MACs per second; float32 convolutions use TF32 on a GPU, so its products count."""
    arithmetic = "tf32" if precision == "float32" and device.type == "cuda" else precision
    found = {}
    for ceiling in roofline.ceilings(device, [arithmetic]):
        unused = torch.zeros((), device=device)
        seconds = statistics.median(_timed(ceiling, unused) for _ in range(ROUNDS))
        found[ceiling.kind] = ceiling.work / seconds
    return roofline.Rates(found["copy"], found["product"])


def _timed(ceiling: roofline.Ceiling, unused: torch.Tensor) -> float:
    return modes.timed(lambda *_: ceiling.run(), unused, unused, steps=3)


def measure(mode: str, options: argparse.Namespace, size: tuple[int, int], device: torch.device) -> float:
    """Return the seconds of one step in a mode, the median of some rounds."""
    step = step_of(options.variant, options.batch, options.precision, device)
    batch = random_batch(options.batch, size, device)
    run = modes.MODES[mode](step, *batch)
    return statistics.median(modes.timed(run, *batch, steps=options.steps) for _ in range(ROUNDS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant", nargs="?", default="dfanet-a")
    parser.add_argument("--size", default="360x480")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--modes", nargs="+", default=list(modes.MODES), choices=modes.MODES)
    parser.add_argument("--steps", type=int, default=modes.TRIAL)
    options = parser.parse_args()
    rows, columns = map(int, options.size.split("x"))
    device = devices.choose(torch.get_num_threads())
    step = step_of(options.variant, options.batch, options.precision, device)
    images, labels = random_batch(options.batch, (rows, columns), device)
    operations = roofline.counted(lambda shown: step.take(shown, labels, 0.0), images)
    limit = roofline.limits(operations, rates(device, options.precision))
    made = devices.describe(device, options.precision)
    print(f"{options.variant}, {options.batch} images of {options.size}, {made['precision']}, on {made['device']}")
    print(f"{len(operations)} operations, {limit['macs'] / 1e9:.1f} GMACs, {limit['bytes'] / 1e9:.2f} GB")
    print(f"limits: whole step {limit['limit_ms']:.2f} ms, by operation {limit['limit_by_operation_ms']:.2f} ms")
    print(f"{'mode':<10}{'images/s':>10}{'ms/step':>10}{'of limit':>10}{'of limit by operation':>23}")
    for mode in options.modes:
        if mode == "captured" and device.type != "cuda":
            print(f"{mode:<10}needs a CUDA GPU")
            continue
        seconds = measure(mode, options, (rows, columns), device)
        shares = [limit[key] / 1000 / seconds for key in ("limit_ms", "limit_by_operation_ms")]
        rate = options.batch / seconds
        print(f"{mode:<10}{rate:>10.1f}{1000 * seconds:>10.2f}{shares[0]:>10.0%}{shares[1]:>23.0%}", flush=True)


if __name__ == "__main__":
    main()
