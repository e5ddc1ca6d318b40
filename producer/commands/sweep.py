"""`init`, `validate`, `submit`, `resume`, `cancel`: from a sweep.yaml to results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from producer.commands import completing
from producer.commands.call import Call, Function, command, example, pass_call

if TYPE_CHECKING:
    from producer.run.follower import Follower
    from producer.run.session import Session

SWEEP_FILE = click.Path(path_type=Path, dir_okay=False)


@command("init", epilog=example("producer init emaar-refill --strategy market_making"))
@click.argument("name", required=False)
@click.option("--strategy", metavar="NAME", default="market_making", show_default=True)
@click.option("-o", "--output", type=SWEEP_FILE, default=Path("sweep.yaml"), show_default="sweep.yaml")
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@pass_call
def init(call: Call, name: str | None, strategy: str, output: Path, force: bool) -> int | None:
    """Write a commented sweep.yaml and its schema."""
    from producer.commands import beginning

    beginning.write(output, name, strategy, allow=call.settings.allow, force=force)
    schema = beginning.write_schema(output.parent)
    if call.flags.json:
        call.out.document("init", {"file": str(output), "schema_file": str(schema)})
        return None
    call.out.answer(str(output))
    call.out.say(f"next: edit {output}, then: producer validate {output}   producer submit {output}")
    return None


@command("validate", epilog=example("producer validate sweep.yaml --estimate"))
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=SWEEP_FILE)
@click.option("--offline", is_flag=True, help="Check the shape only: no strategy, no data.")
@click.option("--estimate", is_flag=True, help="Also say how many tasks and core-hours: measures a few.")
@pass_call
def validate(call: Call, files: tuple[Path, ...], offline: bool, estimate: bool) -> int | None:
    """Check sweep files and say what they would run."""
    from producer.commands import checking
    from tasks.errors import SweepError

    found: list[dict[str, Any]] = []
    worst = 0
    for file in files:
        try:
            found.append(checking.validated(call, file, offline=offline, estimate=estimate))
        except SweepError as e:
            worst = max(worst, e.exit_code)
            call.out.error(e)
            found.append({"file": str(file), "error": e.message, "report": getattr(e, "report", "") or None})
    if call.flags.json:
        call.out.document("validate", {"files": found, "exit_code": worst})
    return worst


def overrides(function: Function) -> Function:
    """The flags of `submit` that change what the file says."""
    for option in reversed(
        (
            click.option(
                "-p", "parameters", metavar="NAME=VALUE", multiple=True, help="Set a parameter. Repeatable."
            ),
            click.option("--securities", metavar="A,B", help="Only these securities."),
            click.option(
                "--limit", metavar="N", type=click.IntRange(min=1), help="First N combinations of each."
            ),
            click.option("--cache", metavar="MODE", type=click.Choice(["use", "refresh", "skip"])),
            click.option("--name", metavar="NAME", help="Another name for the sweep."),
        )
    ):
        function = option(function)
    return function


@command(
    "submit",
    epilog=example(
        "producer submit sweep.yaml", "producer submit sweep.yaml -p quote_size='[100, 200]' --limit 10"
    ),
)
@click.argument("file", metavar="FILE", type=SWEEP_FILE)
@click.option("-d", "--detach", is_flag=True, help="Return at once; the sweep goes on.")
@overrides
@click.option("--dry-run", is_flag=True, help="Say what would run, and stop.")
@click.option("--require-workers", metavar="N", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--also", type=click.Choice(["csv"]), help="Write summary.csv beside summary.parquet.")
@pass_call
def submit(
    call: Call,
    file: Path,
    detach: bool,
    dry_run: bool,
    require_workers: int,
    also: str | None,
    parameters: tuple[str, ...],
    securities: str | None,
    limit: int | None,
    cache: str | None,
    name: str | None,
) -> int | None:
    """Run a sweep and follow it to its end.

    Finished work is not done twice: the same command goes on after a crash.
    """
    from producer.commands import checking

    checked = checking.checked(
        call, file, parameters=parameters, securities=securities, limit=limit, cache=cache, name=name
    )
    if dry_run:
        checking.show_dry_run(call, checked)
        return None
    from producer.run import submit as run
    from producer.view import live

    with live.waiting(call.out, "reading data and planning", progress=call.progress):
        session = run.submit(checked, call.settings, require_workers=require_workers, detach=detach)
    return _follow(call, session, "submit", detach=detach, also_csv=also == "csv")


@command("resume", epilog=example("producer resume last", "producer resume vcp-daily-7f3a1c --failed"))
@click.argument("reference", metavar="[ID]", required=False, shell_complete=completing.sweeps)
@click.option("--failed", is_flag=True, help="Also what failed: the chunks with failed backtests run again.")
@click.option("--force", is_flag=True, help="Even if code or data changed.")
@click.option("-d", "--detach", is_flag=True, help="Return at once; the sweep goes on.")
@pass_call
def resume(call: Call, reference: str | None, failed: bool, force: bool, detach: bool) -> int | None:
    """Run what is missing of a sweep."""
    record = call.record(reference)
    from producer.run import control
    from producer.view import live, screens

    with live.waiting(call.out, "looking what is missing", progress=call.progress):
        session = control.resume(record, call.settings, force=force, failed=failed)
    if session.finished:
        call.out.say(screens.nothing_left(session.id, failed=session.record.failed, retried=failed))
    return _follow(call, session, "resume", detach=detach)


def _follow(
    call: Call, session: Session | Follower, name: str, *, detach: bool, also_csv: bool = False
) -> int:
    from producer.commands import following
    from producer.view import screens
    from producer.view.live import bar_is_wanted

    if not call.flags.json:
        head = screens.header(
            sweep_id=session.id,
            securities=session.securities,
            combinations=session.combinations,
            total=session.total,
            cached=session.cached,
            chunks=session.chunks,
        )
        call.out.answer(head if bar_is_wanted(call.out) and not call.flags.quiet else session.id)
    if detach and not session.finished:
        return following.leave(call, session, name)
    return following.follow_session(call, session, name, also_csv=also_csv)


@command("cancel", epilog=example("producer cancel last"))
@click.argument("reference", metavar="[ID]", required=False, shell_complete=completing.sweeps)
@click.option("--now", is_flag=True, help="Stop chunks that run, too.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_call
def cancel(call: Call, reference: str | None, now: bool, yes: bool) -> int | None:
    """Stop a sweep; what is finished is kept."""
    from producer.run.records import OVER
    from producer.view import documents, screens

    record = call.record(reference)
    from producer.run import control, look

    if record.state in OVER:
        status = look.status(record, call.settings)
    else:
        if not yes:
            _confirm(f"cancel {record.id}?")
        status = control.cancel(record, call.settings, now=now)
    if call.flags.json:
        call.out.document("cancel", documents.status(status))
    else:
        call.out.answer(screens.after_cancel(status))
    return None


def _confirm(question: str) -> None:
    """Asks on a terminal; elsewhere nobody could answer, so that the flag is needed."""
    from tasks.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(f"{question} nobody is there to answer", hint="add -y to do it without a question")
    if not click.confirm(question, err=True):
        raise UsageError("nothing was changed")
