"""What a closing-auction backtest knows and is told: the records that its kernels share."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tasks.kernels.market_making.state import COUNTERS, NO_SIDE

EXCHANGES: Final = ("ADX", "DFM")
DFM: Final = 1
ENTRY: Final = 0
EXIT: Final = 1
STOPPED: Final = 2
FLATTENED: Final = 3
TRADE_TYPES: Final = ("auction_entry", "vwap_exit", "stop_loss", "eod_flatten")

SETTING: Final = np.dtype(
    [
        ("fixed", "?"),
        ("exchange", "i8"),
        ("period", "i8"),  # which of the precomputed pre-close averages
        ("spread", "f8"),  # fraction
        ("notional", "f8"),
        ("stop_loss_pct", "f8"),
        ("fill_fraction", "f8"),
        ("filters_sell", "?"),
        ("sell_slope", "f8"),
        ("filters_buy", "?"),
        ("buy_slope", "f8"),
    ],
    align=True,
)

STATE: Final = np.dtype(
    [
        # auction orders of the day, by side
        ("limit", "f8", (2,)),
        ("ordered", "i8", (2,)),
        ("reference", "f8"),
        # the exit order
        ("exit_side", "i8"),  # or NO_SIDE
        ("exit_price", "f8"),
        ("exit_left", "i8"),
        ("exit_entry", "f8"),
        ("entry", "f8"),
        # what is reported besides the counters
        ("entries", "i8", (2,)),
        ("of_type", "i8", (4,)),
        ("filtered", "i8", (2,)),
        *COUNTERS,
    ],
    align=True,
)

FILL: Final = np.dtype(
    [
        ("timestamp", "i8"),
        ("side", "i8"),
        ("price", "f8"),
        ("quantity", "i8"),
        ("realised", "f8"),
        ("trade_type", "i8"),
        ("reference", "f8"),
    ],
    align=True,
)


def fresh_states(count: int) -> Any:
    """One record per combination, before its first day."""
    states = np.zeros(count, STATE).view(np.recarray)
    states.exit_side = NO_SIDE
    states.peak = -np.inf
    return states
