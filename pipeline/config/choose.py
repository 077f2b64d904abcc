"""Choose the study in params.yaml, which `snakemake` and `dvc repro` run by default."""

import re
from pathlib import Path

from pipeline.config import params, paths, reading
from pipeline.utils.errors import BadInput
from pipeline.utils.files import write

SECTION = re.compile(r"^study:\n(?:[ \t]+.*\n)+", re.MULTILINE)


def use(study: str) -> str:
    """Put a study of studies/ into params.yaml, and the study that stood there into studies/. Returns what was done."""
    current = params.load().study.name
    if study == current:
        return f"params.yaml holds {study} already"
    params.load(study)  # checks it
    file, chosen = Path(paths.PARAMS), paths.fill(paths.STUDY, study=study)
    before, after = _section(file), _section(chosen)
    _save(before, current)
    write(file, file.read_text().replace(before, after).encode())
    if chosen.read_text() == after:  # written by _save: nothing is lost, and no copy is left to grow old
        chosen.unlink()
    return f"params.yaml now holds {study}; `python -m pipeline use {current}` brings {current} back"


def _save(section: str, name: str) -> None:
    path = paths.fill(paths.STUDY, study=name)
    if not path.exists():
        write(path, section.encode())
    elif reading.mapping(path)["study"] != reading.mapping(Path(paths.PARAMS))["study"]:
        raise BadInput(f"the study in params.yaml differs from {path}; copy it there, so that it is not lost")


def _section(path: Path) -> str:
    found = SECTION.search(path.read_text())
    if not found:
        raise BadInput(f"{path} has no section study with one indented key per line")
    return found[0]
