"""v1 by jumps: between two moments at which a quote may be replaced, only prints that reach it matter.

It gives what the plain rules give, bit for bit, on regular days under `rules: reference`.
"""

from __future__ import annotations

from typing import Any

from tasks.contract import ASK, BID
from tasks.kernels.jit import kernel
from tasks.kernels.market_making.fills import record_fill
from tasks.kernels.market_making.order_book import first_event_from, next_event_worth, quantity_at

INF = float("inf")


@kernel
def play_session_by_timer(book: Any, is_capped: bool, g: Any, s: Any, log: Any) -> None:  # noqa: C901
    """One combination over one session; `is_capped` where its notional cap may bind at some price of the day.

    In one piece: cut up, or with its calls written out, the loop over prints ran at half the speed.
    """
    events = book.events
    bid_quote = s.quote[BID] if s.is_live[BID] else -INF
    ask_quote = s.quote[ASK] if s.is_live[ASK] else INF
    next_bid = first_event_from(book, 0, s.timer[BID] + g.interval_ns)
    next_ask = first_event_from(book, 0, s.timer[ASK] + g.interval_ns)
    trade = 0
    while True:
        stop = min(next_bid, next_ask, events)
        at = book.trade_at[trade]
        while at < stop:
            price = book.price[at]
            hits_ask = price >= ask_quote
            hits_bid = price <= bid_quote
            if hits_ask or hits_bid:
                before = s.position
                now = book.time[at]
                if hits_ask and _is_filled(ASK, price, book.volume[at], now, s, log):
                    next_ask = first_event_from(book, at + 1, now + g.interval_ns)
                    if s.remaining[ASK] == 0:
                        ask_quote = INF
                if hits_bid and _is_filled(BID, price, book.volume[at], now, s, log):
                    next_bid = first_event_from(book, at + 1, now + g.interval_ns)
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
        if next_bid == stop:
            next_bid = _replace(book, stop, BID, cap - s.position, is_capped, g, s)
            bid_quote = s.quote[BID] if s.is_live[BID] else -INF
        if next_ask == stop:
            next_ask = _replace(book, stop, ASK, cap + s.position, is_capped, g, s)
            ask_quote = s.quote[ASK] if s.is_live[ASK] else INF


@kernel
def _largest_position(book: Any, event: int, g: Any) -> int:
    has_bid = quantity_at(book, event, BID) > 0
    has_ask = quantity_at(book, event, ASK) > 0
    bid = book.price[book.quote_at[event, BID]] if has_bid else 0.0
    ask = book.price[book.quote_at[event, ASK]] if has_ask else 0.0
    if not (has_bid or has_ask):
        return int(g.max_position)
    middle = (bid + ask) / 2.0 if has_bid and has_ask else bid + ask
    shares = g.max_notional / middle
    return int(g.max_position) if shares >= g.max_position else int(shares)


@kernel
def _replace(book: Any, event: int, side: int, room: int, is_capped: bool, g: Any, s: Any) -> int:
    """Place or suppress a side's quote at an event at which it may be due; returns when to look again."""
    displayed = quantity_at(book, event, side)
    now = book.time[event]
    if displayed == 0 or now - s.timer[side] < g.interval_ns:
        return event + 1
    price = book.price[book.quote_at[event, side]]
    size = min(g.quote_size[side], room)
    if size > 0 and price * displayed >= g.min_value:
        s.is_live[side] = 1
        s.quote[side] = price
        s.ahead[side] = displayed
        s.remaining[side] = size
        s.timer[side] = now
        return int(first_event_from(book, event + 1, now + g.interval_ns))
    s.is_live[side] = 0
    s.remaining[side] = 0
    if size > 0:
        return int(next_event_worth(book, event, side, g.min_value))
    return event + 1 if is_capped else int(book.events + 1)  # nothing but a fill makes room


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
