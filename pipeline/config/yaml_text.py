"""YAML as plain values, refusing what YAML allows and no one means: keys given twice, numbers that read as others,
and texts that exhaust the stack or the memory."""

import re
from pathlib import Path
from typing import Any

import yaml

from pipeline.utils.errors import BadInput
from pipeline.utils.files import size

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_BYTES = 1_000_000
DEEPEST = 30
"""Levels of nesting; params.yaml has six. Tens of thousands would overflow the stack of libyaml."""
MOST_NODES = 100_000
"""Values after anchors are resolved; params.yaml has about 3,000."""
PLAIN = {
    "tag:yaml.org,2002:int": re.compile(r"-?[1-9][0-9]*|0"),
    "tag:yaml.org,2002:float": re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?|[-+]?\.(inf|nan)", re.I),
}
"""How numbers are written. YAML also has 007, 0x1F, 1_000 and 1:30, which read as 7, 31, 1000 and 90."""


def load(path: Path) -> Any:
    """The content of a YAML file. `BadInput` says the line of what is wrong; `FileNotFoundError` if it is missing."""
    text = _text(path)
    try:
        _check_depth(text, path)
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _Checked(path, loader).expanded(node)
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # ValueError: a date or a number that cannot be
        raise BadInput(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def _text(path: Path) -> str:
    if path.is_dir():
        raise BadInput(f"{path} is a folder; it must be a YAML file")
    if path.exists() and not path.is_file():
        raise BadInput(f"{path} is not a file; it must be a YAML file")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); make it a readable YAML file") from None
    if len(content) > MOST_BYTES:
        raise BadInput(f"{path} has {size(len(content))}, but {size(MOST_BYTES)} are allowed; it must be a YAML file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInput(f"{path} is not UTF-8 (line {line}); save it with the encoding UTF-8") from None


def _check_depth(text: str, path: Path) -> None:
    """Events come one by one; only nodes are built by recursion."""
    depth = 0
    for event in yaml.parse(text, Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = event.start_mark.line + 1
            raise BadInput(f"{path}, line {line} is nested more than {DEEPEST} levels deep; write it flatter")


class _Checked:
    """Checks nodes before values are made of them; a merge key would hide which keys stand twice."""

    def __init__(self, path: Path, loader: Any):
        self._path, self._loader = path, loader
        self._sizes: dict[int, int | None] = {}

    def expanded(self, node: yaml.Node) -> int:
        """The number of values in a node, where each alias counts as much as what it stands for."""
        known = self._sizes.get(id(node), 0)
        if known is None:
            raise self._wrong(node, "contains itself; write the value out")
        if known:
            return known
        self._sizes[id(node)] = None
        count = 1 + sum(map(self.expanded, self._children(node)))
        if count > MOST_NODES:
            raise self._wrong(node, f"repeats its anchors to more than {MOST_NODES:,} values; use fewer")
        self._sizes[id(node)] = count
        return count

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.ScalarNode):
            self._check_number(node)
            return []
        if isinstance(node, yaml.MappingNode):
            self._check_keys(node)
            return [part for pair in node.value for part in pair]
        return node.value

    def _check_number(self, node: yaml.ScalarNode) -> None:
        form = PLAIN.get(node.tag)
        if form and not form.fullmatch(node.value):
            read = self._loader.construct_object(node)
            raise self._wrong(node, f"holds {node.value}, which YAML reads as {read}; write the number you mean")

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise self._wrong(key, f"gives {key.value} twice; keep one of the two")
            seen.add(str(key.value))

    def _wrong(self, node: yaml.Node, what: str) -> BadInput:
        return BadInput(f"{self._path}, line {node.start_mark.line + 1} {what}")
