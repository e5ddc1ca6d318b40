"""A strategy on a slice, for a block of combinations: what a chunk computes. No queue, no disk, no clock.

Whatever the strategy's code does, the answer is one row per combination. Where the whole block fails, each
combination is tried alone, so that only the guilty one is a failure.
"""

from __future__ import annotations

import re
import signal
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tasks.contract import Columns
from tasks.errors import ProcessEnded, StrategyError, SweepError
from tasks.grid.combinations import Block
from tasks.grid.parameters import as_arrays
from tasks.plugins.registry import Description
from tasks.results import arrow

Fatal = tuple[type[BaseException], ...]
EMPTY: Final = "empty"
SEED: Final = "seed"
MORE_MEMORY: Final = "start nodes with fewer cores: each process then has more memory"
NAME_BYTES: Final = 100
MESSAGE_BYTES: Final = 2_000
TRACEBACK_BYTES: Final = 8_000
DEPTH: Final = re.compile(r"\[Previous line repeated \d+ more times?")  # it differs with who called
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
        except BaseException as e:  # the strategy's code too
            message = f"its message cannot be read: {type(e).__name__}"
        name = type(error).__name__
        if isinstance(error, MemoryError):  # whatever a library calls its own
            name, message = "MemoryError", "; ".join(filter(None, (message, MORE_MEMORY)))
        lines = [_plain(line, MESSAGE_BYTES) for line in traceback.format_exception(error)]
        lines = [DEPTH.sub("[Previous line repeated", line) for line in lines]
        return cls(
            combination=combination,
            error=_plain(name, NAME_BYTES),
            message=_plain(message, MESSAGE_BYTES),
            traceback="".join(lines)[-TRACEBACK_BYTES:],
        )

    @classmethod
    def named(cls, error: SweepError, combination: str | None = None) -> Failure:
        """One that we know: the name and the message say it all, with what to do where that is known."""
        tells = isinstance(error, (StrategyError, ProcessEnded)) and error.hint
        said = f"{error.message}; {error.hint}" if tells else error.message
        return cls(combination=combination, error=type(error).__name__, message=_plain(said, MESSAGE_BYTES))


def is_result(error: BaseException, fatal: Fatal) -> bool:
    """Whether what was raised is a failed backtest: `sys.exit()` in a strategy is.

    Not so the end of our time, Ctrl-C, or the exit of a process that was told to end while the strategy ran.
    """
    if isinstance(error, SystemExit):
        from billiard.common import terminate_handler_fired

        return not terminate_handler_fired()
    if isinstance(error, KeyboardInterrupt):  # in a node's processes nobody can press it
        return signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return not isinstance(error, fatal)


def _plain(text: str, most: int) -> str:
    """No longer than that, and without what no file can hold: half a character, as names of broken files
    have it.
    """
    return text[:most].encode("utf-8", "backslashreplace")[:most].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkResult:
    """A chunk's tables (`summary`, `failures`, and what `keep` asks for) and its counts."""

    tables: dict[str, pa.Table]
    ok: int
    failed: int
    empty: int


def evaluate(
    about: Description, data: Columns, block: Block, keep: Sequence[str], fatal: Fatal = (), seed: int = 0
) -> ChunkResult:
    """Every combination of the block on prepared data; `fatal` exceptions (time is up) end it at once."""
    ids = block.ids()
    combinations = as_arrays(about.parameters, block.columns, len(block))
    if getattr(about.strategy, "seeded", False):
        combinations = {**combinations, SEED: _seeds(seed, ids)}
    found, failures = None, dict[int, Failure]()
    try:
        found = _metrics(about, data, combinations, len(block))
    except BaseException as e:  # the strategy's code: anything may come out of it
        if not is_result(e, fatal):
            raise
    if found is None:  # out of the handler: no failure is to tell of another, before it
        found, failures = _one_by_one(about, data, combinations, ids, fatal)
    traces = _traces(about, data, combinations, ids, found.empty, failures, keep, fatal)
    return _result(about, ids, found, failures, traces)


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
    columns = [(name, arrow.type_named(alias)) for name, alias in about.traces[table].items()]
    return pa.schema([("combination", pa.string()), *columns])


@dataclass(frozen=True, slots=True)
class _Found:
    """What `evaluate` returned: a column a metric, and which combinations had nothing to evaluate."""

    metrics: dict[str, NDArray[Any]]
    empty: NDArray[np.bool_]


