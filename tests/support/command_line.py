"""The type of a test's command line: words in; exit code, stdout and stderr out."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
