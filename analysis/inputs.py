"""Everything that a study's tables and figures are made from. What they do not ask for is not computed."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.claims import claims, effects, verdicts
from analysis.claims.claims import Claim, Tolerance
from analysis.claims.contradictions import contradictions
from analysis.claims.effects import Effect
from analysis.claims.increments import increments
from analysis.claims.order import order
from analysis.results import recounted, results
from analysis.results.results import Results
from analysis.tables import frames
from pipeline.config import paths
from pipeline.utils import records
from pipeline.utils.errors import refuse
from pipeline.utils.records import Record

if TYPE_CHECKING:
    from pipeline.config.study import Study


class Inputs:
    """The results of `study` below `root`, the paper's claims, and what follows from both.

    `prepared` is the folder of all prepared data sets. `BadInput` names a result that is missing, cut short, or made
    with other parameters than the rest. With `unfinished`, runs may be missing.
    """

    def __init__(self, study: "Study", root: Path, prepared: Path, unfinished: bool = False):
        self.results: Results = results.read(study, root, prepared, unfinished)
        self.prepared: Path = prepared / study.data
        self.claims: list[Claim] = claims.read()
        self.tolerances: dict[str, Tolerance] = claims.tolerances()
        places = {path: root / Path(path).relative_to("results") for path in _PAPER}
        self.paper = {path: records.read(place) for path, place in places.items()}
        refuse(recounted.complexity(places[paths.PAPER_COMPLEXITY], self.paper[paths.PAPER_COMPLEXITY]))

    @property
    def records(self) -> dict[str, Record]:
        """Records that do not belong to the study alone, by path: the paper's, and the manifest of the data."""
        path, data = self.prepared / "manifest.json", self.results.study.data
        named = paths.fill(paths.MANIFEST, data=data).as_posix()
        return self.paper | ({named: records.read(path, data=data)} if path.exists() else {})

    @property
    def latency(self) -> dict[str, Any]:
        return self.results.latency

    @property
    def counted(self) -> dict[str, Any]:
        """The result of the stage `paper`: counts by variant, Table 1 and the drawn architecture."""
        return self.paper[paths.PAPER_COMPLEXITY]["result"]

    @property
    def described(self) -> dict[str, dict[str, Any]]:
        """The shapes and connections of the first variant of each structure; the paper's where no record has them."""
        first: dict[str, dict[str, dict[str, Any]]] = {}
        for record in self.results.records.values():
            if record["stage"] == "complexity" and (found := record["result"].get("architecture")):
                first.setdefault(found["variant"]["structure"], {record["wildcards"]["variant"]: found})
        figure = self.counted["architecture"]
        return {name: each for one in first.values() for name, each in one.items()} or {
            figure["name"]: figure["described"]
        }

    @property
    def backbones(self) -> list[dict[str, Any]]:
        return self.counted["table1"]

    @cached_property
    def points(self) -> pd.DataFrame:
        return claims.points(self.claims)

    @cached_property
    def structures(self) -> pd.DataFrame:
        return frames.structures(self.results)

    @cached_property
    def effects(self) -> pd.DataFrame:
        """The verdict on every contrast of the study."""
        return effects.judged(self.results, self.known_effects)

    @cached_property
    def known_effects(self) -> list[Effect]:
        return effects.read(self.claims)

    @cached_property
    def increments(self) -> pd.DataFrame:
        """What each part of the paper's networks adds to MACs and parameters."""
        return increments(self.judged, self.known_effects, self.tolerances)

    @cached_property
    def order(self) -> pd.DataFrame:
        """Whether the networks of Table 5 that were timed are in the paper's order."""
        return order(self.claims, self.latency)

    @cached_property
    def judged(self) -> pd.DataFrame:
        """The verdict on every claim."""
        fitted = verdicts.fitted(self.paper[paths.INTERPRETATIONS]["result"], self.claims)
        params = self.paper[paths.PAPER_COMPLEXITY]["params"]
        networks = {key.removeprefix("variants."): value for key, value in params.items()}
        counted = self.counted["variants"]
        return verdicts.verdicts(self.claims, self.tolerances, counted, fitted, self.results, networks)

    @cached_property
    def contradictions(self) -> list[str]:
        return contradictions(self.claims)


_PAPER = (paths.PAPER_COMPLEXITY, paths.INTERPRETATIONS)
