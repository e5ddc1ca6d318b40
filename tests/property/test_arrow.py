"""Do columns made from bytes equal those that Arrow itself would make?"""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.results import arrow

texts = st.lists(st.none() | st.text())
whole = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))
floats = st.lists(st.none() | st.floats())
flags = st.lists(st.none() | st.booleans())


@given(values=texts)
def test_texts_are_what_arrow_makes_of_them(values: list[str | None]) -> None:
    made = arrow.column(values, pa.string())

    made.validate(full=True)
    assert made.equals(pa.array(values, pa.string()))


@given(values=whole)
def test_whole_numbers_are_what_arrow_makes_of_them(values: list[int | None]) -> None:
    made = arrow.column(values, pa.int64())

    made.validate(full=True)
    assert made.equals(pa.array(values, pa.int64()))


@given(values=floats)
def test_floats_keep_nan_apart_from_null(values: list[float | None]) -> None:
    made = arrow.column(values, pa.float64())

    made.validate(full=True)
    assert repr(made.to_pylist()) == repr(values)


@given(values=flags)
def test_flags_are_what_arrow_makes_of_them(values: list[bool | None]) -> None:
    made = arrow.column(values, pa.bool_())

    made.validate(full=True)
    assert made.equals(pa.array(values, pa.bool_()))


@given(rows=st.integers(0, 70), kind=st.sampled_from([pa.string(), pa.int64(), pa.float64(), pa.bool_()]))
def test_nulls_are_nothing_but_null(rows: int, kind: pa.DataType) -> None:
    made = arrow.nulls(rows, kind)

    made.validate(full=True)
    assert made.to_pylist() == [None] * rows


@given(value=st.text(), rows=st.integers(0, 70))
def test_a_repeated_text_stands_on_every_row(value: str, rows: int) -> None:
    made = arrow.repeated(value, rows)

    made.validate(full=True)
    assert made.to_pylist() == [value] * rows


def test_times_are_taken_in_their_unit() -> None:
    times = np.array(["2025-04-14T10:00:01"], "datetime64[s]")

    made = arrow.column(times, pa.timestamp("ns"))

    assert made.cast(pa.int64()).to_pylist() == [1744624801 * 10**9]


leaves = st.sampled_from(["int64", "double", "bool", "string", "date32[day]", "timestamp[ns]"])
names = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda name: f"list<{name}>"),
        st.tuples(inner, inner).map(lambda two: f"struct<a: {two[0]}, b_2: {two[1]}>"),
    ),
    max_leaves=4,
)


def values_of(kind: pa.DataType) -> st.SearchStrategy[object]:
    if pa.types.is_list(kind):
        return st.none() | st.lists(values_of(kind.value_type), max_size=3)
    if pa.types.is_struct(kind):
        return st.none() | st.fixed_dictionaries({f.name: values_of(f.type) for f in kind})
    plain: dict[str, st.SearchStrategy[object]] = {
        "int64": st.integers(-(2**63), 2**63 - 1),
        "double": st.floats(allow_nan=False),
        "bool": st.booleans(),
        "string": st.text(max_size=5),
        "date32[day]": st.dates(),
        "timestamp[ns]": st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),
    }
    return st.none() | plain[str(kind)]


@given(name=names, data=st.data())
def test_a_column_of_any_named_type_is_what_arrow_makes_of_it(name: str, data: st.DataObject) -> None:
    kind = arrow.type_named(name)
    values = data.draw(st.lists(values_of(kind), max_size=5))

    made = arrow.column(values, kind)

    made.validate(full=True)
    assert made.equals(pa.array(values, kind))


@pytest.mark.parametrize("name", ["int", "list<int64", "struct<a>", "int64>", "list<int64, double>", ""])
def test_what_names_no_type_is_refused(name: str) -> None:
    with pytest.raises((ValueError, StopIteration)):
        arrow.type_named(name)


def test_days_are_dates() -> None:
    days = np.array(["2018-02-07", "1969-12-31"], "datetime64[D]")
    kind = pa.date32()

    for values in (days, days.astype(np.int64), ["2018-02-07", "1969-12-31"]):
        assert [str(v) for v in arrow.column(values, kind).to_pylist()] == ["2018-02-07", "1969-12-31"]


def test_making_and_keeping_a_table_does_not_load_pandas() -> None:
    program = (
        "import sys, numpy as np, pyarrow as pa;"
        "from tasks import runner; from tasks.results import arrow, codec, shards;"
        "s = pa.schema([('a', pa.string()), ('b', pa.int64())]);"
        "t = arrow.table([arrow.texts(['x', None]), arrow.column([1, None], pa.int64())], s);"
        "codec.decode(codec.encode({'t': t})); sys.exit('pandas' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
