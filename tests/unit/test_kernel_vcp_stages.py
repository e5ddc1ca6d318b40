"""The stages of VCP detection and its levels: the figures of the reference, one by one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.contract import PRICES
from tasks.kernels.vcp.levels import stop_level, target_level
from tasks.kernels.vcp.settings import settings_of
from tasks.kernels.vcp.stages import Stages, bars_of, stages_at
from tests.support.daily_frames import SETS, daily_frames, days
from tests.support.vcp_walks import Frame, a_breakout, a_point


def stages_of(frame: Any, newest: int, bar: int, length: int, **changed: Any) -> Stages:
    point = a_point(**changed)
    setting = settings_of({name: np.array([value]) for name, value in point.items()}, 1)[0]
    columns = [np.ascontiguousarray(frame[name][: newest + 1]) for name in (*PRICES, "volume")]
    for column in columns:
        column.flags.writeable = False
    return stages_at(bars_of(*columns), setting, bar, length, newest, point["volume_multiplier"])


@pytest.mark.shared
@pytest.mark.parametrize("name", SETS)
def test_every_stage_is_by_itself_as_the_reference_has_it(shared: Path, name: str) -> None:
    with gzip.open(shared / f"expected/vcp/{name}.stage_trace.jsonl.gz", "rt") as file:
        cases = [json.loads(line) for line in file]
    frames = daily_frames(shared, name, tuple({case["symbol"] for case in cases}))
    assert len(cases) == 1800

    for case in cases:
        frame = frames[case["symbol"]]
        newest = frame.until(int(days(case["as_of"])[0])) - 1
        found = stages_of(frame, newest, newest - case["lookback"], case["duration"])

        flags = (found.gain_ok, found.dry_up_ok, found.breakout_ok, found.compression_ok)
        assert flags == (case["uptrend_ok"], case["vol_ok"], case["breakout_ok"], case["comp_ok"]), case
        parts = (found.price_breakout, found.volume_surge, found.green)
        assert parts == (case["price_breakout"], case["volume_surge"], case["green"]), case
        assert found.contractions == len(case["contractions"]), case
        values = [found.gain, found.dry_up, found.pivot, found.volume_ratio, found.compression]
        names = ("uptrend_gain", "vol_ratio", "pivot", "surge_ratio", "comp_ratio")
        assert values == pytest.approx([case[n] for n in names], rel=1e-9), case


@pytest.mark.shared
def test_the_worked_example_comes_out_length_by_length(shared: Path) -> None:
    frame = daily_frames(shared, "us100", ("AAP",))["AAP"]

    found = {length: stages_of(frame, 688, 686, length) for length in range(40, 151, 10)}

    assert [length for length in found if found[length].all_ok] == [50, 60]
    sixty = found[60]
    assert sixty.gain == pytest.approx(6.9437, abs=5e-5)
    assert sixty.dry_up == pytest.approx(0.544598, abs=5e-7)
    assert sixty.compression == pytest.approx(0.2905705, abs=5e-8)
    assert (sixty.contractions, sixty.pivot, sixty.quality) == (8, 196.085, 6)
    assert [found[length].gain_ok for length in (40, 120, 150)] == [False] * 3
    assert [found[length].dry_up_ok for length in (70, 90, 100, 110)] == [False] * 4
    assert not found[80].compression_ok


@pytest.fixture
def frame() -> Frame:
    return a_breakout()


def test_a_stage_that_is_not_required_passes_with_its_neutral_value(frame: Frame) -> None:
    asked = stages_of(frame, 100, 100, 20)
    flags = ("prior_uptrend", "volume_contraction", "volume_surge", "volatility_compression")

    spared = stages_of(frame, 100, 100, 20, **{f"require_{flag}": False for flag in flags})

    assert (asked.gain_ok, asked.dry_up_ok, asked.compression_ok) == (False, False, False)
    assert (spared.gain_ok, spared.dry_up_ok, spared.breakout_ok, spared.compression_ok) == (True,) * 4
    assert (spared.gain, spared.dry_up, spared.volume_ratio, spared.compression) == (0.0, 1.0, 1.0, 0.5)


def test_closes_that_are_all_equal_have_no_spread_to_compare_with(frame: Frame) -> None:
    for name in PRICES:
        frame[name][:] = 0.1  # its multiples are rounded

    found = stages_of(frame, 100, 100, 40)

    assert np.isnan(found.compression)
    assert not found.compression_ok


def test_volumes_of_zero_fail_the_stages_that_divide_by_them(frame: Frame) -> None:
    frame["volume"][:] = 0.0

    found = stages_of(frame, 100, 100, 20)

    assert np.isnan(found.dry_up)
    assert (found.dry_up_ok, found.volume_ratio, found.breakout_ok) == (False, 0.0, False)


def test_a_base_without_a_contraction_bar_does_not_dry_up(frame: Frame) -> None:
    found = stages_of(frame, 100, 100, 13)  # the tight bar comes before offset 5

    assert (found.contractions, found.contractions_ok, found.dry_up_ok) == (0, False, False)


@pytest.mark.parametrize(
    ("atr", "stop", "target"),
    [(0.0, 92.0, 120.0), (2.0, 92.5, 115.0), (2.2, 90.0, 115.0), (2.5, 92.5, 115.0), (3.0, 91.0, 118.0),
     (4.0, 90.0, 124.0), (5.5, 90.0, 130.0)],
)  # fmt: skip
def test_levels_come_in_bands_of_the_average_range(atr: float, stop: float, target: float) -> None:
    assert stop_level(100.0, atr, 3.0, False) == pytest.approx(stop)
    assert target_level(100.0, atr, 6.0) == pytest.approx(target)


def test_continuous_levels_fill_the_gap_between_two_bands() -> None:
    both = [
        [stop_level(100.0, away / 3, 3.0, kind) for away in (6.4, 6.6, 6.9, 7.1)] for kind in (False, True)
    ]

    assert both[0] == pytest.approx([92.5, 90.0, 90.0, 92.9])
    assert both[1] == pytest.approx([92.5, 93.4, 93.1, 92.9])