def _metrics(about: Description, data: Columns, combinations: Columns, rows: int) -> _Found:
    found = about.strategy.evaluate(data, combinations)
    if missing := [m for m in about.metrics if m not in found]:
        raise StrategyError(f"evaluate returned no column {missing[0]!r}; it returned {sorted(found)}")
    empty = np.zeros(rows, np.bool_)
    if EMPTY in found and EMPTY not in about.metrics:
        empty = _column(found, EMPTY, rows).astype(np.bool_)
    metrics = {}
    for name in about.metrics:
        column = _column(found, name, rows)
        if name not in about.whole_numbers:
            metrics[name] = column.astype(np.float64)
            continue
        if column.dtype.kind == "f":
            column = np.where(empty, 0, column)
            if not np.isfinite(column).all():
                raise StrategyError(f"evaluate returned {name!r}, a whole number, as NaN or infinite")
        metrics[name] = column.astype(np.int64)
    return _Found(metrics, empty)


def _column(found: Columns, name: str, rows: int) -> NDArray[Any]:
    column: NDArray[Any] = np.asarray(found[name])
    if column.shape != (rows,):
        raise StrategyError(f"evaluate returned {column.shape} values of {name!r} for {rows} combinations")
    return column


def _one_by_one(
    about: Description, data: Columns, combinations: Columns, ids: Sequence[str], fatal: Fatal
) -> tuple[_Found, dict[int, Failure]]:
    rows = len(ids)
    whole = set(about.whole_numbers)
    metrics = {m: np.zeros(rows, np.int64 if m in whole else np.float64) for m in about.metrics}
    all_found = _Found(metrics, np.zeros(rows, np.bool_))
    failures: dict[int, Failure] = {}
    for i in range(rows):
        try:
            one = _metrics(about, data, {n: c[i : i + 1] for n, c in combinations.items()}, 1)
        except BaseException as e:  # the strategy's code: anything may come out of it
            if not is_result(e, fatal):
                raise
            failures[i] = Failure.of(e, ids[i])
            continue
        all_found.empty[i] = one.empty[0]
        for name, column in one.metrics.items():
            metrics[name][i] = column[0]
    return all_found, failures


def _traces(
    about: Description,
    data: Columns,
    combinations: Columns,
    ids: Sequence[str],
    empty: NDArray[np.bool_],
    failures: dict[int, Failure],
    keep: Sequence[str],
    fatal: Fatal,
) -> dict[str, pa.Table]:
    """The tables of every combination that has a result; one that fails now is a failure too."""
    schemas = {table: trace_schema(about, table) for table in keep}
    pieces: dict[str, list[pa.Table]] = {table: [] for table in keep}
    for i, combination in enumerate(ids if keep else ()):
        if i in failures or empty[i]:
            continue
        try:
            traced = about.strategy.trace(data, _row(combinations, i))
            tables = {t: _traced(combination, traced[t], schema) for t, schema in schemas.items()}
        except BaseException as e:  # the strategy's code: anything may come out of it
            if not is_result(e, fatal):
                raise
            failures[i] = Failure.of(e, combination)
            continue
        for name, table in tables.items():
            pieces[name].append(table)
    return {t: pa.concat_tables(p) if p else arrow.empty(schemas[t]) for t, p in pieces.items()}


def _traced(combination: str, traced: Columns, schema: pa.Schema) -> pa.Table:
    length = len(next(iter(traced.values()))) if traced else 0
    columns = [arrow.column(traced[f.name], f.type) for f in list(schema)[1:]]
    return arrow.table([arrow.repeated(combination, length), *columns], schema)


def _seeds(seed: int, ids: Sequence[str]) -> NDArray[np.int64]:
    """A seed of its own for each combination, whichever chunk it is in."""
    digests = (sha256(f"{seed}:{combination}".encode()).digest() for combination in ids)
    return np.array([int.from_bytes(d[:8], "big") >> 1 for d in digests], np.int64)


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
    found: _Found,
    failures: Mapping[int, Failure],
    traces: dict[str, pa.Table],
) -> ChunkResult:
    failed = np.zeros(len(ids), np.bool_)
    failed[list(failures)] = True
    empty = found.empty & ~failed
    status = np.where(failed, "failed", np.where(empty, "empty", "ok"))
    schema = summary_schema(about)
    # NaN is a result; null says that there is none
    columns = [arrow.numbers(found.metrics[m], schema.field(m).type, failed | empty) for m in about.metrics]
    summary = arrow.table([arrow.texts(ids), arrow.texts(status.tolist()), *columns], schema)
    if failures:
        bad = arrow.texts([ids[i] for i in sorted(failures)])
        traces = {k: t.filter(pc.invert(pc.is_in(t["combination"], bad))) for k, t in traces.items()}
    tables = {"summary": summary, "failures": _failures([failures[i] for i in sorted(failures)]), **traces}
    nothing = int(empty.sum())
    return ChunkResult(
        tables=tables, ok=len(ids) - len(failures) - nothing, failed=len(failures), empty=nothing
    )


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
