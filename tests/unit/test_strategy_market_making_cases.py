"""A quick part of the original's results: each variant, both families, workbooks and synthetic edge files.

All 302 cases are checked through `producer submit` elsewhere.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tasks.strategies.market_making import MarketMaking, MarketMakingClosing
from tests.support.market_making_cases import cases, combinations_of, differences, point_of, read_case

pytestmark = pytest.mark.shared

CONTINUOUS, CLOSING = MarketMaking(), MarketMakingClosing()
CHOSEN = [
    *(
        (CONTINUOUS, security)
        for security in ("SPINNEYS", "EDGE01", "EDGE03", "EDGE09", "SECURITY_00", "EMAAR")
    ),
    *((CLOSING, security) for security in ("SPINNEYS", "MODON")),
]


@pytest.mark.parametrize(("strategy", "security"), CHOSEN)
def test_the_originals_results_come_out_bit_for_bit(shared: Path, strategy: Any, security: str) -> None:
    chosen = [
        case
        for case in cases(shared)
        if case["security"] == security and (case["strategy"] == "closing_strategy") == (strategy is CLOSING)
    ]

    found: dict[str, list[str]] = {}
    for _, some in groupby(chosen, key=lambda case: case["data"]):
        alike = list(some)
        ticks = strategy.prepare(read_case(shared, alike[0]))
        points = [point_of(case, strategy.params) for case in alike]
        metrics = strategy.evaluate(ticks, combinations_of(points))
        for i, (case, point) in enumerate(zip(alike, points, strict=True)):
            row = {name: values[i] for name, values in metrics.items()}
            found[case["id"]] = differences(case, row, strategy.trace(ticks, point)["trades"])

    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert len(found) == len(chosen) > 0
