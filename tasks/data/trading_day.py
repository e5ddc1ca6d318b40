"""One invented trading day: the events of a security from before the opening to after the close.

It has the shape of the real files (specs/market_making.md §1.1) as far as the strategies can tell: quotes
that replace a whole side, trades at the touch followed by the side they ate from, several events a second,
auctions at both ends, rows without a price, prints without a volume. The price wanders and tends back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

BID: Final = 0
ASK: Final = 1
TRADE: Final = 2

OPENING: Final = 10 * 3600
PRE_CLOSE: Final = 14 * 3600 + 45 * 60
CLOSING: Final = 14 * 3600 + 55 * 60
AT_LAST_END: Final = 15 * 3600

# What happens in the session, and how many rows it makes: a quote changes; a trade eats from a side; a trade
# eats a whole side, and the price moves by a tick.
QUOTE_SHARE: Final = 0.47
ROWS_OF_KIND: Final = np.array([1, 2, 3])
MOVES_PER_TICK: Final = (
    7.5e-5  # share of moves, times the tick's share of the price: fine ticks move more often
)
HAPPENINGS_PER_SECOND: Final = 2  # in a second in which anything happens
TURNS_BACK: Final = (0.35, 0.8)  # how often a move undoes the last one, on a trending and on a quiet day
CLOSING_SPREAD: Final = 0.004  # of the closing price around the session's last
LOWEST_TICKS: Final = 10

QUOTE_SPREAD: Final = 1.0  # of the logarithm: two of three quotes are 0.37 to 2.7 times the usual
TRADE_SPREAD: Final = 1.7
TRADE_SHARE: Final = 0.05  # the usual trade against the usual quote

Market = Literal["DFM", "ADX"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What stays the same about a security from day to day."""

    market: Market
    usual_price: float
    usual_quote: float
    """Shares displayed on a side."""

    @property
    def tick(self) -> float:
        if self.usual_price < 1.0:
            return 0.001
        if self.usual_price < 10.0:
            return 0.01
        return 0.05 if self.market == "DFM" else 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Rows in file order: second of the day, type, price in ticks (0: no price), shares."""

    second: NDArray[np.int64]
    type: NDArray[np.int8]
    ticks: NDArray[np.int64]
    volume: NDArray[np.int64]


def trading_day(
    security: Security, last_ticks: int, session_events: int, rng: np.random.Generator
) -> tuple[Events, int]:
    """A day that begins near `last_ticks`, and the ticks at which it closed."""
    usual = round(security.usual_price / security.tick)
    bid = max(LOWEST_TICKS, last_ticks + round(0.05 * (usual - last_ticks)) + int(rng.integers(-2, 3)))
    session, bid_at_end = _session(security, bid, session_events, rng)
    close = max(LOWEST_TICKS, bid_at_end + round(CLOSING_SPREAD * bid_at_end * rng.standard_normal()))
    parts = [
        _before(security, bid, rng),
        _auction(security, OPENING, bid, rng, prints=int(rng.integers(3, 25))),
        session,
        _pre_close(security, bid_at_end, rng),
        _auction(security, CLOSING, close, rng, prints=int(rng.integers(10, 60))),
        _after(security, close, rng),
    ]
    return _joined(parts), close


def _session(security: Security, bid: int, events: int, rng: np.random.Generator) -> tuple[Events, int]:
    moving = min(0.1, MOVES_PER_TICK * security.usual_price / security.tick)
    shares = np.array([QUOTE_SHARE, 1.0 - QUOTE_SHARE - moving, moving])
    happenings = max(2, round(events / float(shares @ ROWS_OF_KIND)))
    kind = rng.choice(3, size=happenings, p=shares)
    side = rng.integers(BID, ASK + 1, happenings)
    moves = np.flatnonzero(kind == 2)
    turns = rng.random(moves.size) < rng.uniform(*TURNS_BACK)
    direction = rng.choice([-1, 1]) * np.cumprod(np.where(turns, -1, 1))
    side[moves] = np.where(direction > 0, ASK, BID)
    step = np.zeros(happenings, np.int64)
    step[moves] = direction
    after = np.maximum(bid + np.cumsum(step), LOWEST_TICKS)
    before = np.concatenate([[bid], after[:-1]])

    rows = ROWS_OF_KIND[kind]
    of = np.repeat(np.arange(happenings), rows)
    nth = np.arange(of.size) - np.repeat(np.cumsum(rows) - rows, rows)
    is_trade = (kind[of] > 0) & (nth == 0)
    quoted = np.where(nth == 2, 1 - side[of], side[of])  # a move shows first on the side that was eaten
    type_ = np.where(is_trade, TRADE, quoted)
    ticks = np.where(is_trade, before[of] + side[of], after[of] + quoted)

    quote_volume = _shares(security.usual_quote, QUOTE_SPREAD, of.size, rng)
    displayed = np.empty(of.size, np.int64)
    for one in (BID, ASK):
        shown = np.maximum.accumulate(np.where(type_ == one, np.arange(of.size), 0))
        mine = quoted == one
        displayed[mine] = quote_volume[shown[mine]]
    traded = np.minimum(_shares(TRADE_SHARE * security.usual_quote, TRADE_SPREAD, of.size, rng), displayed)
    traded = np.where(kind[of] == 2, displayed, traded)
    second = _seconds(security, happenings, rng)[of]
    if security.market == "ADX":
        _step_back(second, rng)
    return Events(
        second=second,
        type=type_.astype(np.int8),
        ticks=ticks,
        volume=np.where(is_trade, traded, quote_volume),
    ), int(after[-1])


def _seconds(security: Security, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Sorted seconds of the session, busier at both ends, several events in most of them."""
    length = PRE_CLOSE - OPENING
    busy = max(1, count // HAPPENINGS_PER_SECOND)
    start = rng.random(busy)
    end = np.where(rng.random(busy) < 0.3, rng.beta(0.6, 0.6, busy), start)
    seconds = np.sort(end)[np.sort(rng.integers(0, busy, count))]
    return OPENING + np.minimum((seconds * length).astype(np.int64), length - 1)


def _step_back(second: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Now and then a row is stamped a second late, so that the next one lies before it."""
    if rng.random() < 0.2:
        row = int(rng.integers(0, second.size))
        second[row] = min(second[row] + 1, PRE_CLOSE - 1)


def _before(security: Security, bid: int, rng: np.random.Generator) -> Events:
    some = _shares(security.usual_quote, QUOTE_SPREAD, 12, rng).tolist()
    if security.market == "ADX":
        early = 9 * 3600 + 1800
        rows = [(early, BID, 0, 0), (early, ASK, 0, 0)]
        rows += [(early, ASK, bid + 6 - i, some[i]) for i in range(4)]
        rows += [(early + 40 * i, BID, bid - 6 + i, some[4 + i]) for i in range(5)]
        return _events(rows)
    rows = [(8 * 3600, ASK, bid + 3, 0), (8 * 3600, BID, bid - 3, 0), (8 * 3600, BID, bid - 3, some[0])]
    rows.append((8 * 3600, ASK, bid + 3, some[1]))
    times = np.sort(rng.integers(9 * 3600 + 1800, OPENING, 8)).tolist()
    sides = rng.integers(BID, ASK + 1, 8).tolist()
    return _events(rows + [(times[i], sides[i], 0, some[2 + i]) for i in range(8)])


def _auction(security: Security, second: int, ticks: int, rng: np.random.Generator, prints: int) -> Events:
    """Trades at one price in one second, then the book that is left."""
    traded = _shares(TRADE_SHARE * security.usual_quote, TRADE_SPREAD, prints, rng).tolist()
    some = _shares(security.usual_quote, QUOTE_SPREAD, 2, rng).tolist()
    rows = [(second, TRADE, ticks, shares) for shares in traded]
    if security.market == "ADX" and second == CLOSING:
        rows.append((second, TRADE, ticks, 0))
    return _events([*rows, (second, BID, ticks, some[0]), (second, ASK, ticks + 1, some[1])])


def _pre_close(security: Security, bid: int, rng: np.random.Generator) -> Events:
    """Orders for the closing auction: sides may cross, and DFM shows market orders as a price of 0."""
    count = 10
    times = np.sort(rng.integers(PRE_CLOSE, CLOSING, count)).tolist()
    sides = rng.integers(BID, ASK + 1, count).tolist()
    some = _shares(security.usual_quote, QUOTE_SPREAD, count, rng).tolist()
    no_price = (rng.random(count) < 0.4).tolist() if security.market == "DFM" else [False] * count
    away = rng.integers(-3, 4, count).tolist()
    return _events(
        [(times[i], sides[i], 0 if no_price[i] else max(1, bid + away[i]), some[i]) for i in range(count)]
    )


def _after(security: Security, close: int, rng: np.random.Generator) -> Events:
    some = _shares(security.usual_quote, QUOTE_SPREAD, 6, rng).tolist()
    if security.market == "ADX":
        rows = [(AT_LAST_END, TRADE, close, 0), (AT_LAST_END, BID, close, some[0])]
        return _events([*rows, (AT_LAST_END + 900, ASK, close + 1, some[1])])
    times = np.sort(rng.integers(CLOSING + 1, AT_LAST_END, 3)).tolist()
    rows = [(time, TRADE, close, max(1, shares // 50)) for time, shares in zip(times, some, strict=False)]
    rows.append((AT_LAST_END + 20, TRADE, close, 0))
    return _events(
        [*rows, (15 * 3600 + 3000, BID, close - 1, some[4]), (15 * 3600 + 3000, ASK, close, some[5])]
    )


def _shares(usual: float, spread: float, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.maximum(1, usual * np.exp(spread * rng.standard_normal(count))).astype(np.int64)


def _events(rows: list[tuple[int, int, int, int]]) -> Events:
    table: NDArray[Any] = np.array(rows, np.int64)
    return Events(second=table[:, 0], type=table[:, 1].astype(np.int8), ticks=table[:, 2], volume=table[:, 3])


def _joined(parts: list[Events]) -> Events:
    return Events(
        second=np.concatenate([part.second for part in parts]),
        type=np.concatenate([part.type for part in parts]),
        ticks=np.concatenate([part.ticks for part in parts]),
        volume=np.concatenate([part.volume for part in parts]),
    )
