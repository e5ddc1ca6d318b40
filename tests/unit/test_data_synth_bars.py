"""Invented bars: the same bytes for the same seed, laid out as the real ones, traded by the strategies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.data import zones
from tasks.data.bar_times import bar_seconds
from tasks.data.bars import decode_bars
from tasks.data.catalog import scan
from tasks.data.decoded import Decoded
from tasks.data.shared import open_slice
from tasks.data.synth import main, write_daily, write_futures, write_intraday
from tasks.grid import parameters
from tasks.strategies.breakout import Breakout
from tasks.strategies.vcp import Vcp
from tasks.strategies.vcp_screen import VcpScreen
from tests.support.bar_files import bar_reference

HOUR = 3600 * 10**9
Writer = Callable[..., list[Path]]
WRITERS = [
    pytest.param(write_intraday, ["gold"], id="intraday"),
    pytest.param(write_futures, ["ES"], id="futures"),
    pytest.param(write_daily, ["AAA"], id="daily"),
]


def digests(paths: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def valid(found: Decoded) -> bool:
    c = found.columns
    above = (c["high"] >= np.maximum(c["open"], c["close"])).all()
    below = (c["low"] <= np.minimum(c["open"], c["close"])).all()
    return bool(above and below and (c["low"] > 0).all())


@pytest.mark.parametrize(("write", "names"), WRITERS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, write: Writer, names: list[str]
) -> None:
    first, again, other = (
        digests(write(tmp_path / name, names, days=3, seed=seed))
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )

    assert first == again
    assert first[0] != other[0]


@pytest.mark.parametrize(("write", "names"), WRITERS)
def test_more_securities_and_more_days_leave_the_others_as_they_are(
    tmp_path: Path, write: Writer, names: list[str]
) -> None:
    short = decode_bars(write(tmp_path / "a", names, days=3, seed=7)[0])
    more = [*names, "NQ"]
    path = write(tmp_path / "b", more, days=5, seed=7)[0]
    long, _ = decode_bars(path).security(names[0]) or ({}, None)

    same = np.isin(long["timestamp"], short.columns["timestamp"])
    for name, column in short.columns.items():
        np.testing.assert_array_equal(column, long[name][same])


def test_intraday_bars_carry_the_offset_of_the_day_in_new_york(tmp_path: Path) -> None:
    [path] = write_intraday(tmp_path, ["gold"], seed=1)

    offsets = {line.split(",")[0][-6:] for line in path.read_text().splitlines()[1:]}
    found = decode_bars(path)
    local = zones.to_local(found.columns["timestamp"], "America/New_York")

    assert offsets == {"-05:00", "-04:00"}
    assert (found.zone, found.rows_in_file.size) == ("UTC", 20 * 276)
    assert (np.diff(found.columns["timestamp"]) > 0).all()
    assert set(np.unique(local // HOUR % 24).tolist()) == {*range(24)} - {17}
    assert valid(found)
    assert bar_seconds(scan(path, "bars").entries["gold"]) == 300.0


def test_futures_sessions_follow_chicago_over_both_changes_of_its_clocks(tmp_path: Path) -> None:
    [path] = write_futures(tmp_path, ["NG"], seed=1)

    found = decode_bars(path)
    times = found.columns["timestamp"]
    local = zones.to_local(times, "America/Chicago")

    assert set(((local - times) // HOUR).tolist()) == {-6, -5}
    assert times.min() < np.datetime64("2024-03-10", "ns").astype(np.int64)
    assert times.max() > np.datetime64("2024-11-03", "ns").astype(np.int64)
    assert (np.diff(times) > 0).all()
    assert 16 not in (local // HOUR % 24).tolist()
    assert valid(found)
    facts = pq.read_schema(path).metadata
    assert (facts[b"symbol"], facts[b"ticks_per_point"]) == (b"NG", b"1000")
    np.testing.assert_array_equal(np.rint(found.columns["close"] * 1000) / 1000, found.columns["close"])
    entry = scan(path, "bars").entries["NG"]
    assert bar_seconds(entry) == 300.0


def test_bars_of_five_minutes_are_made_of_those_of_one(tmp_path: Path) -> None:
    [ones], [fives] = (write_futures(tmp_path / str(m), ["ES"], days=4, seed=3, minutes=m) for m in (1, 5))

    one, five = decode_bars(ones).columns, decode_bars(fives).columns

    slot = one["timestamp"] // (300 * 10**9)
    assert np.unique(slot).tolist() == (five["timestamp"] // (300 * 10**9)).tolist()
    first = np.unique(slot, return_index=True)[1]
    last = np.append(first[1:], slot.size) - 1
    np.testing.assert_array_equal(five["open"], one["open"][first])
    np.testing.assert_array_equal(five["high"], np.maximum.reduceat(one["high"], first))
    np.testing.assert_array_equal(five["low"], np.minimum.reduceat(one["low"], first))
    np.testing.assert_array_equal(five["close"], one["close"][last])


def test_daily_bars_are_one_file_of_securities_with_their_segments(tmp_path: Path) -> None:
    path, beside = write_daily(tmp_path, 40, days=60, seed=2)

    catalog, found = scan(tmp_path, "bars"), decode_bars(path)

    assert len(catalog.entries) == 40
    assert {(entry.rows, entry.problem) for entry in catalog.entries.values()} == {(60, None)}
    assert {entry.segment for entry in catalog.entries.values()} >= {"500", "250", "ALL"}
    assert json.loads(beside.read_text())["price_scale"] == 10_000
    assert catalog.newest_ns == np.datetime64("2025-06-30", "ns").astype(np.int64)
    assert valid(found)
    assert bar_seconds(catalog.entries["SYN1"]) == 86_400.0
    np.testing.assert_array_equal(np.rint(found.columns["close"] * 100) / 100, found.columns["close"])


@pytest.mark.parametrize(
    ("strategy", "write", "securities", "metric", "least"),
    [
        (Vcp(), write_daily, 25, "trades", 10),
        (VcpScreen(), write_daily, 25, "hits", 2),
        (Breakout(), write_futures, ["ES", "NG"], "trades", 2 * 500),
    ],
)
def test_the_strategies_trade_on_it(
    tmp_path: Path, strategy: Any, write: Writer, securities: int | list[str], metric: str, least: int
) -> None:
    declared = parameters.declared(strategy.params)
    combinations = parameters.as_arrays(declared, {one.name: [one.default] for one in declared}, 1)
    write(tmp_path / "data", securities, seed=7)
    catalog = scan(tmp_path / "data", "bars")

    total = 0
    for entry in catalog.entries.values():
        told = {"segment": entry.segment, "newest_ns": catalog.newest_ns}
        data = open_slice(bar_reference(entry.path, tmp_path, security=entry.security, **told), tmp_path)
        total += int(strategy.evaluate(strategy.prepare(data), combinations)[metric][0])

    assert total >= least


@pytest.mark.parametrize(
    ("write", "asked", "problem"),
    [
        (write_intraday, {"securities": 1, "days": 0}, "at least one day, was 0"),
        (write_daily, {"securities": 0}, "one security, was 750 and 0"),
        (write_futures, {"securities": 8}, "the contracts are ES, NQ, YM, CL, GC, NG, RTY; was 8"),
        (write_futures, {"securities": ["XX"]}, "the contracts are"),
        (write_futures, {"securities": 1, "minutes": 3}, "bars of 1 or 5 minutes, was 190 and 3"),
    ],
)
def test_what_cannot_be_invented_is_refused(
    tmp_path: Path, write: Writer, asked: dict[str, int], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        write(tmp_path / "none", **asked)

    assert not (tmp_path / "none").exists()


def test_the_command_writes_each_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, more in (("intraday", []), ("futures", ["--minutes", "1"]), ("daily", [])):
        main(["--out", str(tmp_path / kind), "--kind", kind, "--securities", "1", "--days", "2", *more])

    wrote = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert wrote == ["syn1.csv", "es.parquet", "daily.parquet", "daily.universe.json"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--kind", "daily", "--minutes", "5"], "--minutes goes with --kind futures"),
        (["--kind", "futures", "--events-per-day", "5"], "--events-per-day goes with --kind ticks"),
        (["--kind", "futures", "--securities", "gold"], "the contracts are ES"),
        (["--kind", "news"], "invalid choice: 'news'"),
    ],
)
def test_the_command_says_what_does_not_go_together(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path), *words])

    assert said in capsys.readouterr().err
