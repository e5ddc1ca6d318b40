"""One session's order book, event by event, written out once for all combinations that quote in it.

The book does not depend on them: their fills change nothing in it. So one pass over a day's rows tells what stands on
both sides after each event, and the combinations of a chunk jump about in the result, which fits the processor's cache.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.contract import ASK, BID, TRADE
from tasks.kernels.jit import kernel
from tasks.kernels.market_making import is_event
from tasks.kernels.market_making_state import CLOSE_NS, OPEN_NS

BUCKET_BITS: Final = 34  # 2**34 ns, 17 s: some four events where a security has one in four seconds
BUCKETS: Final = ((CLOSE_NS - OPEN_NS) >> BUCKET_BITS) + 1
EMPTY: Final = -1.0  # value of an empty side: below every threshold

LEVEL: Final = np.dtype(
    [
        ("price", "f8"),
        ("quantity", "i8"),  # 0: the side is empty
        ("value", "f8"),
    ],
    align=True,
)


class Book(NamedTuple):
    """Events are numbered from 0 in the day; arrays are longer than the day where another is the longest."""

    time: NDArray[np.int64]
    levels: NDArray[Any]
    """Per side and event, what stands there after it."""
    trade_at: NDArray[np.int64]
    """The prints' event numbers, then one past every event."""
    trade_price: NDArray[np.float64]
    trade_volume: NDArray[np.int64]
    first_in_bucket: NDArray[np.int64]
    """Per stretch of 2**BUCKET_BITS ns of the session, the first event that is not before it."""


class Session(NamedTuple):
    """What a day's book is, in numbers."""

    midnight: int
    events: int
    trades: int
    highest_middle: float


NO_SESSION: Final = Session(0, 0, 0, 0.0)


def blank_book(longest_day: int) -> Book:
    """Room for the longest day of a slice."""
    return Book(
        time=np.empty(longest_day + 1, np.int64),
        levels=np.zeros((2, longest_day + 1), LEVEL).view(np.recarray),
        trade_at=np.empty(longest_day + 1, np.int64),
        trade_price=np.empty(longest_day + 1),
        trade_volume=np.empty(longest_day + 1, np.int64),
        first_in_bucket=np.empty(BUCKETS + 1, np.int64),
    )


@kernel
def write_book(timestamp: Any, kinds: Any, prices: Any, volumes: Any, day: Any, book: Any) -> Any:
    """The session of one day, from its first event to its last."""
    bid = 0.0
    ask = 0.0
    bid_quantity = 0
    ask_quantity = 0
    events = 0
    trades = 0
    highest = 0.0
    reached = 0  # buckets that have begun
    for row in range(day.session_first, day.session_last):
        now = timestamp[row]
        price = prices[row]
        kind = kinds[row] & 3
        since_open = now - day.midnight - OPEN_NS
        if not is_event(now, kind, price, False) or not 0 <= since_open < CLOSE_NS - OPEN_NS:
            continue
        volume = volumes[row]
        is_bid = kind == BID  # choices, not branches: which kind comes next cannot be foreseen
        is_ask = kind == ASK
        bid = price if is_bid else bid
        ask = price if is_ask else ask
        bid_quantity = max(0, volume) if is_bid else bid_quantity
        ask_quantity = max(0, volume) if is_ask else ask_quantity
        book.trade_at[trades] = events
        book.trade_price[trades] = price
        book.trade_volume[trades] = volume
        trades += kind == TRADE
        while reached <= since_open >> BUCKET_BITS:
            book.first_in_bucket[reached] = events
            reached += 1
        book.time[events] = now
        level = book.levels[BID, events]
        level.price = bid
        level.quantity = bid_quantity
        level.value = bid * bid_quantity if bid_quantity > 0 else EMPTY
        level = book.levels[ASK, events]
        level.price = ask
        level.quantity = ask_quantity
        level.value = ask * ask_quantity if ask_quantity > 0 else EMPTY
        highest = max(highest, bid, ask)
        events += 1
    book.trade_at[trades] = events
    for bucket in range(reached, BUCKETS + 1):
        book.first_in_bucket[bucket] = events
    return Session(day.midnight, events, trades, highest)


@kernel
def first_event_from(book: Any, session: Any, event: int, time: int) -> int:
    """The first event not before `event` whose own time is not before `time`; one past the last if there is none."""
    if event >= session.events or book.time[event] >= time:
        return event
    since_open = time - session.midnight - OPEN_NS
    if since_open >= CLOSE_NS - OPEN_NS:
        return int(session.events)
    if since_open > 0:
        event = max(event, book.first_in_bucket[since_open >> BUCKET_BITS])
    while event < session.events and book.time[event] < time:
        event += 1
    return event
