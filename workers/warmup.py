"""Compile or load every kernel before the first chunk: in the node's main process, so that its children
inherit them.
"""

from __future__ import annotations

import logging
import time

from tasks import registry

log = logging.getLogger("sweepfleet.warmup")


def warm_up() -> float:
    """Runs each strategy's own `warm_up`, where it has one; seconds it took."""
    begun = time.perf_counter()
    for name in registry.names():
        run = getattr(registry.resolve(name), "warm_up", None)
        if run is not None:
            run()
    seconds = time.perf_counter() - begun
    log.info("kernels are ready", extra={"event": "warmed_up", "seconds": round(seconds, 2)})
    return seconds
