"""The words of the breakout strategy: instruments, sessions, times of day, and what each may be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

ZONE: Final = "America/Chicago"
SESSIONS: Final = ("S1", "S2")
SLOT_START: Final[Mapping[str, str]] = {"S1": "02:00", "S2": "08:00"}
SLOT_ENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "S1": ("07:30", "08:00", "09:00"),
    "S2": ("09:30", "10:00", "10:30", "11:00"),
}
MARKET_CLOSE: Final = "16:00"
MODES: Final = ("fixed", "time")
RULES: Final = ("reference", "fixed")
WEEKDAYS: Final = 5  # Monday is 0
CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """What is traded: prices in points, `ticks_per_point` whole steps to a point."""

    name: str
    tick: float
    ticks_per_point: float
    target: float
    decimals: int
    is_micro: bool = False

    @property
    def scale(self) -> float:
        return 0.1 if self.is_micro else 1.0

    @property
    def may_be_negative(self) -> bool:
        """Oil was, in April 2020."""
        return self.name in ("CL", "MCL")


def _instruments() -> dict[str, Instrument]:
    found = {}
    for name, micro, tick, ticks_per_point, target, decimals in (
        ("ES", "MES", 0.25, 4.0, 10.0, 2),
        ("NQ", "MNQ", 0.25, 4.0, 50.0, 2),
        ("YM", "MYM", 1.0, 1.0, 100.0, 0),
        ("CL", "MCL", 0.01, 100.0, 0.5, 2),
        ("NG", "MNG", 0.001, 1000.0, 0.05, 3),
        ("GC", "MGC", 0.1, 10.0, 5.0, 1),
        ("RTY", "M2K", 0.1, 10.0, 10.0, 1),
    ):
        for word, is_micro in ((name, False), (micro, True)):
            found[word] = Instrument(
                name=word,
                tick=tick,
                ticks_per_point=ticks_per_point,
                target=target,
                decimals=decimals,
                is_micro=is_micro,
            )
    return found


INSTRUMENTS: Final[Mapping[str, Instrument]] = _instruments()


def minutes_of(clock: str) -> int:
    """Minutes since midnight of a time as a clock shows it, `07:30`."""
    return int(clock[:2]) * 60 + int(clock[3:])


def clock_of(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def instant_of(text: str) -> int:
    """Nanoseconds since 1970 of an ISO date or time; without an offset it is UTC."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000


def check_sessions(value: Sequence[Any]) -> None:
    if not value:
        raise ValueError("there is S1 and S2; name at least one")
    for session in value:
        _check_session(session)


def check_trade_days(value: Sequence[Any]) -> None:
    if not value:
        raise ValueError("name at least one weekday, 0 (Monday) to 4 (Friday)")
    for day in value:
        if isinstance(day, bool) or not isinstance(day, int) or not 0 <= day < WEEKDAYS:
            raise ValueError(f"a weekday is 0 (Monday) to 4 (Friday), was {day!r}")


def check_slots(value: Mapping[Any, Any]) -> None:
    """Whether a label is one of the slots' ends is seen where those are known too: `Settings.of`."""
    for session, labels in value.items():
        _check_session(session)
        if labels is not None:
            _check_clocks(session, labels)


def check_slot_start(value: Mapping[Any, Any]) -> None:
    for session, clock in value.items():
        _check_session(session)
        check_clock(clock)


def check_slot_ends(value: Mapping[Any, Any]) -> None:
    for session, labels in value.items():
        _check_session(session)
        _check_clocks(session, labels)
        if not labels:
            raise ValueError(f"{session} has no end; leave {session} out for its defaults")


def check_clock(value: Any) -> None:
    if not isinstance(value, str) or not CLOCK.fullmatch(value):
        raise ValueError(f"a time of day is written '07:30', was {value!r}")


def check_target_points(value: float) -> None:
    if not value > 0.0:
        raise ValueError(f"a target is more than 0 points, was {value}")


def check_as_of(value: str) -> None:
    try:
        instant_of(value)
    except (ValueError, OverflowError):
        raise ValueError(
            f"an instant is written 2024-02-14T10:13:00-06:00 (without an offset it is UTC), was {value!r}"
        ) from None


def _check_session(session: Any) -> None:
    if session not in SESSIONS:
        raise ValueError(f"there is no session {session!r}, only S1 and S2")


def _check_clocks(session: str, labels: Any) -> None:
    is_list = isinstance(labels, list | tuple)
    if not is_list:
        raise ValueError(f"{session} has a list of times such as ['07:30'], was {labels!r}")
    for label in labels:
        check_clock(label)
