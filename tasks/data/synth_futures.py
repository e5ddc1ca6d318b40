"""Invented futures bars in Parquet: prices in whole ticks, minutes of UTC, sessions by Chicago's clock.

A session runs from 17:00 to 15:59, Monday's from Sunday evening. The default days include both changes of the
clocks. Bars of five minutes are made of those of one. Bars depend on the seed, the contract and the day
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data import zones
from tasks.data.synth_bars import F8, I8, Bars, identity_of, walk
from tasks.data.whole import whole_file
from tasks.results import arrow

ZONE: Final = "America/Chicago"
FIRST_DAY: Final = np.datetime64("2024-02-26", "D")  # a Monday; clocks change on 10 March and 3 November
DAYS: Final = 190
MINUTE: Final = 60 * 10**9
BEGINS: Final = -7 * 60  # minutes from the day's midnight
MINUTES_PER_DAY: Final = 23 * 60
HALF_DAY: Final = 19 * 60  # ends at noon
MISSING_SHARE: Final = 0.08  # of the minutes of a night
NEWS: Final = (7 * 60 + 30, 9 * 60 + 30)  # minutes of the day at which a bar may be very wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    ticks_per_point: int
    usual: float
    """Points."""
    daily_move: float
    """Of the price: the spread of a session's close around its open."""


CONTRACTS: Final = {
    "ES": Contract(ticks_per_point=4, usual=4500.0, daily_move=0.008),
    "NQ": Contract(ticks_per_point=4, usual=15_300.0, daily_move=0.011),
    "YM": Contract(ticks_per_point=1, usual=34_500.0, daily_move=0.007),
    "CL": Contract(ticks_per_point=100, usual=80.0, daily_move=0.016),
    "GC": Contract(ticks_per_point=10, usual=1980.0, daily_move=0.008),
    "NG": Contract(ticks_per_point=1000, usual=3.0, daily_move=0.03),
    "RTY": Contract(ticks_per_point=10, usual=2000.0, daily_move=0.011),
}


def write_futures(
    folder: Path, securities: Sequence[str] | int, days: int = DAYS, seed: int = 0, minutes: int = 5
) -> list[Path]:
    """One file per contract, bars of one or five minutes; for a number: the first ones of `CONTRACTS`."""
    known = list(CONTRACTS)
    names = known[:securities] if isinstance(securities, int) else [name.upper() for name in securities]
    if (isinstance(securities, int) and securities > len(known)) or not set(names) <= set(known):
        raise ValueError(f"the contracts are {', '.join(known)}; was {securities}")
    if days < 1 or minutes not in (1, 5):
        raise ValueError(f"wanted at least one day and bars of 1 or 5 minutes, was {days} and {minutes}")
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, name, days, seed, minutes) for name in names]


def _write(folder: Path, name: str, days: int, seed: int, minutes: int) -> Path:
    contract, identity = CONTRACTS[name], identity_of(name, seed)
    usual = contract.usual * contract.ticks_per_point
    last = round(usual)
    pieces: list[dict[str, I8]] = []
    for number, date in enumerate(np.busday_offset(FIRST_DAY, np.arange(days))):
        rng = np.random.default_rng([*identity, number])
        busy = _busy(rng)
        bars = walk(last, usual, usual * contract.daily_move * busy / np.sqrt(np.sum(busy**2)), rng)
        last = int(bars.close[-1])
        at = np.flatnonzero(_printed(rng))
        wall = int(date.astype("datetime64[m]").astype(np.int64)) + BEGINS + at
        minute_utc = zones.to_utc(wall * MINUTE, ZONE) // MINUTE
        pieces.append(_joined(minute_utc, bars, at, minutes))
    columns = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
    path = folder / f"{name.lower()}.parquet"
    with whole_file(path) as temporary:
        pq.write_table(_table(columns, name, contract), temporary, compression="zstd")
    return path


def _busy(rng: np.random.Generator) -> F8:
    """How much moves in each minute of a session."""
    minute = (BEGINS + np.arange(MINUTES_PER_DAY)) % (24 * 60)
    busy: F8 = 0.45 + 1.6 * np.exp(-(((minute - 570.0) / 150.0) ** 2))
    for news in NEWS:
        if rng.random() < 0.25:
            busy[minute == news] *= 12.0
    return busy


def _printed(rng: np.random.Generator) -> Any:
    """In which minutes there is a bar: now and then a night has gaps, and a day is half a day."""
    minute = BEGINS + np.arange(MINUTES_PER_DAY)
    printed = (minute > 6 * 60) | (rng.random(MINUTES_PER_DAY) >= MISSING_SHARE)
    if rng.random() < 0.04:
        printed[HALF_DAY:] = False
    return printed


def _joined(minute_utc: I8, bars: Bars, at: I8, minutes: int) -> dict[str, I8]:
    """Bars of several minutes, stamped with their start; those without a single minute are not there."""
    first = np.flatnonzero(np.diff(minute_utc // minutes, prepend=-1))
    last = np.append(first[1:], at.size) - 1
    return {
        "minute_utc": minute_utc[first] // minutes * minutes,
        "open": bars.open[at][first],
        "high": np.maximum.reduceat(bars.high[at], first),
        "low": np.minimum.reduceat(bars.low[at], first),
        "close": bars.close[at][last],
    }


def _table(columns: dict[str, I8], name: str, contract: Contract) -> Any:
    facts = {
        "symbol": name,
        "ticks_per_point": str(contract.ticks_per_point),
        "bar_stamp": "bar start, UTC minutes since 1970",
        "price": "integer ticks; price = ticks / ticks_per_point",
    }
    schema = pa.schema([(key, pa.int32()) for key in columns], metadata=facts)
    return arrow.table([arrow.numbers(values, pa.int32()) for values in columns.values()], schema)
