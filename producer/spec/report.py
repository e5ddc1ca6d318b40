"""What is wrong with a sweep.yaml, all of it at once: the line, a caret under the place, and a hint.

Looks like a compiler's messages, so that editors and terminals make FILE:LINE:COLUMN a link.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from producer.spec.nodes import Place, Source
from tasks.errors import SpecInvalid

WIDEST: Final = 120  # characters of a line that are shown around the caret
ELLIPSIS: Final = "…"

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    place: Place
    message: str
    hint: str | None = None
    severity: Severity = "error"

    def formatted(self) -> str:
        source, line, column = self.place.source, self.place.line, self.place.column
        if not source.is_file:
            return f"{source.label}: {self.severity}: {self.message}" + (
                f"\n  hint: {self.hint}" if self.hint else ""
            )
        lines = source.lines
        shown, caret = _window(lines[line - 1] if line <= len(lines) else "", column)
        return "\n".join(
            (
                f"{source.label}:{line}:{column}: {self.severity}: {self.message}",
                f"{line:5d} | {shown}".rstrip(),
                f"      | {caret}^" + (f" {self.hint}" if self.hint else ""),
            )
        )


@dataclass(slots=True)
class Problems:
    """Collects problems; nothing is raised before all are in."""

    source: Source
    found: list[Problem] = field(default_factory=list)

    def error(self, place: Place, message: str, hint: str | None = None) -> None:
        self._add(Problem(place=place, message=message, hint=hint))

    def warning(self, place: Place, message: str, hint: str | None = None) -> None:
        self._add(Problem(place=place, message=message, hint=hint, severity="warning"))

    @property
    def errors(self) -> int:
        return sum(p.severity == "error" for p in self.found)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(p.formatted() for p in self._sorted() if p.severity == "warning")

    def refuse(self) -> None:
        """Raises `SpecInvalid` with the whole report if there is an error."""
        if not self.errors:
            return
        message = f"{_counted(self.errors, 'error')} in {self.source.label}"
        count = len(self.found) - self.errors
        summary = f"{message}, {_counted(count, 'warning')}" if count else message
        raise SpecInvalid(message, report="\n".join([*(p.formatted() for p in self._sorted()), summary]))

    def _add(self, problem: Problem) -> None:
        if problem not in self.found:
            self.found.append(problem)

    def _sorted(self) -> list[Problem]:
        """By position: the sweep's own file first, then other files and flags as they came."""
        order = list(dict.fromkeys([self.source, *(p.place.source for p in self.found)]))
        return sorted(self.found, key=lambda p: (order.index(p.place.source), p.place.line, p.place.column))


def _window(line: str, column: int) -> tuple[str, str]:
    """The part of a long line around the caret, and what goes before the caret."""
    first = max(0, column - WIDEST // 2) if len(line) > WIDEST else 0
    shown = line[first : first + WIDEST]
    if first:
        shown = ELLIPSIS + shown[1:]
    if first + WIDEST < len(line):
        shown = shown[:-1] + ELLIPSIS
    before = shown[: column - 1 - first].ljust(column - 1 - first)
    return shown, "".join("\t" if c == "\t" else " " for c in before)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
