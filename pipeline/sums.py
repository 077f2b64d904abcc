"""SHA256SUMS of a kept study: the digest of every file that its tables, figures and report are made of.

`sha256sum -c studies/STUDY/SHA256SUMS`, in the root of the repository, checks it without this project. What `render`
writes is not listed, because it is written again. The study's own file, the claims and the tolerances are listed as
they were when the results were kept. They may change for a good reason, so that is said and not refused.
"""

import re
from pathlib import Path

from pipeline.config import paths
from pipeline.utils import git
from pipeline.utils.digests import sha256
from pipeline.utils.errors import BadInput
from pipeline.utils.files import write as write_file

NAME = "SHA256SUMS"
RENDERED = ("tables", "figures", "report.html", "metrics", "curves")
"""What `render` writes to the folder of the study's results."""


def write(root: Path) -> None:
    """Write the digests of a kept study, whose files lie in `root`."""
    lines = [line(path, _digest(path)) for path in [*files(root), *judged_by(root)]]
    write_file(root / NAME, "".join(lines).encode())


def listed(root: Path) -> dict[Path, str]:
    """The digests that were written, by path. `BadInput` if they are missing or unreadable."""
    path = root / NAME
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        raise BadInput(
            f"{path} is missing, which holds the digests of the kept files; `git checkout {path}`, or keep the study "
            f"again: `python -m pipeline keep {root.name}`"
        ) from None
    return parsed(lines, f"{path}", f"`git checkout {path}`")


def parsed(lines: list[str], name: str, otherwise: str) -> dict[Path, str]:
    """Digests by path, from lines as sha256sum writes them. `BadInput` names the file and says what to do otherwise."""
    found = [re.fullmatch(r"([0-9a-f]{64})  (.+)", line) for line in lines]
    if None in found:
        raise BadInput(f"{name}, line {found.index(None) + 1} is not `DIGEST  PATH`; {otherwise}")
    return {Path(match[2]): match[1] for match in found}


def line(path: Path, digest: str) -> str:
    """A line as sha256sum writes it."""
    return f"{digest}  {path.as_posix()}\n"


def differences(root: Path) -> list[str]:
    """A sentence for each file that changed since it was kept, is missing, or was not kept."""
    then, now = listed(root), {path: _digest(path) for path in files(root)}
    kept = {path: digest for path, digest in then.items() if path.is_relative_to(root)}
    return [
        *(
            f"{path} is not the file that was kept: its SHA-256 is {now[path][:8]}…, but {root / NAME} says "
            f"{digest[:8]}…; `git checkout {path}` brings the kept one back"
            for path, digest in kept.items()
            if path in now and now[path] != digest
        ),
        *(
            f"{path} is missing, but {root / NAME} lists it; `git checkout {path}` brings it back"
            for path in kept
            if path not in now
        ),
        *(f"{path} is not listed in {root / NAME}; delete it, or keep the study again" for path in now.keys() - kept),
    ]


def changed(root: Path) -> list[str]:
    """A sentence for the study's file, claims, effects or tolerances, if they changed since the study was kept."""
    then = listed(root)
    sentences = []
    for path in judged_by(root):
        now, kept = _digest(path), then.get(path, "unknown")
        if now != kept:
            commit = git.last_commit(path)
            sentences.append(
                f"{path} has changed since these results were kept: its SHA-256 was {kept[:8]}… and is {now[:8]}… "
                f"({f'last commit {commit}' if commit else 'not committed'}). All that follows is by today's file."
            )
    return sentences


def judged_by(root: Path) -> list[Path]:
    """The files outside a kept study that decide what its report says."""
    study = paths.fill(paths.STUDY, study=root.name)
    judging = (Path(each) for each in (paths.CLAIMS, paths.EFFECTS, paths.TOLERANCES))
    return [path for path in (study, *judging) if path.exists()]


def files(root: Path) -> list[Path]:
    """The kept files, without the list itself and what is rendered from them."""
    left = {root / NAME, *(root / root.name / name for name in RENDERED)}
    return [path for path in sorted(root.rglob("*")) if path.is_file() and not left & {path, *path.parents}]


def _digest(path: Path) -> str:
    return sha256(path.read_bytes())
