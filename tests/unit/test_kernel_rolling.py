"""Is a rolling mean that of pandas, to the last bit?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.kernels.rolling import rolling_mean

F8 = NDArray[np.float64]


def of_pandas(price: F8, window: int) -> F8:
    return np.array(pd.Series(price).rolling(window).mean())


def assert_same_bits(price: F8, window: int) -> None:
    assert rolling_mean(price, window).tobytes() == of_pandas(price, window).tobytes()


@pytest.mark.parametrize("window", [1, 2, 10, 200])
def test_the_mean_is_that_of_pandas_over_a_long_walk(window: int) -> None:
    walk = 1.1 + np.cumsum(np.random.default_rng(window).normal(0.0, 1e-4, 20_000)).round(5)

    assert_same_bits(walk, window)


def test_a_window_of_equal_prices_has_that_price_as_its_mean() -> None:
    price = np.array([1e9 / 3, 0.1, 0.1, 0.1, 0.1])

    assert rolling_mean(price, 3)[-1] == 0.1


def test_the_mean_of_prices_that_are_not_negative_is_not_negative() -> None:
    price = np.array([1e16, 0.3, 0.0, 0.0, 5e-324, 0.0, 5e-324])

    assert (rolling_mean(price, 2)[1:] >= 0.0).all()


def test_a_window_longer_than_the_file_has_no_mean() -> None:
    assert np.isnan(rolling_mean(np.ones(3), 4)).all()


def test_a_window_with_a_missing_price_has_no_mean() -> None:
    found = rolling_mean(np.array([1.0, np.nan, 3.0, 5.0]), 2)

    np.testing.assert_array_equal(found, [np.nan, np.nan, np.nan, 4.0])


@given(
    price=st.lists(
        st.one_of(
            st.sampled_from([0.0, -0.0, 0.1, 0.2, 1.1, np.nan, np.inf]),
            st.floats(-1e12, 1e12),
            st.floats(1.0, 2.0),
        ),
        max_size=40,
    ),
    window=st.integers(1, 12),
)
def test_the_mean_is_that_of_pandas_for_all_prices(price: list[float], window: int) -> None:
    assert_same_bits(np.array(price, np.float64), window)
