"""Where it runs: process life, cores, warm-up, limits, heartbeat. No trading and no sweep logic."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """`celery -A workers …` looks for an attribute of this name; nothing is imported before it is asked
    for.
    """
    if name in ("celery", "app"):
        from workers.app import app

        return app
    raise AttributeError(name)
