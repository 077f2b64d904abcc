"""The optimisers that a recipe can use.

To add an optimiser, write its function here, add it to `OPTIMISERS`, and allow its name in pipeline/config/recipes.py.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim import Optimizer

if TYPE_CHECKING:
    from pipeline.config.recipes import Pretraining, Training

Parameters = Iterable[nn.Parameter]


def sgd(parameters: Parameters, recipe: "Pretraining | Training") -> Optimizer:
    """Stochastic gradient descent with momentum (Section 4)."""
    parameters = list(parameters)
    optimiser = torch.optim.SGD(parameters, momentum=recipe.momentum, **_shared(recipe))
    if recipe.precision == "float16" and recipe.momentum:
        # If the first step is skipped, torch leaves its momentum uninitialised, and the next step adds it.
        for parameter in parameters:
            optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimiser


def adamw(parameters: Parameters, recipe: "Pretraining | Training") -> Optimizer:
    """AdamW with the recipe's momentum as its first beta."""
    return torch.optim.AdamW(parameters, betas=(recipe.momentum, 0.999), **_shared(recipe))


def _shared(recipe: "Pretraining | Training") -> dict[str, float | bool]:
    # Fused: one kernel updates all of the about 600 small tensors. Separate kernels take a tenth of a step at 64x128.
    return {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay, "fused": True}


OPTIMISERS = {"sgd": sgd, "adamw": adamw}


def make(model: nn.Module, recipe: "Pretraining | Training") -> Optimizer:
    """Return the recipe's optimiser for `model`, with the recipe's settings."""
    return OPTIMISERS[recipe.optimiser](model.parameters(), recipe)
