"""Numbers, times and names as screens write them."""

from __future__ import annotations

from typing import Any

import pytest

from producer.view import words
from producer.view.output import as_json, mask


@pytest.mark.parametrize(
    ("number", "word", "said"),
    [(1, "security", "1 security"), (1024, "security", "1,024 securities"), (0, "backtest", "0 backtests")],
)
def test_counted_words_have_a_plural(number: int, word: str, said: str) -> None:
    assert words.count(number, word) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0:00:00"),
        (22.4, "0:00:22"),
        (3725, "1:02:05"),
        (360000, "100:00:00"),
        (-3, "0:00:00"),
        (None, "--:--"),
        (float("inf"), "--:--"),
        (float("nan"), "--:--"),
    ],
)
def test_durations_are_hours_minutes_seconds(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0s"), (5, "5s"), (59.9, "59s"), (60, "1m"), (7200, "2h"), (86400 * 9, "9d")],
)
def test_ages_have_one_unit(seconds: float, said: str) -> None:
    assert words.age(seconds) == said


@pytest.mark.parametrize(
    ("rate", "said"),
    [(None, ""), (412.3, "412 bt/s"), (46600, "46,600 bt/s"), (0.43, "0.4 bt/s"), (0, "0 bt/s")],
)
def test_rates_below_ten_have_a_decimal(rate: float | None, said: str) -> None:
    assert words.rate(rate) == said


def test_a_percentage_is_rounded_down_so_that_100_means_done() -> None:
    assert words.percent(9999, 10000) == "99%"
    assert words.percent(10000, 10000) == "100%"
    assert words.percent(0, 0) == "100%"


@pytest.mark.parametrize(
    ("values", "measured", "said"),
    [
        ([143058.3499, -12.5, None, float("nan")], True, ["143,058.35", "-12.50", "-", "-"]),
        ([0.0123, 1.5], True, ["0.012", "1.500"]),
        ([1e-12, 2.0], True, ["0.000000", "2.000000"]),
        ([1500000.0, 0.05], False, ["1,500,000.0", "0.05"]),
        ([1204, None], True, ["1,204", "-"]),
        ([True, False, "v1"], False, ["true", "false", "v1"]),
        ([float("inf"), 1e20], True, ["inf", "1e+20"]),
        (["x" * 50], False, ["x" * 39 + "…"]),
        (["\x1b[31mred\x1b[0m\x07\nnext"], False, ["red next"]),
    ],
)
def test_cells_of_a_column_read_alike(values: list[Any], measured: bool, said: list[str]) -> None:
    assert words.cells(values, measured=measured) == said


def test_names_beyond_the_third_are_counted() -> None:
    assert words.listed(["A", "B", "C"]) == "A, B, C"
    assert words.listed(["A", "B", "C", "D", "E"]) == "A, B, C, … 2 more"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("redis://:s3cret@host:6379/0", "redis://:***@host:6379/0"),
        ("rediss://me:p@ss:w/rd@host/0 and more", "rediss://me:***@host/0 and more"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("unix:///tmp/v.sock?password=s3cret&db=1", "unix:///tmp/v.sock?password=***&db=1"),
        ("two: redis://:a@h/0 redis://:b@h/1", "two: redis://:***@h/0 redis://:***@h/1"),
        ("a@b.c : no address", "a@b.c : no address"),
    ],
)
def test_passwords_in_addresses_are_masked(text: str, said: str) -> None:
    assert mask(text) == said


def test_json_has_null_where_there_is_no_number() -> None:
    assert as_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": None, "é": (1,)}) == (
        '{"a":null,"b":[null,1.5],"c":null,"é":[1]}'
    )
