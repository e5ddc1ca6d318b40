"""`ls`, `status`, `watch`: how sweeps stand. What is over is told from this machine's own records."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from producer.commands import completing
from producer.commands.call import Call, command, example, pass_call

if TYPE_CHECKING:
    from producer.run.records import SweepRecord

LISTED = 20


@command("ls", epilog=example("producer ls --state running"))
@click.option("--state", metavar="STATE", help="Only sweeps in this state.")
@click.option("--tag", metavar="TAG", help="Only sweeps with this tag.")
@click.option("-n", "most", metavar="N", type=click.IntRange(min=1), default=LISTED, show_default=True)
@click.option("--all", "everything", is_flag=True, help="All of them.")
@pass_call
def ls(call: Call, state: str | None, tag: str | None, most: int, everything: bool) -> int | None:
    """List sweeps, newest first."""
    from producer.run import records, refresh
    from producer.view import documents, screens
    from producer.view.output import table_width

    _known_state(state)
    known = refresh.refreshed(records.all(call.settings.state_dir), call.settings)
    known = [r for r in known if state in (None, r.state) and (tag is None or tag in r.tags)]
    shown = [_with_best(call, r) for r in (known if everything else known[:most])]
    if call.flags.json:
        call.out.document("ls", {"sweeps": [documents.sweep(r) for r in shown], "total": len(known)})
    elif call.flags.quiet:
        for record in shown:
            call.out.answer(record.id)
    elif shown:
        call.out.answer(screens.sweeps_table(shown, width=table_width(), now=time.time()).text)
    else:
        call.out.say("no sweep like that" if state or tag else screens.NO_SWEEP)
    if len(shown) < len(known):
        call.out.say(f"… {len(known) - len(shown):,} more, --all")
    return None


def _with_best(call: Call, record: SweepRecord) -> SweepRecord:
    """A detached sweep ends with nobody there to note its best point: the first list does."""
    from producer.run import records
    from producer.view import screens

    if record.state != "done" or record.best is not None:
        return record
    said = screens.best_in_words(_best(Path(record.results)))
    if said is None:
        return record
    records.keep_best(call.settings.state_dir, record.id, said)
    return replace(record, best=said)


def _known_state(state: str | None) -> None:
    if state is None:
        return
    from typing import get_args

    from tasks.errors import UsageError
    from tasks.grid.parameters import nearest
    from tasks.records.status import State

    if state not in get_args(State):
        raise UsageError(f"no state '{state}'", hint=nearest(state, get_args(State)))


@command("status", epilog=example("producer status last --json"))
@click.argument("reference", metavar="[ID]", required=False, shell_complete=completing.sweeps)
@click.option("--failures", is_flag=True, help="Also name the securities that failed.")
@pass_call
def status(call: Call, reference: str | None, failures: bool) -> int | None:
    """Show how far one sweep is."""
    record = call.record(reference)
    from producer.run import look
    from producer.view import documents, screens

    now = look.status(record, call.settings)
    best = _best(Path(now.results)) if now.state == "done" else None
    if call.flags.json:
        call.out.document("status", documents.status(now, best=best))
    elif call.flags.quiet:
        call.out.answer(now.state)
    else:
        call.out.answer(screens.status_screen(now, best=screens.best_in_words(best)))
        if failures:
            call.out.answer(screens.failing(now))
        call.out.say(screens.next_for_state(now))
    return None


def _best(folder: Path) -> dict[str, Any] | None:
    from producer.outcome import query
    from producer.outcome.folder import opened
    from tasks.errors import UsageError

    try:
        with opened(folder) as results:
            return query.best(results)
    except UsageError:
        return None  # the folder was moved or deleted: the sweep's own state is still worth saying


@command("watch", epilog=example("producer watch vcp-daily-7f3a1c"))
@click.argument("reference", metavar="[ID]", required=False, shell_complete=completing.sweeps)
@click.option("--interval", metavar="SECONDS", type=click.FloatRange(min=0.1), default=1.0, show_default=True)
@pass_call
def watch(call: Call, reference: str | None, interval: float) -> int | None:
    """Attach the live bar to a sweep.

    Ctrl-C only stops looking. With --json one document a line for each status.
    """
    record = call.record(reference)
    from producer.commands import following
    from producer.run import look

    return following.follow_statuses(call, record.id, look.watch(record, call.settings, interval))
