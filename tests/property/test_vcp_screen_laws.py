"""The screens against their plain text, and what must hold of them whatever the bars."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date
from typing import Any

import numpy as np
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from tasks.errors import DataError
from tasks.strategies.vcp_screen import METRICS, VcpScreen, VcpScreenParams
from tests.support.reference import vcp_screen as reference
from tests.support.reference.vcp_screen_stages import DEFAULTS
from tests.support.vcp_screen_frames import (
    Columns,
    as_combinations,
    as_reference,
    dates_around,
    frames,
    points,
)

SCREEN = VcpScreen()
ROW = tuple(SCREEN.traces["signals"])
IN_THE_REFERENCE = set(DEFAULTS) - {"levels"}


def rows_of(data: Any, point: dict[str, Any]) -> list[dict[str, Any]]:
    table = SCREEN.trace(data, {**vars(VcpScreenParams()), **point})["signals"]
    columns = [table[name] for name in ROW]
    return [dict(zip(ROW, values, strict=True)) for values in zip(*columns, strict=True)]


def counts_of(data: Any, point: dict[str, Any]) -> dict[str, int]:
    found = SCREEN.evaluate(data, as_combinations([point]))
    return {name: int(found[name][0]) for name in METRICS if found[name][0]}


def same(ours: Any, theirs: Any) -> bool:
    """Dates as days, real numbers to 1e-9, all else equal."""
    if isinstance(theirs, dict):
        return all(same(ours[key], value) for key, value in theirs.items())
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(theirs, float) and isinstance(ours, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(theirs, str) and isinstance(ours, int):
        return ours == date.fromisoformat(theirs).toordinal() - date(1970, 1, 1).toordinal()
    return bool(ours == theirs)


def assert_as_written(rows: list[dict[str, Any]], expected: list[tuple[str, dict[str, Any]]]) -> None:
    assert len(rows) == len(expected)
    for row, (as_of, record) in zip(rows, expected, strict=True):
        wrong = {k: (row[k], v) for k, v in {"as_of": as_of, **record}.items() if not same(row[k], v)}
        assert wrong == {}
        assert all(row[name] is None for name in set(ROW) - set(record) - {"as_of"})


@settings(max_examples=300)
@given(st.data())
def test_the_vcp_screen_does_what_the_text_says(draw: st.DataObject) -> None:
    data, point = draw.draw(frames()), draw.draw(points())
    as_of = draw.draw(dates_around(data))
    changed = {name: value for name, value in point.items() if name in IN_THE_REFERENCE}
    levels = point["levels"] or ("continuous" if point["rules"] == "fixed" else "reference")
    expected: list[tuple[str, dict[str, Any]]] = []
    outcomes: Counter[str] = Counter()

    for day in as_of:
        outcome, record = reference.screen(
            as_reference(data), date.fromisoformat(day), point["mode"], levels=levels, **changed
        )
        outcomes[outcome] += 1
        event(outcome)
        if record is not None:
            expected.append((day, record))
    asked = {**point, "as_of": as_of}

    assert counts_of(data, asked) == dict(outcomes)
    assert_as_written(rows_of(data, asked), expected)


@given(st.data())
def test_the_basic_screen_does_what_the_text_says(draw: st.DataObject) -> None:
    data = draw.draw(frames())
    as_of = draw.draw(dates_around(data))
    found = [(day, *reference.basic(as_reference(data), date.fromisoformat(day))) for day in as_of]
    asked = {"screen": "basic", "as_of": as_of}

    assert counts_of(data, asked) == dict(Counter(outcome for _, outcome, _ in found))
    assert_as_written(rows_of(data, asked), [(day, row) for day, _, row in found if row is not None])


@given(st.data())
def test_what_comes_after_a_date_changes_nothing_on_it(draw: st.DataObject) -> None:
    data = draw.draw(frames())
    point = draw.draw(points()) | {"screen": draw.draw(st.sampled_from(["vcp", "basic"]))}
    seen = draw.draw(st.integers(1, len(data["close"])))
    past = {name: values[:seen] for name, values in data.items()}
    future = {name: values.copy() for name, values in data.items()}
    for name in ("open", "high", "low", "close", "volume"):
        future[name][seen:] *= draw.draw(st.sampled_from([0.0, 0.5, 3.0]))
    asked = point | {"as_of": draw.draw(dates_around(past))}
    after = data["timestamp"][seen : seen + 1].astype("datetime64[ns]")
    assume(all((np.datetime64(day) < after).all() for day in asked["as_of"]))

    assert counts_of(future, asked) == counts_of(past, asked)
    assert rows_of(future, asked) == rows_of(past, asked)


@given(st.data())
def test_dates_and_combinations_can_be_cut_anywhere(draw: st.DataObject) -> None:
    data = draw.draw(frames())
    screens = draw.draw(st.lists(st.sampled_from(["vcp", "vcp", "basic"]), min_size=1, max_size=5))
    as_of = [
        draw.draw(dates_around(data)) for _ in range(2)
    ]  # the same for some, who then share what is seen
    days = st.sampled_from(as_of)
    asked = [draw.draw(points()) | {"screen": screen, "as_of": draw.draw(days)} for screen in screens]

    together = SCREEN.evaluate(SCREEN.prepare(data), as_combinations(asked))

    for i, point in enumerate(asked):
        single = [point | {"as_of": [day]} for day in point["as_of"]]
        apart = SCREEN.evaluate(data, as_combinations(single))
        assert {n: int(together[n][i]) for n in METRICS} == {n: int(apart[n].sum()) for n in METRICS}
        assert rows_of(data, point) == [row for one in single for row in rows_of(data, one)]


NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, -0.0, 1.0, 1e308, 5e-324])


@given(st.data())
def test_odd_bars_are_screened_or_refused_by_their_row(draw: st.DataObject) -> None:
    data = {name: values.copy() for name, values in draw.draw(frames()).items()}
    count = len(data["close"])
    for _ in range(draw.draw(st.integers(0, 6))):
        name = draw.draw(st.sampled_from([*data]))
        value = draw.draw(NUMBERS) if name != "timestamp" else int(data["timestamp"][0])
        data[name][draw.draw(st.integers(0, count - 1))] = value
    asked = draw.draw(points()) | {"as_of": draw.draw(dates_around(data))}

    try:
        prepared = SCREEN.prepare(data)
    except DataError as e:
        event("refused")
        assert "row" in e.message  # noqa: PT017  # to be refused is one of two fine outcomes
        return

    for screen in ("vcp", "basic"):
        point = asked | {"screen": screen}
        assert sum(counts_of(prepared, point).values()) == len(asked["as_of"])
        assert len(rows_of(prepared, point)) == counts_of(prepared, point).get("hits", 0)


@given(st.integers(1, 400), st.sampled_from([0.25, 3.0, 101.37]), st.booleans())
def test_a_price_that_never_moves_is_no_hit(count: int, price: float, has_volume: bool) -> None:
    data: Columns = {name: np.full(count, price) for name in ("open", "high", "low", "close")}
    data["timestamp"] = np.arange(15_000, 15_000 + count) * 86_400 * 10**9
    data["volume"] = np.full(count, 1000.0 * has_volume)
    as_of = [str(np.datetime64(15_000 + count - 1, "D"))]
    loose = {"min_data_candles": 0, "minimum_quality_score": 0, "prior_uptrend_min": 0.0, "as_of": as_of}

    assert "hits" not in counts_of(data, loose)
    assert "hits" not in counts_of(data, {"screen": "basic", "as_of": as_of})
