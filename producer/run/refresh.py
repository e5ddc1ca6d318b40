"""Records of sweeps that were running when last seen, brought up to date where their server answers."""

from __future__ import annotations

from collections.abc import Sequence

from producer.run.records import SweepRecord, updated
from tasks.errors import SweepError
from tasks.settings import Settings


def refreshed(records: Sequence[SweepRecord], settings: Settings) -> list[SweepRecord]:
    """The records in the same order. A server that is away is asked once; its sweeps stay as they were."""
    away: set[str | None] = set()
    return [r if r.is_over or r.redis_url in away else _current(r, settings, away) for r in records]


def _current(record: SweepRecord, settings: Settings, away: set[str | None]) -> SweepRecord:
    from producer.run import look  # loads Redis and Arrow: a list of finished sweeps needs neither

    try:
        return updated(record, look.status(record, settings))
    except SweepError:
        away.add(record.redis_url)
        return record
