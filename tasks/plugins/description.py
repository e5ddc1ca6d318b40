"""What a strategy declares, read from the object and checked: attributes, types, names that fit each other.

Whatever an author may get wrong about the shape is found here, before anything runs, and all at once.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import pyarrow as pa

from tasks.contract import Strategy
from tasks.errors import StrategyError
from tasks.grid.parameters import Parameter, declared, nearest
from tasks.results import arrow

MEMBERS: Final[Mapping[str, str]] = {
    "name": "its name",
    "data": "'bars' or 'ticks'",
    "params": "a frozen dataclass of parameters",
    "metrics": "the names of what evaluate returns",
    "evaluate": "evaluate(data, combinations)",
}
COLUMNS: Final = ("security", "combination", "status")  # of every results table
TABLES: Final = ("trades", "equity", "signals")
BUILT_IN: Final = "built in"
Fault = tuple[str, str]
"""What is wrong, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Everything a strategy declares, with what it leaves out filled in."""

    name: str
    strategy: Any
    """The object itself: a `Strategy`, and what else of the contract it has."""
    data: Literal["bars", "ticks"]
    parameters: tuple[Parameter, ...]
    metrics: tuple[str, ...]
    metric: str
    """The metric that ranks results unless the sweep names one."""
    goal: Literal["maximize", "minimize"]
    whole_numbers: tuple[str, ...]
    groups: tuple[str, ...]
    traces: Mapping[str, Mapping[str, str]]
    """Table to its columns with their Arrow types; empty where the strategy cannot show what it did."""
    fingerprint: str = ""
    """SHA-256 over the source that it was made from: the same wherever the code is the same."""
    doc: str = ""
    """What it does, in a line."""
    origin: str = ""
    """`built in`, the distribution it came with, or where its code lies."""

    @property
    def is_shipped(self) -> bool:
        return self.origin == BUILT_IN


def described(name: str, strategy: object, *, fingerprint: str = "", origin: str = "") -> Description:
    """The description of a strategy that keeps the contract's shape; StrategyError with the first fault where
    not.
    """
    for message, hint in faults(name, strategy):
        raise StrategyError(message, hint=hint)
    found = cast(Strategy, strategy)
    metrics = tuple(found.metrics)
    return Description(
        name=name,
        strategy=found,
        data=found.data,
        parameters=declared(found.params),
        metrics=metrics,
        metric=getattr(found, "metric", metrics[0]),
        goal=getattr(found, "goal", "maximize"),
        whole_numbers=tuple(getattr(found, "whole_numbers", ())),
        groups=tuple(getattr(found, "groups", ())),
        traces=getattr(found, "traces", {}) if hasattr(found, "trace") else {},
        fingerprint=fingerprint,
        doc=_first_line(found),
        origin=origin,
    )


def faults(name: str, strategy: object) -> list[Fault]:
    """Everything about the strategy's shape that breaks the contract."""
    missing = [m for m in MEMBERS if not hasattr(strategy, m)]
    if missing:
        wanted = ", ".join(f"{m} ({MEMBERS[m]})" for m in missing)
        return [(f"strategy '{name}' does not meet the contract", f"it lacks {wanted}")]
    try:
        parameters = declared(cast(Strategy, strategy).params)
    except StrategyError as e:
        return [(f"strategy '{name}': {e.message}", e.hint or "params is a dataclass with a type for each")]
    found = cast(Strategy, strategy)
    return [*_of_kind(name, found), *_of_names(name, found, [p.name for p in parameters])]


def _of_kind(name: str, found: Strategy) -> Iterator[Fault]:
    if found.data not in ("bars", "ticks"):
        yield f"strategy '{name}' works on '{found.data}'", "data is 'bars' or 'ticks'"
    if not callable(found.evaluate):
        yield (
            f"strategy '{name}' cannot be called",
            "evaluate is a method: evaluate(self, data, combinations)",
        )
    if getattr(found, "goal", "maximize") not in ("maximize", "minimize"):
        yield f"strategy '{name}' has a goal that is none", "goal is 'maximize' or 'minimize'"
    if hasattr(found, "trace") != hasattr(found, "traces"):
        there, absent = ("trace", "traces") if hasattr(found, "trace") else ("traces", "trace")
        hint = "traces says which columns the tables have that trace(data, combination) returns"
        yield f"strategy '{name}' has {there} but no {absent}", hint
    for table, columns in getattr(found, "traces", {}).items():
        if table not in TABLES:
            yield f"strategy '{name}' traces a table '{table}'", nearest(table, TABLES)
        for column, alias in columns.items():
            try:
                arrow.type_named(alias)
            except (ValueError, pa.ArrowException, StopIteration):
                hint = "write int64, double, bool, string, timestamp[ns] or date32[day]"
                yield f"strategy '{name}': column {table}.{column} is of no type '{alias}'", hint


def _of_names(name: str, found: Strategy, parameters: Sequence[str]) -> Iterator[Fault]:
    for attribute in ("metrics", "whole_numbers", "groups"):
        given = getattr(found, attribute, ())
        if isinstance(given, str) or not all(isinstance(word, str) for word in given):
            yield f"strategy '{name}': {attribute} is {given!r}", f"write a tuple of names: ('{given}',)"
            return
    metrics = tuple(found.metrics)
    if not metrics:
        yield f"strategy '{name}' names no metrics", "metrics lists what evaluate returns"
        return
    for word in (*metrics, *parameters):
        if word in COLUMNS:
            yield f"strategy '{name}' uses the name '{word}'", "every results table has a column of that name"
        elif (*metrics, *parameters).count(word) > 1:
            yield f"strategy '{name}' uses the name '{word}' twice", "rename one parameter or metric"
    references = [("ranks by", getattr(found, "metric", metrics[0]), metrics)]
    references += [("has whole numbers in", word, metrics) for word in getattr(found, "whole_numbers", ())]
    references += [("groups by", word, tuple(parameters)) for word in getattr(found, "groups", ())]
    for does, word, known in references:
        if word not in known:
            yield f"strategy '{name}' {does} '{word}', which it does not have", nearest(word, known)


def _first_line(strategy: object) -> str:
    """Of its own docstring, else of its module's; not of a base class of Python's."""
    own = vars(strategy).get("__doc__") if hasattr(strategy, "__dict__") else None
    module = sys.modules.get(type(strategy).__module__)
    text = own or type(strategy).__doc__ or (module.__doc__ if module else None) or ""
    return next((line.strip() for line in inspect.cleandoc(text).splitlines() if line.strip()), "")
