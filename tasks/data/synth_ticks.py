"""Invented tick files in the layout of the real ones.

A security's events depend on the seed, its name and the day alone: more securities or more days leave the
others as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data.synth_bars import identity_of, names_of
from tasks.data.trading_day import Events, Market, Security, trading_day
from tasks.data.whole import whole_file

FIRST_DAY: Final = np.datetime64("2025-01-06", "D")  # a Monday
EVENTS_PER_DAY: Final = 4000  # of the session; a liquid name's
DAYS: Final = 20
PRICES: Final = (2.7, 19.4, 1.5, 4.8, 0.75, 7.3, 13.2, 3.4)
USUAL_VALUE: Final = 150_000.0  # of the shares displayed on a side
TYPES: Final = pa.StringArray.from_buffers(
    3, pa.py_buffer(np.array([0, 3, 6, 11], np.int32)), pa.py_buffer(b"BIDASKTRADE")
)


def write_ticks(
    folder: Path,
    securities: Sequence[str] | int,
    days: int = DAYS,
    seed: int = 0,
    events_per_day: int = EVENTS_PER_DAY,
) -> list[Path]:
    """One file per security, replacing those of the same names; for a number: `SYN1`, `SYN2` and so on."""
    if days < 1 or events_per_day < 1:
        raise ValueError(f"wanted at least one day and one event a day, was {days} and {events_per_day}")
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, name, days, seed, events_per_day) for name in names_of(securities)]


def _write(folder: Path, name: str, days: int, seed: int, events_per_day: int) -> Path:
    identity = identity_of(name, seed)
    security = _security(np.random.default_rng(identity))
    ticks = round(security.usual_price / security.tick)
    pieces = []
    for number, date in enumerate(np.busday_offset(FIRST_DAY, np.arange(days))):
        rng = np.random.default_rng([*identity, number])
        events, ticks = trading_day(security, ticks, events_per_day, rng)
        pieces.append(_table(events, int(date.astype("datetime64[ns]").astype(np.int64)), security.tick))
    path = folder / f"{name.lower()}.parquet"
    with whole_file(path) as temporary:
        pq.write_table(pa.concat_tables(pieces).combine_chunks(), temporary, compression="snappy")
    return path


def _security(rng: np.random.Generator) -> Security:
    price = PRICES[int(rng.integers(len(PRICES)))]
    market: Market = "DFM" if rng.random() < 0.5 else "ADX"
    return Security(market=market, usual_price=price, usual_quote=USUAL_VALUE / price)


def _table(events: Events, midnight_ns: int, tick: float) -> Any:
    words = pa.DictionaryArray.from_arrays(_column(events.type, pa.int8()), TYPES).cast(pa.string())
    columns = {
        "timestamp": _column(midnight_ns + events.second * 1_000_000_000, pa.timestamp("ns")),
        "type": words,
        "price": _column(np.round(events.ticks * tick, 3), pa.float64()),
        "volume": _column(events.volume, pa.int64()),
    }
    return pa.table(columns)


def _column(values: Any, kind: Any) -> Any:
    """From the array's own bytes: Arrow's conversion imports pandas, which takes longer than all this."""
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])
