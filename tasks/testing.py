"""For authors of strategies: check one in your own tests, on data that is made in a line.

    from tasks.testing import check_strategy

    def test_gap_fade_keeps_its_promises():
        check_strategy(GapFade)

What is here has a promise of stability, as `tasks.api` has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.data.tiny import bars, daily, ticks
from tasks.errors import StrategyFaulty
from tasks.plugins import registry
from tasks.plugins.description import faults
from tasks.trials.examine import examine
from tasks.trials.past import first_leak
from tasks.trials.what_if import frozen

__all__ = ["StrategyFaulty", "bars", "check_no_look_ahead", "check_strategy", "daily", "ticks"]

MEND: Final = (
    "Mend that; or, if it needs other data or parameters than were made up here, pass yours: "
    "check_strategy(strategy, data=..., combinations=[{...}])"
)
MEND_GIVEN: Final = "Mend that, or pass data and combinations that it is made for"


def check_strategy(
    strategy: object,
    data: Columns | None = None,
    combinations: Sequence[Mapping[str, Any]] | None = None,
    *,
    by_day: bool = False,
) -> list[str]:
    """Checks all that a sweep relies on; raises `StrategyFaulty` with every finding and what to do about it.

    `strategy` is a class, an instance, a plain function, or the name of an installed strategy.

    `data` are columns as a sweep gives them. Left out, they are invented: `ticks()`; or of `bars()`, bars of
    a future and `daily()` the first that the strategy does not refuse. `combinations` is a list of parameters
    by name; left out, the defaults and values near them.

    Checked are: the five attributes and whatever optional ones there are; a row per combination, in order;
    the same bits when called again, after another security, and in smaller chunks (8 combinations, 2 times 4,
    8 times 1); that neither the data nor what `prepare` returned is written to; that `trace` returns what
    `traces` declares; and, where those tables have times, that changing the future changes nothing before it:
    what is over stays as it is, a trade that is open still may end otherwise.

    `by_day` is for rules by which a row waits for the end of its day, such as the volume of an auction: a day
    may then depend on all of itself, and on no later one.

    Returns notes: what could not be checked, and what is no fault but good to know, such as that a security
    with a single row fails.
    """
    about = registry.describe(strategy) if isinstance(strategy, str) else None
    if about is None:
        made, name = registry.made(strategy)
        wrong = [f"{message}: {hint}" for message, hint in faults(name, made)]
        if wrong:
            raise _faulty(name, wrong)
        about = registry.of_object(made)
    report = examine(about, data, combinations, by_day=by_day)
    findings = [*report.findings]
    if report.raised:
        findings.append(f"every combination fails: {report.raised}. {MEND if data is None else MEND_GIVEN}")
    if findings:
        raise _faulty(about.name, findings)
    return report.notes


def check_no_look_ahead(signal: Callable[[Columns], NDArray[Any]], data: Columns | None = None) -> None:
    """Checks that a signal (one value per row of the data) has no value that a later row decides.

    For strategies that return metrics alone: what they did when cannot be seen from outside.
    """
    leak = first_leak(signal, frozen(bars() if data is None else data))
    if leak is not None:
        name = getattr(signal, "__name__", "the signal")
        row, cut = leak
        raise _faulty(
            name,
            [f"its value at row {row} changes with data of row {cut} and later: use rows up to {row} alone"],
        )


def _faulty(name: str, findings: Sequence[str]) -> StrategyFaulty:
    listed = "".join(f"\n  {i}. {finding}" for i, finding in enumerate(findings, 1))
    return StrategyFaulty(f"{name} breaks what a sweep relies on:{listed}", findings=tuple(findings))
