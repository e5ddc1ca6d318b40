"""Bars as the bar strategies want them (bigbar.md §1): the first of each time, ascending, all prices there.

What no rule covers is refused with the file's row, never guessed: a bar without a time, a price that is
missing or infinite and, where the strategy cannot trade at it, one that is not above zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.contract import MISSING_TIME, PRICES, Columns, Refuse

HINT: Final = "correct that row or leave it out"

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]


class Bars(NamedTuple):
    """One security, ascending by time; the arrays are its own."""

    time: I8
    """Nanoseconds since 1970: of UTC where the file says so, else as written."""
    open: F8
    high: F8
    low: F8
    close: F8


def bars_of(data: Columns, refuse: Refuse, *, above_zero: Sequence[str] = ()) -> Bars:
    """Rows in any order, put in order and checked. `above_zero`: the columns that must be.

    A row that is left out is not checked: its time was there before.
    """
    times, kept = np.unique(np.asarray(data["timestamp"], np.int64), return_index=True)
    found = Bars(times, *(np.asarray(data[name], np.float64)[kept] for name in PRICES))

    def refuse_first(is_bad: NDArray[Any], message: str) -> None:
        if is_bad.any():
            refuse(data, int(kept[is_bad].min()), message, HINT)

    refuse_first(times == MISSING_TIME, "a bar without a time")
    for name, price in zip(PRICES, found[1:], strict=True):
        refuse_first(np.isnan(price), f"no {name} price")
        refuse_first(np.isinf(price), f"the {name} price is infinite")
        if name in above_zero:
            refuse_first(price <= 0.0, f"the {name} price is not above zero")
    return found
