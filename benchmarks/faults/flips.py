"""A byte in a file is flipped as a disk does it: neither the size nor the times of the file say so."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

from benchmarks.faults.study import ENGINES, Lost, Study, kill
from pipeline.utils import remembered

FLIPS = 3
"""Files of a kind that get a flipped byte at once."""
RUNS, STUDY = "results/runs/*/*/*/*/*", "results/quickstart"
KINDS = {
    "prepared arrays": ("data/prepared/*/*.npy",),
    "weights": (f"{RUNS}/weights.pt", "results/pretrained/*/*/*/weights.pt"),
    "records": (f"{RUNS}/*.json", "results/pretrained/*/*/*/*.json", f"{STUDY}/*.json", "results/paper/*.json")
    + ("results/floor/*/*/*.json", "results/complexity/*/*/*.json", "data/prepared/*/manifest.json"),
    "training curves": (f"{RUNS}/curve.csv", "results/pretrained/*/*/*/curve.csv"),
    "confusion matrices": (f"{RUNS}/confusion.npz",),
    "predictions": (f"{RUNS}/predictions.npz",),
    "tables, figures and report": (f"{STUDY}/*/*.*", f"{STUDY}/report.html"),
}
NOTES = ("work/found.json", "work/stamps/**/*.stamp", ".snakemake/metadata/*")
"""What only saves time."""
TRAIN = ("python", "-m", "pipeline", "train", "synthetic", "crops", "quick", "d", "0")


def flip(path: Path, random: Random) -> None:
    """Change one bit of one byte in place."""
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    with path.open("r+b") as file:
        file.write(content)


def flip_unseen(root: Path, paths: Iterable[Path], random: Random) -> None:
    """Flip a bit in each file, and leave what is remembered of the files as if their times had not changed."""
    for path in paths:
        flip(path, random)
    remember(root, root)


def remember(root: Path, before: Path) -> None:
    """Let a study at `root` remember of its files, as they are now, what one at `before` remembered of its own."""
    store = root / "work/found.json"
    if store.exists():
        content, found = json.loads(store.read_text()), {}
        for question, (_, answer) in content["found"].items():
            asked, _, place = question.partition(" ")
            path = root / Path(place).relative_to(before)
            state = path.stat()
            found[f"{asked} {path}"] = [state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns], answer
        store.write_text(json.dumps(content | {"found": found}))


def results(kind: str) -> Callable[[Study], str]:
    """Run `verify`, then Snakemake. Each file must be named by the first or made again by the second."""

    def attempt(study: Study) -> str:
        study.copy_finished()
        remember(study.root, study.reference.root)
        files = sorted(path for pattern in KINDS[kind] for path in study.root.glob(pattern))
        chosen = study.random.sample(files, min(FLIPS, len(files)))
        flip_unseen(study.root, chosen, study.random)
        study.faults += len(chosen)
        flipped = {path: path.read_bytes() for path in chosen}
        time.sleep(2 * remembered.SETTLED / 1e9)  # a disk flips a byte in a file that was not just written
        _, said = study.call("python", "-m", "pipeline", "verify")
        named = {path for path in chosen if str(path.relative_to(study.root)) in said}
        study.must(*ENGINES["snakemake"])
        missed = [path for path, content in flipped.items() if path.read_bytes() == content]
        if missed:
            by = "`verify` alone" if missed[0] in named else "neither `verify` nor the next run"
            raise Lost(f"{missed[0].relative_to(study.root)} stayed as it was; noticed by {by}")
        study.check()
        if len(named) == len(chosen):
            return "`verify` names each; the next run made them again"
        return f"`verify` names {len(named)} of {len(chosen)}; the next run made all again"

    return attempt


def checkpoint(study: Study) -> str:
    """In the checkpoint of a training that was killed."""
    study.copy_finished()
    for name in ("train.json", "weights.pt", "curve.csv"):
        (study.root / "results/runs/synthetic/crops/quick/d/0" / name).unlink()
    process = study.start(*TRAIN)
    while not (left := [*study.root.glob("work/checkpoints/**/train.pt")]):
        if process.poll() is not None:
            raise Lost("the training ended before its first epoch")
        time.sleep(0.02)
    kill(process)
    flip(left[0], study.random)
    study.faults += 1
    code, said = study.call(*TRAIN)
    if code and "delete it" in said:
        left[0].unlink()
    elif code:
        raise Lost(f"no sentence about the checkpoint, but: {said[-200:]}")
    study.finish("snakemake")
    return "a sentence says to delete it" if code else "in no value that training reads"


def notes(study: Study) -> str:
    """In the files that tell what is current: a run may compute more than it must, but nothing wrong."""
    study.copy_finished()
    remember(study.root, study.reference.root)
    files = sorted(path for pattern in NOTES for path in study.root.glob(pattern))
    for path in [study.root / NOTES[0], *study.random.sample(files, FLIPS)]:
        flip(path, study.random)
        study.faults += 1
    study.finish("snakemake")
    return "no result depends on them"


def database(study: Study) -> str:
    """In MLflow's database, which `track` completes from the results or, deleted, writes again."""
    study.copy_finished()
    path = study.root / "mlflow.db"
    flip(path, study.random)
    study.faults += 1
    code, said = study.call("python", "-m", "pipeline", "track", "quickstart", "--force")
    if code and "delete it" in said:
        path.unlink()
        study.must("python", "-m", "pipeline", "track", "quickstart", "--force")
    elif code:
        raise Lost(f"no sentence about the database, but: {said[-200:]}")
    study.finish("snakemake")
    return "a sentence says to delete it; `track` wrote it again" if code else "`track` writes what differs again"
