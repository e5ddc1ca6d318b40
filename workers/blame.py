"""Whose fault a death was: a chunk's, where its process ends and the node goes on; nobody's, where the node
ends with all that it had in hand.

Only a main process that survives can tell, so it notes such a death before the message goes back. Without the
note three nodes that are killed under one chunk would make it look like poison.
"""

from __future__ import annotations

import logging
from typing import Any

import redis
from billiard.einfo import ExceptionWithTraceback
from billiard.exceptions import WorkerLostError
from celery.worker import state
from celery.worker.request import Request

from tasks import names, settings
from tasks.errors import SweepError
from tasks.messages import ChunkRequest
from tasks.records.ledger import Ledger
from tasks.wire.connection import connect

log = logging.getLogger("sweepfleet.node")

LOST = (WorkerLostError, SystemExit, KeyboardInterrupt)  # the latter: how billiard says that a process exits


class Blamed(Request):  # type: ignore[misc]  # Celery has no types
    """A message in hand, which tells the ledger when its process is lost."""

    def on_failure(self, exc_info: Any, *arguments: Any, **named: Any) -> Any:
        error = exc_info.exception
        if isinstance(error.exc if isinstance(error, ExceptionWithTraceback) else error, LOST):
            self._blame()
        return super().on_failure(exc_info, *arguments, **named)

    def on_timeout(self, soft: bool, timeout: float) -> Any:
        if not soft:
            self._blame()
        return super().on_timeout(soft, timeout)

    def _blame(self) -> None:
        if self.name != names.EVALUATE_CHUNK or self.kwargs.get("alone"):
            return
        if state.should_terminate is not None:  # a node that ends kills its processes itself
            return
        try:
            chunk = ChunkRequest.from_wire(self.args[0])
            Ledger(connect(settings.load().redis_url or "", retries=0), chunk.sweep_id).note_lost(chunk)
        except (redis.RedisError, SweepError, OSError) as e:
            log.warning("a lost process is not noted: %s", e, extra={"event": "lost_not_noted"})
