"""Refuses to start behind a foreign `tasks` or `producer`: their names are common, and Celery users have
their own.

Checked before anything else is imported, so that the answer is one clear line and not a traceback.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

OURS = ("tasks", "producer")


def foreign() -> str | None:
    """What stands in front of one of our packages, in a sentence; None where all is well."""
    home = Path(__file__).resolve().parents[1]
    for name in OURS:
        spec = importlib.util.find_spec(name)
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        if found is None or not found.is_relative_to(home / name):
            return f"{found or 'nothing'} stands where sweepfleet's own package '{name}' should be"
    return None
