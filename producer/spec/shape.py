"""Stage one: does the file have the shape of the model? Every deviation becomes a problem with its place.

What does not fit is then cut out and the rest is read all the same, so that stage two can say in the same run
what else is wrong. A sweep that was cut is never handed on: it has problems, and `check` refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from producer.spec import nodes
from producer.spec.model import (
    ChunkRule,
    Data,
    Execution,
    Metric,
    Output,
    Range,
    Selection,
    SweepFile,
)
from producer.spec.nodes import Entries, Node, Place
from producer.spec.report import Problems
from tasks.grid.parameters import nearest, shown

MISSING: Final[Mapping[tuple[str, ...], Any]] = {
    ("name",): "unnamed",
    ("strategy",): "?",
    ("parameters",): {},
    ("data",): {"source": "?"},
    ("data", "source"): "?",
}
"""What stands in for a required key while the rest is looked at; where that was a problem, `?` is not
looked up.
"""
UNKNOWN: Final = "?"
TEXTS: Final = (
    ("name",),
    ("description",),
    ("tags",),
    ("strategy",),
    ("data",),
    ("per_security_file",),
    ("constraints",),
    ("metric", "name"),
    ("execution", "queue"),
    ("output", "dir"),
)
"""Where values are taken as the text that was written, whatever YAML would make of it."""
SECTIONS: Final[Mapping[tuple[str, ...], type[BaseModel]]] = {
    (): SweepFile,
    ("data",): Data,
    ("data", "securities"): Selection,
    ("metric",): Metric,
    ("execution",): Execution,
    ("execution", "chunk"): ChunkRule,
    ("output",): Output,
}
PARAMETER_KEYS: Final = ("values", "value", *Range.model_fields)
KINDS: Final[Mapping[str, str]] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
}
BRANCH: Final = re.compile(r"<[a-z]+>")
Location = tuple[str | int, ...]


def read(tree: Node, problems: Problems) -> SweepFile:
    """The file's content, with defaults in place of what is wrong with it; `problems` says what that is."""
    content = as_written(tree)
    for attempt in range(len(MISSING) + 3):  # a cut may leave something incomplete, which is cut in turn
        try:
            return SweepFile.model_validate(content)
        except ValidationError as e:
            if attempt == 0:
                report(tree, e, problems)
            for error in e.errors():
                _cut(content, _location(error["loc"]), is_missing=error["type"] == "missing")
    return SweepFile.model_validate({k: v for (k, *rest), v in MISSING.items() if not rest})


def report(tree: Node, refusal: ValidationError, problems: Problems, prefix: Location = ()) -> None:
    """Every error of pydantic's as a problem of ours; `prefix` is where `tree` stands in a whole sweep."""
    errors = [(error, _location(error["loc"])) for error in refusal.errors()]
    typos = {_suggestion(error, loc, prefix) for error, loc in errors}
    for error, loc in errors:
        if (error["type"], *loc) in typos:
            continue
        is_key = error["type"] in ("extra_forbidden", "missing")
        place = nodes.key_of(tree, loc) if is_key else nodes.place_of(tree, loc)
        problems.error(place, *_words(error, (*prefix, *loc)))


def as_written(tree: Node) -> Any:
    """Plain values, and plain text where only text makes sense."""
    content = nodes.plain(tree)
    for path in TEXTS:
        node, around = nodes.at(tree, path), _at(content, path[:-1])
        if node is not None and isinstance(around, dict):
            around[path[-1]] = nodes.written(node)
    return content


def _location(reported: Sequence[str | int]) -> Location:
    """Where in the tree; pydantic names the branch of a union too, and ours all are in <>."""
    return tuple(step for step in reported if not (isinstance(step, str) and BRANCH.fullmatch(step)))


def _suggestion(error: Any, loc: Location, prefix: Location) -> tuple[Any, ...]:
    """The `missing` error that a mistyped key explains: it would say the same thing twice."""
    if error["type"] != "extra_forbidden":
        return ()
    hint = nearest(loc[-1], _allowed((*prefix, *loc[:-1])))
    return ("missing", *loc[:-1], hint.split("'")[1]) if hint.startswith("did you mean") else ()


def _allowed(loc: Location) -> list[str]:
    model = SECTIONS.get(tuple(str(step) for step in loc))
    return list(model.model_fields) if model else list(PARAMETER_KEYS)


def _words(error: Any, loc: Location) -> tuple[str, str | None]:
    kind, written, context = error["type"], error["input"], error.get("ctx", {})
    key = next((str(step) for step in reversed(loc) if isinstance(step, str)), "sweep.yaml")
    match kind:
        case "ours":
            return context["message"], context["hint"]
        case "extra_forbidden":
            return f"unknown key '{loc[-1]}'", nearest(loc[-1], _allowed(loc[:-1]))
        case "missing":
            return f"'{key}' is required", _description(loc)
        case "literal_error":
            allowed = context["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            return f"{key} has no value {shown(written)}", nearest(written, allowed)
        case "string_pattern_mismatch":
            words = "small letters, digits, - and _, beginning with a letter or digit, 63 at most"
            return f"{shown(written)} is not a name", words
        case "string_too_short":
            return f"{key} is empty", None
        case "too_short":
            return f"{key} is an empty list", "give at least one value"
        case "greater_than_equal":
            return f"{key} is at least {context['ge']}, was {shown(written)}", None
        case "less_than" | "finite_number":
            return f"{key} is too large, was {shown(written)}", None
    return f"{key} is {KINDS.get(kind, 'something else')}, was {shown(written)}", None


def _description(loc: Location) -> str | None:
    model = SECTIONS.get(tuple(str(step) for step in loc[:-1]), Range)
    field = model.model_fields.get(str(loc[-1]))
    return field.description if field else None


def _cut(content: Any, loc: Location, *, is_missing: bool) -> None:
    """Takes out what does not fit; of a list all, so that no item changes its place."""
    names = tuple(str(step) for step in loc)
    if is_missing and names in MISSING:
        around = _at(content, loc[:-1])
        if isinstance(around, dict):
            around[names[-1]] = MISSING[names]
        return
    whole = loc[: next((i for i, step in enumerate(loc) if isinstance(step, int)), len(loc))]
    if is_missing or (whole and not isinstance(_at(content, whole[:-1]), dict)):
        whole = whole[:-1]
    around = _at(content, whole[:-1]) if whole else None
    if isinstance(around, dict):
        around.pop(whole[-1], None)
        if whole in MISSING:
            around[whole[-1]] = MISSING[names[: len(whole)]]


def _at(content: Any, loc: Sequence[str | int]) -> Any:
    for step in loc:
        if isinstance(content, dict) and isinstance(step, str):
            content = content.get(step)
        elif isinstance(content, list) and isinstance(step, int):
            content = content[step]
        else:
            return None
    return content


def root(tree: Node | None, source: nodes.Source, problems: Problems) -> Entries:
    """The tree as the map that it has to be."""
    if isinstance(tree, Entries):
        return tree
    if tree is None or (isinstance(tree, nodes.Scalar) and tree.value is None):
        problems.error(Place(source), "the file is empty", "producer init writes one to begin with")
    else:
        problems.error(tree.place, "a sweep is a map of keys and values, such as 'name: my-sweep'")
    problems.refuse()
    raise AssertionError("unreachable: refuse has raised")
