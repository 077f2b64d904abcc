"""Questions to git about the repository in the current folder."""

import subprocess


def ask(*arguments: str) -> str | None:
    """What git prints, without the last line break; None if it fails, as outside of a repository or without git."""
    try:
        found = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.rstrip("\n") if found.returncode == 0 else None
