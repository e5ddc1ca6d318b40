"""v1 by jumps: between two moments at which a quote may be replaced, only prints that reach a live quote matter.

It gives what the plain rules give, bit for bit, on days in which nothing of the session comes after 14:55.
"""

from __future__ import annotations

from typing import Any

from tasks.contract import ASK, BID
from tasks.kernels.jit import kernel
from tasks.kernels.market_making_fills import record_fill
from tasks.kernels.order_book import first_event_from

INF = float("inf")
SMALLEST_PRICE = 1e-300  # of a session without a quote


@kernel
def play_session_by_timer(book: Any, session: Any, g: Any, s: Any, log: Any) -> None:
    """One combination over one session's book."""
    events = session.events
    shares = g.max_notional / max(session.highest_middle, SMALLEST_PRICE)
    is_capped = shares < g.max_position  # else the notional cap binds at no price of this day
    bid_quote = s.quote[BID] if s.is_live[BID] else -INF
    ask_quote = s.quote[ASK] if s.is_live[ASK] else INF
    next_bid = first_event_from(book, session, 0, s.timer[BID] + g.interval_ns)
    next_ask = first_event_from(book, session, 0, s.timer[ASK] + g.interval_ns)
    trade = 0
    while True:
        stop = min(next_bid, next_ask, events)
        at = book.trade_at[trade]
        while at < stop:
            price = book.trade_price[trade]
            hits_ask = price >= ask_quote
            hits_bid = price <= bid_quote
            if hits_ask or hits_bid:
                before = s.position
                now = book.time[at]
                if hits_ask and _is_filled(ASK, price, book.trade_volume[trade], now, s, log):
                    next_ask = first_event_from(book, session, at + 1, now + g.interval_ns)
                    if s.remaining[ASK] == 0:
                        ask_quote = INF
                if hits_bid and _is_filled(BID, price, book.trade_volume[trade], now, s, log):
                    next_bid = first_event_from(book, session, at + 1, now + g.interval_ns)
                    if s.remaining[BID] == 0:
                        bid_quote = -INF
                if s.position != before:  # a side that had no room may have some now
                    next_bid = at + 1 if next_bid > events else next_bid
                    next_ask = at + 1 if next_ask > events else next_ask
                    stop = min(next_bid, next_ask, events)
            trade += 1
            at = book.trade_at[trade]
        if stop >= events:
            break
        cap = _largest_position(book, stop, g) if is_capped else g.max_position
        replaces_bid = next_bid == stop
        if replaces_bid:
            next_bid = _replace(book, session, stop, BID, cap - s.position, is_capped, g, s)
            bid_quote = s.quote[BID] if s.is_live[BID] else -INF
        if next_ask == stop:
            next_ask = _replace(book, session, stop, ASK, cap + s.position, is_capped, g, s)
            ask_quote = s.quote[ASK] if s.is_live[ASK] else INF


@kernel
def _largest_position(book: Any, event: int, g: Any) -> int:
    bid = book.levels[BID, event]
    ask = book.levels[ASK, event]
    if bid.quantity == 0 and ask.quantity == 0:
        return int(g.max_position)
    middle = (bid.price + ask.price) / 2.0
    if bid.quantity == 0:
        middle = ask.price
    elif ask.quantity == 0:
        middle = bid.price
    shares = g.max_notional / middle
    return int(g.max_position) if shares >= g.max_position else int(shares)


@kernel
def _replace(
    book: Any, session: Any, event: int, side: int, room: int, is_capped: bool, g: Any, s: Any
) -> int:
    """Place or suppress a side's quote at an event at which it may be due; returns when to look at it again."""
    level = book.levels[side, event]
    now = book.time[event]
    if level.quantity == 0 or now - s.timer[side] < g.interval_ns:
        return event + 1
    size = min(g.quote_size[side], room)
    if level.value >= g.min_value and size > 0:
        s.is_live[side] = 1
        s.quote[side] = level.price
        s.ahead[side] = level.quantity
        s.remaining[side] = size
        s.timer[side] = now
        return int(first_event_from(book, session, event + 1, now + g.interval_ns))
    s.is_live[side] = 0
    s.remaining[side] = 0
    if size <= 0 and not is_capped:
        return int(session.events + 1)  # nothing but a fill makes room
    event += 1
    while event < session.events and book.levels[side, event].value < g.min_value:
        event += 1
    return event


@kernel
def _is_filled(side: int, price: float, volume: int, now: int, s: Any, log: Any) -> bool:
    queue = min(s.ahead[side], volume)
    s.ahead[side] -= queue
    left = volume - queue
    if left <= 0 or s.remaining[side] <= 0:
        return False
    filled = min(s.remaining[side], left)
    s.remaining[side] -= filled
    record_fill(s, side, price, filled, now, log)
    if s.remaining[side] == 0:
        s.is_live[side] = 0
    return True
