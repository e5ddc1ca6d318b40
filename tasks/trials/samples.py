"""What a strategy is tried on: invented data of several sorts, and a handful of combinations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import numpy as np

from tasks.contract import DataKind
from tasks.data import tiny
from tasks.data.slices import Slice
from tasks.grid.parameters import REQUIRED, Parameter, Value, ValueRefused, coerce, nearest
from tasks.plugins.description import Description

ROWS: Final = 300
COMBINATIONS: Final = 8
SIMPLE: Final[Mapping[str, Value]] = {
    "int": 1,
    "float": 1.0,
    "str": "a",
    "bool": False,
    "list": [],
    "map": {},
}
MAKERS: Final[Mapping[DataKind, Mapping[str, Callable[[int], Slice]]]] = {
    "bars": {
        "five-minute bars of a share": lambda seed: tiny.bars(ROWS, seed),
        "five-minute bars of a future": lambda seed: tiny.future(3 * tiny.FUTURE_BARS_A_DAY, seed),
        "daily bars": lambda seed: tiny.daily(750, seed),
    },
    "ticks": {"ticks": lambda seed: tiny.ticks(ROWS, seed)},
}
"""Of a seed. The first sort that a strategy does not refuse is what it is tried on."""


def invented(about: Description) -> Mapping[str, Callable[[int], Slice]]:
    """Data of the kind that the strategy runs on, one sort after another: its name, and what makes it."""
    return MAKERS[about.data]


def some_combinations(about: Description) -> list[dict[str, Value]]:
    """The defaults, and around them one parameter after another a little changed."""
    first = {p.name: default(p) for p in about.parameters}
    near = {p.name: values for p in about.parameters if (values := _near(p))}
    turns = [
        (name, value) for i in range(COMBINATIONS) for name, v in near.items() if (value := v[i % len(v)])
    ]
    return [first, *({**first, name: value} for name, value in turns[: COMBINATIONS - 1])] + [
        first for _ in range(COMBINATIONS - 1 - len(turns))
    ]


def filled(about: Description, combinations: Sequence[Mapping[str, Value]]) -> list[dict[str, Value]]:
    """The author's combinations with their defaults, checked as those of a sweep are."""
    known = {p.name: p for p in about.parameters}
    for name in (name for combination in combinations for name in combination):
        if name not in known:
            raise ValueRefused(f"{about.name} has no parameter '{name}'", nearest(name, known))
    return [{n: coerce(p, c[n]) if n in c else default(p) for n, p in known.items()} for c in combinations]


def default(parameter: Parameter) -> Value:
    """The default, or where there is none a simple value that fits."""
    if parameter.default is not REQUIRED:
        return copy.deepcopy(parameter.default)
    if parameter.choices:
        return parameter.choices[0]
    value = parameter.min if parameter.min is not None else SIMPLE[parameter.type]
    return int(value) if parameter.type == "int" else copy.deepcopy(value)


def digest(value: Any) -> str:
    """Of all the numbers in it, however they are nested; what holds none counts for nothing."""
    total = sha256()
    for part in _parts(value):
        total.update(part)
    return total.hexdigest()


def _parts(value: Any) -> list[bytes]:
    if isinstance(value, np.ndarray):
        if value.dtype == np.object_:
            return [repr(value.tolist()).encode()]
        return [str(value.dtype).encode(), str(value.shape).encode(), value.tobytes()]
    if isinstance(value, Mapping):
        return [part for name, v in value.items() for part in (str(name).encode(), *_parts(v))]
    if isinstance(value, list | tuple):
        return [part for v in value for part in _parts(v)]
    if isinstance(value, bool | int | float | str):
        return [repr(value).encode()]
    return []


def _near(parameter: Parameter) -> list[Value]:
    """Values that the parameter takes too, near its default; none for lists, maps and free text."""
    first = default(parameter)
    if parameter.choices:
        wanted: list[Value] = [c for c in parameter.choices if c != first]
    elif parameter.type == "bool":
        wanted = [not first]
    elif parameter.type == "int":
        base = 1 if first is None else int(first)
        wanted = [base + 1, base * 2, max(1, base // 2), base + 3]
    elif parameter.type == "float":
        middle = 1.0 if first is None else float(first)
        wanted = [middle * 1.25, middle * 0.75, middle * 2.0] if middle else [0.5, 0.25]
    else:
        wanted = []
    taken = []
    for value in wanted:
        try:
            taken.append(coerce(parameter, value))
        except ValueRefused:
            continue
    return taken
