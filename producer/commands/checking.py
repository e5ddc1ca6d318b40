"""From a sweep.yaml and the flags that change it to a checked sweep, and to what `validate` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from producer.commands.call import Call

if TYPE_CHECKING:
    from producer.spec.check import CheckedSweep


def words(value: str | None) -> tuple[str, ...]:
    """`A, B` as two names."""
    return tuple(word.strip() for word in value.split(",") if word.strip()) if value else ()


def checked(
    call: Call,
    file: Path,
    *,
    parameters: tuple[str, ...] = (),
    securities: str | None = None,
    limit: int | None = None,
    cache: str | None = None,
    name: str | None = None,
    trial: bool = False,
) -> CheckedSweep:
    """Both stages of validation; warnings are said, errors are raised all at once.

    `trial` tries a strategy that is not ours on a few invented rows, too.
    """
    from producer.spec import check

    overrides = check.Overrides(
        parameters=parameters,
        securities=None if securities is None else words(securities),
        limit=limit,
        name=name,
        cache=cache,
    )
    found = check.check(check.load(file, overrides, allow=call.settings.allow), trial=trial)
    for warning in found.warnings:
        call.out.say(warning)
    return found


def validated(call: Call, file: Path, *, offline: bool, estimate: bool) -> dict[str, Any]:
    """What `validate` knows of one file; says it, unless one document is to come."""
    from producer.spec import check
    from producer.view import screens

    if offline:
        check.load(file, meaning_too=False)
        counts: dict[str, Any] = {"file": str(file), "offline": True}
        said = screens.right_shape(str(file))
    else:
        counts = {"file": str(file), **_counts(call, checked(call, file, trial=True), estimate=estimate)}
        said = screens.valid(str(file), counts)
    if not call.flags.json:
        call.out.answer(said)
    return counts


def _counts(call: Call, sweep: CheckedSweep, *, estimate: bool) -> dict[str, Any]:
    if estimate:
        from producer.run import submit
        from producer.view import live

        with live.waiting(call.out, "measuring a few chunks", progress=call.progress):
            return submit.estimate(sweep, call.settings)
    return {
        "securities": len(sweep.securities),
        "combinations": max((s.backtests for s in sweep.securities), default=0),
        "backtests": sweep.total,
    }


def show_dry_run(call: Call, sweep: CheckedSweep) -> None:
    """What a submit would run, without running it."""
    from producer.run import submit
    from producer.view import screens

    counts = submit.dry_run(sweep, call.settings)
    if call.flags.json:
        call.out.document("submit", {**counts, "dry_run": True})
        return
    call.out.answer(screens.of_counts(counts))
    call.out.say("dry run: nothing was started")
