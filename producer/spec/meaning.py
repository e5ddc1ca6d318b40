"""Stage two: is there such a strategy, parameter, security; do the constraints leave anything to run?

Every step does what it can with what the steps before it found, so that one mistake hides no other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from producer.spec import nodes, per_security, points, spaces
from producer.spec.fields import first_ns, last_ns, written_duration
from producer.spec.nodes import Place, Scalar
from producer.spec.places import PathRefused, resolved
from producer.spec.securities import select
from producer.spec.shape import UNKNOWN
from producer.spec.spaces import Builder, Layers
from producer.spec.sweep import SecuritySpace, Sweep
from tasks.contract import DataKind
from tasks.data import catalog as catalog_
from tasks.data.bar_times import bar_seconds
from tasks.data.catalog import Catalog, Entry
from tasks.errors import DataError, StrategyError, UsageError
from tasks.grid.combinations import SpaceTooLarge
from tasks.grid.constraints import Constraint, ConstraintFailed, ConstraintInvalid, parse
from tasks.grid.parameters import Parameter, nearest
from tasks.plugins import references, registry
from tasks.plugins.registry import Description
from tasks.roots import Roots

MOST_NAMED: Final = 5  # securities in one message
MOST_OFFSET_NS: Final = 14 * 3600 * 10**9  # of a zone's wall time from UTC, in which bars may be stored


@dataclass(slots=True, kw_only=True)
class Meaning:
    """What was found; parts are missing where there was a problem."""

    about: Description | None = None
    catalog: Catalog | None = None
    entries: tuple[Entry, ...] = ()
    start_ns: int | None = None
    end_ns: int | None = None
    layers: Layers = field(default_factory=Layers)
    securities: tuple[SecuritySpace, ...] = ()


def find(sweep: Sweep) -> Meaning:
    found = Meaning()
    found.about = _strategy(sweep)
    _data(sweep, found)
    _dates(sweep, found)
    if found.about is not None:
        _metric(sweep, found.about)
        _combinations(sweep, found, found.about)
    return found


def _strategy(sweep: Sweep) -> Description | None:
    name = sweep.file.strategy
    if name == UNKNOWN and sweep.problems.errors:
        return None
    try:
        roots = Roots.of([*sweep.allow, sweep.path.parent])
        about = replace(registry.describe(references.located(name, sweep.path.parent), roots), name=name)
    except (StrategyError, UsageError) as e:
        sweep.problems.error(nodes.place_of(sweep.root, ("strategy",)), e.message, e.hint)
        return None
    kind = sweep.file.data.kind
    if kind is not None and kind != about.data:
        place = nodes.place_of(sweep.root, ("data", "kind"))
        sweep.problems.error(
            place, f"{name} runs on {about.data}, not on {kind}", f"kind: {about.data}, or leave it out"
        )
    for i, table in enumerate(sweep.file.output.keep):
        if table != "summary" and table not in about.traces:
            place = nodes.place_of(sweep.root, ("output", "keep", i))
            sweep.problems.error(
                place, f"{name} keeps no {table}", nearest(table, ["summary", *about.traces])
            )
    return about


def _data(sweep: Sweep, found: Meaning) -> None:
    data, problems = sweep.file.data, sweep.problems
    if data.source == UNKNOWN and problems.errors:
        return
    place = nodes.place_of(sweep.root, ("data", "source"))
    kind = found.about.data if found.about else data.kind or "ticks"
    try:
        source = resolved(data.source, sweep.path.parent, os.environ)
        found.catalog = catalog_.scan(source, kind)
    except PathRefused as e:
        problems.error(place, e.message, e.hint)
    except (UsageError, DataError) as e:
        problems.error(place, e.message, e.hint)
    else:
        found.entries = select(data, sweep.root, found.catalog, sweep.path.parent, os.environ, problems)
        _timeframe(sweep, found.entries, kind)


def _timeframe(sweep: Sweep, entries: tuple[Entry, ...], kind: DataKind) -> None:
    wanted = sweep.file.data.timeframe
    if wanted is None:
        return
    place = nodes.place_of(sweep.root, ("data", "timeframe"))
    if kind != "bars":
        sweep.problems.error(place, f"{kind} have no timeframe", "leave it out")
        return
    for entry in {entry.path: entry for entry in reversed(entries)}.values():
        found = bar_seconds(entry)
        if found is not None and found != wanted:
            lengths = f"{written_duration(found)}, not of {written_duration(wanted)}"
            sweep.problems.error(place, f"{entry.security} has bars of {lengths}")
            return


def _dates(sweep: Sweep, found: Meaning) -> None:
    """Both ends are inclusive. Securities without a row between them are empty; all of them are a mistake."""
    start, end = sweep.file.data.start, sweep.file.data.end
    found.start_ns = None if start is None else first_ns(start)
    found.end_ns = None if end is None else last_ns(end)
    first, last = found.start_ns, found.end_ns
    place = nodes.place_of(sweep.root, ("data", "start" if start else "end"))
    if first is not None and last is not None and first > last:
        sweep.problems.error(place, f"start {start} is after end {end}")
        return
    slack = MOST_OFFSET_NS if found.about and found.about.data == "bars" else 0
    known = [
        (e, e.first_ns - slack, e.last_ns + slack)
        for e in found.entries
        if e.first_ns is not None and e.last_ns is not None
    ]
    outside = [
        e.security
        for e, begins, ends in known
        if (first is not None and ends < first) or (last is not None and begins > last)
    ]
    if not outside:
        return
    span = f"from {start or 'the first'} to {end or 'the last'}"
    if len(outside) == len(found.entries):
        begins = _day(min(b for _, b, _ in known) + slack)
        ends = _day(max(e for _, _, e in known) - slack)
        sweep.problems.error(place, f"no data {span}", f"there is data from {begins} to {ends}")
    else:
        sweep.problems.warning(place, f"no data {span} for {_some(outside)}", "these will be empty")


def _metric(sweep: Sweep, about: Description) -> None:
    metric = sweep.file.metric
    if metric.name is not None and metric.name not in about.metrics:
        place = nodes.place_of(sweep.root, ("metric", "name"))
        message = f"unknown metric '{metric.name}' of {about.name}"
        sweep.problems.error(place, message, nearest(metric.name, about.metrics, most=len(about.metrics)))
    if metric.min_trades and "trades" not in about.metrics:
        place = nodes.place_of(sweep.root, ("metric", "min_trades"))
        sweep.problems.error(place, f"{about.name} has no metric 'trades' to compare with")


def _combinations(sweep: Sweep, found: Meaning, about: Description) -> None:
    file, root, problems = sweep.file, sweep.root, sweep.problems
    parameters = {p.name: p for p in about.parameters}
    before = problems.errors
    layers = found.layers
    layers.common = spaces.common_choices(file, root, parameters, about.name, problems)
    layers.own = per_security.choices(sweep, found.catalog, parameters, about.name)
    if isinstance(file.combinations, list):
        node = nodes.at(root, ("combinations",)) or root
        layers.points = points.listed(file.combinations, node, parameters, about.name, problems)
    elif file.combinations is not None:
        layers.points = points.from_file(
            file.combinations,
            nodes.place_of(root, ("combinations",)),
            sweep.path.parent,
            os.environ,
            parameters,
            about.name,
            sweep.overridden,
            problems,
        )
    if file.combinations is not None:
        spaces.single(layers, problems)
    names = [e.security for e in found.entries]
    spaces.require(root, layers, parameters, names, about.name, problems)
    constraints = _constraints(sweep, parameters)
    if (
        problems.errors == before
        and names
        and spaces.fits(layers, names, sweep.limit, bool(constraints), problems)
    ):
        found.securities = _spaces(sweep, found, Builder(layers, parameters, constraints, problems))


def _constraints(sweep: Sweep, parameters: dict[str, Parameter]) -> list[Constraint]:
    parsed = []
    for i, text in enumerate(sweep.file.constraints):
        try:
            parsed.append(parse(text, parameters))
        except ConstraintInvalid as e:
            sweep.problems.error(_within(sweep, i, e.offset), e.message, e.hint)
    return parsed


def _within(sweep: Sweep, index: int, offset: int) -> Place:
    """The character of a constraint, if its text stands in the file as it is."""
    node = nodes.at(sweep.root, ("constraints", index))
    place = nodes.place_of(sweep.root, ("constraints", index))
    if not isinstance(node, Scalar):
        return place
    lines = place.source.lines
    line = lines[place.line - 1][place.column - 1 :] if place.line <= len(lines) else ""
    for quote in ("", "'", '"'):
        if line.startswith(quote + node.text):
            return place.moved(len(quote) + offset)
    return place


def _spaces(sweep: Sweep, found: Meaning, builder: Builder) -> tuple[SecuritySpace, ...]:
    counted: dict[int, tuple[int, int]] = {}
    made: list[SecuritySpace] = []
    for entry in found.entries:
        space = builder.space(entry.security)
        if id(space) not in counted:
            try:
                last = space.raw_size if sweep.limit is None else space.first_raw(sweep.limit)
                counted[id(space)] = last, space.count_between(0, last)
            except (ConstraintFailed, SpaceTooLarge) as e:
                sweep.problems.error(_place_in(sweep, str(e)), str(e))
                return ()
        last, backtests = counted[id(space)]
        made.append(
            SecuritySpace(security=entry.security, entry=entry, space=space, last=last, backtests=backtests)
        )
    if empty := [s.security for s in made if not s.backtests]:
        whose = "" if len(empty) == len(made) else f" for {_some(empty)}"
        place = nodes.place_of(sweep.root, ("constraints",))
        sweep.problems.error(place, f"the constraints leave no combination{whose}")
    return tuple(made)


def _place_in(sweep: Sweep, message: str) -> Place:
    """Of the constraint that a message quotes."""
    for i, text in enumerate(sweep.file.constraints):
        if f"'{text}'" in message:
            return nodes.place_of(sweep.root, ("constraints", i))
    return nodes.place_of(sweep.root, ("constraints",))


def _day(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).date().isoformat()


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
