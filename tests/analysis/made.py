"""A small, made-up study on disk: records, curves, confusions and prepared frames that fit together."""

import hashlib
import json
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.config.study import Study
from pipeline.data.base import IGNORE
from pipeline.evaluation import metrics
from pipeline.utils.digests import digest
from tests.conftest import ROOT

KEPT = ROOT / "studies/figure-2"
CLASSES = ("road", "building", "sky", "tree", "car", "pole")
COLOURS = ((128, 64, 128), (128, 0, 0), (128, 128, 128), (128, 128, 0), (64, 0, 128), (192, 192, 128))
VARIANTS = ("single", "a", "b", "c", "d", "dfanet-a")
ERRORS = {"single": 0.20, "a": 0.19, "b": 0.12, "c": 0.20, "d": 0.18, "dfanet-a": 0.10}
"""Share of the pixels that each variant gets wrong."""
GMACS = {"single": 0.053, "a": 0.066, "b": 0.22, "c": 0.075, "d": 0.078, "dfanet-a": 0.105}
"""At 128x256."""
PROTOCOL = {"rounds": 5, "samples": 4, "stability": 0.1}
"""How the variants are timed."""


def confusions(truth: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """(N, C, C) int64 of (N, H, W) arrays; 255 in truth is left out."""
    pairs = truth.astype(int) * classes + predictions
    counts = [np.bincount(pair[true != 255], minlength=classes**2) for pair, true in zip(pairs, truth, strict=True)]
    return np.stack(counts).reshape(-1, classes, classes)


def scores(confusion: np.ndarray) -> dict[str, Any]:
    total = confusion.sum(0).astype(float)
    union = total.sum(0) + total.sum(1) - np.diag(total)
    iou = [np.diag(total)[i] / union[i] if union[i] else None for i in range(len(total))]
    return {
        "miou": float(np.mean([each for each in iou if each is not None])),
        "pixel_accuracy": float(np.trace(total) / total.sum()),
        "iou": dict(zip(CLASSES, iou, strict=True)),
        "absent": [name for name, each in zip(CLASSES, iou, strict=True) if each is None],
    }


@dataclass
class Made:
    """A study as its stages would leave it below `root`; change its fields, then `write()`."""

    root: Path
    variants: tuple[str, ...] = VARIANTS
    seeds: tuple[int, ...] = (0, 1, 2)
    frames: int = 10
    size: tuple[int, int] = (48, 64)
    epochs: int = 4
    errors: dict[str, float] = field(default_factory=lambda: dict(ERRORS))
    gmacs: dict[str, float] = field(default_factory=lambda: dict(GMACS))
    fused: dict[str, int] = field(default_factory=lambda: {"d": 2, "dfanet-a": 3})
    """Networks of the variants whose predictions are also kept by network."""
    floor_miou: float = 0.21
    pictures: int = 4
    forms: str | None = None
    """The variant whose deployment forms were timed too."""
    absent: tuple[int, ...] = ()
    """Classes that occur neither in truth nor in prediction."""
    truth: np.ndarray = field(init=False)
    predictions: dict[tuple[str, int], np.ndarray] = field(init=False, default_factory=dict)

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def prepared(self) -> Path:
        return self.root / "data/prepared"

    @property
    def study(self) -> Study:
        return Study(
            name="made", title="A made-up study", data="streets", images="crops", recipe="quick",
            variants=list(self.variants), baseline=self.variants[0], seeds=list(self.seeds),
            forms=self.forms,
        )  # fmt: skip

    def run(self, variant: str, seed: int) -> Path:
        return self.results / f"runs/streets/crops/quick/{variant}/{seed}"

    def write(self) -> "Made":
        rng = np.random.default_rng(0)
        self.truth = self._without_absent(self._scenes(rng))
        self._prepared(rng)
        for variant, seed in product(self.variants, self.seeds):
            rng = np.random.default_rng([seed, self.variants.index(variant)])
            self._train(variant, seed, rng)
            self._evaluate(variant, seed, rng)
        for index, variant in enumerate(self.variants):
            self._complexity(variant, index)
        self._floor()
        self._latency()
        if self.forms:
            self._forms(self.forms)
        # What was counted for the paper's own numbers is no part of a study: the kept records serve.
        (self.results / "paper").mkdir(exist_ok=True)
        for path in (KEPT / "paper").iterdir():
            link = self.results / "paper" / path.name
            link.unlink(missing_ok=True)
            link.symlink_to(path)
        return self

    def record(
        self, path: Path, result: Any, params: Any, inputs: Any = None, outputs: Any = None, **wildcards: str
    ) -> None:
        conditions = {
            "device": "cpu", "threads": 1, "precision": "float32", "commit": "0123456789abcdef", "dirty": False,
            "libraries": {"torch": "2.13.0"}, "finished": "2026-01-01T00:00:00+00:00",
        }  # fmt: skip
        stage = {"scores": "evaluate"}.get(path.stem, path.stem)
        stage = next((part for part in path.parts if part in ("complexity", "forms")), stage)
        record = {
            "stage": stage, "wildcards": wildcards, "params": params, "sources": {}, "inputs": inputs or {},
            "outputs": outputs or {}, "conditions": conditions, "result": result,
        }  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))

    def _scenes(self, rng: np.random.Generator) -> np.ndarray:
        height, width = self.size
        truth = np.full((self.frames, height, width), 2, np.uint8)
        for scene in truth:
            horizon = rng.integers(height // 3, height // 2)
            scene[horizon:] = 0
            for label in (1, 3, 4):
                top, left = rng.integers(horizon // 2, horizon), rng.integers(0, width * 2 // 3)
                scene[top : top + height // 4, left : left + width // 4] = label
            scene[horizon // 2 : horizon + 4, rng.integers(0, width - 3)] = 5
            scene[-2:] = 255
        return truth

    def _without_absent(self, labels: np.ndarray) -> np.ndarray:
        return np.where(np.isin(labels, self.absent), 0, labels)

    def _prepared(self, rng: np.random.Generator) -> None:
        folder = self.prepared / "streets"
        names = [f"street_{index:03d}" for index in range(self.frames)]
        split = {
            "count": self.frames, "size": list(self.size), "names": names,
            "class_pixels": np.bincount(self.truth.ravel(), minlength=256)[: len(CLASSES)].tolist(),
            "ignored_pixels": int((self.truth == IGNORE).sum()), "instances": False, "sha256": {},
        }  # fmt: skip
        classes = [{"name": name, "colour": list(colour)} for name, colour in zip(CLASSES, COLOURS, strict=True)]
        manifest = {"task": "segmentation", "classes": classes, "splits": {"test": split}}
        self.record(folder / "manifest.json", manifest, {}, data="streets")
        noise = rng.integers(0, 40, (*self.truth.shape, 3))
        images = np.clip(np.vstack([COLOURS, np.zeros((250, 3), int)])[self.truth] + noise, 0, 255).astype(np.uint8)
        np.save(folder / "test.images.npy", images)
        np.save(folder / "test.labels.npy", self.truth)

    def _train(self, variant: str, seed: int, rng: np.random.Generator) -> None:
        folder = self.run(variant, seed)
        folder.mkdir(parents=True, exist_ok=True)
        training = {
            "splits": ["train"], "score": "test", "crop_size": [128, 256], "frame_size": [128, 256],
            "epochs": self.epochs, "batch_size": 8, "optimiser": "adamw", "learning_rate": 0.02,
        }  # fmt: skip
        falling = np.exp(-np.arange(self.epochs) / 3) + rng.normal(0, 0.02, self.epochs)
        curve = {
            "epoch": np.arange(self.epochs) + 1,
            "learning_rate": 0.1,
            "loss": 2 * falling,
            "accuracy": 1 - falling / 2,
        }
        pd.DataFrame(curve).to_csv(folder / "curve.csv", index=False)
        self.record(
            folder / "train.json", {"epochs": self.epochs, "loss": float(curve["loss"][-1])},
            {"recipes.quick.training": training, f"variants.{variant}": self._variant(variant)},
            self._manifest(), self._digests(folder, "curve.csv") | self._weights(variant, seed),
            **self._wildcards(variant, seed),
        )  # fmt: skip

    def _predict(self, variant: str, rng: np.random.Generator) -> np.ndarray:
        rate = self.errors[variant] * rng.uniform(0.8, 1.2, (self.frames, 1, 1))
        wrong = (rng.random(self.truth.shape) < rate) | (self.truth == 255)
        guesses = rng.integers(0, len(CLASSES), self.truth.shape)
        return self._without_absent(np.where(wrong, guesses, self.truth))

    def _evaluate(self, variant: str, seed: int, rng: np.random.Generator) -> None:
        folder = self.run(variant, seed)
        predictions = self.predictions[variant, seed] = self._predict(variant, rng)
        confusion = confusions(self.truth, predictions, len(CLASSES))
        index = np.arange(0, self.frames, max(1, self.frames // 4))[: self.pictures]
        border, objects = self._parts(predictions)
        np.savez_compressed(folder / "confusion.npz", confusion=confusion, border=border, objects=objects)
        np.savez_compressed(
            folder / "predictions.npz", index=index, names=np.array([f"street_{i:03d}" for i in index]),
            predictions=predictions[index].astype(np.uint8), **self._networks(variant, predictions[index], rng),
        )  # fmt: skip
        near = {key: value for key, value in scores(border).items() if key != "absent"}
        result = scores(confusion) | {
            "split": "test", "frames": self.frames, "size": list(self.size), "input_size": [128, 256],
            "border": {"width": 3, **near},
            "objects": {"source": "components", "bins": metrics.recall_by_size(objects, [64])},
        }  # fmt: skip
        params = {
            "evaluation": {"border": 3, "sizes": [64]}, "recipes.quick.training.score": "test",
            "recipes.quick.training.frame_size": [128, 256], f"variants.{variant}": self._variant(variant),
        }  # fmt: skip
        self.record(
            folder / "scores.json", result, params, self._manifest() | self._weights(variant, seed),
            self._digests(folder, "confusion.npz", "predictions.npz"), **self._wildcards(variant, seed),
        )  # fmt: skip

    def _parts(self, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The confusion near borders, and the objects, which are the regions of cars and poles."""
        border, objects = [], []
        for index, (truth, prediction) in enumerate(zip(self.truth, predictions, strict=True)):
            near = np.where(metrics.border_band(truth, 3), truth, IGNORE)
            border.append(metrics.confusion(near, prediction, len(CLASSES)))
            found = metrics.objects(truth, metrics.components(truth, [4, 5]), prediction)
            objects.append(np.column_stack([np.full(len(found), index), found]))
        return np.stack(border), np.concatenate(objects)

    def _variant(self, variant: str) -> dict[str, Any]:
        networks = {"single": 1, "b": 1, "dfanet-a": 3}.get(variant, 2)
        return {"structure": variant, "networks": networks, "decoder": "HL"}

    def _networks(self, variant: str, predictions: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Worse from network to network."""
        count = self.fused.get(variant, 0)
        wrong = rng.random((count, *predictions.shape)) < 0.2 * np.arange(1, count + 1)[:, None, None, None]
        return {"networks": np.where(wrong, 0, predictions).astype(np.uint8)} if count else {}

    def _wildcards(self, variant: str, seed: int) -> dict[str, str]:
        return {"data": "streets", "images": "crops", "recipe": "quick", "variant": variant, "seed": str(seed)}

    def _manifest(self) -> dict[str, str]:
        return {"data/prepared/streets/manifest.json": digest(self.prepared / "streets/manifest.json")}

    def _weights(self, variant: str, seed: int) -> dict[str, str]:
        name = f"results/{self.run(variant, seed).relative_to(self.results)}/weights.pt"
        return {name: hashlib.sha256(name.encode()).hexdigest()}

    def _digests(self, folder: Path, *names: str) -> dict[str, str]:
        return {f"results/{folder.relative_to(self.results)}/{name}": digest(folder / name) for name in names}

    def _complexity(self, variant: str, index: int) -> None:
        macs = round(self.gmacs[variant] * 1e9)
        at = {
            "study": {"size": [128, 256], "macs": macs, "stages": {"all": macs}, "ptflops_macs": macs},
            "paper": {"size": [1024, 1024], "macs": 32 * macs, "stages": {"all": 32 * macs}, "ptflops_macs": 32 * macs},
        }
        self.record(
            self.results / f"complexity/streets/quick/{variant}.json",
            {"classes": len(CLASSES), "parameters": 550_000 * (index + 1), "megabytes": 2.2 * (index + 1), "at": at},
            {"complexity": {"paper_size": [1024, 1024]}, f"variants.{variant}": self._variant(variant)},
            data="streets", recipe="quick", variant=variant,
        )  # fmt: skip

    def _floor(self) -> None:
        everywhere = scores(confusions(self.truth, np.zeros_like(self.truth), len(CLASSES)))
        result = {
            "split": "test", "frames": self.frames, "miou": self.floor_miou, "pixel_accuracy": 0.6,
            "iou": dict.fromkeys(CLASSES, self.floor_miou), "absent": [],
            "majority": {"class": "road", "miou": everywhere["miou"], "pixel_accuracy": everywhere["pixel_accuracy"]},
        }  # fmt: skip
        self.record(self.results / "floor/streets/quick/floor.json", result, {}, data="streets", recipe="quick")

    def _latency(self) -> None:
        random = np.random.default_rng(2)
        rows = [
            {"variant": name, "mode": "eager float32", "device": "cpu", **timed(8.0 + index, name == "b", random)}
            for index, name in enumerate(self.variants)
        ]
        device = {"name": "a CPU", "threads": 1}
        result = {"device": device, "protocol": PROTOCOL, "size": [128, 256], "batch": 1, "rows": rows}
        self.record(self.results / "made/latency.json", result, {"latency": PROTOCOL}, study="made")

    def _forms(self, variant: str) -> None:
        random = np.random.default_rng(1)
        form = {"variant": variant, "device": "cpu", "size": [128, 256]}
        agreeing = {"difference": 2e-6, "tolerance": 1e-3, "agrees": True}
        rows = [
            form | agreeing | {"mode": mode} | timed(median, False, random)
            for mode, median in (("eager float32", 8.0), ("folded", 6.0), ("torch.export", 4.0))
        ]
        rows[-1] |= {"difference": 0.2, "agrees": False}
        result = {
            "device": {"name": "a CPU", "threads": 1}, "protocol": PROTOCOL, "size": [128, 256], "batch": 1,
            "rows": rows, "skipped": [{"mode": "AOTInductor", "reason": "no C++ compiler"}],
        }  # fmt: skip
        path = self.results / f"made/forms/{variant}.json"
        self.record(path, result, {"latency": PROTOCOL}, study="made", variant=variant)


def timed(median: float, drifts: bool, random: np.random.Generator) -> dict[str, Any]:
    """Samples with this median, and their figures; the last rounds are slower where the machine `drifts`."""
    samples = random.uniform(0.99, 1.01, (PROTOCOL["rounds"], PROTOCOL["samples"]))
    samples[-2:] *= 1.3 if drifts else 1
    samples *= median / np.median(samples)
    p90, p99 = np.percentile(samples, (90, 99)).tolist()
    median = float(np.median(samples))
    drift = abs(float(np.median(samples[-2:]) / np.median(samples[:2])) - 1)
    figures = {"median_ms": median, "p90_ms": p90, "p99_ms": p99, "fps": 1000 / median, "samples_ms": samples.tolist()}
    return figures | {"stable": drift <= PROTOCOL["stability"], "drift": drift}
