"""Are these bars that the breakout rules can be applied to? The first row that is not, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.jit import kernel

Columns = Mapping[str, NDArray[Any]]

MINUTE_NS: Final = 60 * 10**9
LARGEST: Final = 1e9  # points: from there on a double cannot tell one tick from the next
FAULTS: Final[Mapping[int, str]] = {
    1: "the bar has no time",
    2: "the bar does not start on a whole minute",
    3: "a price is missing or not finite",
    4: "the high is below the open or the close",
    5: "the low is above the open or the close",
    6: "a price is too large to be counted in ticks",
}


@kernel
def first_fault(stamps: Any, opens: Any, highs: Any, lows: Any, closes: Any) -> Any:
    """(row, key of `FAULTS`), or (-1, 0); and the first row with a price below 0, or -1."""
    negative = -1
    for i in range(stamps.size):
        o, h, w, c = opens[i], highs[i], lows[i], closes[i]
        if stamps[i] == np.iinfo(np.int64).min:
            return i, 1, negative
        if stamps[i] % MINUTE_NS != 0:
            return i, 2, negative
        if not (abs(o) < np.inf and abs(h) < np.inf and abs(w) < np.inf and abs(c) < np.inf):
            return i, 3, negative
        if h < max(o, c):
            return i, 4, negative
        if w > min(o, c):
            return i, 5, negative
        if h >= LARGEST or w <= -LARGEST:
            return i, 6, negative
        if negative < 0 and w < 0.0:
            negative = i
    return -1, 0, negative


def in_order(stamps: NDArray[np.int64]) -> tuple[NDArray[np.int64] | None, int]:
    """The rows by time, None where they are so already; and one row whose time was there before, or -1."""
    steps = np.diff(stamps)
    if np.all(steps > 0):
        return None, -1
    order = np.argsort(stamps, kind="stable")
    repeated = np.flatnonzero(np.diff(stamps[order]) == 0)
    return order, int(order[repeated[0] + 1]) if repeated.size else -1
