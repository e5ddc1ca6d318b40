"""The same data as they might have been: other prices from a moment on, or more rows behind the last."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.data.slices import Slice

PRICES: Final = ("open", "high", "low", "close", "price")
SWING: Final = 0.05  # a row: far more than real ones have, so that what waits for a price soon sees it
WEEK_NS: Final = 7 * 86_400 * 10**9
MISSING_TIME: Final = int(np.iinfo(np.int64).min)


def rows_of(data: Columns) -> int:
    return len(next(iter(data.values()))) if data else 0


def frozen(data: Columns, rows: slice | None = None) -> Columns:
    """A copy that cannot be written to, of all rows or of some."""
    columns = {name: column if rows is None else column[rows] for name, column in data.items()}
    if not isinstance(data, Slice):
        return {name: _frozen(column) for name, column in columns.items()}
    numbers = data.rows_in_file if rows is None or data.rows_in_file is None else data.rows_in_file[rows]
    return _like(data, columns, numbers)


def with_another_future(data: Columns, cut: int, jump: float) -> Columns:
    """The same rows and times; from row `cut` on all else has changed, prices by `jump` and then more."""
    rng = np.random.default_rng(cut)
    path = np.exp(np.cumsum(rng.normal(0.0, SWING, rows_of(data) - cut))) * jump
    changed = {}
    for name, column in data.items():
        column = np.array(column)
        if name in PRICES:
            column[cut:] = column[cut:] * path
        elif name != "timestamp" and column.dtype.kind in "iuf":
            column[cut:] = column[cut:][::-1]
        changed[name] = column
    return _like(data, changed, getattr(data, "rows_in_file", None))


def gone_on(data: Columns, seed: int, jump: float) -> Columns:
    """With as many rows again behind the last, whole weeks later, in which prices swing widely."""
    rng = np.random.default_rng(seed)
    rows = rows_of(data)
    prices = next((np.asarray(data[name]) for name in reversed(PRICES) if name in data), np.ones(rows))
    level = prices[-1] / prices[0] if prices[0] else 1.0
    path = np.exp(np.cumsum(rng.normal(0.0, SWING, rows))) * jump * level
    longer = {}
    for name, column in data.items():
        column = np.asarray(column)
        if name == "timestamp":
            later = _weeks_later(column)
        elif name in PRICES:
            later = (column * path).astype(column.dtype)
        else:
            later = column
        longer[name] = np.concatenate([column, later])
    return _like(data, longer, None)


def _weeks_later(stamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same weekdays and times of day: what looks at sessions finds them."""
    known = stamps != MISSING_TIME
    if not known.any():
        return stamps
    weeks = int(stamps[known].max() - stamps[known].min()) // WEEK_NS + 1
    return np.where(known, stamps + weeks * WEEK_NS, stamps)


def _like(data: Columns, columns: Columns, numbers: NDArray[Any] | None) -> Columns:
    """Those columns as what `data` is: a slice with the name, the zone and the rest of it."""
    kept = {name: _frozen(column) for name, column in columns.items()}
    if not isinstance(data, Slice):
        return kept
    newest, stamps = data.newest_ns, kept.get("timestamp")
    if newest is not None and stamps is not None and len(stamps):
        newest = max(newest, int(stamps.max()))
    return dataclasses.replace(data, columns=kept, rows_in_file=numbers, newest_ns=newest)


def _frozen(column: NDArray[Any]) -> NDArray[Any]:
    copied = np.array(column)
    copied.flags.writeable = False
    return copied
