"""A strategy on a slice, for a block of combinations: what a chunk computes. No queue, no disk, no clock.

Whatever the strategy's code does, the answer is one row per combination. Where the whole block fails, each
combination is tried alone, so that only the guilty one is a failure.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks import arrow
from tasks.combinations import Block
from tasks.contract import Columns
from tasks.errors import StrategyError
from tasks.parameters import as_arrays
from tasks.registry import Description

Fatal = tuple[type[BaseException], ...]
MESSAGE_BYTES: Final = 2_000
TRACEBACK_BYTES: Final = 8_000
OUTCOME_SCHEMA: Final = pa.schema([("combination", pa.string()), ("status", pa.string())])
FAILURE_SCHEMA: Final = pa.schema(
    [
        ("combination", pa.string()),
        ("error", pa.string()),
        ("message", pa.string()),
        ("traceback", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a combination, or with none a whole security, has no result."""

    combination: str | None
    error: str
    message: str
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException, combination: str | None = None) -> Failure:
        try:
            message = str(error)
        except Exception as e:  # the strategy's code too
            message = f"its message cannot be read: {type(e).__name__}"
        return cls(
            combination=combination,
            error=_plain(type(error).__name__),
            message=_plain(message)[:MESSAGE_BYTES],
            traceback=_plain("".join(traceback.format_exception(error)))[-TRACEBACK_BYTES:],
        )


def _plain(text: str) -> str:
    """Without what no file can hold: half a character, as names of broken files have it."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkResult:
    """A chunk's tables (`summary`, `failures`, and what `keep` asks for) and its counts."""

    tables: dict[str, pa.Table]
    ok: int
    failed: int
    empty: int


def evaluate(
    about: Description, data: Columns, block: Block, keep: Sequence[str], fatal: Fatal = ()
) -> ChunkResult:
    """Every combination of the block on prepared data; `fatal` exceptions (time is up) end it at once."""
    combinations = as_arrays(about.parameters, block.columns, len(block))
    ids = block.ids()
    try:
        metrics = _metrics(about, data, combinations, len(block))
        failures: dict[int, Failure] = {}
    except fatal:
        raise
    except (Exception, MemoryError):  # the strategy's code: anything may come out of it
        metrics, failures = _one_by_one(about, data, combinations, ids, fatal)
    traces = {table: _traces(about, data, combinations, ids, failures, table, fatal) for table in keep}
    return _result(about, ids, metrics, failures, traces)


def all_empty(block: Block) -> ChunkResult:
    """The security has no usable row between the dates: nothing to evaluate, and no failure either."""
    return _without_metrics(block, "empty", [])


def all_failed(block: Block, failure: Failure) -> ChunkResult:
    """The data cannot be used, or the chunk itself cannot be run: one reason for all its combinations."""
    return _without_metrics(block, "failed", [failure])


def summary_schema(about: Description) -> pa.Schema:
    whole = set(about.whole_numbers)
    metrics = [(m, pa.int64() if m in whole else pa.float64()) for m in about.metrics]
    return pa.schema([("combination", pa.string()), ("status", pa.string()), *metrics])


def trace_schema(about: Description, table: str) -> pa.Schema:
    columns = [(name, pa.type_for_alias(alias)) for name, alias in about.traces[table].items()]
    return pa.schema([("combination", pa.string()), *columns])


def _metrics(
    about: Description, data: Columns, combinations: Columns, rows: int
) -> dict[str, np.ndarray[Any, Any]]:
    found = about.strategy.evaluate(data, combinations)
    if missing := [m for m in about.metrics if m not in found]:
        raise StrategyError(f"evaluate returned no column {missing[0]!r}; it returned {sorted(found)}")
    metrics = {}
    for name in about.metrics:
        column = np.asarray(found[name])
        if column.shape != (rows,):
            raise StrategyError(
                f"evaluate returned {column.shape} values of {name!r} for {rows} combinations"
            )
        if name in about.whole_numbers and column.dtype.kind == "f" and not np.isfinite(column).all():
            raise StrategyError(f"evaluate returned {name!r}, a whole number, as NaN or infinite")
        metrics[name] = column.astype(np.int64 if name in about.whole_numbers else np.float64)
    return metrics


