"""The best rows of a sweep: ranked by a metric, filtered by the user's own expression.

Ranked as the sweep asks: its metric, its goal, rows with too few trades last, ties to the earlier row.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from producer.outcome.folder import FLOATS, ResultsFolder, first_line, quoted
from tasks.errors import UsageError

SHORTEST_ID: Final = 8
KEY_METRICS: Final = (
    "trades", "return_pct", "total_pnl", "sharpe", "max_drawdown", "max_drawdown_pct", "profit_factor",
    "win_rate_pct",
)  # fmt: skip
SHOWN_METRICS: Final = 4
MISSING_COLUMN: Final = re.compile(r'Referenced column "(?P<name>[^"]*)" not found')


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a user asks of `results`; None and empty mean: as the sweep says, all."""

    by: str | None = None
    ascending: bool = False
    where: str | None = None
    securities: tuple[str, ...] = ()
    """Globs; letter case does not matter."""
    columns: tuple[str, ...] = ()
    top: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows that fit on a screen."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    """Rows that match, shown or not."""
    order: str
    """By what they are sorted, in words."""
    metrics: frozenset[str]
    """Which of the columns are measured, not given."""


def ask(folder: ResultsFolder, question: Question) -> Answer:
    """The first rows in rank order, for a table."""
    columns = question.columns or default_columns(folder, question.by)
    sql, values = select(folder, question, columns)
    condition, bound = _condition(folder, question)
    with translated(folder):
        rows = folder.rows(sql, values)
        total = int(folder.rows(f"SELECT count(*) FROM summary{condition}", bound)[0][0])
    if "combination" in columns:
        rows = _with_short_ids(folder, rows, columns.index("combination"))
    return Answer(
        columns=tuple(columns),
        rows=tuple(rows),
        total=total,
        order=order_in_words(folder, question),
        metrics=frozenset(folder.manifest.metrics) & set(columns),
    )


def select(folder: ResultsFolder, question: Question, columns: Sequence[str]) -> tuple[str, list[Any]]:
    """The question as one SQL statement and its bound values."""
    shown = ", ".join(quoted(c) for c in _known(folder, columns, "--columns"))
    condition, values = _condition(folder, question)
    limit = "" if question.top is None else f" LIMIT {question.top}"
    return f"SELECT {shown} FROM summary{condition} ORDER BY {_order(folder, question).sql}{limit}", values


def order_in_words(folder: ResultsFolder, question: Question) -> str:
    """`sharpe, largest first`"""
    return _order(folder, question).words


@contextmanager
def translated(folder: ResultsFolder) -> Iterator[None]:
    """DuckDB's errors about a user's expression, in our words."""
    try:
        yield
    except duckdb.IOException:
        raise  # about the file, not about the expression
    except duckdb.Error as e:
        if missing := MISSING_COLUMN.search(str(e)):
            raise _no_column(folder, missing["name"], "--where") from e
        raise UsageError(f"--where: {first_line(e)}", hint=_example(folder)) from e


def best(folder: ResultsFolder) -> dict[str, Any] | None:
    """The row that the sweep's own metric ranks first: security, metric, value; None where there is none."""
    metric = folder.manifest.metric
    if metric is None or metric not in folder.types:
        return None
    order = _order(folder, Question())
    found = folder.rows(
        f"SELECT security, combination, {quoted(metric)} FROM summary ORDER BY {order.sql} LIMIT 1"
    )
    if not found or found[0][2] is None or found[0][2] != found[0][2]:
        return None
    return {"security": found[0][0], "metric": metric, "value": found[0][2], "combination": found[0][1]}


def default_columns(folder: ResultsFolder, by: str | None) -> tuple[str, ...]:
    """Security, the ranking metric, a few more metrics, what was swept, the combination."""
    manifest = folder.manifest
    wanted = [m for m in (by, manifest.metric, *KEY_METRICS, *manifest.metrics) if m is not None]
    metrics = [m for m in dict.fromkeys(wanted) if m in folder.types and m in {*manifest.metrics, by}]
    return tuple(dict.fromkeys(["security", *metrics[:SHOWN_METRICS], *manifest.swept, "combination"]))


