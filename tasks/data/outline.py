"""What a file holds: which securities, how many rows, from when to when. Prices are not read for it.

Of a Parquet file with one security the footer tells. Else its times are read, and its names.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tasks.contract import DataKind
from tasks.data import cells, parse
from tasks.data.bar_layout import BarLayout, bar_layout, price_scale
from tasks.data.bars import UTC, read_stamps
from tasks.data.cells import BadCell
from tasks.data.parquet_table import ParquetTable
from tasks.data.reading import reading
from tasks.data.tables import SYMBOL, DataTable
from tasks.data.ticks import tick_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Of one security."""

    security: str | None
    """None: it is named after the file."""
    rows: int
    first_ns: int | None = None
    last_ns: int | None = None
    zone: str | None = None


def outlines(table: DataTable, kind: DataKind, scale_beside: float | None) -> list[Outline]:
    """Raises DataError where the file has not the columns of the kind."""
    return _ticks(table) if kind == "ticks" else _bars(table, scale_beside)


def _ticks(table: DataTable) -> list[Outline]:
    column = tick_columns(table)["timestamp"]
    first, last = _footer_range(table, column)
    return [Outline(security=table.facts.get(SYMBOL) or None, rows=table.rows, first_ns=first, last_ns=last)]


def _bars(table: DataTable, scale_beside: float | None) -> list[Outline]:
    layout = bar_layout(table)
    price_scale(table, layout, scale_beside)
    if (known := _bars_of_footer(table, layout)) is not None:
        return [known]
    stamps = read_stamps(table, layout)
    zone = UTC if stamps.instants else None
    return [
        Outline(
            security=name or layout.name,
            rows=times.size,
            first_ns=int(times.min()) if times.size else None,
            last_ns=int(times.max()) if times.size else None,
            zone=zone,
        )
        for name, times in stamps.each()
    ]


def _bars_of_footer(table: DataTable, layout: BarLayout) -> Outline | None:
    if layout.symbol is not None or not isinstance(table, ParquetTable) or not table.rows:
        return None
    kind = table.schema.field(layout.time).type
    if not (parse.is_time(kind) or layout.how == "minutes") or pa.types.is_dictionary(kind):
        return None
    with reading(table.path):
        extremes = table.extremes(layout.time)
        if extremes is None:
            return None
        try:
            values, instants = (
                (cells.minutes(extremes), True) if layout.how == "minutes" else cells.times(extremes, None)
            )
        except BadCell:
            return None  # a year that int64 does not reach: reading says which row
    first, last = values.tolist()
    zone = UTC if instants else None
    return Outline(security=layout.name, rows=table.rows, first_ns=first, last_ns=last, zone=zone)


def _footer_range(table: DataTable, column: str) -> tuple[int | None, int | None]:
    """The earliest and the latest wall time of all row groups, where every one of them says."""
    kind = table.schema.field(column).type
    if not isinstance(table, ParquetTable) or not parse.is_time(kind) or pa.types.is_dictionary(kind):
        return None, None
    with reading(table.path):
        extremes = table.extremes(column)
        first, last = (None, None) if extremes is None else parse.wall_times(extremes).tolist()
    return first, last
