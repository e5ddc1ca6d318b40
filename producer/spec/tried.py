"""A strategy that is not shipped with us is tried on a few invented rows before anybody waits for a sweep of
it.
"""

from __future__ import annotations

from producer.spec import nodes
from producer.spec.sweep import Sweep
from tasks.plugins.registry import Description
from tasks.trials.examine import examine


def try_out(sweep: Sweep, about: Description) -> None:
    """The fast part of `tasks.testing.check_strategy`: what it finds is an error at `strategy:`.

    A strategy that fails on invented rows may well need other ones: that is a warning.
    """
    if about.is_shipped:
        return
    place = nodes.place_of(sweep.root, ("strategy",))
    report = examine(about, quick=True)
    for finding in report.findings:
        message, _, hint = finding.partition(": ")
        sweep.problems.error(place, f"{about.name}: {message}", hint or None)
    if report.raised is not None:
        sweep.problems.warning(
            place,
            f"{about.name} fails on invented {about.data}: {report.raised}",
            "it may need other data; if not, this is what every backtest will say",
        )
