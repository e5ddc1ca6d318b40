"""Strategies as text and as documents: the list of all, and what one of them takes and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.cells import cell_len

from producer.view import words
from producer.view.table import GAP, Column, draw
from tasks.grid.parameters import Parameter, shown

if TYPE_CHECKING:
    from tasks.plugins.registry import Description

LEAST_TEXT: Final = 20  # characters of the last column that are shown even on a narrow terminal
WHOLE: Final = "whole number"


def table(found: Sequence[Description], width: int | None) -> str:
    """Name, data, origin, what it does; the last column is cut to what is left of the line."""
    columns = [
        Column(title="name", cells=[a.name for a in found]),
        Column(title="data", cells=[a.data for a in found]),
        Column(title="from", cells=[words.plain(a.origin) for a in found]),
    ]
    return _with_text(columns, "what it does", [a.doc for a in found], width)


def screen(about: Description, width: int | None) -> str:
    """All that one strategy declares; what its parameters mean is cut to what is left of the line."""
    head = f"{about.name}: {words.plain(about.doc)}" if about.doc else about.name
    parts = [f"{head}\nruns on {about.data}; {_from(about.origin)}"]
    parts.append(_parameters(about.parameters, width) if about.parameters else "it has no parameters")
    parts.append(_metrics(about))
    parts.append("keeps: " + ", ".join(["summary", *about.traces]) + "  (output.keep)")
    for name, columns in about.traces.items():
        parts.append(f"{name}: " + ", ".join(columns))
    return "\n\n".join(parts[:4]) + "".join(f"\n  {line}" for line in parts[4:])


def document(about: Description) -> dict[str, Any]:
    return {
        "name": about.name,
        "doc": about.doc,
        "data": about.data,
        "origin": about.origin,
        "parameters": [_parameter(p) for p in about.parameters],
        "metrics": [{"name": m, "whole_number": m in about.whole_numbers} for m in about.metrics],
        "metric": {"name": about.metric, "goal": about.goal},
        "groups": list(about.groups),
        "seeded": bool(getattr(about.strategy, "seeded", False)),
        "keeps": {"summary": {}, **{table: dict(columns) for table, columns in about.traces.items()}},
        "fingerprint": about.fingerprint,
    }


def unusable(name: str, message: str) -> str:
    return f"{name} cannot be used: {words.one_line(message)}"


def _from(origin: str) -> str:
    return origin if origin == "built in" else f"from {words.plain(origin)}"


def _parameters(parameters: Sequence[Parameter], width: int | None) -> str:
    columns = [
        Column(title="parameter", cells=[p.name for p in parameters]),
        Column(title="type", cells=[_type(p) for p in parameters]),
        Column(title="default", cells=[_default(p) for p in parameters]),
        Column(title="allowed", cells=[_allowed(p) for p in parameters]),
        Column(title="unit", cells=[p.unit or words.NOTHING for p in parameters]),
    ]
    return _with_text(columns, "meaning", [p.doc for p in parameters], width)


def _with_text(columns: Sequence[Column], title: str, texts: Sequence[str], width: int | None) -> str:
    """The table with a last column of text, cut to what is left of the line."""
    taken = sum(max(cell_len(text) for text in (c.title, *c.cells)) + len(GAP) for c in columns)
    left = None if width is None else max(LEAST_TEXT, width - taken)
    cells = [_cut(words.one_line(words.plain(text)), left) or words.NOTHING for text in texts]
    return draw([*columns, Column(title=title, cells=cells)], None).text


def _metrics(about: Description) -> str:
    """The one that ranks is marked; whole numbers are named."""
    cells = [f"{m} *" if m == about.metric else m for m in about.metrics]
    kinds = [WHOLE if m in about.whole_numbers else "number" for m in about.metrics]
    drawn = draw([Column(title="metric", cells=cells), Column(title="kind", cells=kinds)], None).text
    return f"{drawn}\n* ranks results unless the sweep names another: {about.goal}"


def _type(parameter: Parameter) -> str:
    return f"{parameter.type} or null" if parameter.nullable else parameter.type


def _default(parameter: Parameter) -> str:
    return "required" if parameter.is_required else _written(parameter.default)


def _allowed(parameter: Parameter) -> str:
    if parameter.choices:
        return " ".join(_written(c) for c in parameter.choices)
    low = None if parameter.min is None else _number(parameter.min)
    high = None if parameter.max is None else _number(parameter.max)
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"from {low}"
    return f"up to {high}" if high is not None else words.NOTHING


def _number(number: float) -> str:
    return f"{int(number):,}" if number == int(number) and abs(number) < 1e15 else f"{number:,g}"


def _written(value: Any) -> str:
    return value if isinstance(value, str) and value else shown(value)


def _parameter(parameter: Parameter) -> Mapping[str, Any]:
    return {
        "name": parameter.name,
        "type": parameter.type,
        "nullable": parameter.nullable,
        "required": parameter.is_required,
        "default": None if parameter.is_required else parameter.default,
        "min": parameter.min,
        "max": parameter.max,
        "choices": list(parameter.choices),
        "unit": parameter.unit,
        "doc": parameter.doc,
    }


def _cut(text: str, length: int | None) -> str:
    return text if length is None or len(text) <= length else f"{text[: length - 1]}…"
