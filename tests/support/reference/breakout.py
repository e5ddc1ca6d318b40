"""The breakout analyzer as breakout.md writes it down: slow, one bar at a time, no cleverness.

Under `rules: reference` every number is a double and every operation one of §3 to §11, in the order given.
Under `rules: fixed` prices are exact fractions, and the F column of §12 is named where it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

CHICAGO: Final = ZoneInfo("America/Chicago")
MINUTE: Final = timedelta(minutes=1)
TABLE: Final = {  # §2: tick, target, decimals, parent
    "ES": ("0.25", 10, 2),
    "NQ": ("0.25", 50, 2),
    "YM": ("1.0", 100, 0),
    "CL": ("0.01", 0.5, 2),
    "NG": ("0.001", 0.05, 3),
    "GC": ("0.1", 5, 1),
    "RTY": ("0.1", 10, 1),
}
MICROS: Final = {"M2K": "RTY"} | {"M" + name: name for name in ("ES", "NQ", "YM", "CL", "NG", "GC")}


@dataclass(frozen=True)
class Bar:
    stamp: datetime  # UTC
    open: Any
    high: Any
    low: Any
    close: Any


@dataclass(frozen=True)
class Setup:
    instrument: str = "ES"
    sessions: Sequence[str] = ("S1", "S2")
    slots: dict[str, list[str]] = field(default_factory=dict)
    trade_days: Sequence[int] = (0, 1, 2, 3, 4)
    target_mode: str = "fixed"
    write_no_trade_rows: bool = True
    slot_start: dict[str, str] = field(default_factory=dict)
    slot_ends: dict[str, list[str]] = field(default_factory=dict)
    market_close: str = "16:00"
    target_points: float | None = None
    t1_ratio: float = 0.65
    stop_max_multiplier: float = 3.0
    as_of: datetime | None = None
    rules: str = "reference"

    @property
    def parent(self) -> str:
        return MICROS.get(self.instrument, self.instrument)

    @property
    def is_micro(self) -> bool:
        return self.instrument in MICROS

    @property
    def is_fixed(self) -> bool:
        return self.rules == "fixed"

    @property
    def decimals(self) -> int:
        return TABLE[self.parent][2]

    def number(self, value: Any) -> Any:
        """A double as it is, or the fraction that a person meant who wrote it."""
        return Fraction(str(value)) if self.is_fixed else float(value)

    @property
    def tick(self) -> Any:
        return self.number(TABLE[self.parent][0])

    @property
    def target(self) -> Any:
        return self.number(TABLE[self.parent][1] if self.target_points is None else self.target_points)

    def starts(self, session: str) -> str:
        return (
            {"S1": "02:00", "S2": "08:00"}[session]
            if session not in self.slot_start
            else self.slot_start[session]
        )

    def ends(self, session: str) -> list[str]:
        defaults = {"S1": ["07:30", "08:00", "09:00"], "S2": ["09:30", "10:00", "10:30", "11:00"]}
        return self.slots.get(session) or self.slot_ends.get(session, defaults[session])


@dataclass
class Trade:
    entry: Any
    long: bool
    bars: list[Bar]  # from the entry bar until the trade window's end
    result: str = ""
    exit: Any = None
    exit_time: str = ""
    open_time: str = ""
    stop0: Any = None
    peak: Any = None


def local(day: date, clock: str) -> datetime:
    """§3: the instant of a wall time."""
    return datetime(day.year, day.month, day.day, int(clock[:2]), int(clock[3:]), tzinfo=CHICAGO).astimezone(
        UTC
    )


def text(stamp: datetime, zone: Any = CHICAGO) -> str:
    return stamp.astimezone(zone).strftime("%d/%m/%y %H:%M")


def day_of(stamp: datetime) -> date:
    wall = stamp.astimezone(CHICAGO)
    return (wall + timedelta(days=1)).date() if wall.hour == 23 else wall.date()


def analyze(bars: Sequence[Bar], setup: Setup) -> list[dict[str, Any]]:
    if setup.is_fixed:  # Q1
        bars = [Bar(b.stamp, *map(setup.number, (b.open, b.high, b.low, b.close))) for b in bars]
    rows = []
    for day in sorted({day_of(b.stamp) for b in bars}):
        if day.weekday() not in setup.trade_days:
            continue
        slots = [(end, s) for s in setup.sessions for end in dict.fromkeys(setup.ends(s))]
        for end, session in sorted(slots):
            row = one_slot(bars, setup, day, session, end)
            if row is not None and (row["Result"] != "NoTrade" or setup.write_no_trade_rows):
                rows.append(row)
    return rows


def next_date(bars: Sequence[Bar], setup: Setup, day: date) -> date:
    if not setup.is_fixed:
        midnight = local(day, "00:00")
        return (midnight + timedelta(hours=72 if day.weekday() == 4 else 24)).astimezone(CHICAGO).date()
    last = max((day_of(b.stamp) for b in bars), default=day)
    first = following = following_weekday(day)
    while following <= last:  # Q2, Q14
        morning = local(following - timedelta(days=1), "23:00"), local(following, setup.market_close)
        if any(morning[0] <= b.stamp <= morning[1] for b in bars):
            return following
        following = following_weekday(following)
    return first


def following_weekday(day: date) -> date:
    day += timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day


def one_slot(bars: Sequence[Bar], setup: Setup, day: date, session: str, end: str) -> dict[str, Any] | None:
    t0, t1, tc = local(day, setup.starts(session)), local(day, end), local(day, setup.market_close)
    window = [b for b in bars if t0 <= b.stamp < t1]
    if not window:
        return None
    expires_on = next_date(bars, setup, day)
    is_timed = setup.target_mode == "time"
    tm = local(expires_on, setup.starts(session) if is_timed else end)
    tx = tm if is_timed else tm - MINUTE + timedelta(seconds=59)

    high, low = max(b.high for b in window), min(b.low for b in window)
    entered = enter(bars, setup, high, low, window[-1].close, t1, tc)
    row: dict[str, Any] = dict.fromkeys(("EntryPrice", "ExitPrice", "StopLoss", "Peak", "Profit"), 0.0)
    row |= dict.fromkeys(("EntryTime", "ExitTime", "open_as_of_time"), "")
    row |= {"Date": day.isoformat(), "Time": end, "Session": session, "Instrument": setup.instrument}
    row |= {"Stream": setup.instrument + session[1], "Direction": "NA", "Result": "NoTrade"}
    row |= {"Target": rounded(setup.target, setup.decimals), "Range": float(high - low)}
    if entered is None:
        return row
    level, long, first_stamp = entered
    trade = Trade(level, long, [b for b in bars if first_stamp <= b.stamp < tm])
    follow(trade, setup, high - low, tx)
    row |= {
        "EntryTime": text(first_stamp),
        "ExitTime": trade.exit_time,
        "EntryPrice": rounded(trade.entry, setup.decimals),
        "ExitPrice": rounded(trade.exit, setup.decimals),
        "StopLoss": rounded(trade.entry - trade.stop0 if long else trade.stop0 - trade.entry, setup.decimals),
        "Peak": rounded(trade.peak, setup.decimals),
        "Direction": "Long" if long else "Short",
        "Result": trade.result,
        "Profit": profit(trade, setup),
        "open_as_of_time": trade.open_time,
    }
    return row


def enter(
    bars: Sequence[Bar], setup: Setup, high: Any, low: Any, close: Any, t1: datetime, tc: datetime
) -> tuple[Any, bool, datetime] | None:
    """§5: price, direction, stamp of the entry bar."""
    tick = setup.tick
    up, down = round((high + tick) / tick) * tick, round((low - tick) / tick) * tick
    assert down < close < up, "an immediate entry, which valid bars never give"
    for bar in bars:
        if t1 <= bar.stamp <= tc and (bar.high >= up or bar.low <= down):
            if bar.high >= up and bar.low <= down:
                return None
            long = bar.high >= up
            level = up if long else down
            if setup.is_fixed:  # Q11
                level = max(level, bar.open) if long else min(level, bar.open)
            return level, long, bar.stamp
    return None


def follow(trade: Trade, setup: Setup, span: Any, tx: datetime) -> None:
    """§6 to §9."""
    entry, long, target_points = trade.entry, trade.long, setup.target
    dist = min(span, setup.number(setup.stop_max_multiplier) * target_points)
    trade.stop0 = entry - dist if long else entry + dist
    target = entry + target_points if long else entry - target_points
    be = entry - setup.tick if long else entry + setup.tick
    trade.peak = whole = peak(trade, trade.bars)

    armed = walk(trade, setup, target, be, target_points * setup.number(setup.t1_ratio))
    if not trade.result:
        last = trade.bars[-1]
        touches = [b for b in trade.bars if reaches_stop(b, be, long)]
        if setup.as_of is not None and tx > setup.as_of:
            trade.result, trade.exit, trade.open_time = "OPEN", last.close, text(last.stamp)
        elif armed and touches and not setup.is_fixed:  # Q3
            trade.result, trade.exit, trade.exit_time = "BE", be, text(touches[0].stamp, UTC)
        else:
            trade.result, trade.exit, trade.exit_time = "TIME", last.close, text(tx)

    until = next((i for i, b in enumerate(trade.bars) if reaches_stop(b, trade.stop0, long)), len(trade.bars))
    trade.peak = peak(trade, trade.bars[:until])
    if trade.result != "OPEN" and trade.peak == 0 and whole > 0 and not setup.is_fixed:  # Q4
        trade.peak = whole


def walk(trade: Trade, setup: Setup, target: Any, be: Any, arm: Any) -> bool:
    """§7; says whether the trade was armed in the end."""
    long, stop = trade.long, trade.stop0
    is_timed = setup.target_mode == "time"
    armed = armed_before = False
    for i, bar in enumerate(trade.bars):
        favour = bar.high - trade.entry if long else trade.entry - bar.low
        if not armed and favour >= arm:
            armed, stop = True, be
        arming = armed and not armed_before
        tested = trade.stop0 if arming and setup.is_fixed else stop  # Q10
        tgt = (bar.high >= target) if long else (bar.low <= target)
        if is_timed and setup.is_fixed:  # Q6
            tgt = False
        stp = reaches_stop(bar, tested, long)
        if stp and arming and not setup.is_fixed:
            decision = "target" if tgt else ""
        elif tgt and stp:
            decision = "target" if abs(bar.close - target) < abs(bar.close - tested) else "stop"
        else:
            decision = "target" if tgt else "stop" if stp else ""
        if decision == "target" and not is_timed:
            trade.result, trade.exit, trade.exit_time = "Win", target, text(bar.stamp)
            return armed
        if decision == "stop":
            trade.result = "BE" if armed and not arming else "Loss"
            trade.exit, trade.exit_time = tested, text(bar.stamp)
            if setup.is_fixed and i > 0:  # Q11
                trade.exit = min(tested, bar.open) if long else max(tested, bar.open)
            return armed
        armed_before = armed
    return armed


def reaches_stop(bar: Bar, level: Any, long: bool) -> bool:
    return bool(bar.low <= level if long else bar.high >= level)


def peak(trade: Trade, bars: Sequence[Bar]) -> Any:
    moves = [b.high - trade.entry if trade.long else trade.entry - b.low for b in bars]
    return max([0 * trade.entry, *moves])


def profit(trade: Trade, setup: Setup) -> float:
    """§10."""
    scale = setup.number("0.1" if setup.is_micro else "1")
    decimals = setup.decimals
    move = trade.exit - trade.entry if trade.long else trade.entry - trade.exit
    if setup.is_fixed:  # Q5, Q11
        decimals += setup.is_micro
        points = setup.target * scale if trade.result == "Win" else move * scale
    elif trade.result == "Win":
        points = setup.target * scale
    elif trade.result == "BE":
        points = -setup.tick
    else:
        points = move * scale
    return rounded(points, decimals)


def rounded(value: Any, decimals: int) -> float:
    """numpy's round: times a power of ten, half to even, divided by it."""
    return float(round(value * 10**decimals) / 10**decimals)
