"""From the parameters of a sweep to a space of combinations for each security, all with the same columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from producer.spec import nodes
from producer.spec.model import SweepFile
from producer.spec.nodes import Entries, Node
from producer.spec.points import Points
from producer.spec.report import Problems
from producer.spec.values import Choice, choice, size_of
from tasks.grid.combinations import Axis, Space
from tasks.grid.constraints import Constraint
from tasks.grid.parameters import Parameter, Value, nearest

MOST_BACKTESTS: Final = 10**10
COUNTABLE: Final = 2**62  # raw indices are int64
MOST_VALUES: Final = 10**6  # of one parameter: they are kept in memory, and with the plan


@dataclass(slots=True, kw_only=True)
class Layers:
    """Values by parameter: those common to all securities, and per security those that win over them."""

    common: dict[str, Choice] = field(default_factory=dict)
    own: dict[str, dict[str, Choice]] = field(default_factory=dict)
    """By security, named as in the data."""
    points: Points | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every named parameter, in the order of the file: `parameters`, single securities, combinations."""
        named = dict.fromkeys(self.common)
        for choices in self.own.values():
            named |= dict.fromkeys(choices)
        return tuple(named | dict.fromkeys(self.points.names if self.points else ()))

    def of(self, security: str) -> dict[str, Choice]:
        return self.common | self.own.get(security, {})


def common_choices(
    file: SweepFile, root: Node, parameters: Mapping[str, Parameter], strategy: str, problems: Problems
) -> dict[str, Choice]:
    section = nodes.at(root, ("parameters",))
    if isinstance(section, nodes.Entries):  # with names whose values have no right shape
        for name in [n for n in section.values if n not in file.parameters and n not in parameters]:
            _unknown(name, section, parameters, strategy, problems)
    return choices_of(file.parameters, section or root, parameters, strategy, problems)


def choices_of(
    specs: Mapping[str, Any],
    node: Node,
    parameters: Mapping[str, Parameter],
    strategy: str,
    problems: Problems,
) -> dict[str, Choice]:
    """The values of each parameter named in one map of the file."""
    found: dict[str, Choice] = {}
    for name, spec in specs.items():
        if name not in parameters:
            _unknown(name, node, parameters, strategy, problems)
            continue
        made = choice(parameters[name], spec, nodes.at(node, (name,)) or node, problems)
        if made is not None:
            found[name] = made
    return found


def _unknown(
    name: str, node: Node, parameters: Mapping[str, Parameter], strategy: str, problems: Problems
) -> None:
    place = nodes.key_of(node, (name,))
    problems.error(place, f"unknown parameter '{name}' of {strategy}", nearest(name, parameters))


def require(
    root: Node,
    layers: Layers,
    parameters: Mapping[str, Parameter],
    securities: Sequence[str],
    strategy: str,
    problems: Problems,
) -> None:
    """A parameter without default has a value for every backtest. One that does not fit counts as given."""
    written: set[str] = set()
    around = nodes.at(root, ("parameters",))
    if not isinstance(around, Entries):
        return
    for values in (around, *_values(nodes.at(root, ("per_security",)))):
        written |= set(values.values) if isinstance(values, Entries) else set()
    for parameter in parameters.values():
        if not parameter.is_required or parameter.name in around.values:
            continue
        if parameter.name not in written | set(layers.names):
            place = nodes.key_of(root, ("parameters",))
            problems.error(place, _needed(parameter, strategy), parameter.doc or None)
            continue
        without = [s for s in securities if parameter.name not in layers.of(s)]
        points = layers.points
        if points is None and without and layers.own:
            place = nodes.key_of(root, ("per_security",))
            problems.error(place, f"{_needed(parameter, strategy)}, and {without[0]} gives none")
        elif points is not None and without:
            for row, place in zip(points.rows, points.places, strict=True):
                if parameter.name not in row:
                    problems.error(place, f"{_needed(parameter, strategy)}, and this combination gives none")


def _needed(parameter: Parameter, strategy: str) -> str:
    return f"parameter '{parameter.name}' of {strategy} has no default"


def single(layers: Layers, problems: Problems) -> None:
    """Beside explicit combinations there is one value for each other parameter."""
    for choices in (layers.common, *layers.own.values()):
        for made in choices.values():
            if made.size != 1:
                message = f"{made.name} has {made.size:,} values; beside combinations each parameter has one"
                problems.error(made.place, message, "put its values into the combinations")


def fits(
    layers: Layers, securities: Sequence[str], limit: int | None, has_constraints: bool, problems: Problems
) -> bool:
    """Whether the grids are of a size that can be run. Nothing is built to find out."""
    if layers.points is not None:
        return True
    before = problems.errors
    total, largest = 0, layers.common
    for security in securities:
        choices = layers.of(security)
        size = size_of(choices.values())
        total += size if limit is None or size > COUNTABLE else min(size, limit)
        if size > size_of(largest.values()):
            largest = choices
    if total > MOST_BACKTESTS:
        most = max(largest.values(), key=lambda c: c.size)
        number = f"{total:,}" if total < COUNTABLE else f"more than {10**18:,}"
        when = " before constraints" if has_constraints else ""
        message = f"{number} backtests{when}; at most {MOST_BACKTESTS:,} are possible"
        problems.error(most.place, message, f"'{most.name}' has most values: {most.size:,}")
        return False
    for made in {id(c): c for s in securities for c in layers.of(s).values()}.values():
        if made.size > MOST_VALUES:
            message = f"{made.name} has {made.size:,} values; at most {MOST_VALUES:,} are possible"
            problems.error(made.place, message)
    return problems.errors == before


class Builder:
    """Makes the space of each security; those with the same values share one object."""

    def __init__(
        self,
        layers: Layers,
        parameters: Mapping[str, Parameter],
        constraints: Sequence[Constraint],
        problems: Problems,
    ) -> None:
        self.layers, self.parameters, self.problems = layers, parameters, problems
        self.constraints = tuple(c.text for c in constraints)
        mentioned = {n for c in constraints for n in c.names} - set(layers.names)
        self.defaults = tuple((n, parameters[n].default) for n in parameters if n in mentioned)
        self.values: dict[int, tuple[Value, ...]] = {}
        self.spaces: dict[tuple[int, ...], Space] = {}

    def space(self, security: str) -> Space:
        choices = self.layers.of(security)
        key = tuple(id(choices.get(name)) for name in self.layers.names)
        if key not in self.spaces:
            self.spaces[key] = self._made(choices)
        return self.spaces[key]

    def _made(self, choices: Mapping[str, Choice]) -> Space:
        axes = {name: self._values(name, choices.get(name)) for name in self.layers.names}
        points: tuple[Axis, ...] | None = None
        if self.layers.points is not None:
            common = {name: values[0] for name, values in axes.items()}
            points = self.layers.points.columns(common, self.problems)
            axes = {name: values for name, values in axes.items() if name not in self.layers.points.names}
        return Space(
            axes=tuple(axes.items()), points=points, constraints=self.constraints, defaults=self.defaults
        )

    def _values(self, name: str, made: Choice | None) -> tuple[Value, ...]:
        if made is None:
            return (self.parameters[name].default,)
        if id(made) not in self.values:
            self.values[id(made)] = made.values()
        return self.values[id(made)]


def _values(node: Node | None) -> Collection[Node]:
    return tuple(node.values.values()) if isinstance(node, Entries) else ()