def _one_by_one(
    about: Description, data: Columns, combinations: Columns, ids: Sequence[str], fatal: Fatal
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[int, Failure]]:
    rows = len(ids)
    whole = set(about.whole_numbers)
    metrics = {m: np.zeros(rows, np.int64 if m in whole else np.float64) for m in about.metrics}
    failures: dict[int, Failure] = {}
    for i in range(rows):
        try:
            one = _metrics(about, data, {n: c[i : i + 1] for n, c in combinations.items()}, 1)
        except fatal:
            raise
        except (Exception, MemoryError) as e:  # the strategy's code: anything may come out of it
            failures[i] = Failure.of(e, ids[i])
            continue
        for name, column in one.items():
            metrics[name][i] = column[0]
    return metrics, failures


def _traces(
    about: Description,
    data: Columns,
    combinations: Columns,
    ids: Sequence[str],
    failures: dict[int, Failure],
    table: str,
    fatal: Fatal,
) -> pa.Table:
    """The table of every combination that has not failed; one that fails now is a failure too."""
    schema = trace_schema(about, table)
    tables = []
    for i, combination in enumerate(ids):
        if i in failures:
            continue
        try:
            traced = about.strategy.trace(data, _row(combinations, i))[table]
            length = len(next(iter(traced.values()))) if traced else 0
            columns = [arrow.column(traced[f.name], f.type) for f in list(schema)[1:]]
        except fatal:
            raise
        except (Exception, MemoryError) as e:  # the strategy's code: anything may come out of it
            failures[i] = Failure.of(e, combination)
            continue
        tables.append(arrow.table([arrow.repeated(combination, length), *columns], schema))
    return pa.concat_tables(tables) if tables else arrow.empty(schema)


def _row(combinations: Columns, i: int) -> Mapping[str, Any]:
    """One combination as plain values, None where a number is missing."""
    values = {
        name: column[i].item() if hasattr(column[i], "item") else column[i]
        for name, column in combinations.items()
    }
    return {n: None if isinstance(v, float) and v != v else v for n, v in values.items()}


def _result(
    about: Description,
    ids: Sequence[str],
    metrics: Mapping[str, np.ndarray[Any, Any]],
    failures: Mapping[int, Failure],
    traces: dict[str, pa.Table],
) -> ChunkResult:
    failed = np.zeros(len(ids), np.bool_)
    failed[list(failures)] = True
    status = np.where(failed, "failed", "ok")
    schema = summary_schema(about)
    # NaN is a result; null says that there is none
    columns = [arrow.numbers(metrics[m], schema.field(m).type, failed) for m in about.metrics]
    summary = arrow.table([arrow.texts(ids), arrow.texts(status.tolist()), *columns], schema)
    if failures:
        bad = arrow.texts([ids[i] for i in sorted(failures)])
        traces = {k: t.filter(pc.invert(pc.is_in(t["combination"], bad))) for k, t in traces.items()}
    tables = {"summary": summary, "failures": _failures([failures[i] for i in sorted(failures)]), **traces}
    return ChunkResult(tables=tables, ok=len(ids) - len(failures), failed=len(failures), empty=0)


def _without_metrics(block: Block, status: str, failures: list[Failure]) -> ChunkResult:
    """No metric columns at all: the merge knows which there would have been."""
    rows = len(block)
    summary = arrow.table([arrow.texts(block.ids()), arrow.repeated(status, rows)], OUTCOME_SCHEMA)
    tables = {"summary": summary, "failures": _failures(failures)}
    empty = rows if status == "empty" else 0
    return ChunkResult(tables=tables, ok=0, failed=rows - empty, empty=empty)


def _failures(failures: Sequence[Failure]) -> pa.Table:
    columns = [arrow.texts([getattr(f, name) for f in failures]) for name in FAILURE_SCHEMA.names]
    return arrow.table(columns, FAILURE_SCHEMA)
