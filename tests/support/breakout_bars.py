"""Bars for tests of the breakout rules: written by hand in Chicago time, or made at random full of ties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import strategies as st

from tasks.data.slices import Slice
from tasks.data.zones import to_utc
from tasks.kernels.breakout.terms import INSTRUMENTS
from tests.support.breakout_cases import a_point
from tests.support.reference.breakout import Bar, Setup

CHICAGO: Final = "America/Chicago"
TIMES: Final = (  # around everything that the rules compare a stamp with
    "00:30", "02:00", "06:59", "07:29", "07:30", "07:59", "08:00", "08:40", "08:59", "09:00", "09:29",
    "09:30", "10:00", "10:29", "10:30", "11:00", "12:59", "13:00", "13:01", "15:59", "16:00", "16:01",
    "17:00", "23:00",
)  # fmt: skip
FIRST_DAYS: Final = (  # a plain week, both changes of the clock, a year's end
    "2024-02-05",
    "2024-03-07",
    "2024-10-31",
    "2023-12-28",
)
RATIOS: Final = (0.0, 0.1, 0.3, 0.5, 0.65, 0.9, 1.0, 1.25, 2.0)

Row = tuple[str, float, float, float, float]


def bars_at(*rows: Row, security: str = "ES", zone: str = "UTC") -> Slice:
    """Each row `2024-02-06 07:30`, open, high, low, close; the time is Chicago's."""
    walls = np.array([np.datetime64(r[0], "ns").astype(np.int64) for r in rows], np.int64)
    prices = np.array([r[1:] for r in rows], np.float64).reshape(len(rows), 4)
    columns = dict(zip(("open", "high", "low", "close"), prices.T.copy(), strict=True))
    stamps = to_utc(walls, CHICAGO) if zone == "UTC" else walls
    return Slice(security=security, columns={"timestamp": stamps, **columns}, zone=zone, source="hand.csv")


def made_bars(seed: int, first_day: str, name: str, is_on_grid: bool = True, days: int = 6) -> Slice:
    """A random walk of a few ticks, some bars missing, some days too; most prices repeat."""
    random = np.random.default_rng(seed)
    walls = []
    for day in range(days):
        if random.random() < 0.15:
            continue
        midnight = datetime.fromisoformat(first_day) + timedelta(days=day)
        walls += [f"{midnight:%Y-%m-%d} {clock}" for clock in TIMES if random.random() < 0.8]
    per_point = INSTRUMENTS[name].ticks_per_point * (1 if is_on_grid else 10)
    level, rows = int(random.integers(60, 9_000)), list[Row]()
    for wall in walls:
        opened = max(level + int(random.integers(-3, 4)), 25)
        close = opened + int(random.integers(-4, 5))
        reach = 12 if random.random() < 0.25 else 4  # some touch everything
        high = max(opened, close) + int(random.integers(0, reach))
        low = min(opened, close) - int(random.integers(0, reach))
        rows.append((wall, opened / per_point, high / per_point, low / per_point, close / per_point))
        level = close
    return bars_at(*rows, security=name)


@st.composite
def points(draw: st.DrawFn, name: str, is_exact: bool = False) -> dict[str, Any]:
    """A combination; an exact one has targets and caps of whole ticks, so that no printed number is a tie."""
    tick = 1.0 / INSTRUMENTS[name].ticks_per_point
    ticks = st.sampled_from((2, 4, 6, 8, 12) if is_exact else (0.5, 1, 1.3, 2, 3, 4, 6, 8.25, 12))
    return a_point(
        instrument=name,
        target_points=draw(st.none() | ticks.map(lambda t: round(t * tick, 9))),
        t1_ratio=draw(st.sampled_from(RATIOS)),
        stop_max_multiplier=draw(st.sampled_from((0.5, 1.0, 1.5, 3.0))),
    )


@st.composite
def settings(
    draw: st.DrawFn, rules: str = "reference", modes: tuple[str, ...] = ("fixed", "time")
) -> dict[str, Any]:
    """What combinations of one pass share."""
    found: dict[str, Any] = {
        "rules": rules,
        "target_mode": draw(st.sampled_from(modes)),
        "sessions": draw(st.sampled_from((["S1", "S2"], ["S1"], ["S2"], ["S2", "S1"]))),
        "slots": draw(st.sampled_from(({}, {"S1": ["08:00"], "S2": []}, {"S2": ["11:00", "09:30"]}))),
        "trade_days": draw(st.sampled_from(([0, 1, 2, 3, 4], [4], [3, 0]))),
        "market_close": draw(st.sampled_from(("16:00", "13:00", "09:00"))),
        "write_no_trade_rows": draw(st.booleans()),
    }
    if draw(st.booleans()):
        found["slot_start"] = {"S1": "00:30"}
    if not found["slots"] and draw(st.booleans()):
        found["slot_ends"] = {"S1": ["07:30", "08:30"], "S2": ["09:15", "12:00"]}
    return found


def as_of_near(first_day: str) -> st.SearchStrategy[str | None]:
    """Instants on, before and after expiries of the week, or none."""
    day = datetime.fromisoformat(first_day)
    labels = st.sampled_from(
        ("02:00", "07:30", "08:00", "09:00", "09:30", "10:00", "10:30", "11:00", "16:00")
    )

    def instant(days: int, label: str, seconds: int) -> str:
        wall = day + timedelta(days=days, hours=int(label[:2]), minutes=int(label[3:]), seconds=seconds)
        return wall.replace(tzinfo=ZoneInfo(CHICAGO)).isoformat()

    return st.none() | st.builds(instant, st.integers(1, 6), labels, st.sampled_from((-1, 0, -2)))


def reference_bars(bars: Mapping[str, Any]) -> list[Bar]:
    columns: Iterable[Any] = zip(
        bars["timestamp"].tolist(), *(bars[n].tolist() for n in ("open", "high", "low", "close")), strict=True
    )
    return [Bar(datetime.fromtimestamp(ns // 10**9, UTC), *prices) for ns, *prices in columns]


def setup_of(point: Mapping[str, Any]) -> Setup:
    as_of = point["as_of"]
    return Setup(**{**point, "as_of": None if as_of is None else datetime.fromisoformat(as_of)})
