"""The columns of a frame are those that pandas makes of its bars, wherever it begins and is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.api import refuse_row
from tasks.kernels.daily.frame import frame_of
from tasks.kernels.daily.indicators import Version, cut, indicators
from tests.support.daily_frames import bars
from tests.support.reference.risk import columns


@st.composite
def histories(draw: st.DrawFn) -> Any:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 320) | st.integers(260, 600))
    scale = draw(st.sampled_from((0.0, 0.01, 0.2)))
    close = np.round(20 * np.exp(np.cumsum(random.normal(0, scale, count))), 2)
    high = close + np.round(random.random(count), draw(st.sampled_from((0, 2))))
    low = np.maximum(close - np.round(random.random(count), 2), 0.0)
    return frame_of(bars(range(count), close=close, open=close, high=high, low=low), refuse_row)


@given(
    frame=histories(),
    at=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    version=st.sampled_from(("screener", "collector")),
)
@settings(max_examples=80)
def test_columns_of_any_stretch_are_those_of_its_bars_alone(
    frame: Any, at: tuple[float, float], version: Version
) -> None:
    first, newest = sorted(round(share * (frame.bars - 1)) for share in at)
    alone = pd.DataFrame({name: column[first : newest + 1] for name, column in frame.items()})

    found = cut(frame, indicators(frame, first), newest, version)

    wanted = columns(alone, version)
    assert list(found) == list(wanted)
    for name in found:
        exact = name.startswith(("sma", "52"))
        tolerance = 0.0 if exact else 1e-12
        np.testing.assert_allclose(found[name], wanted[name], rtol=tolerance, atol=tolerance, err_msg=name)


@given(frame=histories(), at=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)))
def test_an_average_at_a_bar_is_that_of_the_frame_as_it_is_cut(
    frame: Any, at: tuple[float, float, float]
) -> None:
    first, bar, newest = sorted(round(share * (frame.bars - 1)) for share in at)
    found = indicators(frame, first)

    column = cut(frame, found, newest).get("sma_100")

    if column is not None:
        assert found.average(100, bar, newest) == column[bar - first]
