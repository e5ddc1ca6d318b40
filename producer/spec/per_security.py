"""Values of single securities: `per_security`, and below it `per_security_file`; both over `parameters`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from producer.spec import nodes, shape
from producer.spec.model import ParameterSpec
from producer.spec.nodes import Entries, Node, Source, Unreadable
from producer.spec.places import PathRefused, resolved
from producer.spec.report import Problems
from producer.spec.securities import reason
from producer.spec.spaces import choices_of
from producer.spec.sweep import Sweep
from producer.spec.values import Choice
from tasks.data.catalog import Catalog
from tasks.grid.parameters import Parameter, nearest, shown

SPEC: Final[TypeAdapter[Any]] = TypeAdapter(ParameterSpec)


def choices(
    sweep: Sweep, catalog: Catalog | None, parameters: Mapping[str, Parameter], strategy: str
) -> dict[str, dict[str, Choice]]:
    """By security, as named in the data. One that the data has and the sweep leaves out is no mistake."""
    problems, file = sweep.problems, sweep.file
    found: dict[str, dict[str, Choice]] = {}
    if file.per_security_file is not None:
        found = _from_file(sweep, catalog, parameters, strategy)
    node = nodes.at(sweep.root, ("per_security",)) or sweep.root
    seen: dict[str, str] = {}
    for written, specs in file.per_security.items():
        place = nodes.key_of(node, (written,))
        entry = catalog.get(written) if catalog else None
        if catalog and entry is None:
            hint = nearest(written.upper(), catalog.entries)
            problems.error(place, f"no security '{written}' in {catalog.source}", hint)
        name = entry.security if entry else written
        if name in seen:
            problems.error(place, f"{name} is given twice, first as '{seen[name]}'")
        seen[name] = written
        around = nodes.at(node, (written,)) or node
        own = choices_of(specs, around, parameters, strategy, problems)
        found[name] = found.get(name, {}) | own
    return found


def _from_file(
    sweep: Sweep, catalog: Catalog | None, parameters: Mapping[str, Parameter], strategy: str
) -> dict[str, dict[str, Choice]]:
    problems, written = sweep.problems, str(sweep.file.per_security_file)
    place = nodes.place_of(sweep.root, ("per_security_file",))
    try:
        path = resolved(written, sweep.path.parent, os.environ)
        source = Source(written, path.read_text("utf-8-sig"))
        document = nodes.read(source)
    except PathRefused as e:
        problems.error(place, e.message, e.hint)
        return {}
    except (OSError, UnicodeDecodeError) as e:
        problems.error(place, f"cannot read {written}: {reason(e)}")
        return {}
    except Unreadable as e:
        problems.error(e.place, e.message)
        return {}
    for where, message in document.problems:
        problems.error(where, message)
    tree = document.tree
    if not isinstance(tree, Entries):
        problems.error(place, f"{written} is not a map of securities to their parameters")
        return {}
    found: dict[str, dict[str, Choice]] = {}
    absent: list[str] = []
    for security, node in tree.values.items():
        entry = catalog.get(security) if catalog else None
        if catalog and entry is None:
            absent.append(security)
        node = _without(node, sweep.overridden)
        specs = _specs(security, node, problems)
        found[entry.security if entry else security] = choices_of(specs, node, parameters, strategy, problems)
    if absent and catalog:
        some = ", ".join(absent[:5]) + (f" and {len(absent) - 5:,} more" if len(absent) > 5 else "")
        problems.warning(place, f"{written} names securities that are not in {catalog.source}: {some}")
    return found


def _without(node: Node, names: frozenset[str]) -> Node:
    for name in names:
        node = node.without(name) if isinstance(node, Entries) else node
    return node


def _specs(security: str, node: Node, problems: Problems) -> dict[str, Any]:
    """Each parameter by itself, so that one that is wrong hides no other."""
    if not isinstance(node, Entries):
        problems.error(node.place, f"{security} is a map, was {shown(nodes.plain(node))}")
        return {}
    found: dict[str, Any] = {}
    for name, written in node.values.items():
        try:
            found[name] = SPEC.validate_python(nodes.plain(written), strict=True)
        except ValidationError as e:
            shape.report(written, e, problems, ("per_security", security, name))
    return found
