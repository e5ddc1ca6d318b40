"""`check_strategy`: quiet about a sound strategy, and each broken promise is named with what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tasks.data.tiny import future
from tasks.grid.parameters import ValueRefused
from tasks.plugins import registry
from tasks.testing import StrategyFaulty, bars, check_no_look_ahead, check_strategy, daily, ticks
from tasks.trials.examine import QUICK_SECONDS, examine
from tasks.trials.samples import some_combinations
from tests.support.fault import faulty_strategies as faulty
from tests.support.tiny_strategy import Tiny


def findings(strategy: object, **given: Any) -> str:
    with pytest.raises(StrategyFaulty) as refused:
        check_strategy(strategy, **given)
    assert all(finding in refused.value.message for finding in refused.value.findings)
    return "\n".join(refused.value.findings)


def test_a_sound_strategy_passes_as_a_class_and_as_an_instance() -> None:
    assert check_strategy(faulty.Sound) == []
    assert check_strategy(faulty.Sound(), data=bars(100, seed=3)) == []
    assert check_strategy(Tiny, data=ticks(50), combinations=[{"x": 1}, {"x": 2}, {}]) == [
        "look-ahead is not looked for: its trace has no column of times. Declare when as timestamp[ns] or "
        "date32[day], or try the signals that it trades on with tasks.testing.check_no_look_ahead"
    ]


def test_what_cannot_be_looked_at_is_said() -> None:
    (note,) = check_strategy(faulty.Minimal)

    assert note.startswith("look-ahead is not looked for: metrics alone do not show what was done when")


@pytest.mark.parametrize(
    ("strategy", "finding"),
    [
        (
            faulty.Peeking,
            "the future changes the past: with other data from row 75 on, trades.entry_time before it",
        ),
        (faulty.PeekingInPrepare, "the future changes the past: with other data from row 75 on, trades."),
        (faulty.Remembering, "evaluate returns something else the second time: keep no state between calls"),
        (faulty.Caching, "results depend on the security that came before: keep nothing of one slice"),
        (faulty.Relative, "one chunk of 8 combinations and chunks of 4 have different results"),
        (faulty.Sorted, "chunks of 4 have different results"),
        (faulty.Writing, "writes into an array that it was given"),
        (faulty.Unlocking, "it changes the data that it is given: copy an array before writing into it"),
        (faulty.Spoiling, "evaluate changes what prepare returned: copy an array before writing into it"),
        (
            faulty.OneNumber,
            "evaluate returns 'range' in the shape () for 8 combinations: return an array with",
        ),
        (faulty.Forgetful, "evaluate returns no 'range', only rnge: return an array for each of `metrics`"),
        (faulty.Failing, "every combination fails: KeyError: 'egde' ("),
        (faulty.HalfTraced, "trace returns no column trades.size: return what `traces` declares"),
        (object(), "strategy 'object' does not meet the contract: it lacks name (its name), data"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_promise_is_named(strategy: object, finding: str) -> None:
    assert finding in findings(strategy)


def test_all_findings_are_told_at_once() -> None:
    class Twice(faulty.Minimal):
        name, goal, metric = "twice", "upwards", "none"

    told = findings(Twice)

    assert "has a goal that is none" in told
    assert "ranks by 'none', which it does not have" in told


def test_a_combination_that_fails_does_not_hide_the_others() -> None:
    class Picky(faulty.Relative):
        def evaluate(self, data: Mapping[str, Any], combinations: Mapping[str, Any]) -> Mapping[str, Any]:
            if (combinations["window"] > 8).any():
                raise ArithmeticError("too long")
            return super().evaluate(data, combinations)

    about = registry.of_object(Picky)
    report = examine(about)

    assert "one chunk of 7 combinations and chunks of 3 have different results" in report.findings[0]
    assert report.notes[0].startswith("1 of 8 combinations fail: ArithmeticError: too long (")


def test_the_quick_part_stays_below_a_second() -> None:
    import time

    class Slow(faulty.Minimal):
        def evaluate(self, data: Mapping[str, Any], combinations: Mapping[str, Any]) -> Mapping[str, Any]:
            time.sleep(0.25)
            return super().evaluate(data, combinations)

    begun = time.perf_counter()
    report = examine(registry.of_object(Slow), quick=True)

    assert time.perf_counter() - begun < QUICK_SECONDS + 0.6
    assert report.findings == []


def test_combinations_are_near_the_defaults_and_within_bounds() -> None:
    found = some_combinations(registry.of_object(faulty.Sound))

    assert found[0] == {"window": 5, "edge": 0.001}
    assert len(found) == 8
    assert len({tuple(c.items()) for c in found}) > 4
    assert all(1 <= c["window"] <= 50 for c in found)


def test_a_parameter_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueRefused, match="did you mean 'window'"):
        check_strategy(faulty.Sound, combinations=[{"windw": 3}])


def test_a_signal_that_sees_the_future_is_found() -> None:
    def past(data: Mapping[str, Any]) -> Any:
        return np.maximum.accumulate(data["high"])

    def future(data: Mapping[str, Any]) -> Any:
        return data["close"] - np.mean(data["close"])

    check_no_look_ahead(past)
    check_no_look_ahead(past, bars(20))
    with pytest.raises(StrategyFaulty, match=r"1\. its value at row 0 changes with data of row 75 and later"):
        check_no_look_ahead(future)


@pytest.mark.parametrize("make", [bars, daily, future, ticks])
def test_invented_data_is_the_same_for_the_same_seed_and_cannot_be_written_to(make: Any) -> None:
    one, again, other = make(120, seed=4), make(120, seed=4), make(120, seed=5)

    assert all(one[c].tobytes() == again[c].tobytes() for c in one)
    assert any(one[c].tobytes() != other[c].tobytes() for c in one)
    assert one.rows == 120
    assert not any(one[c].flags.writeable for c in one)


@pytest.mark.parametrize("make", [bars, daily, future])
def test_invented_bars_are_bars(make: Any) -> None:
    data = make(500)

    assert (np.diff(data["timestamp"]) > 0).all()
    assert (data["low"] <= np.minimum(data["open"], data["close"])).all()
    assert (data["high"] >= np.maximum(data["open"], data["close"])).all()
    assert (data["low"] > 0).all()
    assert [data[c].dtype for c in data] == [np.int64, *[np.float64] * 5]
