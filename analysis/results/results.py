"""The results of a study, read once and checked."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.results import diagnosis, records
from analysis.results.checks import CONFUSION, PREDICTIONS, pixels_of, recompute
from analysis.results.differences import Differences
from analysis.results.files import Files
from analysis.results.origins import FLOOR, LATENCY, SCORES, TRAIN, Origins
from pipeline.config import paths
from pipeline.utils.errors import BadInput, refuse
from pipeline.utils.records import Record
from pipeline.utils.scores import Metric, metrics

if TYPE_CHECKING:
    from pipeline.config.study import Study


@dataclass(frozen=True)
class Results:
    """A study's results. Scores are fractions. Data frames are indexed by variant, or by (variant, seed).

    - `confusion`, by variant: (seeds, images, classes, classes) int64, rows are the truth.
    - `predictions`, by variant: the arrays of the first seed's predictions.npz.
    - `complexity`, by variant: parameters, megabytes as float32, and the MACs `macs_study` and `macs_paper` at the two
      `sizes` (rows, columns).
    - `forms`: the timed deployment forms of the variant that the study names, or None.
    - `records`: every record that was read, by its path under results/, wherever the files are.
    - `missing`: the seeds of each variant whose runs are not finished. `study` is then the part without them, and
      `registered` the whole. If no run is finished, `study` has all variants and no seeds: only times and counts are
      known.
    """

    study: "Study"
    train: dict[tuple[str, int], Record]
    score: dict[tuple[str, int], Record]
    curves: pd.DataFrame
    confusion: dict[str, np.ndarray]
    predictions: dict[str, dict[str, np.ndarray]]
    floor: dict[str, Any]
    complexity: pd.DataFrame
    sizes: dict[str, list[int]]
    latency: dict[str, Any]
    forms: dict[str, Any] | None
    records: dict[str, Record]
    missing: dict[str, list[int]]
    registered: "Study"

    @cached_property
    def networks(self) -> dict[str, dict[str, Any]]:
        """The parameters of each variant, as its complexity record holds them."""
        counted = {record["wildcards"]["variant"]: record for record in self.records.values() if _counts(record)}
        return {name: counted[name]["params"].get(f"variants.{name}", {}) for name in self.study.variants}

    @property
    def any_runs(self) -> bool:
        """Whether there are scores, and not only times and counts."""
        return bool(self.score)

    @cached_property
    def scored(self) -> dict[str, Any]:
        """What all score records agree on: split, frames, size, input_size, border, objects."""
        return next(iter(self.score.values()))["result"]

    @cached_property
    def training(self) -> dict[str, Any]:
        """The recipe's training parameters."""
        return next(iter(self.train.values()))["params"][f"recipes.{self.study.recipe}.training"]

    @property
    def optimiser(self) -> str:
        """The recipe's optimiser. Some kept records are older than the choice."""
        return self.training.get("optimiser", "sgd")

    @property
    def loss(self) -> str:
        """The recipe's loss. Records leave it out where it is the default."""
        return self.training.get("loss", "cross-entropy")

    @property
    def classes(self) -> list[str]:
        return list(self.scored["iou"])

    @cached_property
    def metrics(self) -> list[Metric]:
        """The scores that the study's records may hold."""
        return metrics(self.scored)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """By (variant, seed): each of `metrics`, NaN where the record lacks it, and `absent`, a count of classes."""
        return _by_run({run: self._scores(record["result"]) for run, record in self.score.items()})

    def _scores(self, result: dict[str, Any]) -> dict[str, Any]:
        return {metric.name: metric.read(result) for metric in self.metrics} | {"absent": len(result["absent"])}

    @property
    def origins(self) -> Origins:
        """Links to the records of these results."""
        return Origins(self.study, self.records)

    @cached_property
    def iou(self) -> pd.DataFrame:
        """By (variant, seed): the IoU of each class. NaN for a class in neither truth nor prediction."""
        return _by_run({run: record["result"]["iou"] for run, record in self.score.items()})

    @cached_property
    def means(self) -> pd.DataFrame:
        """Mean of `scores` over the seeds, by variant in the study's order."""
        return self.scores.groupby(level="variant", sort=False).mean()

    @cached_property
    def differences(self) -> Differences:
        """The mIoU of each variant and the difference of any two, with their errors."""
        scores = self.scores["miou"].unstack("seed").reindex(self.study.variants)
        return Differences(scores, self.confusion, self.study.frames_per_block)

    @cached_property
    def class_share(self) -> pd.Series:
        """Share of each class in the scored pixels."""
        pixels = self.confusion[self.study.baseline][0].sum(axis=(0, 2))
        return pd.Series(pixels / pixels.sum(), index=self.classes)

    @cached_property
    def undertrained(self) -> list[str]:
        """The variants whose mean mIoU is not above the floor's."""
        return [name for name, miou in self.means["miou"].items() if miou <= self.floor["miou"]]

    @cached_property
    def classes_below_floor(self) -> list[str]:
        """The classes whose IoU is below the floor's for every variant. Kept floors may lack the IoU of classes."""
        best, floor = self.iou.groupby(level="variant").mean().max(), self.floor.get("iou", {})
        return [name for name, iou in best.items() if floor.get(name) is not None and iou < floor[name]]

    @cached_property
    def health(self) -> dict[tuple[str, int], Record]:
        """The health that training recorded of each run. Runs without such a record are left out."""
        return {run: record["result"]["health"] for run, record in self.train.items() if "health" in record["result"]}

    @cached_property
    def illness(self) -> dict[str, list[str]]:
        """Why each variant is unhealthy; empty if it is healthy. Variants without a record are left out."""
        seeds = {name: [self.health[run] for run in self.health if run[0] == name] for name in self.study.variants}
        return {name: diagnosis.reasons(records) for name, records in seeds.items() if records}

    @property
    def healthy(self) -> dict[str, bool]:
        """Whether each variant is healthy, where that was recorded."""
        return {name: not reasons for name, reasons in self.illness.items()}


