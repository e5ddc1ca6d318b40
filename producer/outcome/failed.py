"""Failed backtests of a sweep, grouped by what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from producer.outcome.folder import ResultsFolder, literal, quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """One error, and whom it hit."""

    error: str
    message: str
    securities: tuple[str, ...]
    backtests: int
    attempts: int
    """The most that any of them had."""
    example_security: str
    example_combination: str | None
    """None: the security failed as a whole."""
    traceback: str | None
    example_parameters: Mapping[str, Any]
    """Those that the sweep varies; empty where the security failed as a whole."""


# A failure without a combination stands for every failed backtest of its security.
_GROUPS = """
WITH hit AS (
    SELECT f.error, f.message, f.security, f.attempts, f.file_row_number AS place, f.combination, f.traceback,
           s.file_row_number AS backtest, {swept} AS swept
    FROM failures AS f LEFT JOIN (SELECT * FROM summary WHERE status = 'failed') AS s
      ON s.security = f.security AND (f.combination IS NULL OR s.combination = f.combination)
    WHERE {condition}
)
SELECT error, message, list_sort(list_distinct(list(security))), count(DISTINCT backtest), max(attempts),
       arg_min(security, place), arg_min(coalesce(combination, ''), place),
       arg_min(coalesce(traceback, ''), place), arg_min(swept, (place, backtest))
FROM hit GROUP BY error, message ORDER BY count(DISTINCT backtest) DESC, min(place)
"""


def groups(folder: ResultsFolder, securities: Sequence[str] = ()) -> list[FailureGroup]:
    """Most backtests first, ties in the order of the results; `securities` are globs in any case."""
    if not folder.has_failures:
        return []
    condition = " OR ".join("lower(f.security) GLOB lower(?)" for _ in securities) or "true"
    named = ", ".join(f"{literal(name)}: s.{quoted(name)}" for name in folder.manifest.swept)
    swept = f"{{{named}}}" if named else "NULL"
    return [
        FailureGroup(
            error=error or "Error",
            message=message or "",
            securities=tuple(names),
            backtests=backtests,
            attempts=attempts or 0,
            example_security=security,
            example_combination=combination or None,
            traceback=traceback or None,
            example_parameters=dict(parameters or {}) if combination else {},
        )
        for (
            error,
            message,
            names,
            backtests,
            attempts,
            security,
            combination,
            traceback,
            parameters,
        ) in folder.rows(_GROUPS.format(condition=condition, swept=swept), [*securities])
    ]