@dataclass(frozen=True, slots=True)
class _Order:
    sql: str
    words: str


def _order(folder: ResultsFolder, question: Question) -> _Order:
    manifest = folder.manifest
    by = question.by or manifest.metric
    if by is None:
        return _Order("file_row_number", "security, then combination")
    _known(folder, [by], "--by")
    smallest = question.ascending or (question.by in (None, manifest.metric) and manifest.goal == "minimize")
    column = quoted(by)
    key = f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END" if folder.types[by] in FLOATS else column
    sql = f"{key} {'ASC' if smallest else 'DESC'} NULLS LAST, file_row_number"
    words = f"{by}, {'smallest' if smallest else 'largest'} first"
    if manifest.min_trades > 0 and "trades" in folder.types and by in manifest.metrics:
        sql = f"(coalesce(trades, 0) < {manifest.min_trades}) ASC, {sql}"
        words += f", fewer than {manifest.min_trades:,} trades last"
    return _Order(sql, words)


def _condition(folder: ResultsFolder, question: Question) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    if question.securities:
        parts.append("(" + " OR ".join("lower(security) GLOB lower(?)" for _ in question.securities) + ")")
        values.extend(question.securities)
    if question.where is not None:
        _check_expression(folder, question.where)
        parts.append(f"(\n{question.where}\n)")  # on lines of its own: a comment in it ends there
    return (" WHERE " + " AND ".join(parts) if parts else ""), values


def _check_expression(folder: ResultsFolder, text: str) -> None:
    """Refuses what is not one expression. DuckDB's own parser decides: nothing gets past the brackets."""
    try:
        duckdb.SQLExpression(text)
    except duckdb.Error as e:
        raise UsageError(
            f"--where '{text}' is not an expression: {first_line(e)}", hint=_example(folder)
        ) from e


def _example(folder: ResultsFolder) -> str:
    metric = next(iter(folder.manifest.metrics), "trades")
    return f'write it like "{metric} > 50"; columns are {", ".join(folder.types)}'


def _known(folder: ResultsFolder, columns: Sequence[str], flag: str) -> Sequence[str]:
    for column in columns:
        if column not in folder.types:
            raise _no_column(folder, column, flag)
    return columns


def _no_column(folder: ResultsFolder, name: str, flag: str) -> UsageError:
    close = difflib.get_close_matches(name, folder.types, n=1, cutoff=0.6)
    hint = f"did you mean '{close[0]}'?" if close else f"columns are {', '.join(folder.types)}"
    return UsageError(f"{flag}: no column '{name}'", hint=hint)


def _with_short_ids(folder: ResultsFolder, rows: list[tuple[Any, ...]], place: int) -> list[tuple[Any, ...]]:
    """Combinations cut to the shortest beginning, eight digits or more, that no other in the sweep has."""
    length = _unique_length(folder, {row[place] for row in rows})
    return [(*row[:place], row[place][:length], *row[place + 1 :]) for row in rows]


def _unique_length(folder: ResultsFolder, shown: set[str]) -> int:
    beginnings = sorted({c[:SHORTEST_ID] for c in shown})
    if not beginnings:
        return SHORTEST_ID
    # Only ids that begin like a shown one can be mistaken for it: few, however large the sweep.
    alike = folder.rows(
        f"SELECT DISTINCT combination FROM summary WHERE list_contains(?, left(combination, {SHORTEST_ID}))",
        [beginnings],
    )
    found = {row[0] for row in alike} | shown
    longest = max(len(c) for c in found)
    return next(
        (n for n in range(SHORTEST_ID, longest) if len({c[:n] for c in found}) == len(found)), longest
    )
