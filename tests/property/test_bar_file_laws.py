"""Laws of bar files: what was written is read to the bit; damage is an error that names the file."""

from __future__ import annotations

import math
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.data.bars import decode_bars
from tasks.data.catalog import scan
from tasks.data.cells import written_number, written_time
from tasks.data.decoded import Decoded
from tasks.errors import DataError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAMES = ("open", "high", "low", "close", "volume")

prices = st.floats(allow_infinity=False, width=64) | st.decimals(-1000, 100_000, places=4).map(float)
offsets = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
instants = st.integers(-(10**9), 4 * 10**9)
ends = st.sampled_from(["\n", "\r\n"])
bars = st.lists(st.tuples(instants, offsets, st.tuples(*[prices] * 5)), max_size=12)


def number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def decode_text(text: str, encoding: str = "utf-8") -> Decoded:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gold.csv"
        path.write_bytes(text.encode(encoding))
        return decode_bars(path)


def same(found: Decoded, rows: list[tuple[float, ...]]) -> None:
    for i, name in enumerate(NAMES):
        wanted = np.array([row[i] for row in rows], np.float64)
        np.testing.assert_array_equal(found.columns[name], wanted)
        assert (np.signbit(found.columns[name]) == np.signbit(wanted))[~np.isnan(wanted)].all()


@given(rows=bars, end=ends, last=st.booleans(), blank=st.integers(0, 12), quote=st.sampled_from(["", '"']))
def test_what_was_written_to_text_is_read_to_the_bit(
    rows: list[Any], end: str, last: bool, blank: int, quote: str
) -> None:
    lines = ["Time,Open,HIGH,low,close,volume"]
    for second, zone, values in rows:
        at = (EPOCH + timedelta(seconds=second)).astimezone(zone).isoformat()
        lines.append(",".join(f"{quote}{cell}{quote}" for cell in (at, *map(number, values))))
    lines.insert(min(blank, len(lines)), "")

    found = decode_text(end.join(lines) + (end if last else ""))

    assert found.columns["timestamp"].tolist() == [row[0] * 10**9 for row in rows]
    same(found, [row[2] for row in rows])
    assert found.rows_in_file.tolist() == [i for i, line in enumerate(lines, 1) if line][1:]


@given(
    rows=bars,
    group=st.integers(1, 5),
    names=st.none() | st.lists(st.sampled_from("ABC"), min_size=12, max_size=12),
)
@settings(max_examples=60)
def test_what_was_written_to_parquet_is_read_to_the_bit(
    rows: list[Any], group: int, names: list[str] | None
) -> None:
    columns: dict[str, Any] = {"time": pa.array([row[0] for row in rows], pa.timestamp("s"))}
    for i, name in enumerate(NAMES):
        columns[name] = pa.array([row[2][i] for row in rows], pa.float64())
    if names is not None:
        columns["symbol"] = pa.array(names[: len(rows)], pa.string())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gold.parquet"
        pq.write_table(pa.table(columns), path, row_group_size=group)

        found, catalog = decode_bars(path), scan(path, "bars")

    order = [i - 1 for i in found.rows_in_file.tolist()]
    assert sorted(order) == list(range(len(rows)))
    same(found, [rows[i][2] for i in order])
    assert found.columns["timestamp"].tolist() == [rows[i][0] * 10**9 for i in order]
    assert sum(entry.rows or 0 for entry in catalog.entries.values()) == len(rows)
    for name in found.securities:
        kept, numbers = found.security(name) or ({}, np.zeros(0, np.int32))
        wanted = [i + 1 for i in range(len(rows)) if names is not None and names[i] == name]
        assert numbers.tolist() == wanted
        times = kept["timestamp"]
        entry = catalog.entries[name]
        assert (entry.rows, entry.first_ns, entry.last_ns) == (len(wanted), times.min(), times.max())


