"""Opens a trained network that MLflow keeps, beside whose weights this module and models.zip lie."""

import sys
from pathlib import Path

import numpy as np
import torch

# The archive is missing where MLflow finds this module in the repository; `models` then lies there too.
sys.path.insert(0, str(Path(__file__).parents[2] / "models.zip"))

from models.build import build


class Network:
    """A network in evaluation mode on the CPU."""

    def __init__(self, path: str):
        content = torch.load(path, map_location="cpu", weights_only=True)
        model = build(**content["made_for"])
        model.load_state_dict(content["state"])
        self.model = model.eval().to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return class scores NxCxHxW of normalised images Nx3xHxW, both float32."""
        return self.model(torch.from_numpy(images).to(memory_format=torch.channels_last)).numpy()


def _load_pyfunc(path: str) -> Network:
    """Called by `mlflow.pyfunc.load_model`."""
    return Network(path)
