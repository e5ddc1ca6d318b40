"""Tables of plain text: one line a row, never wrapped; columns that do not fit are dropped from the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.cells import cell_len

GAP: Final = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column, its cells as they are to be read."""

    title: str
    cells: Sequence[str]
    align: Literal["left", "right"] = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    lines: tuple[str, ...]
    dropped: tuple[str, ...]
    """Titles of the columns that did not fit."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def draw(columns: Sequence[Column], width: int | None) -> Drawn:
    """The table in at most `width` columns of the terminal; the first column is always there."""
    widths = [max(cell_len(text) for text in (c.title, *c.cells)) for c in columns]
    fitting = _fitting(widths, width)
    shown = [(c, w) for c, w in zip(columns[:fitting], widths, strict=False)]
    lines = [_line([_padded(c.title, w, c) for c, w in shown])]
    lines += [_line([_padded(c.cells[i], w, c) for c, w in shown]) for i in range(len(columns[0].cells))]
    return Drawn(lines=tuple(lines), dropped=tuple(c.title for c in columns[fitting:]))


def _fitting(widths: Sequence[int], width: int | None) -> int:
    if width is None:
        return len(widths)
    taken = 0
    for i, wanted in enumerate(widths):
        taken += wanted + (len(GAP) if i else 0)
        if taken > width and i:
            return i
    return len(widths)


def _padded(text: str, width: int, column: Column) -> str:
    blank = " " * (width - cell_len(text))
    return blank + text if column.align == "right" else text + blank


def _line(cells: Sequence[str]) -> str:
    return GAP.join(cells).rstrip()
