"""Invented daily bars of many securities in one Parquet file, with the universe file beside it.

Most securities go through bases: an advance, pullbacks of which each is about half of the one before, ranges
and volume that shrink, then mostly a breakout on high volume that goes on or fails. Some just wander. Bars
end on `LAST_DAY`, some of them in a breakout. A security's bars depend on the seed and its name alone: more
days put others before them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.data.synth_bars import F8, identity_of, names_of
from tasks.data.whole import whole_file
from tasks.results import arrow

LAST_DAY: Final = np.datetime64("2025-06-30", "D")  # a Monday
DAYS: Final = 750
SCALE: Final = 10_000
CENT: Final = SCALE // 100
SEGMENTS: Final = ("500", "250", "ALL", "IPO")
SEGMENT_SHARES: Final = (0.4, 0.25, 0.3, 0.05)
PRICES: Final = (12.0, 24.0, 48.0, 95.0, 180.0, 340.0)
USUAL_VOLUME: Final = 400_000.0
WANDERING_SHARE: Final = 0.3
NO_BREAKOUT_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some days of a security."""

    change: F8
    """Of the logarithm of the close."""
    width: F8
    """Of a bar around that, as a share of the price."""
    volume: F8
    """Of the usual one."""
    noise: F8
    """Four numbers a day."""


def write_daily(
    folder: Path, securities: Sequence[str] | int, days: int = DAYS, seed: int = 0, stem: str = "daily"
) -> list[Path]:
    """`daily.parquet` and `daily.universe.json`; for a number of securities: `SYN1`, `SYN2` and so on."""
    names = sorted(names_of(securities))
    if days < 1 or not names:
        raise ValueError(f"wanted at least one day and one security, was {days} and {len(names)}")
    folder.mkdir(parents=True, exist_ok=True)
    dates = np.busday_offset(LAST_DAY, np.arange(1 - days, 1)).astype(np.int64)
    pieces = [daily_bars(np.random.default_rng(identity_of(name, seed)), days) for name in names]
    columns = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
    table = _table(names, np.tile(dates, len(names)), columns)
    paths = [folder / f"{stem}.parquet", folder / f"{stem}.universe.json"]
    with whole_file(paths[0]) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    with whole_file(paths[1]) as temporary:
        temporary.write_text(json.dumps(_universe(names, seed), indent=1) + "\n")
    return paths


def daily_bars(rng: np.random.Generator, days: int) -> dict[str, Any]:
    """Of one security, in units of 1 / `SCALE`, from the last day back: more days change no later one."""
    price = PRICES[int(rng.integers(len(PRICES)))] * float(np.exp(0.2 * rng.standard_normal()))
    usual = USUAL_VOLUME * float(np.exp(0.8 * rng.standard_normal()))
    wanders = rng.random() < WANDERING_SHARE
    stretches: list[Stretch] = []
    while sum(stretch.change.size for stretch in stretches) <= days:
        earlier = [_wandering(rng, 250)] if wanders else _cycle(rng, is_last=not stretches)
        stretches = earlier + stretches
    change = np.concatenate([stretch.change for stretch in stretches])
    width = np.concatenate([stretch.width for stretch in stretches])
    volume = np.concatenate([stretch.volume for stretch in stretches])
    noise = np.concatenate([stretch.noise for stretch in stretches], axis=1)
    close = np.exp(np.log(price) - np.cumsum(change[::-1])[::-1] + change)
    before = np.concatenate([close[:1], close[:-1]])
    opens = before * np.exp(0.15 * width * noise[0])
    high = np.maximum(opens, close) * np.exp(0.35 * width * np.abs(noise[1]))
    low = np.minimum(opens, close) * np.exp(-0.35 * width * np.abs(noise[2]))
    units = {
        name: np.maximum(1, np.rint(values[-days:] * 100)).astype(np.int64) * CENT
        for name, values in (("open", opens), ("high", high), ("low", low), ("close", close))
    }
    return {**units, "volume": (usual * volume * np.exp(0.2 * noise[3]))[-days:].astype(np.int64)}


