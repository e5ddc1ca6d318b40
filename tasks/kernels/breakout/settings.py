"""What the combinations of a breakout sweep share: everything but target, break-even ratio and stop cap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tasks.errors import DataError
from tasks.kernels.breakout.terms import (
    INSTRUMENTS,
    SESSIONS,
    SLOT_ENDS,
    SLOT_START,
    Instrument,
    clock_of,
    instant_of,
    minutes_of,
)

FOREVER: Final = 2**63 - 1  # as_of of a run that lies after all its data


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One slot of every day: its range is taken from `start` until `end`, minutes since midnight."""

    end: int
    session: str
    start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When, and by which rules, ranges are measured and broken: what the boundaries of all trades hang on."""

    windows: tuple[Window, ...]
    """By their end: the order of a day's rows."""
    trade_days: tuple[int, ...]
    market_close: int
    is_timed: bool
    """No price target, and expiry at the next day's slot start."""
    is_fixed: bool
    """`rules: fixed`: prices in whole ticks, the calendar's next day, fills at a worse open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One combination without its target, ratio and cap."""

    instrument: Instrument
    schedule: Schedule
    as_of_ns: int
    """A trade that expires later is open."""
    writes_no_trade: bool

    @classmethod
    def of(cls, combination: Mapping[str, Any], security: str) -> Settings:
        """ValueError where parameters do not fit each other, DataError where nobody names the instrument."""
        as_of = combination["as_of"]
        return cls(
            instrument=instrument_of(combination["instrument"], security),
            schedule=Schedule(
                windows=_windows(combination),
                trade_days=tuple(sorted(set(combination["trade_days"]))),
                market_close=minutes_of(combination["market_close"]),
                is_timed=combination["target_mode"] == "time",
                is_fixed=combination["rules"] == "fixed",
            ),
            as_of_ns=FOREVER if as_of is None else instant_of(as_of),
            writes_no_trade=bool(combination["write_no_trade_rows"]),
        )


def instrument_of(name: str | None, security: str) -> Instrument:
    found = INSTRUMENTS.get((security if name is None else name).upper())
    if found is None:
        raise DataError(
            f"nobody says which instrument {security or 'the security'} is",
            hint=f"set the parameter instrument to one of {', '.join(INSTRUMENTS)}",
        )
    return found


def _windows(combination: Mapping[str, Any]) -> tuple[Window, ...]:
    found: dict[int, Window] = {}
    for session in [s for s in SESSIONS if s in combination["sessions"]]:
        ends = combination["slot_ends"].get(session, SLOT_ENDS[session])
        labels = combination["slots"].get(session) or ends
        for label in labels:
            if label not in ends:
                raise ValueError(f"slots: {session} has no slot {label}; its slot_ends are {', '.join(ends)}")
            end = minutes_of(label)
            if end in found and found[end].session != session:
                raise ValueError(f"slot_ends: {clock_of(end)} ends a slot of both S1 and S2")
            start = minutes_of(combination["slot_start"].get(session, SLOT_START[session]))
            found[end] = Window(end=end, session=session, start=start)
    return tuple(found[end] for end in sorted(found))
