"""Invented data in the layouts of the real ones, for the demo, the tests and the documentation.

    python -P -m tasks.data.synth --out DIR --kind ticks --securities 4 --days 20 --seed 7

The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tasks.data import synth_daily, synth_futures, synth_intraday, synth_ticks
from tasks.data.synth_daily import write_daily
from tasks.data.synth_futures import write_futures
from tasks.data.synth_intraday import write_intraday
from tasks.data.synth_ticks import write_ticks

__all__ = ["main", "write_daily", "write_futures", "write_intraday", "write_ticks"]

KINDS: Final[Mapping[str, tuple[Callable[..., list[Path]], int]]] = {
    "ticks": (write_ticks, synth_ticks.DAYS),
    "intraday": (write_intraday, synth_intraday.DAYS),
    "futures": (write_futures, synth_futures.DAYS),
    "daily": (write_daily, synth_daily.DAYS),
}
ONLY_FOR: Final = {"events_per_day": "ticks", "minutes": "futures"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    asked = parser.parse_args(arguments)
    write, days = KINDS[asked.kind]
    days = days if asked.days is None else asked.days
    events = 1 if asked.events_per_day is None else asked.events_per_day
    if min(days, events) < 1 or not asked.securities or asked.seed < 0:
        parser.error("securities, days and events per day are at least 1, the seed at least 0")
    options: dict[str, Any] = {}
    for option, kind in ONLY_FOR.items():
        if (value := getattr(asked, option)) is not None:
            if asked.kind != kind:
                parser.error(f"--{option.replace('_', '-')} goes with --kind {kind}")
            options[option] = value
    try:
        written = write(asked.out, asked.securities, days, asked.seed, **options)
    except OSError as e:
        parser.error(f"{asked.out}: {(e.strerror or str(e)).lower()}")
    except ValueError as e:
        parser.error(str(e))
    if not asked.quiet:
        sys.stdout.writelines(f"{path}\n" for path in written)


def _parser() -> argparse.ArgumentParser:
    program = "python -P -m tasks.data.synth"
    parser = argparse.ArgumentParser(prog=program, description="Write invented data files.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to; made if it is not there")
    parser.add_argument("--kind", choices=KINDS, default="ticks", help="what to invent (default: ticks)")
    parser.add_argument("--securities", type=_names, default=4, help="how many, or names with commas between")
    parser.add_argument("--days", type=int, help="trading days; each kind has its own default")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes")
    parser.add_argument("--events-per-day", type=int, help="ticks in the session, about")
    parser.add_argument("--minutes", type=int, choices=(1, 5), help="of a futures bar (default: 5)")
    parser.add_argument("--quiet", action="store_true", help="say nothing when it works")
    return parser


def _names(text: str) -> list[str] | int:
    return int(text) if text.isdecimal() else [name.strip() for name in text.split(",") if name.strip()]


if __name__ == "__main__":
    main()
