"""The original programs' results on bars, through the public path: sweep.yaml, `producer submit`, results.

Market making has its own file. A part of the cases of each system is in `make test`, all in `make accept`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.support.agreement import Group, differences
from tests.support.cli import Desk
from tests.support.expected import bigbar as expected_bigbar
from tests.support.expected import breakout as expected_breakout
from tests.support.expected import vcp as expected_vcp

Suite = Callable[[Path], Iterable[Group]]
SUITES: Final[dict[str, tuple[Suite, int]]] = {
    "bigbar": (expected_bigbar.groups, 1_400),
    "breakout": (expected_breakout.groups, 46),
    "vcp": (expected_vcp.groups, 48),
}
QUICK: Final = {
    "bigbar": ("sweep-example", "latest-example", "smacross-goog"),
    "breakout": ("cl-stress", "es-stress", "cl-real5m", "gc-real5m", "es-asof", "mcl-asof", "es-slots-other"),
    "vcp": ("us100",),
}


@pytest.fixture
def stack(desk: Desk) -> Iterator[Desk]:
    """One stack for all sweeps of a test: each would spend its time on starting one."""
    assert desk.run("up", "--no-flower").code == 0
    yield desk
    assert desk.run("down").code == 0


def wrong(desk: Desk, groups: Sequence[Group]) -> list[str]:
    found = []
    for group in groups:
        document = desk.submit(desk.write(group.spec(), f"{group.name}.yaml"))
        assert document["done"] == document["total"]
        answers = differences(Path(document["results"]), group)
        found += [f"{case}: {what}" for case, what in answers.items()]
    return found


@pytest.mark.shared
@pytest.mark.timeout(400)
@pytest.mark.parametrize("suite", SUITES)
def test_a_part_of_the_cases_that_has_everything_in_it_is_as_expected(
    stack: Desk, shared: Path, suite: str
) -> None:
    groups, _ = SUITES[suite]
    chosen = [group for group in groups(shared) if group.name.startswith(QUICK[suite])]

    found = wrong(stack, chosen)

    assert not found, "\n".join(found[:20])
    assert {group.strategy for group in chosen} == {group.strategy for group in groups(shared)}


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("suite", SUITES)
def test_every_case_is_as_expected(
    stack: Desk, shared: Path, suite: str, capsys: pytest.CaptureFixture[str]
) -> None:
    groups, total = SUITES[suite]
    found = wrong(stack, chosen := [*groups(shared)])

    cases = sum(len(group.cases) for group in chosen)
    with capsys.disabled():
        print(f"\n{suite}: {cases - len(found)} of {cases} cases equal, in {len(chosen)} sweeps")  # noqa: T201  # a figure to report
    assert not found, "\n".join(found[:40])
    assert cases == total
