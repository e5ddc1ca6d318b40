"""The original program's results, through the public path: sweep.yaml, `producer submit`, results folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import Desk
from tests.support.expected.results import Case, Group, Results, differences, groups, write_workbook

ALL = 302
VARIANTS = {"v1_baseline", "v2_price_follow_qty_cooldown", "v2_1_stop_loss", "v3_liquidity_monitor"}
PER_SECURITY = ("quote_size", "max_position", "max_notional", "min_local_currency_before_quote")


def check(desk: Desk, shared: Path, group: Group) -> list[str]:
    """Submits the sweep of a group and compares each of its cases."""
    source = shared / group.folder
    if source.suffix == ".xlsx":
        source = write_workbook(source, desk.folder / "data" / source.stem.lower())
    file = desk.write(group.spec(source), f"{group.name}.yaml")
    document = desk.submit(file)
    assert document["done"] == document["ok"] == document["total"]
    return compared(Path(document["results"]), shared, group.cases)


def compared(folder: Path, shared: Path, cases: tuple[Case, ...]) -> list[str]:
    results = Results(folder)
    return [d for case in cases for d in differences(results, case, shared / "expected" / "market_making")]


@pytest.mark.shared
@pytest.mark.timeout(400)
def test_a_part_of_the_cases_that_has_everything_in_it_is_as_expected(desk: Desk, shared: Path) -> None:
    chosen = [
        group
        for group in groups(shared)
        if group.folder in ("data/ticks_edge", "data/excel/TickData_Small.xlsx")
        or group.securities == ("SPINNEYS",)
    ]

    up = desk.run("up", "--no-flower")  # one stack for all: five would spend their time on starting
    wrong = [d for group in chosen for d in check(desk, shared, group)]
    down = desk.run("down")

    assert (up.code, down.code) == (0, 0)
    cases = [case for group in chosen for case in group.cases]
    assert not wrong, "\n".join(wrong[:20])
    assert len(cases) > 100
    assert {case["family"] for case in cases} == {"continuous", "closing", "edge", "excel"}
    assert {case["strategy"] for case in cases} == VARIANTS | {"closing_strategy"}
    assert {case["sort_kind"] for case in cases if "sort_kind" in case} == {"quicksort", "stable"}


@pytest.mark.shared
@pytest.mark.timeout(400)
def test_the_stock_configuration_as_a_per_security_file_gives_the_expected_results(
    desk: Desk, shared: Path
) -> None:
    stock = json.loads((shared / "data/ticks_configs/v1_baseline.json").read_text())
    own = {code: {n: v for n, v in given.items() if n in PER_SECURITY} for code, given in stock.items()}
    (desk.folder / "stock.json").write_text(json.dumps(own))
    wanted = tuple(
        case
        for group in groups(shared, ["continuous"])
        for case in group.cases
        if case["strategy"] == "v1_baseline" and case["security"] in ("SPINNEYS", "MODON")
    )
    file = desk.write(
        {
            "name": "stock",
            "strategy": "market_making",
            "data": {"source": str(shared / "data/ticks"), "securities": ["SPINNEYS", "MODON"]},
            "parameters": {
                "variant": "v1_baseline",
                "refill_interval_sec": sorted({case["params"]["refill_interval_sec"] for case in wanted}),
            },
            "per_security_file": "stock.json",
            "output": {"keep": ["summary", "trades"]},
        }
    )

    document = desk.submit(file)

    assert document["total"] == len(wanted) == 14
    wrong = compared(Path(document["results"]), shared, wanted)
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(0)
def test_every_case_is_as_expected(desk: Desk, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = groups(shared)
    wrong: list[str] = []

    for group in found:
        wrong += check(desk, shared, group)

    cases = [case for group in found for case in group.cases]
    equal = len(cases) - len({d.partition(":")[0] for d in wrong})
    with capsys.disabled():
        print(f"\n{equal} of {len(cases)} cases equal, in {len(found)} sweeps")  # noqa: T201  # a figure to report
    assert not wrong, "\n".join(wrong[:40])
    assert len(cases) == ALL
