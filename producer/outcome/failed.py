"""Failed backtests of a sweep, grouped by what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from producer.outcome.folder import ResultsFolder


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


# A failure without a combination stands for every failed backtest of its security.
_GROUPS = """
WITH hit AS (
    SELECT f.error, f.message, f.security, f.attempts, f.file_row_number AS place, f.combination, f.traceback,
           s.file_row_number AS backtest
    FROM failures AS f LEFT JOIN (SELECT * FROM summary WHERE status = 'failed') AS s
      ON s.security = f.security AND (f.combination IS NULL OR s.combination = f.combination)
    WHERE {condition}
)
SELECT error, message, list_sort(list_distinct(list(security))), count(DISTINCT backtest), max(attempts),
       arg_min(security, place), arg_min(coalesce(combination, ''), place),
       arg_min(coalesce(traceback, ''), place)
FROM hit GROUP BY error, message ORDER BY count(DISTINCT backtest) DESC, min(place)
"""


def groups(folder: ResultsFolder, securities: Sequence[str] = ()) -> list[FailureGroup]:
    """Most backtests first, ties in the order of the results; `securities` are globs in any case."""
    if not folder.has_failures:
        return []
    condition = " OR ".join("lower(f.security) GLOB lower(?)" for _ in securities) or "true"
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
        )
        for error, message, names, backtests, attempts, security, combination, traceback in folder.rows(
            _GROUPS.format(condition=condition), [*securities]
        )
    ]
