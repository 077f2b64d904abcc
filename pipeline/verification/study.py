"""The records of a study that is verified, wherever they are: kept, or in results/."""

from collections.abc import Iterable
from pathlib import Path

from analysis.results.checks import pixels_of
from analysis.results.files import DATA, Files
from pipeline.config import paths
from pipeline.config.params import Params
from pipeline.utils.errors import BadInput
from pipeline.utils.records import Record, read

Found = dict[Path, Record]


class Verified:
    """A study below `root`. `places` are those of its records; `kept` results have no weights and no frames."""

    def __init__(self, params: Params, root: Path, places: Iterable[Path], kept: bool):
        self.params, self.root, self.kept = params, root, kept
        self.files = Files(params.study, root, root / "prepared" if kept else DATA)
        self.records: Found = {}
        self.unreadable: list[str] = []
        for path in places:
            try:
                self.records[path] = read(path)
            except BadInput as error:
                self.unreadable.append(str(error))

    def of(self, *stages: str) -> Found:
        """The records of some stages."""
        return {path: record for path, record in self.records.items() if record["stage"] in stages}

    def pixels(self, split: str) -> list[int] | None:
        """The labelled pixels of each class of the study's data."""
        return pixels_of(self.records.get(self.files.place(paths.MANIFEST)), split)

    def has_arrays(self, record: Record) -> bool:
        """Whether a run's arrays are there. Of a kept run that a learning rate was chosen by, only the records are."""
        return not (self.kept and record["wildcards"]["recipe"] in self.params.trials)