cells = st.one_of(
    st.sampled_from(
        ["", " ", "nan", "NaN", "inf", "-inf", "1e400", "1_0", "0x1", "1,5", "+1", "--1", "\u0661"]
    ),
    st.text("0123456789+-.eE naif", max_size=6),
    st.floats().map(str),
)


@given(texts=st.lists(cells.filter(lambda t: "," not in t), min_size=1, max_size=6))
@example(texts=["1", " 2"])
def test_a_cell_is_a_number_where_the_definition_says_so_alone_or_among_others(texts: list[str]) -> None:
    def defined(text: str) -> float | None:
        try:
            value = written_number(text)
        except ValueError:
            return None
        return None if math.isinf(value) else value

    wanted = [defined(text) for text in texts]
    try:
        found: list[float] | None = (
            decode_text(
                "date,open,high,low,close\n" + "".join(f"2025-01-02,{text},1,1,1\n" for text in texts)
            )
            .columns["open"]
            .tolist()
        )
    except DataError as e:
        found = None
        complaint = e.message

    if None in wanted:
        assert found is None
        lines = [f"line {i}: column 'open' is" for i, value in enumerate(wanted, 2) if value is None]
        assert any(line in complaint for line in lines)
    else:
        np.testing.assert_array_equal(found, np.array(wanted, np.float64))


times = st.one_of(
    st.datetimes(datetime(1678, 1, 1), datetime(2262, 1, 1), timezones=st.one_of(st.none(), offsets)).map(
        str
    ),
    st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1)).map(lambda t: t.isoformat("T", "minutes")),
    st.from_regex(
        r"20\d\d-[01]\d-[0-3]\d([ T][0-2]\d(:[0-6]\d(:[0-6]\d(\.\d{1,10})?)?)?( ?(Z|[+-]\d\d:?\d\d))?)?",
        fullmatch=True,
    ),
)


@given(text=times)
def test_a_time_is_read_alone_as_the_definition_reads_it(text: str) -> None:
    try:
        wanted = written_time(text)
    except ValueError:
        wanted = None
    try:
        found = decode_text(f"date,open,high,low,close\n{text},1,1,1,1\n")
    except DataError:
        assert wanted is None
    else:
        assert wanted == (found.columns["timestamp"][0], found.zone == "UTC")


@given(
    content=st.text("timeopnhglwcs,;\n\r\"' 0123-:TZ.\ufeffé", max_size=120) | st.binary(max_size=80),
    suffix=st.sampled_from([".csv", ".parquet"]),
)
@example(content='time,open,high,low,close\n"2025-01-01,1,1,1,1\n', suffix=".csv")
@example(content='"time,open,high,low,close', suffix=".csv")
@example(content="\n\n\ntime,open,high,low,close\n\n\n2025-01-01,1,1,1,1,1\n", suffix=".csv")
def test_whatever_a_file_holds_it_is_bars_or_an_error_that_names_the_file(
    content: str | bytes, suffix: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"gold{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        complaint = str(path)
        try:
            decode_bars(path)
        except DataError as e:
            complaint = e.message

        assert str(path) in complaint
        assert list(scan(path, "bars").entries) == ["gold"]


@given(
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4),
    footer=st.booleans(),
)
@settings(max_examples=200)
def test_flipped_bytes_are_bars_or_an_error_that_names_the_file(
    flips: list[tuple[int, int]], footer: bool
) -> None:
    table = pa.table(
        {"time": pa.array(range(20), pa.timestamp("s", "UTC")), **{name: [1.5] * 20 for name in NAMES}}
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gold.parquet"
        pq.write_table(table, path, row_group_size=7)
        content = bytearray(path.read_bytes())
        start = len(content) - 8 - int.from_bytes(content[-8:-4], "little") if footer else 0
        for place, byte in flips:
            content[start + place % (len(content) - start)] = byte
        path.write_bytes(content)
        complaint = str(path)
        try:
            decode_bars(path)
        except DataError as e:
            complaint = e.message

        assert str(path) in complaint
        scan(path, "bars")
