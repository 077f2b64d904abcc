"""A prepared set of frames made of given arrays: what the stages after preparation are tested on."""

import json
from pathlib import Path

import numpy as np

from pipeline.data.reader import Prepared


def write_prepared(folder: Path, names: list[str], **splits: tuple[np.ndarray, ...]) -> Prepared:
    """Write images (N, H, W, 3), labels (N, H, W) and, if given, instances of each split, with classes `names`."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for split, arrays in splits.items():
        for kind, array in zip(("images", "labels", "instances"), arrays, strict=False):
            np.save(folder / f"{split}.{kind}.npy", array)
        count, *size = arrays[1].shape
        frames = [f"{split}_{index}" for index in range(count)]
        entries[split] = {"count": count, "size": size, "names": frames, "instances": len(arrays) == 3}
    classes = [{"name": name, "colour": [index, 0, 0]} for index, name in enumerate(names)]
    manifest = {"result": {"task": "segmentation", "classes": classes, "splits": entries}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Prepared(folder)
