"""Download published files one by one and verify their checksums. A second call downloads only what is missing."""

import logging
from pathlib import Path

import pooch

from pipeline.utils.digests import digests
from pipeline.utils.errors import BadInput
from pipeline.utils.files import require_space, space_for
from pipeline.utils.progress import progress


def fetch(directory: Path, base_url: str, wanted: dict[str, str], needed: int, otherwise: str) -> int:
    """Download the files of `wanted` that `directory` lacks, and return how many were downloaded.

    `wanted` maps each path, relative to both `directory` and `base_url`, to its SHA-256. `needed` is the size of all
    files in bytes, and `otherwise` tells the user how else to get them. Each file is written atomically. Raises
    `BadInput` if the network or the disk fails, or if a checksum does not match.
    """
    missing = differing(directory, wanted)
    require_space(directory, needed * len(missing) // len(wanted))
    pooch.get_logger().setLevel(logging.ERROR)
    remote = pooch.create(path=directory, base_url=f"{base_url}/", registry=wanted, retry_if_failed=1)
    with space_for(directory):
        for done, path in enumerate(progress(missing, f"downloading to {directory}", unit="files")):
            try:
                remote.fetch(path)
            except ValueError:
                raise BadInput(
                    f"{base_url}/{path} does not have its published checksum and was discarded; "
                    f"start again, or {otherwise}"
                ) from None
            except OSError as error:
                if error.errno is not None:
                    raise
                raise BadInput(_unreachable(missing[done:], directory, base_url, otherwise)) from error
    return len(missing)


def differing(directory: Path, wanted: dict[str, str]) -> list[str]:
    """Return the paths in `wanted` that `directory` lacks or holds with another SHA-256."""
    found = digests(directory / path for path in wanted)
    return [path for path, expected in wanted.items() if found.get(str(directory / path)) != expected]


def _unreachable(left: list[str], directory: Path, base_url: str, otherwise: str) -> str:
    some = ", ".join(left[:3]) + (", …" if len(left) > 3 else "")
    return (
        f"{base_url} cannot be reached, and {directory} still lacks {len(left)} files ({some}); start again later to "
        f"download only these, or {otherwise}"
    )
