"""Invented ticks: the same bytes for the same seed, and the irregularities of the real ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from tasks.data.catalog import scan
from tasks.data.readers import read_ticks
from tasks.data.synth import main, write_ticks
from tasks.data.trading_day import ASK, BID, CLOSING, OPENING, PRE_CLOSE, TRADE

DAY_NS = 86_400 * 10**9


def digests(paths: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def seconds_of_day(timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
    return (timestamps % DAY_NS) // 10**9


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    first = digests(write_ticks(tmp_path / "a", 2, days=2, seed=7, events_per_day=100))
    again = digests(write_ticks(tmp_path / "b", 2, days=2, seed=7, events_per_day=100))
    other = digests(write_ticks(tmp_path / "c", 2, days=2, seed=8, events_per_day=100))

    assert first == again
    assert len({*first, *other}) == 4


def test_more_securities_and_more_days_leave_the_others_as_they_are(tmp_path: Path) -> None:
    [alone] = write_ticks(tmp_path / "a", ["SYN2"], days=2, seed=7, events_per_day=100)
    longer = write_ticks(tmp_path / "b", 3, days=3, seed=7, events_per_day=100)[1]

    short, long = read_ticks(alone), read_ticks(longer)

    for name, column in short.items():
        np.testing.assert_array_equal(column, long[name][: column.size])


def test_files_are_laid_out_as_the_real_ones(tmp_path: Path) -> None:
    paths = write_ticks(tmp_path, ["Salik", "ALDAR"], days=2, seed=1, events_per_day=100)

    assert [path.name for path in paths] == ["salik.parquet", "aldar.parquet"]
    assert list(scan(tmp_path).entries) == ["ALDAR", "SALIK"]
    schema = pq.read_schema(paths[0])
    assert schema.names == ["timestamp", "type", "price", "volume"]
    assert schema.types == [pa.timestamp("ns"), pa.string(), pa.float64(), pa.int64()]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aldar.parquet", "salik.parquet"]


@pytest.mark.parametrize("name", ["SYN1", "SYN2", "SYN3", "SYN4"])
def test_a_day_has_the_regularities_of_a_real_one(tmp_path: Path, name: str) -> None:
    [path] = write_ticks(tmp_path, [name], days=5, seed=7, events_per_day=3000)

    ticks = read_ticks(path)

    second = seconds_of_day(ticks["timestamp"])
    session = (second >= OPENING) & (second < PRE_CLOSE)
    days = np.unique(ticks["timestamp"] // DAY_NS)
    assert days.size == 5
    assert 2700 * 5 < session.sum() < 3300 * 5
    assert (ticks["price"][session] > 0).all()
    assert (ticks["volume"][session] > 0).all()
    assert ((ticks["price"] == 0) & ~session).sum() >= 2 * 5
    for kind in (BID, ASK, TRADE):
        assert (session & (ticks["type"] == kind)).sum() > 500 * 5
    closing = (second >= CLOSING) & (ticks["type"] == TRADE)
    assert np.unique(ticks["timestamp"][closing] // DAY_NS).tolist() == days.tolist()
    assert (closing & (ticks["volume"] == 0)).sum() >= 5
    assert session.sum() / np.unique(ticks["timestamp"][session]).size > 2  # events in a second
    assert (np.diff(ticks["timestamp"]) >= -(10**9)).all()


def test_prices_lie_on_the_tick_grid(tmp_path: Path) -> None:
    for path in write_ticks(tmp_path, 6, days=3, seed=7, events_per_day=500):
        price = read_ticks(path)["price"]
        highest = float(price.max())
        tick = 0.001 if highest < 1 else 0.01
        np.testing.assert_allclose(price, np.round(price / tick) * tick, atol=1e-9)


def test_one_event_a_day_is_enough(tmp_path: Path) -> None:
    [path] = write_ticks(tmp_path, 1, days=1, seed=0, events_per_day=1)

    assert read_ticks(path)["price"].size > 10


def test_no_days_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="was 0 and 4000"):
        write_ticks(tmp_path, 1, days=0)


def test_the_command_says_what_it_wrote_unless_asked_not_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--days", "1", "--events-per-day", "50", "--seed", "7", "--out", str(tmp_path)]
    main([*few, "--securities", "2"])
    main([*few, "--securities", "aldar, salik", "--quiet"])

    assert capsys.readouterr().out == f"{tmp_path / 'syn1.parquet'}\n{tmp_path / 'syn2.parquet'}\n"
    assert (tmp_path / "salik.parquet").exists()


@pytest.mark.parametrize("wrong", [["--days", "0"], ["--securities", "0"], ["--seed", "-1"]])
def test_the_command_refuses_nothing_at_all(
    tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--out", str(tmp_path), *wrong])

    assert caught.value.code == 2
    assert "at least" in capsys.readouterr().err
