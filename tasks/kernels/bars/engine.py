"""What an account does on bars (bigbar.md §3): opens, pays, is worth something, closes, goes broke.

One security, at most one open trade, market orders. *When* to trade and at which price is for the strategy's
own kernel to say: a run is its decisions with these parts between them.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.kernels.jit import part

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

ALL_IN: Final = 1.0 - 2.220446049250313e-16
"""The share of the funds that an order without a size takes: it must stay below 1, which means one unit."""


class Costs(NamedTuple):
    """Fractions: of the price, paid when opening; of the traded value, paid on each side."""

    spread: float
    commission: float


class Account(NamedTuple):
    """Cash and the open trade; its `units` are whole, negative when short, 0 when there is none."""

    cash: float
    units: float
    entry_price: float
    entry_bar: int


class ClosedTrades(NamedTuple):
    """In closing order. Room for all; the kernel counts how many are in it."""

    units: F8
    entry_bar: I8
    exit_bar: I8
    entry_price: F8
    exit_price: F8
    pnl: F8
    commission: F8
    returns: F8
    """Fractions of what was paid on entry."""


def room_for(trades: int) -> ClosedTrades:
    kinds = {"entry_bar": np.int64, "exit_bar": np.int64}
    return ClosedTrades._make(np.zeros(trades, kinds.get(name, np.float64)) for name in ClosedTrades._fields)


@part
def flat(cash: float) -> Account:
    return Account(cash, 0.0, 0.0, 0)


@part
def fee(units: float, price: float, costs: Costs) -> float:
    return abs(units) * price * costs.commission


@part
def open_all_in(account: Account, side: float, price: float, bar: int, costs: Costs) -> Account:
    """The account after an order for all its funds; unchanged where they do not buy one unit.

    `side`: 1.0 buys, -1.0 sells short. The commission of a unit is that of an order of the *fraction* ALL_IN,
    divided by it, as the original has it: a rounding more, which can cost a unit.
    """
    fill = price * (1.0 + side * costs.spread)
    unit_cost = fill + fee(ALL_IN, price, costs) / ALL_IN
    funds = max(0.0, account.cash)
    units = funds * ALL_IN // unit_cost
    if units < 1.0 or units * unit_cost > funds:
        return account
    return Account(account.cash - fee(units, fill, costs), side * units, fill, bar)


@part
def close_trade(
    account: Account, price: float, bar: int, costs: Costs, closed: ClosedTrades, count: int
) -> Account:
    """The account after its trade was closed; that is kept as trade number `count`."""
    units, entry = account.units, account.entry_price
    exit_fee = fee(units, price, costs)
    gain = units * (price - entry)
    commission = fee(units, entry, costs) + exit_fee
    closed.units[count] = units
    closed.entry_bar[count] = account.entry_bar
    closed.exit_bar[count] = bar
    closed.entry_price[count] = entry
    closed.exit_price[count] = price
    closed.pnl[count] = gain - commission
    closed.commission[count] = commission
    share = commission / (abs(units) * entry)
    closed.returns[count] = math.copysign(1.0, units) * (price / entry - 1.0) - share
    return flat(account.cash + (gain - exit_fee))


@part
def worth(account: Account, close: float) -> float:
    """Equity at a bar's close, in the one order of operations that makes equal prices give equal equity."""
    return account.cash + (close * account.units - account.units * account.entry_price)


@part
def mark(account: Account, close: F8, first: int, end: int, equity: F8) -> int:
    """Records the equity of bars `first` up to, not including, `end`, on which the account does nothing.

    Returns the first of them that leaves no equity, else `end`. The loop has no way out, so that the compiler
    can take several bars at once.
    """
    bad = 0
    for i in range(first, end):
        equity[i] = worth(account, close[i])
        bad += equity[i] <= 0.0
    if bad == 0:
        return end
    i = first
    while not equity[i] <= 0.0:
        i += 1
    return i


@part
def go_broke(
    account: Account, close: float, bar: int, costs: Costs, closed: ClosedTrades, count: int, equity: F8
) -> int:
    """No equity is left at a bar's close: the trade is closed there, and nothing comes after.

    Returns how many trades were closed in all.
    """
    equity[bar:] = 0.0
    if account.units == 0.0:
        return count
    close_trade(account, close, bar, costs, closed, count)
    return count + 1