def _cycle(rng: np.random.Generator, is_last: bool) -> list[Stretch]:
    """Advance, base, breakout and what follows; the last cycle of all may end anywhere in it."""
    advance = _trend(rng, int(rng.integers(180, 260)), float(rng.uniform(0.35, 0.7)))
    stretches = [advance, _base(rng)]
    if rng.random() >= NO_BREAKOUT_SHARE:
        stretches.append(_breakout(rng))
        if is_last and rng.random() < 0.5:
            return stretches
        works = rng.random() < 0.55
        after = _trend(rng, int(rng.integers(15, 40)), float(rng.uniform(0.08, 0.2)) * (1 if works else -0.8))
        stretches.append(after)
    elif is_last:
        return stretches
    return [*stretches, _trend(rng, int(rng.integers(40, 90)), -float(rng.uniform(0.1, 0.3)))]


def _trend(rng: np.random.Generator, days: int, total: float) -> Stretch:
    change = total / days + 0.012 * rng.standard_normal(days)
    change -= change.mean() - total / days
    return _stretch(rng, change, np.full(days, 0.02), np.ones(days))


def _wandering(rng: np.random.Generator, days: int) -> Stretch:
    change = 0.016 * rng.standard_t(5, days)
    return _stretch(rng, change - change.mean(), np.full(days, 0.02), np.ones(days))


def _base(rng: np.random.Generator) -> Stretch:
    """Pullbacks that shrink, on volume that dries up; it ends a little below where it began."""
    depth = float(rng.uniform(0.11, 0.2))
    pieces = []
    for _ in range(int(rng.integers(2, 5))):
        fall, rise = int(rng.integers(8, 14)), int(rng.integers(8, 16))
        pieces += [np.full(fall, -depth / fall), np.full(rise, 0.97 * depth / rise)]
        depth *= float(rng.uniform(0.4, 0.6))
    change = np.concatenate(pieces)
    calm = np.linspace(1.0, 0.38, change.size)
    change += 0.006 * calm * rng.standard_normal(change.size)
    return _stretch(rng, change, 0.02 * calm, np.linspace(1.0, 0.5, change.size))


def _breakout(rng: np.random.Generator) -> Stretch:
    """One bar far above the base, then two quiet ones."""
    change = np.array([rng.uniform(0.04, 0.07), 0.004, 0.003])[: int(rng.integers(1, 4))]
    volume = np.array([0.5 * rng.uniform(1.6, 4.2), 0.7, 0.6])[: change.size]
    return _stretch(rng, change, np.full(change.size, 0.01), volume)


def _stretch(rng: np.random.Generator, change: F8, width: F8, volume: F8) -> Stretch:
    noise = rng.standard_normal((4, change.size))
    return Stretch(change=change, width=width, volume=volume, noise=noise)


def _table(names: list[str], dates: Any, columns: dict[str, Any]) -> Any:
    rows = dates.size // len(names)
    codes = arrow.numbers(np.repeat(np.arange(len(names)), rows), pa.int32())
    arrays = {
        "symbol": pa.DictionaryArray.from_arrays(codes, arrow.texts(names)),
        "date": pa.Array.from_buffers(pa.date32(), dates.size, [None, pa.py_buffer(dates.astype(np.int32))]),
        **{key: arrow.numbers(columns[key], pa.int32()) for key in ("open", "high", "low", "close")},
        "volume": arrow.numbers(columns["volume"], pa.int64()),
    }
    return arrow.table([*arrays.values()], pa.schema([(key, array.type) for key, array in arrays.items()]))


def _universe(names: list[str], seed: int) -> dict[str, Any]:
    symbols = []
    for name in names:
        rng = np.random.default_rng([*identity_of(name, seed), 1])
        symbols.append({"symbol": name, "segment": str(rng.choice(SEGMENTS, p=SEGMENT_SHARES))})
    return {"price_scale": SCALE, "symbols": symbols}
