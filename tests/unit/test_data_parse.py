"""Columns that begin in the middle of their buffers are read from where they begin."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.data.parse import array, whole_numbers


def test_a_window_of_a_column_is_read_as_the_column_it_is() -> None:
    whole = pa.chunked_array([pa.array([1, None, 3, None, 5, 6, 7, None, 9, 10]), pa.array([None, 12])])

    for first in range(12):
        found = array(whole.slice(first), np.int64, -1)

        assert found.tolist() == [1, -1, 3, -1, 5, 6, 7, -1, 9, 10, -1, 12][first:]


def test_what_is_absent_from_a_window_is_absent_where_it_was() -> None:
    column = pa.chunked_array([pa.array([None, 2, None, 4]).slice(1)])

    values, absent = whole_numbers(column)

    assert values.tolist() == [2, 0, 4]
    assert absent.tolist() == [False, True, False]
