"""What a market-making backtest knows and is told: the records that its kernels share, and their fixed words.

Sides are numbered like the tick codes: BID (0) is the side on which we buy, ASK (1) the one on which we sell.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

VARIANTS: Final = ("v1_baseline", "v2_price_follow_qty_cooldown", "v2_1_stop_loss", "v3_liquidity_monitor")
V1: Final = 0
V2: Final = 1
V2_1: Final = 2
V3: Final = 3

SECOND_NS: Final = 1_000_000_000
DAY_NS: Final = 86_400 * SECOND_NS
OPEN_NS: Final = 10 * 3_600 * SECOND_NS
CLOSE_NS: Final = OPEN_NS + (4 * 3_600 + 45 * 60) * SECOND_NS
FLATTEN_NS: Final = CLOSE_NS + 10 * 60 * SECOND_NS
V3_START_NS: Final = OPEN_NS + 5 * 60 * SECOND_NS

NEVER: Final = -(2**60)  # a timer that never ran: long ago, and near enough that differences fit int64
NO_SIDE: Final = -1
SMALLEST_BASIS: Final = 1e-6

# What `count_fill` keeps: a backtest's position and realised profit, and the figures reported of its fills.
COUNTERS: Final = (
    ("position", "i8"),
    ("realised", "f8"),
    ("trades", "i8"),
    ("fills", "i8", (2,)),
    ("volume", "i8", (2,)),
    ("turnover", "f8"),
    ("wins", "i8"),
    ("gains", "f8"),
    ("losses", "f8"),
    ("peak", "f8"),
    ("max_drawdown", "f8"),
    ("highest_position", "i8"),
    ("lowest_position", "i8"),
    ("day_pnl", "f8"),
    ("day_fills", "i8"),
)

SETTING: Final = np.dtype(
    [
        ("variant", "i8"),
        ("fixed", "?"),
        ("quote_size", "i8", (2,)),
        ("interval_ns", "i8"),
        ("max_position", "i8"),
        ("max_notional", "f8"),  # inf: no cap
        ("min_value", "f8"),
        ("stop_loss_pct", "f8"),
    ],
    align=True,
)

STATE: Final = np.dtype(
    [
        # the backtest itself
        ("entry", "f8"),
        ("is_live", "i8", (2,)),
        ("quote", "f8", (2,)),  # where the live quote stands
        ("order_price", "f8", (2,)),  # NaN: no order yet, which differs from every price
        ("ahead", "i8", (2,)),
        ("remaining", "i8", (2,)),
        ("unfilled", "i8", (2,)),  # rules: fixed only, what suppression does not destroy
        ("timer", "i8", (2,)),
        ("level_price", "f8", (2,)),
        ("level_quantity", "i8", (2,)),  # 0: the side is empty
        ("last_price", "f8"),
        ("known_price", "f8"),  # rules: fixed only, the last trade at any time of day
        ("basis", "f8"),
        ("liquidating", "i8"),  # side of the pending liquidation, or NO_SIDE
        ("liquidation_left", "i8"),
        # what is reported of it
        *COUNTERS,
        ("session_rows", "i8"),
        ("unprinted_flattens", "i8"),
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
        ("position", "i8"),
        ("pnl", "f8"),
    ],
    align=True,
)


def fresh_states(count: int) -> Any:
    """One record per combination, before its first event."""
    states = np.zeros(count, STATE).view(np.recarray)
    states.order_price = np.nan
    states.timer = NEVER
    states.liquidating = NO_SIDE
    states.last_price = np.nan
    states.known_price = np.nan
    states.peak = -np.inf
    return states


def no_log() -> Any:
    """What a kernel is given when nobody asked for the single fills."""
    return np.zeros(0, FILL).view(np.recarray)
