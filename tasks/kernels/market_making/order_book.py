"""One session's order book for all combinations that quote in it: which quote stands where at each event.

The book does not depend on them: their fills change nothing in it. So a day is gone through once, and the
combinations of a chunk jump about in the result. Rows are not copied; the book only says where in the day the
standing quotes are, so that it stays in the processor's cache.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.contract import TRADE
from tasks.kernels.jit import kernel
from tasks.kernels.market_making.days import BUCKET_BITS
from tasks.kernels.market_making.state import CLOSE_NS, OPEN_NS

NOWHERE: Final = -1


class Book(NamedTuple):
    """One session; its events are numbered from 0 and are consecutive rows of the file."""

    midnight: int
    events: int
    trades: int
    time: NDArray[np.int64]
    price: NDArray[np.float64]
    volume: NDArray[np.int64]
    quote_at: NDArray[np.int32]
    """Per event and side, the event whose quote stands there after it, or NOWHERE. Volume 0: it is empty."""
    trade_at: NDArray[np.int32]
    """The prints' events, then `events`."""
    first_in_bucket: NDArray[np.int32]


def scratch(longest_session: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Room for `quote_at` and `trade_at` of the longest session of a slice."""
    return np.empty((longest_session, 2), np.int32), np.empty(longest_session + 1, np.int32)


@kernel
def open_book(
    timestamp: Any,
    kinds: Any,
    prices: Any,
    volumes: Any,
    day: Any,
    buckets: Any,
    quote_at: Any,
    trade_at: Any,
) -> Any:
    """Go through one regular day's session; without branches, for what row comes next cannot be foreseen."""
    kind_at = kinds[day.session_first : day.session_last]
    last = np.full(4, NOWHERE, np.int32)  # by kind of row
    trades = np.uintp(0)
    for event in range(kind_at.size):
        kind = np.uintp(kind_at[event] & 3)
        last[kind] = event
        quote_at[event, 0] = last[0]
        quote_at[event, 1] = last[1]
        trade_at[trades] = event
        trades += np.uintp(kind == TRADE)
    trade_at[trades] = kind_at.size
    return Book(
        day.midnight,
        kind_at.size,
        int(trades),
        timestamp[day.session_first : day.session_last],
        prices[day.session_first : day.session_last],
        volumes[day.session_first : day.session_last],
        quote_at,
        trade_at,
        buckets,
    )


@kernel
def quantity_at(book: Any, event: int, side: int) -> int:
    """What is displayed on a side after an event; 0 where nothing is."""
    at = book.quote_at[event, side]
    return 0 if at < 0 else max(0, book.volume[at])


@kernel
def first_event_from(book: Any, event: int, time: int) -> int:
    """The first event from `event` on whose own time is not before `time`; one past the last if none is."""
    if event >= book.events or book.time[event] >= time:
        return event
    since_open = time - book.midnight - OPEN_NS
    if since_open >= CLOSE_NS - OPEN_NS:
        return int(book.events)
    if since_open > 0:
        event = max(event, book.first_in_bucket[since_open >> BUCKET_BITS])
    while event < book.events and book.time[event] < time:
        event += 1
    return event


@kernel
def next_event_worth(book: Any, event: int, side: int, value: float) -> int:
    """The quote at `event` is worth less than `value`: the next event at which the one that stands is not."""
    known = book.quote_at[event, side]
    event += 1
    while event < book.events:
        at = book.quote_at[event, side]
        if at != known:
            known = at
            if book.price[at] * max(0, book.volume[at]) >= value and book.volume[at] > 0:
                break
        event += 1
    return event
