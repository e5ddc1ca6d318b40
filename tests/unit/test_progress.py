"""How fast and how far: speeds from what was seen lately, and a sweep in one line."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.records.progress import WINDOW_SECONDS, Rate, chunk_note, interrupted, line
from tasks.records.status import Status


def a_status(**changed: Any) -> Status:
    fields: dict[str, Any] = {
        "id": "try-abc123",
        "name": "try",
        "state": "running",
        "total": 2000,
        "done": 500,
        "ok": 500,
        "failed": 0,
        "empty": 0,
        "cached": 0,
        "chunks_total": 40,
        "chunks_done": 10,
        "started": 0.0,
    }
    return Status(**{**fields, **changed})


def seen(*looks: tuple[float, int]) -> Rate:
    """A rate after looks at (seconds, backtests); each backtest was planned to take 2 ms."""
    rate = Rate()
    for now, backtests in looks:
        rate.look(now, backtests, 2 * backtests)
    return rate


def test_one_look_says_nothing_about_speed() -> None:
    assert seen((0.0, 10)).per_second() is None
    assert Rate().per_second() is None
    assert seen((5.0, 10), (5.0, 20)).per_second() is None


def test_speed_is_what_was_done_between_the_looks() -> None:
    assert seen((0.0, 10), (1.0, 20), (4.0, 90)).per_second() == (20.0, 40.0)


def test_speed_forgets_what_lies_longer_back_than_its_window() -> None:
    slow_then_fast = [(float(t), t) for t in range(1, 100)]
    slow_then_fast += [(float(t), 99 + 10 * (t - 99)) for t in range(100, 200)]

    speed = seen(*slow_then_fast).per_second()

    assert speed is not None
    assert speed[0] == pytest.approx(10.0)


def test_the_time_in_which_nodes_warm_up_does_not_count() -> None:
    assert seen((0.0, 0), (50.0, 0), (51.0, 10), (52.0, 20)).per_second() == (10.0, 20.0)


def test_a_chunk_that_is_taken_back_makes_no_negative_speed() -> None:
    rate = seen((0.0, 100), (1.0, 200), (2.0, 150))

    after_retraction = rate.per_second()
    rate.look(3.0, 160, 320)

    assert after_retraction is None
    assert rate.per_second() == (10.0, 20.0)


def test_standing_still_is_counted_from_the_last_movement() -> None:
    assert seen((0.0, 10), (5.0, 10), (7.0, 10)).still_seconds() == 7.0
    assert seen((0.0, 10), (5.0, 20), (7.0, 20), (9.0, 20)).still_seconds() == 9.0
    assert Rate().still_seconds() == 0.0


def test_standing_still_is_seen_for_longer_than_the_window() -> None:
    looks = [(float(t), 10) for t in range(200)]

    assert seen(*looks).still_seconds() >= WINDOW_SECONDS


def test_a_running_sweep_in_one_line() -> None:
    status = a_status(rate_bt_s=1234.4, eta_s=75.4, failed=1200)

    assert line(status) == "running 500/2,000 25% · 1,234 bt/s · 0:01:15 left · 1,200 failed"


def test_a_sweep_that_waits_says_for_what() -> None:
    assert line(a_status(done=0, reason="no workers")) == "running 0/2,000 0% · no workers"


def test_a_sweep_of_nothing_divides_by_nothing() -> None:
    assert line(a_status(total=0, done=0)) == "running 0/0 0%"


def test_chunks_are_described_once_they_are_planned() -> None:
    assert chunk_note(2000, 0) == "measuring cost"
    assert chunk_note(2000, 40) == "chunk 50 combinations"


def test_an_interrupted_sweep_differs_in_its_state_alone() -> None:
    assert interrupted(a_status()) == a_status(state="interrupted")
