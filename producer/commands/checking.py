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
) -> CheckedSweep:
    """Both stages of validation; warnings are said, errors are raised all at once."""
    from producer.spec import check

    raise NotImplementedError(check, call, file, parameters, securities, limit, cache, name)


def examine(call: Call, file: Path, *, offline: bool, estimate: bool) -> tuple[dict[str, Any], int]:
    """What `validate` says about one file: its counts, or what is wrong with it and the exit code."""
    raise NotImplementedError


def show_counts(call: Call, command: str, sweep: CheckedSweep) -> None:
    """What a submit would run, without running it."""
    from producer.run import submit
    from producer.view import screens

    counts = submit.dry_run(sweep, call.settings)
    if call.flags.json:
        call.out.document(command, {**counts, "dry_run": True})
        return
    call.out.answer(screens.header_of_counts(counts))
    call.out.say("nothing was started")
