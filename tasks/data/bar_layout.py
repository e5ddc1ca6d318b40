"""How a file holds bars: which column is the time, which are the prices, and what whole numbers in them mean.

A price that is stored as a whole number is divided once by a scale. It is what the file itself says
(`ticks_per_point` or `price_scale`), else what the universe file beside it says (`price_scale`), else 10,000
where whole numbers of 32 bits stand beside a column of dates: so are the integer daily bars of
shared/data/daily stored, which do not say it themselves. All other whole numbers are prices as they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import pyarrow as pa

from tasks.contract import PRICES
from tasks.data import parse
from tasks.data.reading import CONVERT_HINT, listed
from tasks.data.tables import SYMBOL, DataTable, only
from tasks.data.universe import positive
from tasks.errors import DataError

VOLUME: Final = "volume"
TIMES: Final = frozenset({"time", "timestamp", "date", "datetime"})
MINUTES: Final = "minute_utc"
UNNAMED: Final = ("", "__index_level_0__")  # the index of a pandas table, in CSV and in Parquet
SCALES: Final = ("ticks_per_point", "price_scale")
DAILY_SCALE: Final = 10_000.0

How = Literal["times", "minutes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarLayout:
    """Names of the file's columns."""

    time: str
    how: How
    prices: tuple[str, ...]
    volume: str | None
    symbol: str | None
    name: str | None
    """What the file calls its security; None: it is named after the file, or row by row."""

    @property
    def columns(self) -> list[str]:
        return [n for n in (self.time, *self.prices, self.volume, self.symbol) if n is not None]


def bar_layout(table: DataTable) -> BarLayout:
    """Raises DataError where a column is missing, there twice, or of a type that cannot hold its part."""
    found: dict[str, list[str]] = {}
    for name in table.schema.names:
        found.setdefault(name.strip().lower(), []).append(name)
    if absent := [price for price in PRICES if price not in found]:
        raise DataError(
            f"{table.path}: no {listed(absent)} column, found {listed(table.schema.names) or 'none'}",
            hint="a bar file has the columns time, open, high, low and close, and may have volume and symbol",
        )
    time, how = _time(table, found)
    prices = tuple(_column(table, found, price, "numbers", parse.is_number) for price in PRICES)
    volume = _column(table, found, VOLUME, "numbers", parse.is_number) if VOLUME in found else None
    symbol = _column(table, found, SYMBOL, "text", parse.is_text) if SYMBOL in found else None
    name = None if symbol is not None else table.facts.get(SYMBOL) or None
    return BarLayout(time=time, how=how, prices=prices, volume=volume, symbol=symbol, name=name)


def price_scale(table: DataTable, layout: BarLayout, beside: float | None) -> float | None:
    """What to divide the stored prices by, `beside` being what the universe file says; None where they are
    prices as they stand.
    """
    kinds = [_kind(table, name) for name in layout.prices]
    if not any(pa.types.is_integer(kind) for kind in kinds):
        return None
    stated = [key for key in SCALES if key in table.facts]
    scale = positive(table.facts[stated[0]], f"{table.path}: '{stated[0]}'") if stated else beside
    if scale is None:
        dated = pa.types.is_date32(_kind(table, layout.time))
        return DAILY_SCALE if dated and all(pa.types.is_int32(kind) for kind in kinds) else None
    if not all(pa.types.is_integer(kind) for kind in kinds):
        raise DataError(
            f"{table.path}: some prices are whole numbers with a scale of {scale:g}, some are not",
            hint=CONVERT_HINT,
        )
    return scale


def _time(table: DataTable, found: dict[str, list[str]]) -> tuple[str, How]:
    names = [name for plain, same in found.items() if plain in TIMES | {MINUTES} for name in same]
    if not names and table.schema.names[0] in UNNAMED:
        names = [table.schema.names[0]]
    if not names:
        names = [name for name in found.get(UNNAMED[1], []) if parse.is_time(_kind(table, name))]
    if not names:
        raise DataError(
            f"{table.path}: no column 'time', found {listed(table.schema.names)}",
            hint="call the column with the start of each bar time, timestamp, date or datetime",
        )
    if len(names) > 1:
        raise DataError(
            f"{table.path}: {len(names)} columns could be the time: {listed(names)}",
            hint="keep one, with date and time of day in it",
        )
    kind = _kind(table, names[0])
    if names[0].strip().lower() == MINUTES and pa.types.is_integer(kind):
        return names[0], "minutes"
    if not (parse.is_time(kind) or parse.is_text(kind) or pa.types.is_null(kind)):
        raise _misfit(table, names[0], "dates or times")
    return names[0], "times"


def _column(
    table: DataTable, found: dict[str, list[str]], part: str, wanted: str, fits: Callable[[Any], bool]
) -> str:
    name = only(part, found[part], table.path)
    kind = _kind(table, name)
    if not (fits(kind) or parse.is_text(kind) or pa.types.is_null(kind)):
        raise _misfit(table, name, wanted)
    return name


def _misfit(table: DataTable, name: str, wanted: str) -> DataError:
    message = f"{table.path}: column '{name}' holds {_kind(table, name)}, wanted {wanted}"
    return DataError(message, hint=CONVERT_HINT)


def _kind(table: DataTable, name: str) -> Any:
    return parse.plain_type(table.schema.field(name).type)
