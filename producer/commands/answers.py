"""`results` and `failures`: questions to the merged tables of a sweep. No server is needed for an answer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from producer.commands import completing
from producer.commands.call import Call, command, example, pass_call
from producer.commands.checking import words

if TYPE_CHECKING:
    from producer.outcome.folder import ResultsFolder
    from producer.outcome.query import Question

SCREEN_ROWS = 20


@command(
    "results",
    epilog=example('producer results --top 3 --by sharpe --where "trades > 50"'),
)
@click.argument("reference", metavar="[ID]", required=False, shell_complete=completing.sweeps)
@click.option(
    "--top", metavar="N", type=click.IntRange(min=1), help=f"The first N rows (a table: {SCREEN_ROWS})."
)
@click.option("--all", "everything", is_flag=True, help="All rows, in a table too.")
@click.option("--by", metavar="METRIC", shell_complete=completing.columns, help="Sort by this column.")
@click.option("--ascending", is_flag=True, help="Smallest first.")
@click.option("--where", metavar="EXPR", help="Only rows for which this SQL expression is true.")
@click.option(
    "--security",
    metavar="S",
    multiple=True,
    shell_complete=completing.securities,
    help="Only these; globs, commas.",
)
@click.option(
    "--columns", metavar="A,B", shell_complete=completing.columns, help="These columns, in this order."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "parquet", "json"]),
    help="Default: table, or by -o's ending.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
@pass_call
def results(
    call: Call,
    reference: str | None,
    top: int | None,
    everything: bool,
    by: str | None,
    ascending: bool,
    where: str | None,
    security: tuple[str, ...],
    columns: str | None,
    form: str | None,
    output: Path | None,
) -> int | None:
    """Query the merged results of a sweep.

    Rows are sorted by the sweep's own metric where --by names no other. Files, CSV and JSON hold all columns
    and rows where nothing else is asked for.
    """
    from producer.outcome.folder import opened
    from producer.outcome.query import Question

    form = _form(call, form, output)
    record = call.record(reference)
    _finished(record.state, record.id, Path(record.results))
    if form == "table" and output is None and not everything:
        top = top or SCREEN_ROWS
    question = Question(
        by=by,
        ascending=ascending,
        where=where,
        securities=tuple(name for given in security for name in words(given)),
        columns=words(columns),
        top=top,
    )
    with opened(Path(record.results)) as folder:
        _say_suspect(call, folder)
        if form == "table":
            _table(call, folder, question)
        else:
            _export(call, folder, question, form, output)
    return None


def _form(call: Call, form: str | None, output: Path | None) -> str:
    """The format asked for, or the one that the file's ending means."""
    from tasks.errors import UsageError

    if form is None and output is not None:
        form = {".csv": "csv", ".parquet": "parquet", ".json": "json"}.get(output.suffix.lower())
        if form is None:
            raise UsageError(
                f"'{output}' does not say in which format",
                hint="end it in .csv, .parquet or .json, or add --format",
            )
    if form == "table" and output is not None:
        raise UsageError("a table is for the screen", hint="write --format csv, parquet or json to a file")
    if form == "parquet" and output is None:
        raise UsageError("Parquet needs a file", hint="add -o FILE.parquet")
    return form or ("json" if call.flags.json else "table")


def _finished(state: str, sweep_id: str, folder: Path) -> None:
    from tasks.errors import UsageError
    from tasks.names import SUMMARY_FILE

    if not (folder / SUMMARY_FILE).is_file():
        over = state in ("cancelled", "interrupted", "failed")
        verb = "resume" if over else "watch"
        raise UsageError(f"{sweep_id} has no results yet: it is {state}", hint=f"producer {verb} {sweep_id}")


def _say_suspect(call: Call, folder: ResultsFolder) -> None:
    from producer.view import screens

    if folder.manifest.mismatch:
        call.out.warn(screens.suspect(folder.manifest.mismatch))


def _table(call: Call, folder: ResultsFolder, question: Question) -> None:
    from producer.outcome import query
    from producer.view import outcomes
    from producer.view.output import table_width

    answer = query.ask(folder, question)
    drawn = outcomes.results_table(answer, table_width())
    call.out.answer(drawn.text)
    if left_out := outcomes.not_shown(answer, drawn):
        call.out.say(left_out)
    call.out.say(f"sorted by {answer.order}")


def _export(call: Call, folder: ResultsFolder, question: Question, form: str, output: Path | None) -> None:
    from producer.outcome import export, query
    from producer.view import documents

    if form == "json":
        order = query.order_in_words(folder, question)
        pieces = documents.results(folder.manifest.id, order, export.values(folder, question))
        if output is None:
            sys.stdout.writelines(pieces)
            return
        export.to_text(pieces, output)
    elif form == "parquet" and output is not None:
        export.to_parquet(folder, question, output)
    else:
        export.to_csv(folder, question, output or sys.stdout.buffer)
    if output is not None and call.flags.json:
        call.out.document("results", {"id": folder.manifest.id, "file": str(output)})
    elif output is not None:
        call.out.answer(str(output))


@command("failures", epilog=example("producer failures last --security 'EM*' --traceback"))
@click.argument("reference", metavar="[ID]", required=False, shell_complete=completing.sweeps)
@click.option(
    "--security",
    metavar="S",
    multiple=True,
    shell_complete=completing.securities,
    help="Only these; globs, commas.",
)
@click.option("--traceback", is_flag=True, help="With the strategy's own traceback.")
@pass_call
def failures(call: Call, reference: str | None, security: tuple[str, ...], traceback: bool) -> int | None:
    """List failed backtests, grouped by error."""
    from producer.outcome import failed
    from producer.outcome.folder import opened
    from producer.view import documents, outcomes

    record = call.record(reference)
    _finished(record.state, record.id, Path(record.results))
    with opened(Path(record.results)) as folder:
        _say_suspect(call, folder)
        groups = failed.groups(folder, [name for given in security for name in words(given)])
    if call.flags.json:
        body = [documents.failure(g, traceback=traceback) for g in groups]
        call.out.document("failures", {"id": record.id, "failures": body})
    elif groups:
        call.out.answer(
            outcomes.failure_screen(record.id, Path(record.sweep_file).name, groups, traceback=traceback)
        )
    else:
        call.out.say(f"no backtest of {record.id} failed" if not security else "no failure there")
    return None
