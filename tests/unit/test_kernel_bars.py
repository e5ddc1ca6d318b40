"""Are bars loaded by the rules of bigbar.md §1, and is a row that no rule covers refused by its place?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.api import DataError, Slice, refuse_row
from tasks.contract import MISSING_TIME
from tasks.kernels.bars.ordered import bars_of


def rows(**changes: Any) -> dict[str, NDArray[Any]]:
    price = np.array([10.0, 11.0, 12.0])
    named = {name: price.copy() for name in ("open", "high", "low", "close")}
    return {"timestamp": np.array([1, 2, 3]), **named, "volume": np.full(3, np.nan), **changes}


def test_rows_are_put_in_the_order_of_their_times() -> None:
    found = bars_of(rows(timestamp=np.array([5, 1, 3])), refuse_row)

    assert found.time.tolist() == [1, 3, 5]
    assert found.close.tolist() == [11.0, 12.0, 10.0]


def test_of_two_rows_of_one_time_the_first_in_the_file_is_kept() -> None:
    found = bars_of(rows(timestamp=np.array([7, 1, 7])), refuse_row)

    assert found.time.tolist() == [1, 7]
    assert found.open.tolist() == [11.0, 10.0]


def test_a_row_whose_time_was_there_before_is_not_looked_at() -> None:
    found = bars_of(rows(timestamp=np.array([7, 1, 7]), low=np.array([9.0, 9.0, np.nan])), refuse_row)

    assert found.low.tolist() == [9.0, 9.0]


def test_no_rows_are_no_bars() -> None:
    found = bars_of({name: values[:0] for name, values in rows().items()}, refuse_row)

    assert [len(values) for values in found] == [0] * 5


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("low", np.nan, "no low price"),
        ("close", -np.inf, "the close price is infinite"),
        ("open", 0.0, "the open price is not above zero"),
        ("close", -1.0, "the close price is not above zero"),
        ("timestamp", MISSING_TIME, "a bar without a time"),
    ],
)
def test_a_row_that_no_rule_covers_is_refused_by_its_place(column: str, value: Any, said: str) -> None:
    columns = rows()
    columns[column][1] = value
    data = Slice(security="X", columns=columns, source="x.csv", rows_in_file=np.array([2, 3, 4]))

    with pytest.raises(DataError, match=rf"x\.csv: row 3 .*: {said}"):
        bars_of(data, refuse_row, above_zero=("open", "close"))


def test_a_price_of_zero_passes_where_the_strategy_says_nothing_of_it() -> None:
    assert bars_of(rows(open=np.zeros(3)), refuse_row).open.tolist() == [0.0, 0.0, 0.0]
