"""Which securities a sweep runs on: `data.securities` against what the data source holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from producer.spec import nodes
from producer.spec.model import Data, Selection
from producer.spec.nodes import Node, Place, Source
from producer.spec.places import PathRefused, resolved
from producer.spec.report import Problems
from tasks.data.catalog import Catalog, Entry
from tasks.grid.parameters import nearest


def select(
    data: Data,
    root: Node,
    catalog: Catalog,
    folder: Path,
    environment: Mapping[str, str],
    problems: Problems,
) -> tuple[Entry, ...]:
    """The securities asked for, sorted by name. One that is not there, or there twice, is a problem."""
    node = nodes.at(root, ("data", "securities"))
    place = node.place if node else nodes.key_of(root, ("data", "source"))
    before = problems.errors
    match data.securities:
        case list() as names:
            chosen = _named(_placed(names, node, place), catalog, problems)
        case Selection() as selection:
            chosen = _selected(selection, node or root, catalog, folder, environment, problems)
        case _:
            chosen = dict.fromkeys(catalog.entries, place)
    for name, where in chosen.items():
        if name in catalog.clashes:
            paths = ", ".join(str(p) for p in catalog.clashes[name])
            problems.error(
                where, f"{len(catalog.clashes[name])} files claim the name {name}", f"keep one of {paths}"
            )
        elif (problem := catalog.entries[name].problem) is not None:
            problems.warning(where, f"{name} will fail: {problem}")
    if not chosen and problems.errors == before:
        problems.error(
            place, "no security is left", f"there are {len(catalog.entries):,} in {catalog.source}"
        )
    return tuple(catalog.entries[name] for name in sorted(chosen))


def _placed(names: Iterable[str], node: Node | None, place: Place) -> list[tuple[str, Place]]:
    return [(n, (nodes.at(node, (i,)) or node).place if node else place) for i, n in enumerate(names)]


def _named(names: Iterable[tuple[str, Place]], catalog: Catalog, problems: Problems) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for name, place in names:
        entry = catalog.get(name)
        if entry is None:
            problems.error(place, f"no security '{name}' in {catalog.source}", _like(name, catalog))
        elif entry.security in found:
            problems.warning(place, f"{entry.security} is given twice; it counts once")
        else:
            found[entry.security] = place
    return found


def _like(name: str, catalog: Catalog) -> str:
    if any(c in name for c in "*?["):
        return f"patterns belong under include: securities: {{include: ['{name}']}}"
    upper = {known.upper(): known for known in catalog.entries}  # ADNCO for adnoc is near too
    hint = nearest(name.upper(), upper)
    return hint if not hint.startswith("did you mean") else f"did you mean '{upper[hint.split(chr(39))[1]]}'?"


def _selected(
    selection: Selection,
    node: Node,
    catalog: Catalog,
    folder: Path,
    environment: Mapping[str, str],
    problems: Problems,
) -> dict[str, Place]:
    found: dict[str, Place] = {}
    if selection.file is not None:
        found |= _from_file(
            selection.file, nodes.place_of(node, ("file",)), catalog, folder, environment, problems
        )
    include = ["*"] if selection.include is None and selection.file is None else selection.include or []
    around = nodes.at(node, ("include",))
    for pattern, place in _placed(include, around, node.place):
        matching = _matching(pattern, catalog)
        if not matching:
            problems.error(
                place, f"no security '{pattern}' in {catalog.source}", nearest(pattern, catalog.entries)
            )
        found |= {name: place for name in matching if name not in found}
    around = nodes.at(node, ("exclude",))
    for pattern, place in _placed(selection.exclude, around, node.place):
        matching = _matching(pattern, catalog)
        if not matching:
            problems.warning(place, f"'{pattern}' excludes nothing", nearest(pattern, catalog.entries))
        for name in matching:
            found.pop(name, None)
    return found


def _matching(pattern: str, catalog: Catalog) -> list[str]:
    return [name for name in catalog.entries if fnmatchcase(name.casefold(), pattern.casefold())]


def _from_file(
    written: str,
    place: Place,
    catalog: Catalog,
    folder: Path,
    environment: Mapping[str, str],
    problems: Problems,
) -> dict[str, Place]:
    try:
        path = resolved(written, folder, environment)
        text = path.read_text("utf-8-sig")
    except PathRefused as e:
        problems.error(place, e.message, e.hint)
        return {}
    except (OSError, UnicodeDecodeError) as e:
        problems.error(place, f"cannot read {written}: {reason(e)}")
        return {}
    source = Source(written, text)
    names = []
    for number, line in enumerate(source.lines, 1):
        name = line.split("#")[0].strip()
        if name:
            names.append((name, Place(source, number, line.index(name) + 1)))
    return _named(names, catalog, problems)


def reason(error: OSError | UnicodeDecodeError) -> str:
    """Why a file could not be read, in a few words."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (error.strerror or str(error)).lower()
