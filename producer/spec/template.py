"""The sweep.yaml that `producer init` writes: every parameter of the strategy, its default and what it means.

It is a valid sweep as it stands, once `data.source` is right. What begins with `#` and no blank is a key that
can be switched on by taking the `#` away.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from typing import Final

from producer.spec.nodes import WORDS as YAML_WORDS
from producer.spec.schema import POINTER
from tasks.grid.parameters import REQUIRED, Parameter, Value
from tasks.plugins import registry
from tasks.plugins.references import InFile, parse
from tasks.plugins.registry import Description

PLAIN: Final = re.compile(r"[A-Za-z_./][A-Za-z0-9_./-]*")
COLUMN: Final = 44  # where comments begin
WIDTH: Final = 110
ZONES: Final = {"ticks": "Asia/Dubai", "bars": "America/New_York"}
SIMPLE: Final[dict[str, Value]] = {"int": 1, "float": 1.0, "str": "", "bool": False, "list": [], "map": {}}


def init_text(
    strategy: str | Description,
    *,
    name: str | None = None,
    source: str = "data",
    securities: Sequence[str] = (),
) -> str:
    """The text of a new sweep.yaml; `StrategyNotFound` where there is no such strategy."""
    about = registry.describe(strategy) if isinstance(strategy, str) else strategy
    chosen = "[" + ", ".join(_flow(s) for s in securities) + "]" if securities else "all"
    lines = [
        POINTER,
        "# One sweep: every security times every combination of parameters.",
        "# Check it: producer validate FILE        run it: producer submit FILE",
        "",
        "version: 1",
        f"name: {name or _name(about.name)}",
        "#description: what this sweep is to find out",
        "#tags: [first]",
        *_lines(f"strategy: {about.name}", _sentence(about.doc)),
        "",
        "data:",
        _line(f"  source: {_flow(source)}", "folder, or one file; ${VARIABLE} is replaced"),
        f"  kind: {about.data}",
        _line(f"  securities: {chosen}", "all, a list, or {include: ['A*'], exclude: [ABC]}"),
        _line("  #start: 2025-01-01", "first and last date that count, both included"),
        "  #end: 2025-12-31",
        *_of_kind(about),
        "",
        "# A parameter is one value, values, or a range; all of them are combined:",
        "#   fast: 10        fast: [5, 10, 20]        fast: {min: 5, max: 20, step: 5}",
        *_parameters(about),
        "",
        *_more(about),
    ]
    return "\n".join(lines) + "\n"


def _of_kind(about: Description) -> list[str]:
    own = getattr(about.strategy, "timezone", None)
    comment = "zone of the dates above, and of times that are written without one"
    lines = [_line("  #timeframe: 5m", "bars of another length are refused")] if about.data == "bars" else []
    return [
        *lines,
        *_lines(f"  #timezone: {own or ZONES[about.data]}", comment if about.data == "bars" else ""),
    ]


def _name(strategy: str) -> str:
    """A sweep's name from a strategy's: its own, that of its file, or that of the object in a module."""
    reference = parse(strategy)
    plain = reference.path.stem if isinstance(reference, InFile) else strategy.rpartition(":")[2]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", plain).lower()
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-")[:63] or "sweep"


def _sentence(doc: str) -> str:
    return doc[:1].lower() + doc[1:].rstrip(".") if doc[1:2].islower() else doc.rstrip(".")


def _parameters(about: Description) -> list[str]:
    if not about.parameters:
        return ["parameters: {}"]
    lines = ["parameters:"]
    for parameter in about.parameters:
        lines += _lines(f"  {parameter.name}: {_value(parameter)}", _about(parameter))
    return lines


def _value(parameter: Parameter) -> str:
    value = parameter.default
    if value is REQUIRED:
        least = parameter.min if parameter.min is not None else SIMPLE[parameter.type]
        value = parameter.choices[0] if parameter.choices else least
        value = int(value) if parameter.type == "int" else value
    if isinstance(value, list):
        return f"[{_flow(value)}]"
    return f"{{value: {_flow(value)}}}" if isinstance(value, dict) else _flow(value)


def _about(parameter: Parameter) -> str:
    words = [parameter.doc] if parameter.doc else []
    if parameter.is_required:
        words.insert(0, "required")
    if len(parameter.choices) > 1:
        words.append("one of " + ", ".join(_flow(c) for c in parameter.choices))
    bounds = [f"from {_short(parameter.min)}"] if parameter.min is not None else []
    bounds += [f"to {_short(parameter.max)}"] if parameter.max is not None else []
    if bounds or parameter.unit:
        words.append(" ".join([*bounds, *([parameter.unit] if parameter.unit else [])]))
    return "; ".join(words)


def _more(about: Description) -> list[str]:
    numbers = [p for p in about.parameters if p.type in ("int", "float")]
    words = [p for p in about.parameters if len(p.choices) > 1]
    lines = []
    for first in (numbers or list(about.parameters))[:1]:
        example = f"#  NAME: {{{first.name}: {_value(first)}}}"
        lines += ["#per_security:", _line(example, "wins over parameters")]
    for first in words[:1]:
        rule = f"#  - {first.name} == '{first.choices[0]}'"
        lines += ["#constraints:", _line(rule, "where one is false, nothing is run")]
    goal = f"#metric: {{name: {about.metric}, goal: {about.goal}}}"
    limits = "#execution: {timeout: 10m, max_failures: 5%}"
    tables = ", ".join(["summary", *(t for t in about.traces if t == "trades")])
    more = [t for t in about.traces if t != "trades"]
    return [
        *lines,
        *_lines(goal, "what ranks results: " + ", ".join(about.metrics)),
        _line(limits, "limit of one chunk; when to stop a failing sweep"),
        "output:",
        "  dir: results/{name}/{id}",
        _line(f"  keep: [{tables}]", f"tables to write{'; also ' + ', '.join(more) if more else ''}"),
    ]


def _line(text: str, comment: str) -> str:
    return f"{text.ljust(COLUMN)} # {comment}" if comment else text


def _lines(text: str, comment: str) -> list[str]:
    """With the comment above, where both together are too long for one line."""
    line = _line(text, comment)
    if len(line) <= WIDTH:
        return [line]
    start = " " * (len(text) - len(text.lstrip())) + "# "
    return [*textwrap.wrap(comment, WIDTH, initial_indent=start, subsequent_indent=start), text]


def _flow(value: Value) -> str:
    if isinstance(value, str) and PLAIN.fullmatch(value) and value not in YAML_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _short(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:,}"
