"""What the command line changes in a sweep.yaml: put into its tree, so that it is checked like the rest.

A parameter given by `-p` wins over `parameters`, over `per_security` and over explicit combinations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from producer.spec import nodes
from producer.spec.nodes import Entries, Items, Place, Scalar, Source, Unreadable
from producer.spec.report import Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The flags of `submit` that change the sweep, as they were given."""

    parameters: tuple[str, ...] = ()
    """Each `NAME=VALUE`, the value written as in sweep.yaml."""
    securities: tuple[str, ...] | None = None
    limit: int | None = None
    name: str | None = None
    cache: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overridden:
    """A tree with the overrides in it, and what they were."""

    root: Entries
    names: frozenset[str] = frozenset()
    """Parameters that the command line fixes."""
    given: Mapping[str, Any] = field(default_factory=dict)


def apply(root: Entries, overrides: Overrides, problems: Problems) -> Overridden:
    given: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for text in overrides.parameters:
        name, value = _parameter(text, problems)
        if value is not None:
            parameters[name] = nodes.plain(value)
            root = _with_parameter(root, name, value)
    if parameters:
        given["parameters"] = parameters
    if overrides.securities is not None:
        place = _flag(f"--securities {','.join(overrides.securities)}")
        chosen = Items(place, tuple(nodes.scalar(place, s) for s in overrides.securities))
        root = _with(root, "data", "securities", chosen)
        given["securities"] = list(overrides.securities)
    if overrides.limit is not None:
        given["limit"] = overrides.limit
        if overrides.limit < 1:
            problems.error(_flag(f"--limit {overrides.limit}"), "limit is at least 1")
    if overrides.name is not None:
        root = root.replaced("name", nodes.scalar(_flag(f"--name {overrides.name}"), overrides.name))
        given["name"] = overrides.name
    if overrides.cache is not None:
        flag = nodes.scalar(_flag(f"--cache {overrides.cache}"), overrides.cache)
        root = _with(root, "execution", "cache", flag)
        given["cache"] = overrides.cache
    return Overridden(root=root, names=frozenset(parameters), given=given)


def _parameter(text: str, problems: Problems) -> tuple[str, nodes.Node | None]:
    name, equals, value = text.partition("=")
    label = f"-p {text}"
    if not equals or not name.strip():
        problems.error(_flag(label), "not NAME=VALUE", "for example: -p refill_interval_sec=30")
        return name, None
    source = Source(label, value, is_file=False)
    try:
        document = nodes.read(source)
    except Unreadable as e:
        problems.error(e.place, e.message)
        return name, None
    for place, message in document.problems:
        problems.error(place, message)
    return name.strip(), document.tree or Scalar(Place(source), "", None)


def _with_parameter(root: Entries, name: str, value: nodes.Node) -> Entries:
    parameters = root.values.get("parameters")
    if isinstance(parameters, Scalar) and parameters.value is None:
        parameters = Entries(parameters.place, {}, {})
    if isinstance(parameters, Entries):
        root = root.replaced("parameters", parameters.replaced(name, value))
    own = root.values.get("per_security")
    if isinstance(own, Entries):
        for security, values in own.values.items():
            if isinstance(values, Entries):
                own = own.replaced(security, values.without(name))
        root = root.replaced("per_security", own)
    points = root.values.get("combinations")
    if isinstance(points, Items):
        rest = tuple(p.without(name) if isinstance(p, Entries) else p for p in points.items)
        root = root.replaced("combinations", Items(points.place, rest))
    return root


def _with(root: Entries, section: str, key: str, value: nodes.Node) -> Entries:
    around = root.values.get(section)
    if around is None or (isinstance(around, Scalar) and around.value is None):
        around = Entries(value.place, {}, {})
    if isinstance(around, Entries):  # else it is an error already
        root = root.replaced(section, around.replaced(key, value))
    return root


def _flag(label: str) -> Place:
    return Place(Source(label, "", is_file=False))
