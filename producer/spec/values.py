"""One parameter of sweep.yaml against its declaration: from 5, [5, 10] or {min: 5, max: 20} to its values.

Ranges are exact: their decimals are added as decimals, so 0.1 to 0.5 by 0.1 holds 0.3. How many values
one has is known before any is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Any, Final

from producer.spec import nodes
from producer.spec.model import Fixed, Range, Values
from producer.spec.nodes import Node, Place
from producer.spec.report import Problems
from tasks.grid.combinations import canonical
from tasks.grid.parameters import WORDS, Parameter, Value, ValueRefused, coerce, shown

MOST_ROUNDED: Final = 10**6
COUNTLESS: Final = 10**30  # no sweep has as many; larger numbers are not told apart
EXACT: Final = Context(prec=40)  # any two written decimals are added without rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """The values of one parameter, made when asked for."""

    name: str
    size: int
    make: Callable[[], Iterable[Value]]
    place: Place

    def values(self) -> tuple[Value, ...]:
        return tuple(self.make())


def choice(parameter: Parameter, spec: Any, node: Node, problems: Problems) -> Choice | None:
    """What `spec`, found at `node`, means for `parameter`; None, and a problem, where it does not fit."""
    match spec:
        case Range():
            return _range(parameter, spec, node, problems)
        case Values():
            return _listed(parameter, spec.values, _inside(node, "values"), problems)
        case Fixed():
            return _listed(parameter, [spec.value], _inside(node, "value"), problems, is_one=True)
        case list():
            is_list = parameter.type == "list" and not parameter.one
            if is_list and not all(isinstance(v, list) or v is None for v in spec):
                message = (
                    f"{parameter.name} is a list itself; {shown(spec)} would be {len(spec)} values of it"
                )
                problems.error(node.place, message, f"write [{shown(spec)}]")
                return None
            return _listed(parameter, spec, node, problems)
    return _listed(parameter, [spec], node, problems, is_one=True)


def _inside(node: Node, key: str) -> Node:
    return nodes.at(node, (key,)) or node


def _listed(
    parameter: Parameter, written: list[Any], node: Node, problems: Problems, *, is_one: bool = False
) -> Choice | None:
    fitted: dict[str, Value] = {}
    refused = False
    for i, value in enumerate(written):
        place = node.place if is_one else (nodes.at(node, (i,)) or node).place
        try:
            meant = coerce(parameter, value)
        except ValueRefused as e:
            problems.error(place, e.message, e.hint)
            refused = True
            continue
        key = canonical(meant)
        if key in fitted:
            problems.warning(place, f"{parameter.name} {shown(meant)} is given twice; it counts once")
        fitted.setdefault(key, meant)
    if refused:
        return None
    values = tuple(fitted.values())
    return Choice(name=parameter.name, size=len(values), make=lambda: values, place=node.place)


def _range(parameter: Parameter, spec: Range, node: Node, problems: Problems) -> Choice | None:
    if parameter.type not in ("int", "float"):
        message = f"{parameter.name} is {WORDS[parameter.type]}; a range is for numbers"
        hint = (
            "a map as one value is written {value: {…}}"
            if parameter.type == "map"
            else "list its values: [a, b]"
        )
        problems.error(node.place, message, hint)
        return None
    before = problems.errors
    for key in ("min", "max"):
        try:
            coerce(parameter, getattr(spec, key))
        except ValueRefused as e:
            problems.error(_inside(node, key).place, e.message, e.hint)
    is_whole = parameter.type == "int"
    if is_whole and spec.step is not None and spec.step != int(spec.step):
        problems.error(_inside(node, "step").place, f"step is a whole number here, was {spec.step}")
    if not is_whole and spec.step is None and spec.num is None and spec.min != spec.max:
        hint = f"for example {{min: {spec.min}, max: {spec.max}, num: 5}}"
        problems.error(node.place, f"a range of {parameter.name} needs step or num", hint)
    if problems.errors > before:
        return None
    return _whole(parameter, spec, node.place) if is_whole else _fractions(parameter, spec, node.place)


def _fractions(parameter: Parameter, spec: Range, place: Place) -> Choice:
    size, number = _numbers(spec)

    def made() -> Iterator[float]:
        return (float(number(i)) + 0.0 for i in range(size))  # plus 0.0, so that there is no -0.0

    return Choice(name=parameter.name, size=size, make=made, place=place)


def _whole(parameter: Parameter, spec: Range, place: Place) -> Choice:
    if spec.num is None:
        numbers = range(int(spec.min), int(spec.max) + 1, int(spec.step or 1))
        return Choice(name=parameter.name, size=len(numbers), make=lambda: numbers, place=place)
    if spec.num > MOST_ROUNDED:  # more than a sweep may have
        return Choice(name=parameter.name, size=spec.num, make=tuple, place=place)
    size, number = _numbers(spec)
    rounded = dict.fromkeys(int(number(i).to_integral_value()) for i in range(size))  # some may be equal
    return Choice(name=parameter.name, size=len(rounded), make=lambda: rounded, place=place)


def _numbers(spec: Range) -> tuple[int, Callable[[int], Decimal]]:
    """How many numbers a range has, and the one at each place. Exact wherever decimals are."""
    low, high = Decimal(repr(spec.min)), Decimal(repr(spec.max))
    if spec.num is None:
        step = Decimal(repr(1 if spec.step is None else spec.step))
        steps = min(EXACT.divide(EXACT.subtract(high, low), step), Decimal(COUNTLESS))
        size = int(steps.to_integral_value(ROUND_FLOOR, EXACT)) + 1
        return size, lambda i: EXACT.fma(Decimal(i), step, low)
    gaps = max(spec.num - 1, 1)
    if not spec.log:
        width = EXACT.subtract(high, low)
        return spec.num, lambda i: EXACT.add(
            low, EXACT.divide(EXACT.multiply(width, Decimal(i)), Decimal(gaps))
        )
    ratio = EXACT.ln(EXACT.divide(high, low))

    def growing(i: int) -> Decimal:
        if i in (0, gaps):
            return high if i else low
        return EXACT.multiply(low, EXACT.exp(EXACT.divide(EXACT.multiply(ratio, Decimal(i)), Decimal(gaps))))

    return spec.num, growing


def size_of(choices: Iterable[Choice]) -> int:
    return math.prod(c.size for c in choices)
