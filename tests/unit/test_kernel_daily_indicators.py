"""The columns of vcp.md section 2, beside the expected ones and at their edges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.api import refuse_row
from tasks.kernels.daily.frame import Frame, frame_of
from tasks.kernels.daily.indicators import AVERAGES, cut, first_seen, indicators
from tests.support.daily_frames import SETS, bars, daily_frames, days


def rising(count: int) -> Frame:
    close = 10.0 + np.arange(count)
    return frame_of(bars(range(count), close=close, high=close + 1, low=close - 1), refuse_row)


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_the_newest_bar_of_every_symbol_is_as_expected(shared: Path, name: str) -> None:
    frames = daily_frames(shared, name)

    for row in pq.read_table(shared / f"expected/vcp/{name}.indicators_last.parquet").to_pylist():
        frame = frames[row.pop("symbol")]
        columns = cut(frame, indicators(frame), frame.bars - 1)
        assert row.pop("bars") == frame.bars
        wanted = {key: value for key, value in row.items() if key[:4] in ("sma_", "atr", "52_w", "away")}
        if frame.bars < 50:
            assert set(wanted.values()) == {None}
            assert not columns
        else:
            assert {key: columns[key][-1] for key in wanted} == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_whole_columns_are_as_expected(shared: Path, name: str) -> None:
    table = pq.read_table(shared / f"expected/vcp/{name}.indicators_full.parquet").to_pandas()
    frames = daily_frames(shared, name, tuple(table["symbol"].unique()))

    for symbol, wanted in table.groupby("symbol"):
        frame = frames[symbol]
        columns = cut(frame, indicators(frame), frame.bars - 1)
        for key in wanted.columns[2:]:
            expected = wanted[key].to_numpy()
            found = columns[key] if columns else np.full(frame.bars, np.nan)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=f"{symbol} {key}")


@pytest.mark.shared
def test_the_collector_s_rows_are_as_expected(shared: Path) -> None:
    cases = json.loads((shared / "expected/vcp/monitor_cases.json").read_text())["collector_rows"]
    compared = 0

    for case in cases:
        given = {key: [row[key] for row in case["input"]] for key in case["input"][0]}
        frame = frame_of(bars(days(*given.pop("date")), **given), refuse_row)
        if len({row[3] for row in case["output"]}) < len(case["output"]):
            continue  # the reference lets two rows of a date both into the columns; we keep the later one
        columns = cut(frame, indicators(frame), frame.bars - 1, "collector")
        found = np.array([frame[key] for key in ("open", "high", "low", "close", "volume")])
        wanted = np.array([row[4:9] for row in case["output"]], np.float64).T
        np.testing.assert_array_equal(found, wanted, err_msg=case["note"])
        wanted = np.array([row[10:] for row in case["output"]], np.float64).T
        found = np.array(list(columns.values()))
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9, err_msg=case["note"])
        compared += 1

    assert compared


@pytest.mark.parametrize("count", [0, 1, 49])
def test_a_short_frame_has_no_screener_s_columns(count: int) -> None:
    frame = rising(count)

    assert cut(frame, indicators(frame), count - 1) == {}


def test_a_mean_that_wants_more_closes_than_there_are_stands_at_the_newest_bar_alone() -> None:
    frame = rising(60)
    found = indicators(frame)

    columns = cut(frame, found, 59)

    assert columns["sma_100"].tolist() == [0.0] * 59 + [10 + 29.5]
    assert found.average(100, 59, newest=59) == 39.5
    assert found.average(100, 58, newest=59) == 0.0


@pytest.mark.parametrize(("count", "used"), [(10, False), (11, True)])
def test_the_collector_uses_no_window_of_ten_bars_or_fewer(count: int, used: bool) -> None:
    frame = rising(count)

    columns = cut(frame, indicators(frame), count - 1, "collector")

    assert "sma_20" not in columns
    assert columns["sma_50"][-1] == (frame["close"].mean() if used else 0.0)
    assert columns["52_week_low"][-1] == (frame["low"].min() if used else frame["low"][-1])


def test_the_true_range_s_average_begins_when_fifty_ranges_are_there() -> None:
    frame = rising(60)

    atr = indicators(frame).atr

    assert (atr > 0).tolist() == [False] * 50 + [True] * 10
    assert atr[50:].tolist() == [2.0] * 10


def test_a_high_of_nothing_is_no_distance_at_all() -> None:
    frame = frame_of(bars(range(60), close=np.zeros(60)), refuse_row)

    columns = cut(frame, indicators(frame), 59)

    assert not columns["away_from_high"].any()
    assert not columns["away_from_low"].any()


def test_a_distance_too_large_for_a_number_is_none() -> None:
    low = np.full(60, 1e-308)
    frame = frame_of(bars(range(60), close=np.full(60, 1e300), low=low), refuse_row)

    assert not cut(frame, indicators(frame), 59)["away_from_low"].any()


def test_a_screen_sees_two_thousand_days_and_its_averages_begin_there() -> None:
    frame = rising(2100)
    first = first_seen(frame, as_of=2050)

    found = indicators(frame, first)
    apart = indicators(frame_of({**bars(frame["date"][first:], **_from(frame, first))}, refuse_row))

    assert frame["date"][first] == 51
    for name in (*AVERAGES, "atr", "high_52_weeks", "low_52_weeks"):
        np.testing.assert_array_equal(getattr(found, name)[first:], getattr(apart, name))
        assert not getattr(found, name)[:first].any()


def _from(frame: Frame, first: int) -> dict[str, Any]:
    return {name: frame[name][first:] for name in ("open", "high", "low", "close", "volume")}
