"""YAML files as plain mappings."""

from pathlib import Path
from typing import Any

from pipeline.config import yaml_text
from pipeline.utils.errors import BadInput


def mapping(path: Path) -> dict[str, Any]:
    """The content of a YAML file. `BadInput` if it is missing, not YAML, or no mapping."""
    try:
        content = yaml_text.load(path)
    except FileNotFoundError:
        raise BadInput(f"{path} is missing; run this from the root of the repository") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path} holds no sections; write each as `name:` with its content below")
    return content


def study(wanted: str, path: Path) -> Any:
    """The section `study` of a study's file. `BadInput` if the file holds another section or another study."""
    content = mapping(path)
    if set(content) != {"study"}:
        others = ", ".join(key for key in content if key != "study") or "no study"
        raise BadInput(f"{path} holds {others}; only the section study is allowed, the others belong in params.yaml")
    if name(content) != wanted:
        raise BadInput(f"{path}: study.name must be {wanted}, the name of its file")
    return content["study"]


def name(raw: dict[str, Any]) -> Any:
    """The name of the study that a file holds, or None."""
    return raw["study"].get("name") if isinstance(raw.get("study"), dict) else None
