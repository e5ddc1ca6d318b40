"""The two streams: stdout carries the answer and nothing else, stderr all that is said about it.

Every line that a person or a program reads leaves through here, so that no password does.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

from producer.view.words import one_line
from tasks.errors import SweepError

# Up to the last `@` of a word: a password that was not escaped may hold `:`, `/` and `@` itself.
URL_PASSWORD: Final = re.compile(r"(\w+://[^\s:/@]*:)[^\s]+@")
QUERY_PASSWORD: Final = re.compile(
    r"([?&](?:password|passwd|secret|token|access_key|secret_key)=)[^\s&#]+", re.I
)


def mask(text: str) -> str:
    """The text with every password in a URL replaced by `***`."""
    if "://" not in text:
        return text
    return QUERY_PASSWORD.sub(r"\1***", URL_PASSWORD.sub(r"\1***@", text))


class Output:
    """What a command says, and where it goes."""

    def __init__(self, *, json: bool = False, quiet: bool = False, colour: bool = True) -> None:
        self.json = json
        self.quiet = quiet
        self.colour = colour and "NO_COLOR" not in os.environ

    def answer(self, text: str) -> None:
        """A line or more of the answer, on stdout."""
        sys.stdout.write(mask(text) + "\n")
        sys.stdout.flush()

    def document(self, schema: str, body: Mapping[str, Any]) -> None:
        """The answer as one line of JSON, with its schema first."""
        self.answer(as_json({"schema": f"producer.{schema}/1", **body}))

    def say(self, text: str) -> None:
        """Something about the answer: progress, a hint, the next command. Not with --quiet."""
        if not self.quiet:
            self._err(text)

    def warn(self, text: str) -> None:
        self._err(f"{self._coloured('warning:', 33)} {text}")

    def problem(self, message: str, hint: str | None = None) -> None:
        """What went wrong in one line, what to do about it in another; with --quiet too."""
        self._err(f"{self._coloured('error:', 31)} {one_line(message)}")
        if hint:
            self._err(f"{self._coloured('hint:', 36)} {one_line(hint)}")

    def error(self, error: SweepError) -> None:
        """An error of ours; the report on a sweep.yaml is printed whole."""
        if report := getattr(error, "report", ""):
            self.text(report)
        else:
            self.problem(error.message, error.hint)

    def text(self, text: str) -> None:
        """A ready-made text, such as the report on a sweep.yaml or a traceback; with --quiet too."""
        self._err(text.rstrip("\n"))

    def _coloured(self, text: str, code: int) -> str:
        return f"\x1b[{code};1m{text}\x1b[0m" if self.colour and is_terminal(sys.stderr) else text

    def _err(self, text: str) -> None:
        sys.stderr.write(mask(text) + "\n")
        sys.stderr.flush()


def is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def table_width() -> int | None:
    """Columns that a table on stdout may take; None where no terminal limits it."""
    if not is_terminal(sys.stdout) and "COLUMNS" not in os.environ:
        return None
    return shutil.get_terminal_size().columns


def as_json(value: Any) -> str:
    return json.dumps(
        _without_nan(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=str
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(v) for v in value]
    return value
