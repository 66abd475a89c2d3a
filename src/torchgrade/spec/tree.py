"""A YAML file as plain data that still knows its lines.

The node tree is walked by hand, so that a key written twice is a fault and aliases of aliases come to an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from torchgrade.errors import SpecError

Loc = Sequence[str | int]

MAX_BYTES = 2**20
MAX_NODES = 20_000
MAX_DEPTH = 30

_PLAIN_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "timestamp")}
_MERGE_TAG = "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class Tree:
    """``data`` is dicts, lists and scalars; ``path`` is how messages name the file."""

    path: Path
    data: Any
    root: yaml.Node

    def line(self, loc: Loc) -> int:
        """Line of the key or list item at ``loc``; where that does not exist, of the nearest one above it."""
        node, line = self.root, _line(self.root)
        for part in loc:
            found = _step(node, part)
            if found is None:
                break
            node, line = found
        return line

    def fault(self, loc: Loc, problem: str) -> SpecError:
        """The error for ``problem`` at ``loc``, ready to be raised."""
        return SpecError(self.path, self.line(loc), key_name(loc), problem)


def key_name(loc: Loc) -> str:
    """``("rubric", 2, "points")`` as ``rubric[2].points``."""
    name = ""
    for part in loc:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def read_tree(root: Path, path: Path) -> Tree:
    """Read ``root/path`` as YAML. Raises SpecError, naming ``path``, for whatever is wrong with the file."""
    text = _read_text(root, path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        raise SpecError(path, mark.line + 1 if mark else None, "", f"bad YAML: {e.problem or e.context}") from e
    except yaml.reader.ReaderError as e:
        line = text.count("\n", 0, e.position) + 1
        raise SpecError(path, line, "", f"bad YAML: character U+{ord(text[e.position]):04X} is not allowed") from e
    except (yaml.YAMLError, RecursionError) as e:
        raise SpecError(path, None, "", "bad YAML: nested too deeply or malformed") from e
    if node is None:
        raise SpecError(path, None, "", "the file is empty")
    return Tree(path, _Builder(path).build(node, ()), node)


def _read_text(root: Path, path: Path) -> str:
    try:
        with (root / path).open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError as e:
        raise SpecError(path, None, "", "the file does not exist") from e
    except OSError as e:
        raise SpecError(path, None, "", f"cannot be read: {e.strerror}") from e
    if len(raw) > MAX_BYTES:
        raise SpecError(path, None, "", f"the file is larger than {MAX_BYTES // 2**20} MiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        raise SpecError(path, line, "", f"not UTF-8: byte 0x{raw[e.start]:02x} is not text") from e


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _step(node: yaml.Node, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return value, _line(key)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], _line(node.value[part])
    return None


class _Builder:
    """Turns nodes into data, counting every visit so that aliases of aliases come to an end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._visits = 0
        self._scalars = yaml.SafeLoader("")

    def build(self, node: yaml.Node, loc: tuple[str | int, ...]) -> Any:
        self._visits += 1
        if self._visits > MAX_NODES or len(loc) > MAX_DEPTH:
            raise self._fault(node, loc[:3], "too many values or too deep a nest (aliases that repeat aliases?)")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*loc, i)) for i, child in enumerate(node.value)]
        return self._scalar(node, loc)

    def _mapping(self, node: yaml.MappingNode, loc: tuple[str | int, ...]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value in node.value:
            key = self._key(key_node, loc)
            here = (*loc, key)
            if key in data:
                raise self._fault(key_node, here, f"the key stands here twice (first in line {lines[key]})")
            data[key], lines[key] = self.build(value, here), _line(key_node)
        return data

    def _key(self, node: yaml.Node, loc: tuple[str | int, ...]) -> str:
        if node.tag == _MERGE_TAG:
            raise self._fault(node, loc, "merge keys (<<) are not used here; write the keys out")
        key = self.build(node, loc)
        if not isinstance(key, str):
            raise self._fault(node, loc, f"a key must be text; put {node.value!r} in quotes")
        return key

    def _scalar(self, node: yaml.Node, loc: tuple[str | int, ...]) -> Any:
        if node.tag not in _PLAIN_TAGS:
            raise self._fault(node, loc, f"the tag {node.tag!r} is not allowed")
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError, ArithmeticError, LookupError) as e:
            raise self._fault(node, loc, "the value cannot be read; put it in quotes") from e

    def _fault(self, node: yaml.Node, loc: Loc, problem: str) -> SpecError:
        return SpecError(self._path, _line(node), key_name(loc), problem)
