"""Results and failures of a sweep as text: the ranked table, the grouped errors, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from producer.view import words
from producer.view.table import Column, Drawn, draw

if TYPE_CHECKING:
    from producer.outcome.failed import FailureGroup
    from producer.outcome.query import Answer

ANY_SWEEP: Final = "resume ID "  # in a message that a worker wrote, which knows no sweep's name


def results_table(answer: Answer, width: int | None) -> Drawn:
    """One row per backtest; given values as they were given, measured ones with equal decimals."""
    columns = []
    for place, name in enumerate(answer.columns):
        values = [row[place] for row in answer.rows]
        numeric = all(v is None or isinstance(v, int | float) for v in values) and name != "combination"
        cells = words.cells(values, measured=name in answer.metrics)
        columns.append(Column(title=name, cells=cells, align="right" if numeric else "left"))
    return draw(columns, width)


def not_shown(answer: Answer, drawn: Drawn) -> str:
    """What the table leaves out, and how to see it."""
    parts = []
    if (more := answer.total - len(answer.rows)) > 0:
        parts.append(f"… {more:,} more, --all")
    if drawn.dropped:
        parts.append(f"no room for {', '.join(drawn.dropped)}: choose with --columns")
    return "\n".join(parts)


def failure_screen(sweep_id: str, sweep_file: str, groups: Sequence[FailureGroup], *, traceback: bool) -> str:
    """Each error with whom it hit, and what to do next."""
    who = [words.listed(g.securities) for g in groups]
    how_many = [words.count(g.backtests, "backtest") for g in groups]
    first, second = max(map(len, who)), max(map(len, how_many))
    lines = []
    for group, names, count in zip(groups, who, how_many, strict=True):
        retries = max(0, group.attempts - 1)
        message = words.plain(words.one_line(group.message)).replace(ANY_SWEEP, f"resume {sweep_id} ")
        said = f"{group.error}: {message} (retries {retries})"
        lines.append(f"{names:<{first}}   {count:<{second}}   {said}")
        indent = " " * (first + 3)
        if group.example_combination:
            given = "".join(
                f" {name}={words.cells([value], measured=False)[0]}"
                for name, value in group.example_parameters.items()
            )
            lines.append(f"{indent}example: {group.example_security} {group.example_combination}{given}")
        lines.append(f"{indent}{_remedy(group, sweep_id, words.plain(sweep_file))}")
        if traceback and group.traceback:
            lines += [f"{indent}{words.plain(line)}".rstrip() for line in group.traceback.splitlines()]
    return "\n".join(lines)


def _remedy(group: FailureGroup, sweep_id: str, sweep_file: str) -> str:
    """What to mend; where neither code nor file changes, the sweep goes on under its id."""
    again = f"producer resume {sweep_id} --failed"
    match group.error:
        case "DataError" | "DataChanged" | "DataNotFound":
            return f"fix the data of {words.listed(group.securities)}, then: {again}"
        case "StrategyDrift" | "StrategyRefused" | "StrategyNotFound":
            return f"put the same strategy on every node, then: {again}"
        case "Quarantined" | "TimeLimit" | "MemoryError" | "PartTooLarge" | "WorkerLost":
            return f"give it more memory or time, or leave it out; to try again: {again}"
        case "Killed":
            return f"find what kills it, or leave it out; to try again: {again}"
        case "OutOfMemory":
            return f"give it more memory, or leave it out; to try again: {again}"
        case _:
            return f"fix the strategy or its parameters, then: producer submit {sweep_file}"
