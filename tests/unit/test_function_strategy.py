"""A plain function as a strategy: what becomes a parameter, what a metric, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from tasks.errors import StrategyError
from tasks.grid.combinations import Space
from tasks.plugins import registry
from tasks.runner import evaluate
from tasks.testing import bars, check_strategy, ticks

Result = dict[str, float]


def crossing(
    data: Mapping[str, Any],
    fast: int = 10,
    slow: Annotated[int, {"min": 2, "doc": "bars"}] = 30,
    *,
    cap: float | None = None,
    side: Literal["long", "short"] = "long",
    days: list = [0, 4],  # type: ignore[type-arg]  # noqa: B006  # as a beginner writes it
) -> Result:
    """Counts bars; returns what it was given.

    More words.
    """
    return {"bars": len(data["close"]), "spread": slow - fast, "capped": 0.0 if cap is None else cap}


def test_parameters_come_from_the_signature() -> None:
    about = registry.of_object(crossing)

    assert [(p.name, p.type, p.nullable, p.default) for p in about.parameters] == [
        ("fast", "int", False, 10),
        ("slow", "int", False, 30),
        ("cap", "float", True, None),
        ("side", "str", False, "long"),
        ("days", "list", False, [0, 4]),
    ]
    assert (about.parameters[1].min, about.parameters[1].doc) == (2, "bars")
    assert about.parameters[3].choices == ("long", "short")
    assert (about.name, about.data, about.doc) == (
        "crossing",
        "bars",
        "Counts bars; returns what it was given.",
    )


def test_metrics_are_what_it_returned_for_invented_data() -> None:
    about = registry.of_object(crossing)

    assert about.metrics == ("bars", "spread", "capped")
    assert check_strategy(crossing) != []  # a note: its past cannot be seen


def test_each_combination_is_a_call_with_plain_values() -> None:
    seen: list[dict[str, Any]] = []

    def spy(data: Any, n: int = 1, cap: float | None = None, flag: bool = False) -> Result:
        seen.append({"n": n, "cap": cap, "flag": flag})
        return {"y": n * 2.0}

    about = registry.of_object(spy)
    seen.clear()
    block = Space(axes=(("n", (1, 2)), ("cap", (None, 1.5)))).block(0, 10)
    found = evaluate(about, bars(5), block, ())

    assert found.tables["summary"]["y"].to_pylist() == [2.0, 2.0, 4.0, 4.0]
    assert seen[:2] == [{"n": 1, "cap": None, "flag": False}, {"n": 1, "cap": 1.5, "flag": False}]
    assert [type(v) for v in seen[1].values()] == [int, float, bool]


def test_only_the_guilty_combination_fails() -> None:
    def picky(data: Any, n: int = 1) -> Result:
        return {"y": 1 / (n - 2)}

    found = evaluate(registry.of_object(picky), bars(5), Space(axes=(("n", (1, 2, 3)),)).block(0, 10), ())

    assert found.tables["summary"]["status"].to_pylist() == ["ok", "failed", "ok"]
    assert found.tables["failures"]["error"].to_pylist() == ["ZeroDivisionError"]


def on_ticks(ticks: Mapping[str, Any], n: int = 1) -> Result:
    return {"last": float(ticks["price"][-1])}


def annotated_ticks(data: Ticks, n: int = 1) -> Result:  # type: ignore[name-defined]  # noqa: F821
    return {"last": float(data["price"][-1])}


def told_ticks(data: Any, n: int = 1) -> Result:
    return {"last": float(data["price"][-1])}


told_ticks.data = "ticks"  # type: ignore[attr-defined]


@pytest.mark.parametrize("function", [on_ticks, annotated_ticks, told_ticks])
def test_ticks_are_asked_for_by_name_type_or_attribute(function: Callable[..., Result]) -> None:
    about = registry.of_object(function)

    assert about.data == "ticks"
    check_strategy(function, data=ticks(60))


def test_attributes_of_the_function_are_the_strategys() -> None:
    def drawn(data: Any, n: int = 1, seed: int = 0) -> Result:
        return {"trades": n, "pnl": float(np.random.default_rng(seed).normal()), "more": 1.0}

    drawn.seeded = True  # type: ignore[attr-defined]
    drawn.metrics = ("trades", "pnl")  # type: ignore[attr-defined]
    drawn.whole_numbers = ("trades",)  # type: ignore[attr-defined]
    drawn.metric, drawn.goal = "pnl", "minimize"  # type: ignore[attr-defined]
    about = registry.of_object(drawn)
    block = Space(axes=(("n", (1, 2)),)).block(0, 2)
    one, other = (evaluate(about, bars(5), block, (), seed=s).tables["summary"]["pnl"] for s in (1, 2))

    assert [p.name for p in about.parameters] == ["n"]
    assert (about.metrics, about.metric, about.goal) == (("trades", "pnl"), "pnl", "minimize")
    assert one != other
    assert one == evaluate(about, bars(5), block, (), seed=1).tables["summary"]["pnl"]


def starred(data: Any, *rest: int) -> Result:
    return {"y": 1.0}


def double_starred(data: Any, **rest: int) -> Result:
    return {"y": 1.0}


def without_data() -> Result:
    return {"y": 1.0}


def untyped(data, n):  # type: ignore[no-untyped-def]
    return {"y": 1.0}


def none_by_default(data, n=None):  # type: ignore[no-untyped-def]
    return {"y": 1.0}


def positional(data: Any, n: int = 1, /) -> Result:
    return {"y": 1.0}


def listing(data: Any) -> Any:
    return [1.0]


def wording(data: Any) -> Any:
    return {"y": "high"}


def empty(data: Any) -> Any:
    return {}


def failing(data: Any) -> Any:
    return {"y": data["clsoe"][0]}


def of_a_set(data: Any, n: frozenset[int] = frozenset()) -> Result:
    return {"y": 1.0}


@pytest.mark.parametrize(
    ("function", "message", "hint"),
    [
        (
            starred,
            "starred takes *rest, which names no parameter that a sweep could vary",
            "write def starred(da",
        ),
        (
            double_starred,
            "double_starred takes **rest, which names no parameter",
            "write def double_starred(",
        ),
        (without_data, "without_data takes no data", "write def without_data(data, fast: int = 10"),
        (
            untyped,
            "parameter 'n' of untyped has neither a type nor a default that tells it",
            "write n: int = 10",
        ),
        (
            none_by_default,
            "parameter 'n' of none_by_default has neither a type",
            "write n: int = 10, or anoth",
        ),
        (positional, "positional takes n by position only", "take the / out"),
        (listing, "listing returned list; wanted metrics: {'trades': 3, …}", None),
        (
            wording,
            "wording returned 'high' for 'y'; a metric is a number, float('nan') where there is none",
            None,
        ),
        (
            empty,
            "empty returned no metrics for 300 invented bars",
            "mend it, or name what it returns: empty.",
        ),
        (
            failing,
            "failing fails on 300 invented bars: KeyError: 'clsoe'",
            "mend it, or name what it returns",
        ),
        (of_a_set, "of_a_set.n is declared as frozenset[int]", "use int, float, str"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_a_function_that_cannot_be_a_strategy_says_why(
    function: Callable[..., Any], message: str, hint: str | None
) -> None:
    with pytest.raises(StrategyError) as refused:
        registry.of_object(function)

    assert refused.value.message.startswith(message)
    assert (refused.value.hint or "").startswith(hint or "")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({}, "sometimes returned no 'y', as it did before; return float('nan') where there is none"),
        (
            {"y": 1.0, "z": 2.0},
            "sometimes returned 'z', which it did not before; name all that it may return",
        ),
    ],
)
def test_metrics_that_come_and_go_fail_the_backtest(result: Result, message: str) -> None:
    def sometimes(data: Any, n: int = 1) -> Result:
        return {"y": 1.0} if n == 1 else result

    found = evaluate(registry.of_object(sometimes), bars(5), Space(axes=(("n", (1, 2)),)).block(0, 2), ())

    assert found.tables["summary"]["status"].to_pylist() == ["ok", "failed"]
    assert found.tables["failures"]["message"][0].as_py().startswith(message)
