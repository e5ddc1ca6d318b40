"""A sweep that another producer of this machine runs on its private stack: looked at, as `watch` does it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from producer.run import local, look, prepare, records
from producer.run.records import SweepRecord
from tasks.plan import SweepSpec
from tasks.records.status import TERMINAL, Status
from tasks.settings import Settings

POLL_SECONDS: Final = 0.05


class Follower:
    """Reads like a session and does nothing; the other producer's Ctrl-C is not ours, nor ours its."""

    private = False
    finished = False
    cached = 0
    chunks = 0

    def __init__(self, spec: SweepSpec, settings: Settings, record: SweepRecord) -> None:
        self.spec, self.settings, self.record = spec, settings, record
        self.id, self.total = spec.sweep_id, spec.total
        self.securities = len(spec.securities)
        self.combinations = max((s.backtests for s in spec.securities), default=0)

    def statuses(self, interval: float = 0.25) -> Iterator[Status]:
        self._wait_for_server()
        theirs = records.load(self.settings.state_dir, self.id) or self.record
        for status in look.watch(theirs, self.settings, interval):
            if status.state in ("done", "failed") and status.results != self.spec.results:
                prepare.fill(self.spec, Path(status.results))
            yield status
            if status.state in TERMINAL:
                return

    def interrupt(self) -> None:
        """Nothing of it is ours to end."""

    def close(self) -> None:
        """The record is kept by who runs the sweep."""

    def _wait_for_server(self) -> None:
        """It may have begun this very moment."""
        while local.owner(self.settings, self.id) and not local.private_url(self.settings, self.id):
            time.sleep(POLL_SECONDS)
