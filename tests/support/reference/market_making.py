"""Market making as a slow, obvious definition: market_making.md sections 1-7 in plain Python.

It knows nothing of the kernels. `rules: fixed` is marked with the number of the quirk that it mends.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

BUY, SELL = "bid", "ask"
OPEN, CLOSE, FLATTEN, V3_START = dt.time(10), dt.time(14, 45), dt.time(14, 55), dt.time(10, 5)


@dataclass(frozen=True)
class Event:
    """A row after cleaning. Times are whole microseconds, so that datetime holds them."""

    time: dt.datetime
    kind: str
    price: float
    volume: int


@dataclass
class Order:
    price: float | None = None
    ahead: int = 0
    remaining: int = 0
    unfilled: int = 0  # Q9


@dataclass
class Backtest:
    """One combination on one security."""

    variant: str
    rules: str
    sizes: dict[str, int]
    interval: float
    max_position: int
    max_notional: float | None
    min_value: float
    stop_loss_pct: float
    position: int = 0
    entry: float = 0.0
    realised: float = 0.0
    basis: float = 0.0
    basis_quantity: int = 0
    liquidation: list[Any] | None = None
    last_price: float | None = None
    known_price: float | None = None
    session_rows: int = 0
    unprinted: int = 0
    trades: list[tuple[dt.datetime, str, float, int, float, int, float]] = field(default_factory=list)
    quotes: dict[str, float | None] = field(default_factory=lambda: {BUY: None, SELL: None})
    orders: dict[str, Order] = field(default_factory=lambda: {BUY: Order(), SELL: Order()})
    timers: dict[str, dt.datetime | None] = field(default_factory=lambda: {BUY: None, SELL: None})
    book: dict[str, tuple[float, int] | None] = field(default_factory=lambda: {BUY: None, SELL: None})

    @property
    def fixed(self) -> bool:
        return self.rules == "fixed"

    def run(self, events: list[Event]) -> Backtest:  # noqa: C901 - the nine steps of the spec
        last: Event | None = None
        close_date: dt.date | None = None
        closed = pending = False
        for event in events:
            date, time = event.time.date(), event.time.time()
            if last is not None and last.time.date() != date:
                self.end_day(last)
                self.book = {BUY: None, SELL: None}
            last = event
            prints = event.kind == "trade" and (event.volume > 0 or not self.fixed)  # Q14
            if event.kind == "trade":
                self.known_price = event.price
            if close_date is not None and close_date != date:
                closed = pending = False
            if time >= FLATTEN and not closed:
                closed, close_date = True, date
                if self.position != 0:
                    if prints:
                        self.flatten(event.price, event.time)
                    else:
                        pending = True
                    continue
            if pending:
                if prints:
                    self.flatten(event.price, event.time)
                    pending = False
                continue
            if not OPEN <= time < CLOSE:
                continue
            self.in_session(event)
        if last is not None and self.fixed:
            self.end_day(last)
        return self

    def end_day(self, last: Event) -> None:
        if not self.fixed:
            return
        if self.position != 0 and self.known_price is not None:  # Q15
            self.flatten(self.known_price, last.time)
            self.unprinted += 1
        self.quotes = {BUY: None, SELL: None}  # Q4
        self.orders = {BUY: Order(), SELL: Order()}
        self.timers = {BUY: None, SELL: None}

    def in_session(self, event: Event) -> None:
        self.session_rows += 1
        if event.kind in (BUY, SELL):
            shown = event.volume > 0 and event.price > 0  # Q2: only under fixed does a price of 0 come here
            self.book[event.kind] = (event.price, event.volume) if shown else None
        elif event.kind == "trade":
            self.last_price = event.price
        if self.variant == "v2_1_stop_loss" and self.stop_loss(event.time):
            return
        if self.book[BUY] or self.book[SELL]:
            if self.variant == "v1_baseline":
                self.quote_v1(event.time)
            else:
                self.quote_v2(event.time)
        if event.kind == "trade":
            self.match(event)

    def cap(self) -> int:
        if self.max_notional is None:
            return self.max_position
        levels = [level[0] for level in self.book.values() if level]
        mid = (levels[0] + levels[1]) / 2.0 if len(levels) == 2 else levels[0]
        return min(self.max_position, int(self.max_notional / mid))

    def elapsed(self, side: str, now: dt.datetime) -> float | None:
        timer = self.timers[side]
        return None if timer is None else (now - timer) / dt.timedelta(seconds=1)

    def quote_v1(self, now: dt.datetime) -> None:
        cap = self.cap()
        sizes = {
            BUY: max(0, min(self.sizes[BUY], cap - self.position)),
            SELL: max(0, min(self.sizes[SELL], cap + self.position)),
        }
        for side in (BUY, SELL):
            level, elapsed = self.book[side], self.elapsed(side, now)
            if level is None or (elapsed is not None and elapsed < self.interval):
                continue
            price, shown = level
            if price * shown >= self.min_value and sizes[side] > 0:
                self.orders[side] = Order(price, shown, sizes[side])
                self.quotes[side] = price
                self.timers[side] = now
            else:
                self.orders[side] = Order(price, shown, 0)
                self.quotes[side] = None

    def quote_v2(self, now: dt.datetime) -> None:
        cap = self.cap() if self.fixed else self.max_position  # Q11
        for side in (BUY, SELL):
            level, order, elapsed = self.book[side], self.orders[side], self.elapsed(side, now)
            if level is None:
                continue
            cooling = elapsed is not None and elapsed < self.interval
            base = (order.unfilled if self.fixed else order.remaining) if cooling else self.sizes[side]  # Q9
            size = max(0, min(base, cap - self.position if side == BUY else cap + self.position))
            price, shown = level
            allowed = price * shown >= self.min_value and size > 0
            unfilled = size if allowed and not cooling else order.unfilled
            if self.variant == "v3_liquidity_monitor":
                allowed = allowed and now.time() >= V3_START
                unfilled = size if allowed and not cooling else order.unfilled
                ahead = shown if allowed else 0
            elif allowed and price == order.price and not (self.fixed and self.quotes[side] is None):  # Q10
                ahead = order.ahead
            else:
                ahead = shown
            self.orders[side] = Order(price, ahead, size if allowed else 0, unfilled)
            self.quotes[side] = price if allowed else None

    def stop_loss(self, now: dt.datetime) -> bool:
        bid, ask = self.book[BUY], self.book[SELL]
        if bid and ask and self.position != 0 and self.liquidation is None:
            mid = (bid[0] + ask[0]) / 2.0
            gain = (mid - self.basis / self.basis_quantity) * self.position
            pct = 0.0 if self.basis < 1e-6 else (gain / self.basis) * 100.0
            if pct < -self.stop_loss_pct:
                self.liquidation = [SELL if self.position > 0 else BUY, abs(self.position)]
        if self.liquidation is None:
            return False
        side, left = self.liquidation
        against = BUY if side == SELL else SELL
        level = self.book[against]
        if level is None:
            return True
        quantity = min(left, level[1])
        self.fill(side, level[0], quantity, now)
        if self.fixed:  # Q13
            self.book[against] = (level[0], level[1] - quantity) if level[1] > quantity else None
        self.liquidation = [side, left - quantity] if left > quantity else None
        return self.liquidation is not None

    def match(self, event: Event) -> None:
        ask, bid = self.quotes[SELL], self.quotes[BUY]
        left = event.volume
        if ask is not None and event.price >= ask:
            left = self.match_side(SELL, ask, event, event.volume)
        if bid is not None and event.price <= bid:
            self.match_side(BUY, bid, event, left if self.fixed else event.volume)  # Q5

    def match_side(self, side: str, quote: float, event: Event, left: int) -> int:
        order = self.orders[side]
        queue = min(order.ahead, left)
        order.ahead -= queue
        left -= queue
        if left > 0 and order.remaining > 0:
            quantity = min(order.remaining, left)
            order.remaining -= quantity
            order.unfilled -= quantity
            left -= quantity
            self.fill(side, quote if self.fixed else event.price, quantity, event.time)  # Q6
            if order.remaining == 0:
                self.quotes[side] = None
        return left

    def flatten(self, price: float, now: dt.datetime) -> None:
        self.fill(SELL if self.position > 0 else BUY, price, abs(self.position), now)
        self.basis, self.basis_quantity = 0.0, 0
        if self.fixed:  # Q13
            self.liquidation = None

    def fill(self, side: str, price: float, quantity: int, now: dt.datetime) -> None:
        before, gain, rest = self.position, 0.0, quantity
        sign = 1 if side == BUY else -1
        if self.position * sign < 0:
            closing = min(rest, abs(self.position))
            gain = (self.entry - price if side == BUY else price - self.entry) * closing
            self.realised += gain
            self.position += sign * closing
            rest -= closing
        if rest > 0:
            held = abs(self.position)
            self.entry = price if held == 0 else (self.entry * held + price * rest) / (held + rest)
            self.position += sign * rest
        self.carry_basis(before, price)
        word = "buy" if side == BUY else "sell"
        self.trades.append((now, word, price, quantity, gain, self.position, self.realised))
        self.timers[side] = now

    def carry_basis(self, before: int, price: float) -> None:
        old, new = abs(before), abs(self.position)
        if before == 0:
            self.basis = price * new
        elif self.position == 0:
            self.basis = 0.0
        elif before * self.position < 0:
            self.basis = price * new
        elif new > old:
            self.basis += price * (new - old)
        else:
            self.basis *= new / old
        self.basis_quantity = new
