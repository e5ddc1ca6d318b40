"""Compile or load every kernel before the first chunk: in the node's main process, so that its children
inherit them.
"""

from __future__ import annotations

import logging
import time

from tasks.errors import StrategyError
from tasks.plugins import registry

log = logging.getLogger("sweepfleet.warmup")


def warm_up(only: str | None = None) -> float:
    """Runs the own `warm_up` of one strategy or of each, where it has one; seconds it took."""
    begun = time.perf_counter()
    for name in (n for n in registry.names() if only in (None, n)):
        try:
            run = getattr(registry.resolve(name), "warm_up", None)
        except StrategyError as e:  # one that somebody installed and nobody may want
            log.warning("%s", e.message, extra={"event": "strategy_unusable", "strategy": name})
            continue
        if run is not None:
            run()
    seconds = time.perf_counter() - begun
    log.info("kernels are ready", extra={"event": "warmed_up", "seconds": round(seconds, 2)})
    return seconds
