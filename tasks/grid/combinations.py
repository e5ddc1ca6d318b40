"""The combinations of a sweep on one security: counted by arithmetic, named by content, made block by block.

A `Space` is axes that are crossed (first outermost) or points that are listed, less what constraints exclude.
Every combination has a *raw* index, its place before constraints; a block is the valid ones in a range.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import chain, product
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from tasks.grid.constraints import Constraint, parse
from tasks.grid.parameters import Value

Axis = tuple[str, tuple[Value, ...]]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

MAX_LINKED: Final = 20_000_000  # value tuples that one constraint may link: some 10 s of evaluation
ID_DIGITS: Final = 16  # 8 would collide within 1,000,000 combinations


class SpaceTooLarge(ValueError):
    """One constraint links so many values that it cannot be counted in reasonable time."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The valid combinations of a range of raw indices, in order."""

    names: tuple[str, ...]
    columns: dict[str, list[Value]]
    raw: Indices
    fragments: list[list[str]]
    """Per parameter, sorted by name: each row's `"name":value` of the canonical JSON."""

    def __len__(self) -> int:
        return len(self.raw)

    def part(self, first: int, last: int) -> Block:
        """The combinations at these places of the block."""
        columns = {name: values[first:last] for name, values in self.columns.items()}
        fragments = [values[first:last] for values in self.fragments]
        return Block(self.names, columns, self.raw[first:last], fragments)

    def ids(self) -> list[str]:
        """The name of each combination: a hash of its canonical JSON, the same in any sweep and order."""
        if not self.fragments:
            return [identity({})] * len(self)
        rows = map(",".join, zip(*self.fragments, strict=True))
        return [sha256(f"{{{row}}}".encode()).hexdigest()[:ID_DIGITS] for row in rows]

    def rows(self) -> list[dict[str, Value]]:
        if not self.names:
            return [{} for _ in range(len(self))]
        values = zip(*(self.columns[n] for n in self.names), strict=True)
        return [dict(zip(self.names, row, strict=True)) for row in values]


