"""Invented intraday bars in CSV: five minutes each, times with the offset that New York has on the day.

Sessions run from 18:00 to 17:00 of the next day, Monday's from Sunday evening. The default days include a
change of the clocks. A security's bars depend on the seed, its name and the day alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from tasks.data import zones
from tasks.data.synth_bars import F8, I8, Bars, identity_of, names_of, walk
from tasks.data.whole import whole_file

ZONE: Final = "America/New_York"
FIRST_DAY: Final = np.datetime64("2025-02-24", "D")  # a Monday; clocks change on 9 March
DAYS: Final = 20
MINUTE: Final = 60 * 10**9
BEGINS: Final = -6 * 60  # minutes from the day's midnight
BARS_PER_DAY: Final = 23 * 12
USUAL_TICKS: Final = (327_000, 6_400, 198_000, 41_500)  # of 0.01
DAILY_MOVE: Final = 0.011  # of the price: the spread of a day's close around its open
HEADER: Final = "time,open,high,low,close,Volume"


def write_intraday(
    folder: Path, securities: Sequence[str] | int, days: int = DAYS, seed: int = 0
) -> list[Path]:
    """One file per security, replacing those of the same names; for a number: `SYN1`, `SYN2` and so on."""
    if days < 1:
        raise ValueError(f"wanted at least one day, was {days}")
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder, name, days, seed) for name in names_of(securities)]


def _write(folder: Path, name: str, days: int, seed: int) -> Path:
    identity = identity_of(name, seed)
    usual = USUAL_TICKS[int(np.random.default_rng(identity).integers(len(USUAL_TICKS)))]
    lines, last = [HEADER], usual
    for number, date in enumerate(np.busday_offset(FIRST_DAY, np.arange(days))):
        rng = np.random.default_rng([*identity, number])
        midnight = int(date.astype("datetime64[ns]").astype(np.int64))
        wall = midnight + (BEGINS + 5 * np.arange(BARS_PER_DAY)) * MINUTE
        busy = _busy(wall)
        bars = walk(last, usual, usual * DAILY_MOVE * busy / np.sqrt(np.sum(busy**2)), rng)
        volume = np.maximum(1, 2000 * busy * np.exp(0.5 * rng.standard_normal(busy.size))).astype(np.int64)
        lines += _lines(wall, bars, volume)
        last = int(bars.close[-1])
    path = folder / f"{name.lower()}.csv"
    with whole_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n")
    return path


def _busy(wall: I8) -> F8:
    """How much moves at each time of day: most after eight in the morning, little in the evening."""
    hour = wall // (60 * MINUTE) % 24
    busy: F8 = 0.6 + 1.4 * np.exp(-(((hour - 9.5) / 2.5) ** 2))
    return busy


def _lines(wall: I8, bars: Bars, volume: I8) -> list[str]:
    times = np.datetime_as_string(wall.astype("datetime64[ns]"), unit="s").tolist()
    offsets = [_offset(int(ns)) for ns in wall - zones.to_utc(wall, ZONE)]
    prices = zip(*(column.tolist() for column in bars.columns().values()), strict=True)
    return [
        f"{time}{offset},{','.join(f'{ticks / 100:.10g}' for ticks in row)},{shares}"
        for time, offset, row, shares in zip(times, offsets, prices, volume.tolist(), strict=True)
    ]


def _offset(nanoseconds: int) -> str:
    minutes = abs(nanoseconds) // MINUTE
    return f"{'-' if nanoseconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
