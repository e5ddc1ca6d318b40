"""Market making, one event after another: the rules as written down, for every variant and both rule sets.

The faster kernels beside this one only jump over events at which these rules change nothing; they must agree
with it bit for bit. This one also plays what they leave out: `rules: fixed`, and days out of order.
An event sees itself and what came before it in file order.
"""

from __future__ import annotations

from typing import Any

from tasks.contract import ASK, BID, MISSING_TIME, TRADE
from tasks.kernels.jit import kernel
from tasks.kernels.market_making.fills import flatten, record_fill
from tasks.kernels.market_making.state import (
    CLOSE_NS,
    FLATTEN_NS,
    NEVER,
    NO_SIDE,
    OPEN_NS,
    SMALLEST_BASIS,
    V1,
    V2_1,
    V3,
    V3_START_NS,
)


@kernel
def is_event(time: int, kind: int, price: float, keeps_empty_quotes: bool) -> bool:
    """Cleaning: a row without time or price, or of price 0, is none; `fixed` keeps quotes of price 0 (Q2)."""
    if time == MISSING_TIME:
        return False
    return price > 0.0 or (keeps_empty_quotes and price == 0.0 and kind != TRADE)


@kernel
def play_day(
    timestamp: Any,
    kinds: Any,
    prices: Any,
    volumes: Any,
    first: int,
    last: int,
    midnight: int,
    g: Any,
    s: Any,
    log: Any,
) -> None:
    """One combination over the rows of one date, from the first event of that date to its last."""
    closed = False
    pending = False
    latest = midnight
    _begin_day(g, s)
    for row in range(first, last):
        now = timestamp[row]
        kind = kinds[row] & 3
        price = prices[row]
        volume = volumes[row]
        if not is_event(now, kind, price, g.fixed):
            continue
        latest = now
        prints = kind == TRADE and (volume > 0 or not g.fixed)  # Q14
        if kind == TRADE:
            s.known_price = price
        since_midnight = now - midnight
        if since_midnight >= FLATTEN_NS and not closed:
            closed = True
            pending = s.position != 0
        if pending:
            if prints:
                pending = False
                _flatten(g, s, price, now, log)
            continue
        if OPEN_NS <= since_midnight < CLOSE_NS:
            _play_event(kind, price, volume, now, since_midnight, g, s, log)
    if g.fixed and s.position != 0:  # Q15: the day had no print to flatten at
        _flatten(g, s, s.known_price, latest, log)
        s.unprinted_flattens += 1


@kernel
def _begin_day(g: Any, s: Any) -> None:
    for side in range(2):
        s.level_quantity[side] = 0
        if g.fixed:  # Q4
            s.is_live[side] = 0
            s.order_price[side] = float("nan")
            s.ahead[side] = 0
            s.remaining[side] = 0
            s.unfilled[side] = 0
            s.timer[side] = NEVER


@kernel
def _flatten(g: Any, s: Any, price: float, now: int, log: Any) -> None:
    flatten(s, price, now, log)
    if g.fixed:  # Q13
        s.liquidating = NO_SIDE


@kernel
def _play_event(
    kind: int, price: float, volume: int, now: int, since_midnight: int, g: Any, s: Any, log: Any
) -> None:
    s.session_rows += 1
    if kind == TRADE:
        s.last_price = price
    elif kind in (BID, ASK):
        s.level_price[kind] = price
        s.level_quantity[kind] = max(0, volume) if price > 0.0 else 0
    if g.variant == V2_1 and is_busy_liquidating(now, g, s, log):
        return
    if s.level_quantity[BID] > 0 or s.level_quantity[ASK] > 0:
        if g.variant == V1:
            quote_by_timer(now, g, s)
        else:
            quote_by_following(now, since_midnight, g, s)
    if kind == TRADE:
        match_print(price, volume, now, g, s, log)


@kernel
def middle(s: Any) -> float:
    """Between both levels, or the only one there is."""
    if s.level_quantity[BID] == 0:
        return float(s.level_price[ASK])
    if s.level_quantity[ASK] == 0:
        return float(s.level_price[BID])
    return float((s.level_price[BID] + s.level_price[ASK]) / 2.0)


@kernel
def largest_position(g: Any, s: Any) -> int:
    """`max_position`, or what `max_notional` buys at the middle if that is less."""
    if g.max_notional == float("inf"):
        return int(g.max_position)
    shares = g.max_notional / middle(s)
    return int(g.max_position) if shares >= g.max_position else int(shares)


@kernel
def quote_by_timer(now: int, g: Any, s: Any) -> None:
    """v1: replace a side's quote when its timer has run out, and at no other time."""
    is_due_bid = s.level_quantity[BID] > 0 and now - s.timer[BID] >= g.interval_ns
    is_due_ask = s.level_quantity[ASK] > 0 and now - s.timer[ASK] >= g.interval_ns
    if not (is_due_bid or is_due_ask):
        return
    cap = largest_position(g, s)
    if is_due_bid:
        _place_or_suppress(BID, min(g.quote_size[BID], cap - s.position), now, g, s)
    if is_due_ask:
        _place_or_suppress(ASK, min(g.quote_size[ASK], cap + s.position), now, g, s)


