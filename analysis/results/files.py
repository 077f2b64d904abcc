"""Where a study's files lie, and the records among them."""

from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from pipeline.config import paths
from pipeline.utils.records import Record
from pipeline.utils.records import read as read_record

if TYPE_CHECKING:
    from pipeline.config.study import Study

DATA = Path(paths.PREPARED).parent
"""The folder of all prepared data sets."""


class Files:
    """The places of a study's files below `root` and `prepared`, and every record that was read so far."""

    def __init__(self, study: "Study", root: Path, prepared: Path):
        self.root, self.prepared, self.seen = root, prepared, dict[Path, Record]()
        self.wildcards = {"study": study.name, "data": study.data, "images": study.images, "recipe": study.recipe}

    def place(self, pattern: str, run: tuple[str, object] = ("", "")) -> Path:
        return self.at(paths.fill(pattern, **self.wildcards, variant=run[0], seed=run[1]))

    def at(self, named: str | Path) -> Path:
        """The place of a file that a record names by its path in the repository."""
        path = Path(named)
        if path.is_relative_to(DATA):
            return self.prepared / path.relative_to(DATA)
        return self.root / path.relative_to(path.parts[0])

    def record(self, pattern: str, run: tuple[str, object] = ("", "")) -> Record:
        path = self.place(pattern, run)
        known = self.wildcards | {"variant": run[0], "seed": run[1]}
        named = [name for _, name, _, _ in Formatter().parse(pattern) if name]
        self.seen[path] = read_record(path, **{name: known[name] for name in named})
        return self.seen[path]
