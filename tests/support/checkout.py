"""Where this checkout lies: nodes, pages and recipes are started from there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
