"""Bars from a data file: every row, in the file's order, one security after the other.

Nothing is dropped, sorted or filled: what doubles, gaps and missing prices mean, a strategy's rules say. What
no rule could use is an error that names its line: a bar without a time, a cell that is not a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import PRICES
from tasks.data import cells
from tasks.data.bar_layout import BarLayout, bar_layout, price_scale
from tasks.data.cells import BadCell
from tasks.data.decoded import Arrays, Decoded, joined
from tasks.data.parse import F8, I8
from tasks.data.reading import ROW_HINT, reading
from tasks.data.tables import DataTable, open_table
from tasks.errors import DataError

BAR_DTYPES: Final = {"timestamp": np.int64, **dict.fromkeys((*PRICES, "volume"), np.float64)}
UTC: Final = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """The times of a file, security after security."""

    times: I8
    order: NDArray[np.int64] | None
    """Which row of the file each is; None where they stand in that order anyway."""
    instants: bool
    securities: tuple[str, ...] = ()
    bounds: tuple[int, ...] = ()

    def each(self) -> Iterator[tuple[str | None, I8]]:
        """Name, None for the file's own, and times."""
        if not self.securities:
            yield None, self.times
        for i, name in enumerate(self.securities):
            yield name, self.times[self.bounds[i] : self.bounds[i + 1]]


def decode_bars(path: Path, scale_beside: float | None = None) -> Decoded:
    """All columns; whole numbers become prices by the scale of `bar_layout.price_scale`."""
    table = open_table(path)
    layout = bar_layout(table)
    divisor = price_scale(table, layout, scale_beside)
    rows = _Rows(table=table, layout=layout)
    parts = dict(zip((*PRICES, "volume"), (*layout.prices, layout.volume), strict=True))
    pieces: dict[str, list[F8]] = {part: [np.empty(0)] for part in parts}
    with reading(path):
        for batch in table.batches(layout.columns):
            for part, name in parts.items():
                if name is not None:
                    pieces[part].append(rows.read(cells.numbers, batch, name))
            rows.add(batch)
    stamps = rows.stamps()
    columns: Arrays = {"timestamp": stamps.times}
    for part, name in parts.items():
        values = joined(pieces.pop(part)) if name else np.full(stamps.times.size, np.nan)
        if divisor is not None and part in PRICES:
            values /= divisor
        columns[part] = values if stamps.order is None else values[stamps.order]
    numbers = table.numbers(stamps.times.size)
    return Decoded(
        columns=columns,
        rows_in_file=numbers if stamps.order is None else numbers[stamps.order],
        zone=UTC if stamps.instants else None,
        securities=stamps.securities,
        bounds=stamps.bounds,
    )


def read_stamps(table: DataTable, layout: BarLayout) -> Stamps:
    """The times alone, and whose they are."""
    rows = _Rows(table=table, layout=layout)
    with reading(table.path):
        for batch in table.batches([n for n in (layout.time, layout.symbol) if n is not None]):
            rows.add(batch)
    return rows.stamps()


@dataclass(kw_only=True)
class _Rows:
    """Times and names of the rows read so far."""

    table: DataTable
    layout: BarLayout
    read_so_far: int = 0
    instants: bool | None = None
    times: list[I8] = field(default_factory=lambda: [np.empty(0, np.int64)])
    names: dict[str, int] = field(default_factory=dict)
    numbers: list[NDArray[np.int32]] = field(default_factory=lambda: [np.empty(0, np.int32)])

    def add(self, batch: Any) -> None:
        """After the other columns of the batch: rows count as read from here on."""
        if self.layout.how == "minutes":
            self.times.append(self.read(cells.minutes, batch, self.layout.time))
            self.instants = True
        else:
            times, self.instants = self.read(cells.times, batch, self.layout.time, self.instants)
            self.times.append(times)
        if self.layout.symbol is not None:
            self.numbers.append(self.read(cells.names, batch, self.layout.symbol, self.names))
        self.read_so_far += batch.num_rows

    def read(self, convert: Any, batch: Any, name: str, *state: Any) -> Any:
        try:
            return convert(batch.column(name), *state)
        except BadCell as e:
            place = self.table.place(self.read_so_far + e.row)
            column = f"column '{name}'" if name else "the first column"
            raise DataError(f"{self.table.path}: {place}: {column} {e.problem}", hint=ROW_HINT) from e

    def stamps(self) -> Stamps:
        times, instants = joined(self.times), bool(self.instants)
        if self.layout.symbol is None:
            return Stamps(times=times, order=None, instants=instants)
        numbers = joined(self.numbers)
        order = None if _ascending(numbers) else np.argsort(numbers, kind="stable")
        ends = np.cumsum(np.bincount(numbers, minlength=len(self.names))).tolist()
        return Stamps(
            times=times if order is None else times[order],
            order=order,
            instants=instants,
            securities=tuple(self.names),
            bounds=(0, *ends),
        )


def _ascending(numbers: NDArray[np.int32]) -> bool:
    return bool(np.all(numbers[1:] >= numbers[:-1]))
