"""The basic trend screen: four tests of indicator values at the newest bar; the first that fails counts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.daily.indicators import MOST_UNUSED
from tasks.kernels.vcp_screen.views import Screenable, View

OUTCOMES: Final = (
    "hits",
    "not_enough_data",
    "price_below_sma50",
    "sma_not_aligned",
    "not_trending",
    "too_extended",
)
FEWEST_BARS: Final = 2
MOST_EXTENDED_PCT: Final = 50.0  # below the 52-week high


def screen(security: Screenable, seen: View) -> NDArray[np.int64]:
    """Of each date its outcome, a place in OUTCOMES."""
    bars = np.where(seen.newest < 0, 0, seen.newest + 1 - seen.first)
    enough = bars >= FEWEST_BARS
    close = np.zeros(bars.size)
    close[enough] = security["close"][seen.newest[enough]]
    sma_50, sma_100, sma_200 = np.where(bars > MOST_UNUSED, seen.averages, 0.0)
    away = np.zeros(bars.size)  # of a high of 0 too
    with np.errstate(over="ignore"):
        np.divide(seen.high - close, seen.high, out=away, where=seen.high != 0.0)
    failed = [
        ~enough,
        close <= sma_50,
        ~((sma_50 > sma_100) & (sma_50 > sma_200)),
        ~(seen.trend < sma_200),
        away * 100.0 >= MOST_EXTENDED_PCT,
    ]
    return np.select(failed, [np.int64(i) for i in range(1, len(OUTCOMES))], np.int64(0))


def row(security: Screenable, seen: View, i: int) -> dict[str, Any]:
    """What is reported of a security that passes on date `i`."""
    newest, first = int(seen.newest[i]), int(seen.first[i])
    close, before = (float(security["close"][bar]) for bar in (newest, newest - 1))
    return {
        "instrument_token": security.token,
        "last_price": close,
        "change": (close - before) / before * 100.0 if before else None,
        "sma_50": float(seen.averages[0, i]),
        "sma_100": float(seen.averages[1, i]),
        "sma_200": float(seen.averages[2, i]),
        "atr": float(security.indicators(first).atr[newest]),
    }
