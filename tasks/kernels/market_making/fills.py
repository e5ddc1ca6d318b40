"""One fill: what it does to position, average price, realised profit, and to the figures reported of them."""

from __future__ import annotations

from typing import Any

from tasks.contract import ASK, BID
from tasks.kernels.jit import kernel


@kernel
def record_fill(s: Any, side: int, price: float, quantity: int, now: int, log: Any) -> None:
    """Buy (BID) or sell (ASK) `quantity` at `price`, close before opening, and restart the side's timer."""
    before = s.position
    realised = 0.0
    opening = quantity
    if side == BID:
        if before < 0:
            closing = min(quantity, -before)
            realised = (s.entry - price) * closing
            opening = quantity - closing
        after = before + quantity
    else:
        if before > 0:
            closing = min(quantity, before)
            realised = (price - s.entry) * closing
            opening = quantity - closing
        after = before - quantity
    if opening > 0:
        held = abs(after) - opening
        s.entry = price if held == 0 else (s.entry * held + price * opening) / (held + opening)
    s.position = after
    s.realised += realised
    s.timer[side] = now
    _carry_basis(s, before, after, price)
    count_fill(s, side, price, quantity, realised)
    if log.size > 0:
        entry = log[s.trades - 1]
        entry.timestamp = now
        entry.side = 1 if side == BID else -1
        entry.price = price
        entry.quantity = quantity
        entry.realised = realised
        entry.position = after
        entry.pnl = s.realised


@kernel
def flatten(s: Any, price: float, now: int, log: Any) -> None:
    """Trade the whole position away in one fill; order records and live quotes stay as they are."""
    if s.position > 0:
        record_fill(s, ASK, price, s.position, now, log)
    else:
        record_fill(s, BID, price, -s.position, now, log)
    s.basis = 0.0


@kernel
def _carry_basis(s: Any, before: int, after: int, price: float) -> None:
    """The cost of the open position; its quantity is that of the position."""
    held = abs(before)
    holds = abs(after)
    if before == 0:
        s.basis = price * holds
    elif after == 0:
        s.basis = 0.0
    elif (before > 0) != (after > 0):
        s.basis = price * holds
    elif holds > held:
        s.basis += price * (holds - held)
    else:
        s.basis *= holds / held


@kernel
def count_fill(s: Any, side: int, price: float, quantity: int, realised: float) -> None:
    s.trades += 1
    s.fills[side] += 1
    s.volume[side] += quantity
    s.turnover += price * quantity
    s.day_pnl += realised
    s.day_fills += 1
    if realised > 0.0:
        s.wins += 1
        s.gains += realised
    else:
        s.losses += realised
    s.peak = max(s.peak, s.realised)
    s.max_drawdown = min(s.max_drawdown, s.realised - s.peak)
    if s.trades == 1:
        s.highest_position = s.position
        s.lowest_position = s.position
    s.highest_position = max(s.highest_position, s.position)
    s.lowest_position = min(s.lowest_position, s.position)