def read(study: "Study", root: Path, prepared: Path | None = None, unfinished: bool = False) -> Results:
    """Read the results of `study` below `root`. `BadInput` if a file is missing, cut short or does not fit.

    So it is for a record that says other numbers than its arrays give. `prepared` is the folder of all prepared data
    sets; where it holds the manifest of the study's data, the records are held against that too. With `unfinished`,
    runs may be missing: then the largest part of the study is read that has every seed of its variants.
    """
    files, missing = Files(study, root, prepared or root / "prepared"), dict[str, list[int]]()
    registered = study
    if unfinished:
        missing = _missing(study, files)
        study = _finished(study, missing)
    runs = list(product(study.variants, study.seeds))
    train = {run: files.record(TRAIN, run) for run in runs}
    score = {run: files.record(SCORES, run) for run in runs}
    floor = files.record(FLOOR)["result"] if runs else {}
    complexity = {name: files.record(paths.COMPLEXITY, (name, "")) for name in study.variants}
    latency = files.record(LATENCY)
    forms = files.record(paths.FORMS, (study.forms, ""))["result"] if study.forms and runs else None
    manifest = files.record(paths.MANIFEST) if files.place(paths.MANIFEST).exists() else None
    refuse(records.agree(files.seen, files.at))
    _all_timed(study, latency["result"])
    confusion = {run: records.arrays(score[run], files.place(CONFUSION, run)) for run in runs}
    curves = {run: records.table(train[run], files.place(f"{paths.RUN}/curve.csv", run)) for run in runs}
    first = {name: (name, seed) for name in study.variants for seed in study.seeds[:1]}
    shown = {run: records.arrays(score[run], files.place(PREDICTIONS, run)) for run in first.values()}
    if runs:
        refuse(recompute(files, confusion, curves, shown, pixels_of(manifest, floor["split"])))
    return Results(
        study=study,
        train=train,
        score=score,
        curves=_curves(curves),
        confusion={name: np.stack([confusion[name, seed]["confusion"] for seed in study.seeds]) for name in first},
        predictions={name: shown[run] for name, run in first.items()},
        floor=floor,
        complexity=pd.DataFrame([_complexity(each["result"]) for each in complexity.values()], index=list(complexity)),
        sizes={name: at["size"] for name, at in next(iter(complexity.values()))["result"]["at"].items()},
        latency=latency["result"],
        forms=forms,
        records={
            f"results/{path.relative_to(root).as_posix()}": record
            for path, record in files.seen.items()
            if record is not manifest
        },
        missing=missing,
        registered=registered,
    )


def _missing(study: "Study", files: Files) -> dict[str, list[int]]:
    """The seeds of each variant that were not scored."""
    seeds = {
        name: [seed for seed in study.seeds if not files.place(SCORES, (name, seed)).exists()]
        for name in study.variants
    }
    return {name: each for name, each in seeds.items() if each}


def _finished(study: "Study", missing: dict[str, list[int]]) -> "Study":
    """The part of a study with the most runs in which every variant has every seed; without runs, all variants."""
    done = {name: set(study.seeds) - set(missing.get(name, ())) for name in study.variants}
    parts = [(seeds, [name for name in done if seeds <= done[name]]) for seeds in done.values()]
    seeds, variants = max(parts, key=lambda part: len(part[0]) * len(part[1]))
    if not seeds:
        return study.model_copy(update={"seeds": []})
    return study.model_copy(
        update={
            "variants": variants,
            "seeds": [seed for seed in study.seeds if seed in seeds],
            "baseline": study.baseline if study.baseline in variants else variants[0],
            "contrasts": [pair for pair in study.contrasts if set(pair) <= set(variants)],
            "timed_at": {name: size for name, size in study.timed_at.items() if name in variants},
            "forms": study.forms if study.forms in variants else None,
        }
    )


def _counts(record: Record) -> bool:
    return record["stage"] == "complexity"


def _complexity(result: dict[str, Any]) -> dict[str, Any]:
    macs = {f"macs_{name}": at["macs"] for name, at in result["at"].items()}
    return {key: result[key] for key in ("parameters", "megabytes")} | macs


def _curves(tables: dict[tuple[str, int], pd.DataFrame]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame()
    return pd.concat(tables, names=["variant", "seed"]).reset_index(level=["variant", "seed"])


def _by_run(rows: dict[tuple[str, int], dict[str, Any]]) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(rows, names=["variant", "seed"])
    return pd.DataFrame(list(rows.values()), index=index).astype(float)


def _all_timed(study: "Study", latency: dict[str, Any]) -> None:
    missing = set(study.variants) - {row["variant"] for row in latency["rows"]}
    if missing:
        raise BadInput(
            f"latency.json of study {study.name} has no row for {', '.join(sorted(missing))}; "
            f"run `python -m pipeline latency {study.name}`"
        )
