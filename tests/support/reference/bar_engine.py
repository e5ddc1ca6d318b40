"""The engine of bigbar.md §3, bar by bar and order by order: slow and obvious, to compare kernels with.

A strategy's step is a function of the engine and the bar; it may look at `trades` and `worth()` and call
`buy`, `sell` and `close`. Stop and target of a trade are attributes that it may set. One security, no
hedging, no leverage. Also here: the plain step of `sma_cross`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

ALL_IN: Final = 1.0 - 2.220446049250313e-16


@dataclass(kw_only=True)
class Trade:
    size: int
    entry_bar: int
    entry: float
    stop: float | None = None
    target: float | None = None
    exit_bar: int = -1
    exit: float = math.nan
    commission: float = 0.0

    @property
    def pnl(self) -> float:
        return self.size * (self.exit - self.entry) - self.commission

    @property
    def return_fraction(self) -> float:
        share = self.commission / (abs(self.size) * self.entry)
        return math.copysign(1.0, self.size) * (self.exit / self.entry - 1.0) - share


@dataclass(kw_only=True)
class Order:
    """A market order. One with a trade closes that trade."""

    size: float
    stop: float | None = None
    target: float | None = None
    closes: Trade | None = None


class Broke(Exception):
    """Equity fell to nothing: the run is over."""


@dataclass(kw_only=True)
class Engine:
    open: Sequence[float]
    high: Sequence[float]
    low: Sequence[float]
    close_price: Sequence[float]
    cash: float
    spread: float = 0.0
    commission: float = 0.0
    fill_at_close: bool = False
    exclusive: bool = False
    finalize: bool = False
    queue: list[Order] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    closed: list[Trade] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    bar: int = 0

    # --- what a step may call ------------------------------------------------------------------------------

    def buy(self, size: float = ALL_IN, stop: float | None = None, target: float | None = None) -> None:
        self._queue_opening(Order(size=size, stop=stop, target=target))

    def sell(self, size: float = ALL_IN, stop: float | None = None, target: float | None = None) -> None:
        self._queue_opening(Order(size=-size, stop=stop, target=target))

    def close(self) -> None:
        for trade in self.trades:
            self.queue.insert(0, Order(size=-trade.size, closes=trade))

    def _queue_opening(self, order: Order) -> None:
        if self.exclusive:
            self.queue = [other for other in self.queue if other.closes is not None]
            self.close()
        self.queue.append(order)

    # --- the run -------------------------------------------------------------------------------------------

    def run(self, step: Callable[[Engine, int], None], warm_up: int = 0) -> Engine:
        """`warm_up`: leading undefined values of the slowest declared indicator (§3.2)."""
        bars = len(self.close_price)
        first = 1 + warm_up
        recorded: dict[int, float] = {}
        try:
            for self.bar in range(first, bars):
                self._bar(recorded)
                step(self, self.bar)
            if self.finalize and first < bars:  # §3.7
                self.close()
                self._bar(recorded)
        except Broke:
            recorded |= dict.fromkeys(range(self.bar, bars), 0.0)
        before = recorded.get(first, self.cash)
        self.equity = [recorded.get(i, before) for i in range(bars)]
        return self

    def _bar(self, recorded: dict[int, float]) -> None:
        self._process_orders()
        recorded[self.bar] = self.worth()
        if recorded[self.bar] <= 0.0:
            for trade in list(self.trades):
                self._close_trade(trade, self.close_price[self.bar], self.bar)
            self.cash = 0.0
            raise Broke

    def worth(self) -> float:
        """Equity at the bar's close."""
        if not self.trades:
            return self.cash
        position = sum(trade.size for trade in self.trades)
        paid = sum(trade.size * trade.entry for trade in self.trades)
        return self.cash + (self.close_price[self.bar] * position - paid)

    # --- orders and fills (§3.3 to §3.5) -------------------------------------------------------------------

    def _process_orders(self) -> None:
        at_close = self.fill_at_close
        price = self.close_price[self.bar - 1] if at_close else self.open[self.bar]
        recorded_on = self.bar - 1 if at_close else self.bar
        queue, self.queue = self.queue, []
        for order in queue:
            if order.closes in self.trades and order.closes is not None:
                self._close_trade(order.closes, price, recorded_on)
        for trade in list(self.trades):
            self._test_brackets(trade)
        for order in queue:
            if order.closes is None:
                self._open(order, price, recorded_on)

    def _open(self, order: Order, price: float, recorded_on: int) -> None:
        sign = math.copysign(1.0, order.size)
        fill = price * (1.0 + sign * self.spread)
        unit_cost = fill + self._fee(order.size, price) / abs(order.size)
        size = order.size
        if -1.0 < size < 1.0:
            size = sign * ((self._available() * abs(size)) // unit_cost)
        units = int(size)
        if units == 0:
            return
        for trade in list(self.trades):
            if trade.size * units < 0:
                if abs(units) < abs(trade.size):
                    raise AssertionError("an order closes part of a trade, as no strategy of bigbar.md does")
                self._close_trade(trade, price, recorded_on)
                units += trade.size
                if units == 0:
                    return
        if abs(units) * unit_cost > self._available():
            return
        opened = Trade(size=units, entry_bar=recorded_on, entry=fill, stop=order.stop, target=order.target)
        self.trades.append(opened)
        self.cash -= self._fee(units, fill)
        self._test_brackets(opened)

    def _test_brackets(self, trade: Trade) -> None:
        opening, high, low = self.open[self.bar], self.high[self.bar], self.low[self.bar]
        is_long = trade.size > 0
        if trade.stop is not None and (low <= trade.stop if is_long else high >= trade.stop):
            price = min(opening, trade.stop) if is_long else max(opening, trade.stop)
            self._close_trade(trade, price, self.bar)
        elif trade.target and (high >= trade.target if is_long else low <= trade.target):
            price = max(opening, trade.target) if is_long else min(opening, trade.target)
            self._close_trade(trade, price, self.bar)

    def _available(self) -> float:
        """Funds not bound by open trades."""
        bound = sum(abs(trade.size) * self.close_price[self.bar] for trade in self.trades)
        return max(0.0, self.worth() - bound)

    def _fee(self, size: float, price: float) -> float:
        return abs(size) * price * self.commission

    def _close_trade(self, trade: Trade, price: float, recorded_on: int) -> None:
        self.trades.remove(trade)
        self.closed.append(trade)
        trade.exit, trade.exit_bar = price, recorded_on
        fee = self._fee(trade.size, price)
        self.cash = self.cash + (trade.size * (price - trade.entry) - fee)
        trade.commission = self._fee(trade.size, trade.entry) + fee


def cross_step(fast: Sequence[float], slow: Sequence[float]) -> Callable[[Engine, int], None]:
    """§9: with the trend of two averages; the step of bar i sees them up to and including i."""

    def step(engine: Engine, i: int) -> None:
        if fast[i - 1] < slow[i - 1] and fast[i] > slow[i]:
            engine.close()
            engine.buy()
        elif fast[i - 1] > slow[i - 1] and fast[i] < slow[i]:
            engine.close()
            engine.sell()

    return step
