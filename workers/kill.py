"""`cancel --now` on a node: the processes that work for that sweep are killed.

Celery's own way is to revoke by stamped headers, which a node remembers: the same sweep, resumed, would be
refused by every node that was there. Here nothing is remembered. What has not begun asks the ledger, and is
told that the sweep is closed.
"""

from __future__ import annotations

import logging
import signal
from typing import Any, Final

from celery.worker import state
from celery.worker.control import Panel

from tasks import names

log = logging.getLogger("sweepfleet.node")

AGAIN_SECONDS: Final = 0.5  # for a chunk that began just before, and whose process has not said so yet


def register() -> None:
    """Makes the node listen."""
    Panel.data[names.KILL_SWEEP] = _told


def _told(panel: Any, sweep: str, **_: Any) -> None:
    """The ledger has the sweep as cancelled already, and takes no result of it."""
    _kill(panel.consumer.pool, sweep)
    panel.consumer.timer.call_after(AGAIN_SECONDS, _kill, (panel.consumer.pool, sweep))


def _kill(pool: Any, sweep: str) -> None:
    for request in tuple(state.active_requests):
        if request.request_dict.get("sweep") == sweep:
            log.info("killed with its sweep", extra={"event": "chunk_killed", "sweep": sweep})
            request.terminate(pool, signal=signal.SIGKILL)
