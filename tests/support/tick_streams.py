"""Made-up ticks that break every habit of the real ones: what the market-making tests play on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.data.slices import Slice
from tests.support.reference.market_making import Backtest, Event

Row = tuple[dt.datetime, str, float, int]

CODES: Final = {"bid": 0, "ask": 1, "trade": 2, "quote": 3, " bid": 4, " ask": 5, " trade": 6}
DAY: Final = dt.datetime(2025, 3, 5)
CLOCK: Final = (
    "09:59:58",
    "10:00:00",
    "10:04:57",
    "14:43:55",
    "14:44:57",
    "14:54:58",
    "14:55:01",
    "15:20:00",
)
STEPS: Final = (0.0, 1.0, 2.0, 3.0, 7.0, 40.0, -1.0, -3.0)
CHANCES: Final = (0.4, 0.2, 0.15, 0.1, 0.05, 0.03, 0.04, 0.03)

steps = st.sampled_from((0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 0.25, 5.0, 30.0, 400.0, -1.0, -0.5))
words = st.sampled_from(
    ("bid", "ask", "trade", "bid", "ask", "trade", "trade", "quote", " bid", " trade", " ask")
)
prices = st.sampled_from((1.0, 1.01, 1.02, 1.02, 1.03, 1.07, 0.9, 12.34, 0.0, -1.0, float("nan")))
volumes = st.sampled_from((0, 1, 7, 40, 100, 100, 250, 1000))


@st.composite
def streams(draw: st.DrawFn, most: int = 60) -> list[Row]:
    """Rows in file order: same seconds, steps back, crossed books, empty sides, other words, nights."""
    rows: list[Row] = []
    for day in range(draw(st.integers(1, 3))):
        now = at(draw(st.sampled_from(CLOCK)), DAY + dt.timedelta(days=day))
        for _ in range(draw(st.integers(1, most))):
            now += dt.timedelta(seconds=draw(steps))
            if draw(st.integers(0, 24)) == 0:
                now = at(draw(st.sampled_from(CLOCK)), now)
            rows.append((now, draw(words), draw(prices), draw(volumes)))
    return rows


def long_stream(seed: int, count: int, junk: bool) -> list[Row]:
    """Days of busy trading in a narrow book, cut short by night; with `junk`, rows that cleaning drops."""
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    now, middle = at("09:59:58", DAY), 100
    for _ in range(count):
        now += dt.timedelta(seconds=float(random.choice(STEPS, p=CHANCES)))
        if now.time() >= dt.time(14, 45) and random.random() < 0.3:
            late = now.time() >= dt.time(14, 55)
            now = at("09:59:58", now + dt.timedelta(days=1)) if late else at("14:55:00", now)
        elif random.random() < 0.02 and now.time() < dt.time(14, 44):
            now = at("14:44:40", now)
        middle += int(random.choice((-1, 0, 0, 0, 1)))
        kind = str(random.choice(("bid", "ask", "trade")))
        offset = {"bid": -1, "ask": 1, "trade": int(random.choice((-2, -1, 0, 1, 2)))}[kind]
        price, volume = (middle + offset) / 100, int(random.integers(1, 400))
        if random.random() < 0.06:
            volume = 0
        if junk and random.random() < 0.05:
            kind, price = (
                str(random.choice((" bid", "quote", kind))),
                float(random.choice((0.0, -1.0, price))),
            )
        rows.append((now, kind, price, volume))
    return rows


def at(clock: str, day: dt.datetime) -> dt.datetime:
    return dt.datetime.combine(day.date(), dt.time.fromisoformat(clock))


def nanoseconds(time: dt.datetime) -> int:
    return int(np.datetime64(time, "ns").astype(np.int64))


def ticks_of(rows: Sequence[Row], security: str = "TEST") -> Slice:
    """As the reader hands them over."""
    columns: dict[str, NDArray[Any]] = {
        "timestamp": np.array([nanoseconds(time) for time, *_ in rows], np.int64),
        "type": np.array([CODES[kind] for _, kind, _, _ in rows], np.int8),
        "price": np.array([price for _, _, price, _ in rows], np.float64),
        "volume": np.array([volume for *_, volume in rows], np.int64),
    }
    for column in columns.values():
        column.flags.writeable = False
    return Slice(security=security, columns=columns)


def events_of(rows: Sequence[Row], rules: str) -> list[Event]:
    """After the cleaning of market_making.md §1.3; under `fixed` quotes of price 0 stay (Q2)."""
    kept = []
    for time, kind, price, volume in rows:
        word = kind.strip()
        if price > 0 or (price == 0 and word != "trade" and rules == "fixed"):
            kept.append(Event(time, word, price, volume))
    return kept


def defined(rows: Sequence[Row], point: Mapping[str, Any]) -> Backtest:
    """The plain definition's answer for one combination."""
    sizes = {side: point[f"quote_size_{side}"] for side in ("bid", "ask")}
    return Backtest(
        variant=point["variant"],
        rules=point["rules"],
        sizes={side: point["quote_size"] if size is None else size for side, size in sizes.items()},
        interval=point["refill_interval_sec"],
        max_position=point["max_position"],
        max_notional=point["max_notional"],
        min_value=point["min_local_currency_before_quote"],
        stop_loss_pct=point["stop_loss_threshold_pct"],
    ).run(events_of(rows, point["rules"]))


def fills_of(trades: Columns) -> list[tuple[Any, ...]]:
    """A trace's trades as the plain definition lists them, times in nanoseconds."""
    names = [name for name in trades if name != "timestamp"]
    times = trades["timestamp"].astype("datetime64[ns]").astype(np.int64).tolist()
    return list(zip(times, *(trades[name].tolist() for name in names), strict=True))


def script(*lines: str) -> list[Row]:
    """Rows as a person writes them: `10:00:00 bid 1.00 50`; `+1` before it means a day later."""
    rows: list[Row] = []
    for line in lines:
        words = line.split()
        day = DAY + dt.timedelta(days=int(words.pop(0)) if words[0].startswith("+") else 0)
        clock, kind, price, volume = words
        rows.append((at(clock, day), kind, float(price), int(volume)))
    return rows
