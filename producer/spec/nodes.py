"""sweep.yaml as a tree in which every value knows its line and column, and keeps the text that was written.

YAML 1.2, so that the tickers ON, NO and 0700 and the slot 10:00 stay what they are. What a value *means* is
decided where it is read: `Scalar.text` is what was written, `Scalar.value` what YAML makes of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

MOST_NODES: Final = 5_000_000  # aliases of aliases can grow without end
STANDARD: Final = "tag:yaml.org,2002:"
SURROGATE: Final = re.compile("[\ud800-\udfff]")
INTEGER: Final = re.compile(r"[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+")
NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
WORDS: Final[Mapping[str, Any]] = (
    dict.fromkeys(("", "~", "null", "Null", "NULL"))
    | dict.fromkeys(("true", "True", "TRUE"), True)
    | dict.fromkeys(("false", "False", "FALSE"), False)
    | dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf"))
    | {"-.inf": float("-inf"), ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan")}
)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where text comes from: a file, or a flag of the command line."""

    label: str
    text: str
    is_file: bool = True

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines() or [""]


@dataclass(frozen=True, slots=True)
class Place:
    """A character of a source; line and column count from 1."""

    source: Source
    line: int = 1
    column: int = 1

    def moved(self, columns: int) -> Place:
        return Place(self.source, self.line, self.column + columns)


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    place: Place
    text: str
    value: Any
    is_plain: bool = True
    """Written without quotes, on one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    place: Place
    values: Mapping[str, Node]
    keys: Mapping[str, Place]

    def replaced(self, key: str, value: Node) -> Entries:
        """The same with another value for `key`, which is put last if it is new."""
        keys = {**self.keys, key: self.keys.get(key, value.place)}
        return Entries(self.place, {**self.values, key: value}, keys)

    def without(self, key: str) -> Entries:
        rest = {k: v for k, v in self.values.items() if k != key}
        return Entries(self.place, rest, {k: p for k, p in self.keys.items() if k != key})


Node = Scalar | Items | Entries
Path = Sequence[str | int]


class Unreadable(Exception):
    """Text that is not one YAML document, and where it stops being one."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document, and what is wrong in it that does not keep the rest from being read."""

    tree: Node | None
    """None where the text is empty."""
    problems: tuple[tuple[Place, str], ...] = ()


def read(source: Source) -> Document:
    """`Unreadable` where the text is not YAML."""
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = True  # they are all found below, each with its place
    try:
        root = yaml.compose(source.text)
    except MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source)
        problem = str(e.problem or e.context).replace("but got '<stream end>'", "but the file ends")
        raise Unreadable(place, f"not YAML: {problem}") from e
    except YAMLError as e:
        before = source.text[: getattr(e, "position", 0) or 0].split("\n")
        raise Unreadable(Place(source, len(before), len(before[-1]) + 1), _one_line(e)) from e
    except RecursionError as e:
        raise Unreadable(Place(source), "not YAML: nested too deep") from e
    if root is None:
        return Document(None)
    reader = _Reader(source)
    return Document(reader.node(root), tuple(reader.problems))


def at(root: Node, path: Path) -> Node | None:
    """The value at `path`; None where there is none."""
    node: Node | None = root
    for step in path:
        if isinstance(node, Entries) and isinstance(step, str):
            node = node.values.get(step)
        elif isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def place_of(root: Node, path: Path) -> Place:
    """Where the value at `path` begins, or the nearest around it that is there."""
    for length in range(len(path), -1, -1):
        if (node := at(root, path[:length])) is not None:
            return node.place
    return root.place


def key_of(root: Node, path: Path) -> Place:
    """Where the key of the value at `path` begins."""
    around = at(root, path[:-1])
    if isinstance(around, Entries) and (place := around.keys.get(str(path[-1]))) is not None:
        return place
    return place_of(root, path)


def plain(node: Node) -> Any:
    """The value as Python has it."""
    match node:
        case Scalar():
            return node.value
        case Items():
            return [plain(i) for i in node.items]
        case Entries():
            return {k: plain(v) for k, v in node.values.items()}


def written(node: Node) -> Any:
    """The same with every scalar as the text that was written, except null."""
    match node:
        case Scalar():
            return None if node.value is None and node.text != "NULL" else node.text
        case Items():
            return [i.text if isinstance(i, Scalar) and i.text else written(i) for i in node.items]
        case Entries():
            return {k: written(v) for k, v in node.values.items()}


def scalar(place: Place, value: str) -> Scalar:
    return Scalar(place, value, value)


def walk(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Items):
        for item in node.items:
            yield from walk(item)
    elif isinstance(node, Entries):
        for value in node.values.values():
            yield from walk(value)


class _Reader:
    """Copies ruamel's nodes into ours and collects what they hold that a sweep cannot."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[tuple[Place, str]] = []
        self.open: set[int] = set()
        self.count = 0

    def node(self, node: Any) -> Node:
        place = Place(self.source, node.start_mark.line + 1, node.start_mark.column + 1)
        self.count += 1
        if id(node) in self.open:
            raise Unreadable(place, "a value that contains itself")
        if self.count > MOST_NODES:
            raise Unreadable(place, f"more than {MOST_NODES:,} values; put them into a CSV or Parquet file")
        self.open.add(id(node))
        try:
            match node:
                case ScalarNode():
                    return self._scalar(node, place)
                case SequenceNode():
                    return Items(place, tuple(self.node(i) for i in node.value))
                case MappingNode():
                    return self._entries(node, place)
        finally:
            self.open.discard(id(node))
        raise Unreadable(place, "not YAML")

    def _entries(self, node: Any, place: Place) -> Entries:
        values: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        for key, value in node.value:
            key_place = Place(self.source, key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, ScalarNode):
                self.problems.append((key_place, "a key is a word, not a list or map"))
                continue
            word = self._text(key, key_place)
            if word in keys:
                message = f"key '{word}' is given twice, first on line {keys[word].line}"
                self.problems.append((key_place, message))
                continue
            keys[word] = key_place
            values[word] = self.node(value)
        return Entries(place, values, keys)

    def _scalar(self, node: Any, place: Place) -> Scalar:
        text, tag = self._text(node, place), str(node.tag)
        if not tag.startswith(STANDARD):
            self.problems.append((place, f"tag {tag} means nothing here"))
        is_quoted = bool(node.style)
        if is_quoted or (tag == f"{STANDARD}str" and text in WORDS):  # !!str null
            return Scalar(place, text, text, is_plain=False)
        return Scalar(place, text, _meaning(text), is_plain=node.start_mark.line == node.end_mark.line)

    def _text(self, node: Any, place: Place) -> str:
        """The text of a scalar. JSON writes rare characters as two halves, which are joined here."""
        text = str(node.value)
        if not SURROGATE.search(text):
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.problems.append((place, "half a character: \\ud800 to \\udfff come in pairs"))
            return SURROGATE.sub("?", text)


def _meaning(text: str) -> Any:
    """What YAML 1.2's core schema makes of a word without quotes; digits may be grouped by underscores."""
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text) and len(text) < 400:
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if NUMBER.fullmatch(text):
        return float(text.replace("_", ""))
    return text


def _one_line(error: Exception) -> str:
    return "not YAML: " + " ".join(str(error).split())
