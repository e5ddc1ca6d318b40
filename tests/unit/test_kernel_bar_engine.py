"""Does an account open, pay, close and go broke as bigbar.md §3 says?"""

from __future__ import annotations

import numpy as np

from tasks.kernels.bars.engine import (
    Account,
    Costs,
    close_trade,
    flat,
    go_broke,
    mark,
    open_all_in,
    room_for,
    worth,
)

FREE = Costs(0.0, 0.0)


def test_an_order_for_all_funds_buys_whole_units() -> None:
    account = open_all_in(flat(100.0), 1.0, 7.0, 3, FREE)

    assert account == Account(100.0, 14.0, 7.0, 3)


def test_funds_for_exactly_so_many_units_buy_one_less() -> None:
    """The all-in order is for a little less than all: 1.0 would mean one unit."""
    assert open_all_in(flat(70.0), 1.0, 7.0, 0, FREE).units == 9.0


def test_an_order_that_does_not_buy_one_unit_is_dropped() -> None:
    assert open_all_in(flat(6.0), 1.0, 7.0, 0, FREE) == flat(6.0)
    assert open_all_in(flat(-50.0), 1.0, 7.0, 0, FREE) == flat(-50.0)


def test_the_spread_worsens_the_opening_price_on_either_side() -> None:
    costs = Costs(0.01, 0.0)

    assert open_all_in(flat(1_000.0), 1.0, 100.0, 0, costs).entry_price == 101.0
    assert open_all_in(flat(1_000.0), -1.0, 100.0, 0, costs).entry_price == 99.0


def test_the_commission_of_a_unit_is_rounded_as_that_of_a_fraction() -> None:
    """Quirk: without the detour over the fraction these funds would buy one unit more."""
    assert open_all_in(flat(5111.983700000001), 1.0, 174.53, 0, Costs(0.0, 0.01)).units == 28.0
    assert 5111.983700000001 * (1.0 - 2.220446049250313e-16) // (174.53 + 174.53 * 0.01) == 29.0


def test_a_trade_pays_commission_on_both_sides_and_no_spread_when_it_closes() -> None:
    closed = room_for(1)
    costs = Costs(0.5, 0.01)

    account = close_trade(Account(900.0, -10.0, 50.0, 2), 40.0, 5, costs, closed, 0)

    assert account.cash == 900.0 + (100.0 - 4.0)
    assert (account.units, closed.exit_price[0], closed.exit_bar[0]) == (0.0, 40.0, 5)
    assert (closed.pnl[0], closed.commission[0]) == (100.0 - 9.0, 9.0)
    assert closed.returns[0] == -1.0 * (40.0 / 50.0 - 1.0) - 9.0 / 500.0


def test_an_account_without_a_trade_is_worth_its_cash() -> None:
    assert worth(flat(0.1), 1e300) == 0.1


def test_equity_of_exactly_nothing_ends_the_run() -> None:
    close = np.array([1.0, 2.005, 1.0])
    equity = np.full(3, -1.0)
    account = Account(100.5, -100.0, 1.0, 0)

    broke = mark(account, close, 0, 3, equity)

    assert broke == 1
    assert equity[1] == 0.0


def test_a_broken_account_closes_its_trade_and_stays_at_nothing() -> None:
    closed, equity = room_for(2), np.full(4, 9.0)

    count = go_broke(Account(100.0, -100.0, 1.0, 0), 3.0, 2, FREE, closed, 1, equity)

    assert count == 2
    assert (closed.exit_bar[1], closed.exit_price[1]) == (2, 3.0)
    assert equity.tolist() == [9.0, 9.0, 0.0, 0.0]
