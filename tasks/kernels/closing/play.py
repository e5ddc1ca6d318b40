"""The closing auction: bids and offers around the pre-close average, and the way out on the next day.

A day on which nothing is held and nothing waits costs no look at its rows: only the auction's summary is
read. Rows come sorted by time, so that everything before 14:45 is done when orders are placed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tasks.contract import ASK, BID, TRADE
from tasks.kernels.closing.days import MINUTE_NS
from tasks.kernels.closing.state import DFM, ENTRY, EXIT, FLATTENED, STOPPED
from tasks.kernels.jit import kernel
from tasks.kernels.market_making.fills import count_fill
from tasks.kernels.market_making.state import CLOSE_NS, NO_SIDE, OPEN_NS

STOP_FIRST_NS = OPEN_NS + 10 * MINUTE_NS
STOP_LAST_NS = CLOSE_NS - MINUTE_NS


@kernel
def play_days(
    order: Any, timestamp: Any, kinds: Any, prices: Any, volumes: Any, days: Any, averages: Any,
    settings: Any, states: Any, log: Any, day_pnl: Any, day_fills: Any,
) -> None:  # fmt: skip
    """Day by day, all combinations over a day before the next: a day's rows fit the processor's cache."""
    for d in range(days.size):
        day = days[d]
        for c in range(settings.size):
            g = settings[c]
            s = states[c]
            s.day_pnl = 0.0
            s.day_fills = 0
            if s.position != 0 or s.exit_side != NO_SIDE:
                _play_session(order, timestamp, kinds, prices, volumes, day, g, s, log)
            if day.can_place and s.exit_side == NO_SIDE:
                _place_orders(day, averages[g.period, d], g, s)
            if day.has_close:
                _settle(day, g, s, log)
            s.ordered[BID] = 0
            s.ordered[ASK] = 0
            day_pnl[c, d] += s.day_pnl
            day_fills[c, d] += s.day_fills


@kernel
def _play_session(
    order: Any, timestamp: Any, kinds: Any, prices: Any, volumes: Any, day: Any, g: Any, s: Any, log: Any
) -> None:
    """Stop-loss and exit, row by row; a row's own quote is known to its stop-loss."""
    bid = day.bid
    ask = day.ask
    checked = 0.0  # the mark that was last found harmless
    for n in range(day.session_first, day.session_last):
        row = order[n]
        kind = kinds[row]
        price = prices[row]
        now = timestamp[row]
        if kind == BID and price > 0.0:
            bid = price
        elif kind == ASK and price > 0.0:
            ask = price
        mark = bid if s.position > 0 else ask
        if (
            mark != checked
            and s.position != 0
            and s.entry > 0.0
            and day.midnight + STOP_FIRST_NS <= now < day.midnight + STOP_LAST_NS
        ):
            checked = mark
            if mark != 0.0 and _is_losing(mark, g, s):
                _stop(mark, now, s, log)
        if kind == TRADE and s.exit_side != NO_SIDE and volumes[row] > 0:
            is_hit = price >= s.exit_price if s.exit_side == ASK else price <= s.exit_price
            if is_hit:
                _exit(price, min(s.exit_left, volumes[row]), now, EXIT, s, log)
                checked = 0.0
        if s.position == 0 and s.exit_side == NO_SIDE:
            return


@kernel
def _is_losing(mark: float, g: Any, s: Any) -> bool:
    gain = mark - s.entry if s.position > 0 else s.entry - mark
    return bool((gain / s.entry) * 100.0 < -g.stop_loss_pct)


@kernel
def _stop(mark: float, now: int, s: Any, log: Any) -> None:
    """Close everything at the mark, whatever is displayed there."""
    quantity = abs(s.position)
    gain = mark - s.entry if s.position > 0 else s.entry - mark
    side = ASK if s.position > 0 else BID
    _record(side, mark, quantity, gain * quantity, now, STOPPED, s.entry, s, log)
    s.entry = 0.0
    s.exit_side = NO_SIDE


@kernel
def _exit(price: float, quantity: int, now: int, trade_type: int, s: Any, log: Any) -> None:
    side = s.exit_side
    gain = price - s.exit_entry if side == ASK else s.exit_entry - price
    s.exit_left -= quantity
    if s.exit_left == 0:
        s.exit_side = NO_SIDE
    _record(side, price, quantity, gain * quantity, now, trade_type, s.exit_price, s, log)


@kernel
def _record(
    side: int,
    price: float,
    quantity: int,
    realised: float,
    now: int,
    trade_type: int,
    reference: float,
    s: Any,
    log: Any,
) -> None:
    s.position += quantity if side == BID else -quantity
    s.realised += realised
    s.of_type[trade_type] += 1
    count_fill(s, side, price, quantity, realised)
    if log.size > 0:
        entry = log[s.trades - 1]
        entry.timestamp = now
        entry.side = 1 if side == BID else -1
        entry.price = price
        entry.quantity = quantity
        entry.realised = realised
        entry.trade_type = trade_type
        entry.reference = reference


@kernel
def _place_orders(day: Any, average: float, g: Any, s: Any) -> None:
    """Both sides around the average, less those that the day's trend speaks against."""
    if np.isnan(average):
        return
    quantity = int(np.rint(g.notional / average))
    s.reference = average
    s.limit[BID] = to_tick(average * (1.0 - g.spread), g)
    s.limit[ASK] = to_tick(average * (1.0 + g.spread), g)
    s.ordered[BID] = quantity
    s.ordered[ASK] = quantity
    if g.filters_sell and day.slope > g.sell_slope:
        s.filtered[ASK] += 1
        s.ordered[ASK] = 0
    if g.filters_buy and day.slope < -g.buy_slope:
        s.filtered[BID] += 1
        s.ordered[BID] = 0


@kernel
def to_tick(price: float, g: Any) -> float:
    """Rounded to the exchange's tick; with the noise of a product of doubles, or without it (fixed, Q17)."""
    thousandths = 1
    if price >= 10.0 and g.exchange == DFM:
        thousandths = 50
    elif price >= 100.0:
        thousandths = 100
    elif price >= 50.0:
        thousandths = 50
    elif price >= 10.0:
        thousandths = 20
    elif price >= 1.0:
        thousandths = 10
    tick = thousandths / 1000.0
    ticks = np.rint(price / tick)
    return float(ticks * thousandths / 1000.0) if g.fixed else float(ticks * tick)


@kernel
def _settle(day: Any, g: Any, s: Any, log: Any) -> None:
    """Enter at the closing print, then close what was due today and did not get out."""
    price = day.close_price
    fill_cap = int(day.auction_volume * g.fill_fraction)
    due_side = s.exit_side
    for side in range(2):
        is_hit = price <= s.limit[side] if side == BID else price >= s.limit[side]
        quantity = min(s.ordered[side], fill_cap)
        if not is_hit or quantity <= 0:
            continue
        s.entry = price
        s.entries[side] += 1
        _record(side, price, quantity, 0.0, day.close_time, ENTRY, s.reference, s, log)
        s.exit_side = ASK if side == BID else BID
        s.exit_price = to_tick(s.reference, g)
        s.exit_left = quantity
        s.exit_entry = price
        due_side = NO_SIDE
    if due_side != NO_SIDE:
        _exit(price, s.exit_left, day.close_time, FLATTENED, s, log)
