"""Runs networks for their shapes alone."""

from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode


class ShapesOnly(TorchFunctionMode):
    """On the meta device, norms and resizes give a tensor of their output's shape and compute nothing else.

    No counter counts them, and torch derives their shapes by many operations in Python, which takes longer than all the
    rest of a count.
    """

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is F.batch_norm and args[0].is_meta:
            return torch.empty_like(args[0])
        if function is F.interpolate and args[0].is_meta and kwargs.get("size"):
            return args[0].new_empty(*args[0].shape[:2], *kwargs["size"])
        return function(*args, **kwargs)