@dataclass(frozen=True, eq=False)
class Space:
    """All combinations of one security. Values have their declared type already (see `parameters.coerce`)."""

    axes: tuple[Axis, ...]
    """Crossed, first outermost; beside `points`, one value each: what all points have in common."""
    points: tuple[Axis, ...] | None = None
    """Explicit combinations instead of a grid, as columns of equal length."""
    constraints: tuple[str, ...] = ()
    defaults: tuple[tuple[str, Value], ...] = ()
    """Values of parameters that only constraints mention; not part of a combination."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(n for n, _ in self.axes) + tuple(n for n, _ in self.points or ())

    @property
    def raw_size(self) -> int:
        """Combinations before constraints; of any size, nothing is built."""
        crossed = math.prod(len(values) for _, values in self.axes)
        if self.points is None:
            return crossed
        return crossed * (len(self.points[0][1]) if self.points else 1)

    def count(self) -> int:
        """Combinations that all constraints allow."""
        return self._below(self.raw_size)

    def count_between(self, first: int, last: int) -> int:
        """Valid combinations among the raw indices `first` up to, not including, `last`."""
        return self._below(last) - self._below(first)

    def first_raw(self, n: int) -> int:
        """The smallest raw bound below which the first `n` valid combinations lie (all, if fewer)."""
        low, high = 0, self.raw_size
        if self._below(high) <= n:
            n = self._below(high)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._below(middle) >= n else (middle + 1, high)
        return low

    def block(self, first: int, last: int) -> Block:
        raw = np.arange(max(first, 0), min(last, self.raw_size), dtype=np.int64)
        for names, mask in self._masks:
            keep = mask[tuple(self._digits(raw, n) for n in names)] if names else np.full(len(raw), mask)
            raw = raw[keep]
        columns: dict[str, list[Value]] = {}
        fragments: dict[str, list[str]] = {}
        for name, values in self._columns.items():
            if len(values) == 1:
                columns[name], fragments[name] = [values[0]] * len(raw), self._fragments[name] * len(raw)
            else:
                digits = self._digits(raw, name).tolist()
                columns[name] = list(map(values.__getitem__, digits))
                fragments[name] = list(map(self._fragments[name].__getitem__, digits))
        return Block(self.names, columns, raw, [fragments[n] for n in sorted(fragments)])

    def to_wire(self) -> dict[str, Any]:
        return {
            "axes": [[name, list(values)] for name, values in self.axes],
            "points": None if self.points is None else [[name, list(values)] for name, values in self.points],
            "constraints": list(self.constraints),
            "defaults": [[name, value] for name, value in self.defaults],
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> Self:
        points = wire["points"]
        return cls(
            axes=tuple((name, tuple(values)) for name, values in wire["axes"]),
            points=None if points is None else tuple((name, tuple(values)) for name, values in points),
            constraints=tuple(wire["constraints"]),
            defaults=tuple((name, value) for name, value in wire["defaults"]),
        )

    @cached_property
    def _sizes(self) -> dict[str, int]:
        """Dimensions, outermost first: an axis each, or all points together under the empty name.

        A raw index is a number whose digits, one a dimension, say which value is meant.
        """
        sizes = {name: len(values) for name, values in self.axes}
        return sizes if self.points is None else sizes | {"": len(self.points[0][1]) if self.points else 1}

    @cached_property
    def _strides(self) -> dict[str, int]:
        strides, stride = {}, 1
        for name, size in reversed(self._sizes.items()):
            strides[name] = stride
            stride *= size
        return strides

    @cached_property
    def _columns(self) -> dict[str, tuple[Value, ...]]:
        return dict(self.axes) | dict(self.points or ())

    @cached_property
    def _fragments(self) -> dict[str, list[str]]:
        """`"name":value` for each value, made once: an id then costs one join and one hash."""
        begins = {name: f"{canonical(name)}:" for name in self._columns}
        return {n: [begins[n] + canonical(v) for v in values] for n, values in self._columns.items()}

    def _dimension(self, name: str) -> str:
        return name if name in self._sizes else ""

    def _digits(self, raw: Indices, name: str) -> Indices:
        dimension = self._dimension(name)
        digits: Indices = raw // self._strides[dimension] % self._sizes[dimension]
        return digits

    @cached_property
    def _masks(self) -> list[tuple[tuple[str, ...], Mask]]:
        """Which values each constraint allows, over its own dimensions; those over the same are one mask."""
        known = {**dict(self.defaults), **self._columns}
        masks: dict[tuple[str, ...], Mask] = {}
        for text in self.constraints:
            constraint = parse(text, known)
            used = {self._dimension(n) for n in constraint.names if n in self._columns}
            dimensions = tuple(d for d in self._sizes if d in used)
            mask = self._evaluate(constraint, dimensions)
            masks[dimensions] = masks[dimensions] & mask if dimensions in masks else mask
        return list(masks.items())

    def _evaluate(self, constraint: Constraint, dimensions: tuple[str, ...]) -> Mask:
        shape = [self._sizes[d] for d in dimensions]
        if math.prod(shape) > MAX_LINKED:
            raise SpaceTooLarge(
                f"'{constraint.text}' links {math.prod(shape):,} combinations; {MAX_LINKED:,} is the limit"
            )
        held = [
            [n for n in constraint.names if n in self._columns and self._dimension(n) == d]
            for d in dimensions
        ]
        rows = [zip(*(self._columns[n] for n in names), strict=True) for names in held]
        names = [n for names in held for n in names]
        values = {n: v for n, v in self.defaults if n in constraint.names}

        def answers() -> Iterator[bool]:
            for row in product(*rows):
                values.update(zip(names, chain.from_iterable(row), strict=True))
                yield constraint(values)

        return np.fromiter(answers(), np.bool_, math.prod(shape)).reshape(shape)

    def _below(self, bound: int) -> int:
        """Valid combinations with a raw index under `bound`.

        Digit by digit, as one counts numbers below 4,307: those that begin 0 to 3, then 40 to 42, and so on.
        """
        if not self._masks:
            return min(max(bound, 0), self.raw_size)
        if bound >= self.raw_size:
            return self._count_within({})
        total, chosen = 0, dict[str, slice]()
        for name, stride in self._strides_outermost_first():
            digit, bound = divmod(max(bound, 0), stride)
            if digit:
                total += self._count_within({**chosen, name: slice(0, digit)})
            chosen[name] = slice(digit, digit + 1)
        return total

    def _strides_outermost_first(self) -> list[tuple[str, int]]:
        return [(name, self._strides[name]) for name in self._sizes]

    def _count_within(self, chosen: Mapping[str, slice]) -> int:
        """Valid combinations whose digits lie in `chosen`; all values where a dimension is not mentioned.

        Dimensions that no constraint links are multiplied. Linked ones are summed over the product of their
        masks, which einsum contracts two at a time: a chain a < b < c never builds a x b x c.
        """
        whole = slice(None)
        linked = {d for dimensions, _ in self._masks for d in dimensions}
        free = [range(size)[chosen.get(d, whole)] for d, size in self._sizes.items() if d not in linked]
        total = math.prod(len(f) for f in free)
        for group in _connected(self._masks):
            number = {d: i for i, d in enumerate({d for dimensions, _ in group for d in dimensions})}
            operands: list[Any] = []
            for dimensions, mask in group:
                operands += [mask[tuple(chosen.get(d, whole) for d in dimensions)].astype(np.int64)]
                operands += [[number[d] for d in dimensions]]
            total *= int(np.einsum(*operands, [], optimize="greedy"))
        return total


def canonical(value: Value) -> str:
    """The one way to write a value as JSON; lists and maps with sorted keys and no blanks."""
    if type(value) is int or type(value) is float:
        return repr(value)  # what json writes, ten times as fast
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def identity(combination: Mapping[str, Value]) -> str:
    """The id of one combination, as `Block.ids` makes them."""
    return sha256(canonical(dict(combination)).encode()).hexdigest()[:ID_DIGITS]


def _connected(masks: Sequence[tuple[tuple[str, ...], Mask]]) -> list[list[tuple[tuple[str, ...], Mask]]]:
    """Masks in groups that share no dimension with each other."""
    groups: list[tuple[set[str], list[tuple[tuple[str, ...], Mask]]]] = []
    for dimensions, mask in masks:
        touched = [g for g in groups if g[0] & set(dimensions)]
        groups = [g for g in groups if not g[0] & set(dimensions)]
        joined = set(dimensions).union(*(names for names, _ in touched))
        groups.append((joined, [m for _, held in touched for m in held] + [(dimensions, mask)]))
    return [held for _, held in groups]