@kernel
def _place_or_suppress(side: int, size: int, now: int, g: Any, s: Any) -> None:
    price = s.level_price[side]
    displayed = s.level_quantity[side]
    s.order_price[side] = price
    s.ahead[side] = displayed
    if price * displayed >= g.min_value and size > 0:
        s.remaining[side] = size
        s.is_live[side] = 1
        s.quote[side] = price
        s.timer[side] = now
    else:
        s.remaining[side] = 0
        s.is_live[side] = 0


@kernel
def quote_by_following(now: int, since_midnight: int, g: Any, s: Any) -> None:
    """v2, v2.1, v3: stand at the best price at every event; top the size up only out of the cooldown."""
    cap = largest_position(g, s) if g.fixed else g.max_position  # Q11
    for side in range(2):
        if s.level_quantity[side] == 0:
            continue
        room = cap - s.position if side == BID else cap + s.position
        is_cooling = now - s.timer[side] < g.interval_ns
        base = g.quote_size[side]
        if is_cooling:
            base = s.unfilled[side] if g.fixed else s.remaining[side]  # Q9
        size = max(0, min(base, room))
        price = s.level_price[side]
        displayed = s.level_quantity[side]
        is_allowed = price * displayed >= g.min_value and size > 0
        if g.variant == V3:
            is_allowed = is_allowed and since_midnight >= V3_START_NS
            s.ahead[side] = displayed if is_allowed else 0
        elif not is_allowed or price != s.order_price[side] or (g.fixed and s.is_live[side] == 0):  # Q10
            s.ahead[side] = displayed
        s.order_price[side] = price
        s.remaining[side] = size if is_allowed else 0
        s.is_live[side] = 1 if is_allowed else 0
        s.quote[side] = price
        if is_allowed and not is_cooling:
            s.unfilled[side] = size


@kernel
def match_print(price: float, volume: int, now: int, g: Any, s: Any, log: Any) -> None:
    """First the ask, then the bid, each behind its queue, from the whole print each (fixed: shared, Q5)."""
    hits_ask = s.is_live[ASK] != 0 and price >= s.quote[ASK]
    hits_bid = s.is_live[BID] != 0 and price <= s.quote[BID]
    left = volume
    if hits_ask:
        left = _match_side(ASK, price, volume, now, g, s, log)
    if hits_bid:
        _match_side(BID, price, left if g.fixed else volume, now, g, s, log)


@kernel
def _match_side(side: int, price: float, volume: int, now: int, g: Any, s: Any, log: Any) -> int:
    queue = min(s.ahead[side], volume)
    s.ahead[side] -= queue
    left = volume - queue
    if left <= 0 or s.remaining[side] <= 0:
        return int(left)
    filled = min(s.remaining[side], left)
    s.remaining[side] -= filled
    s.unfilled[side] -= filled
    record_fill(s, side, s.quote[side] if g.fixed else price, filled, now, log)  # Q6
    if s.remaining[side] == 0:
        s.is_live[side] = 0
    return int(left - filled)


@kernel
def is_triggered(middle_price: float, g: Any, s: Any) -> bool:
    """v2.1: would the open position's loss, valued at this price, be beyond the threshold?"""
    if s.basis < SMALLEST_BASIS:
        return bool(-g.stop_loss_pct > 0.0)
    gain = (middle_price - s.basis / abs(s.position)) * s.position
    return bool((gain / s.basis) * 100.0 < -g.stop_loss_pct)


@kernel
def is_busy_liquidating(now: int, g: Any, s: Any, log: Any) -> bool:
    """v2.1: close a losing position against the book; True while that takes the whole event."""
    if (
        s.liquidating == NO_SIDE
        and s.position != 0
        and s.level_quantity[BID] > 0
        and s.level_quantity[ASK] > 0
        and is_triggered((s.level_price[BID] + s.level_price[ASK]) / 2.0, g, s)
    ):
        s.liquidating = ASK if s.position > 0 else BID
        s.liquidation_left = abs(s.position)
    if s.liquidating == NO_SIDE:
        return False
    side = s.liquidating
    against = BID if side == ASK else ASK
    displayed = s.level_quantity[against]
    if displayed == 0:
        return True
    quantity = min(s.liquidation_left, displayed)
    record_fill(s, side, s.level_price[against], quantity, now, log)
    s.liquidation_left -= quantity
    if g.fixed:  # Q13
        s.level_quantity[against] -= quantity
    if s.liquidation_left > 0:
        return True
    s.liquidating = NO_SIDE
    return False
