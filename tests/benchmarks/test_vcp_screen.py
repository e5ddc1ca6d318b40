"""What does a screen of a market take, after its answer was checked?

Held to design.md §6: a VCP screen of 500 symbols took the original 7.8 s, and an exact prototype 0.5 s. CPU
time of one core, best of several; reading the file is not in it, and nothing is kept between rounds.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.strategies.vcp_screen import VcpScreen, VcpScreenParams
from tests.support.daily_frames import daily_slices
from tests.support.vcp_screen_frames import as_combinations

pytestmark = [pytest.mark.bench, pytest.mark.shared]

SCREEN = VcpScreen()
SYMBOLS = 500
DAY = "2024-11-01"


def best_s(work: Callable[[], object], times: int = 5) -> float:
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def test_a_screen_of_500_symbols_is_right_and_fast(shared: Path) -> None:
    slices = [data for name in ("us100", "syn400") for data in daily_slices(shared, name)]
    folder = shared / "expected" / "vcp"
    lines = gzip.decompress((folder / "syn400.screen.jsonl.gz").read_bytes()).splitlines()
    patterns = [json.loads(line) for line in lines]
    wanted = {p["symbol"] for p in patterns if (p["as_of"], p["mode"]) == (DAY, "historical")}
    point = {"as_of": [DAY]}
    chunk, plain = as_combinations([point]), {**vars(VcpScreenParams()), **point}

    def decided() -> list[Any]:
        return [SCREEN.evaluate(SCREEN.prepare(data), chunk) for data in slices]

    def recorded() -> list[Any]:
        prepared = [SCREEN.prepare(data) for data in slices]
        return [(SCREEN.evaluate(data, chunk), SCREEN.trace(data, plain)) for data in prepared]

    hits = {s.security for s, found in zip(slices, decided(), strict=True) if found["hits"][0]}
    assert len(slices) == SYMBOLS
    assert hits == wanted

    decisions, records = best_s(decided), best_s(recorded)
    print(f"\nvcp screen of {SYMBOLS} symbols: {decisions:.3f} s, with records {records:.3f} s")
    print("(original 7.8 s, prototype 0.5 s)")


def test_many_dates_and_settings_share_what_they_can(shared: Path) -> None:
    counts = json.loads((shared / "expected" / "vcp" / "syn400.screen_counts.json").read_bytes())
    chosen = [count for count in counts if count["mode"] == "historical"]
    dates = [count["as_of"] for count in chosen]
    prepared = [SCREEN.prepare(data) for data in daily_slices(shared, "syn400")]
    chunk = as_combinations([{"as_of": dates, "volume_multiplier": 1.2 + i / 100} for i in range(100)])

    def evaluated() -> list[Any]:
        return [SCREEN.evaluate(data, chunk) for data in prepared]

    assert sum(int(m["hits"][0]) for m in evaluated()) == sum(c.get("hits", 0) for c in chosen)

    each = best_s(evaluated, 3) / len(prepared) / len(dates) / 100
    print(f"\n100 settings on {len(dates)} dates: {each * 1e6:.2f} µs a decision")
