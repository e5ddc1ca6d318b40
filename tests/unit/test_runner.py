"""A strategy's code on a block: one row per combination comes out, whatever the code does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tasks.grid.combinations import Block, Space
from tasks.grid.parameters import declared
from tasks.plugins.registry import Description
from tasks.runner import (
    MESSAGE_BYTES,
    TRACEBACK_BYTES,
    Failure,
    all_empty,
    all_failed,
    evaluate,
    summary_schema,
    trace_schema,
)
from tests.support.tiny_strategy import Tiny

DATA = {"price": np.ones(7)}
Columns = Mapping[str, Any]


@dataclass(frozen=True)
class Params:
    x: int = 1
    cap: float | None = None


class Doubling:
    """`y` is twice x; a test puts its own code in place of `evaluate` or `trace`."""

    name = "doubling"
    data = "ticks"
    params = Params
    metrics = ("y", "n")

    def evaluate(self, data: Columns, combinations: Columns) -> Columns:
        return {"y": combinations["x"] * 2.0, "n": combinations["x"]}

    def trace(self, data: Columns, combination: Columns) -> Mapping[str, Columns]:
        return {"trades": {"x": [combination["x"]], "cap": [combination["cap"]]}}


def about(strategy: Any) -> Description:
    return Description(
        name=strategy.name,
        strategy=strategy,
        data="ticks",
        parameters=declared(strategy.params),
        metrics=strategy.metrics,
        metric=strategy.metrics[0],
        goal="maximize",
        whole_numbers=("n",),
        groups=(),
        traces={"trades": {"x": "int64", "cap": "float64"}},
    )


def a_block(*values: int, **more: Any) -> Block:
    axes = [("x", values), *((name, tuple(found)) for name, found in more.items())]
    return Space(axes=tuple(axes)).block(0, 1000)


def with_code(evaluate: Callable[[Columns, Columns], Columns]) -> Description:
    strategy: Any = Doubling()
    strategy.evaluate = evaluate
    return about(strategy)


def summary(result: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = result.tables["summary"].to_pydict()
    return found


def test_each_combination_has_a_row_with_its_metrics_in_their_types() -> None:
    block = a_block(3, 1, 2)

    result = evaluate(about(Doubling()), DATA, block, ())

    assert result.tables["summary"].schema == summary_schema(about(Doubling()))
    assert summary(result) == {
        "combination": block.ids(),
        "status": ["ok"] * 3,
        "y": [6.0, 2.0, 4.0],
        "n": [3, 1, 2],
    }
    assert (result.ok, result.failed, result.empty) == (3, 0, 0)
    assert len(result.tables["failures"]) == 0


def test_the_strategy_is_given_every_parameter_whether_swept_or_not() -> None:
    given: dict[str, Any] = {}

    def look(data: Columns, combinations: Columns) -> Columns:
        given.update(combinations)
        return Doubling().evaluate(data, combinations)

    evaluate(with_code(look), DATA, a_block(1, 2), ())

    assert list(given) == ["x", "cap"]
    assert np.isnan(given["cap"]).all()
    assert all(not column.flags.writeable for column in given.values())


def test_a_block_that_fails_is_tried_one_by_one_so_that_only_the_guilty_fail() -> None:
    def picky(data: Columns, combinations: Columns) -> Columns:
        if (combinations["x"] == 2).any():
            raise ValueError("two will not do")
        return Doubling().evaluate(data, combinations)

    block = a_block(1, 2, 3)

    result = evaluate(with_code(picky), DATA, block, ())

    assert summary(result)["status"] == ["ok", "failed", "ok"]
    assert summary(result)["y"] == [2.0, None, 6.0]
    assert summary(result)["n"] == [1, None, 3]
    (failure,) = result.tables["failures"].to_pylist()
    assert (failure["combination"], failure["error"], failure["message"]) == (
        block.ids()[1],
        "ValueError",
        "two will not do",
    )
    assert "picky" in failure["traceback"]
    assert (result.ok, result.failed) == (2, 1)


@pytest.mark.parametrize("error", [MemoryError, RecursionError, KeyError, AssertionError, StopIteration])
def test_whatever_the_code_raises_is_a_failure(error: type[Exception]) -> None:
    def raising(data: Columns, combinations: Columns) -> Columns:
        raise error

    result = evaluate(with_code(raising), DATA, a_block(1, 2), ())

    assert result.failed == 2
    assert result.tables["failures"]["error"].to_pylist() == [error.__name__] * 2


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"y": np.ones(2)}, "no column 'n'; it returned ['y']"),
        ({"y": np.ones(3), "n": np.ones(2)}, "values of 'y' for"),
        ({"y": 1.0, "n": np.ones(2)}, "values of 'y' for"),
        (None, "NoneType"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_a_failure_that_says_what_it_was(found: Any, message: str) -> None:
    result = evaluate(with_code(lambda *_: found), DATA, a_block(1, 2), ())

    assert result.failed == 2
    assert message in result.tables["failures"]["message"][0].as_py()


def test_words_where_numbers_were_promised_are_a_failure() -> None:
    wordy = with_code(lambda _, given: {"y": given["x"].astype(str), "n": np.full(len(given["x"]), "many")})

    result = evaluate(wordy, DATA, a_block(1, 2), ())

    assert result.failed == 2
    assert "'many'" in result.tables["failures"]["message"][0].as_py()


def test_nan_and_infinity_are_results() -> None:
    def odd(data: Columns, combinations: Columns) -> Columns:
        return {"y": np.array([np.nan, np.inf]), "n": np.zeros(2)}

    result = evaluate(with_code(odd), DATA, a_block(1, 2), ())

    assert result.ok == 2
    assert result.tables["summary"]["y"].null_count == 0


def test_a_whole_number_that_is_none_is_a_failure_and_not_a_made_up_number() -> None:
    def odd(data: Columns, combinations: Columns) -> Columns:
        return {"y": combinations["x"], "n": np.where(combinations["x"] == 2, np.nan, 1.0)}

    result = evaluate(with_code(odd), DATA, a_block(1, 2), ())

    assert summary(result)["n"] == [1, None]
    assert "'n'" in result.tables["failures"]["message"][0].as_py()


class TimeIsUp(Exception):
    """What ends a chunk from outside."""


@pytest.mark.parametrize("at", ["block", "single", "trace"])
def test_what_ends_a_chunk_from_outside_is_no_failure_of_a_combination(at: str) -> None:
    strategy: Any = Doubling()

    def code(data: Columns, combinations: Columns) -> Columns:
        whole_block = len(combinations["x"]) == 2
        if (at == "block" and whole_block) or (at == "single" and not whole_block):
            raise TimeIsUp
        if at == "single":
            raise ValueError
        return Doubling().evaluate(data, combinations)

    def trace(*_: Any) -> Any:
        raise TimeIsUp

    strategy.evaluate, strategy.trace = code, trace
    keep = ("trades",) if at == "trace" else ()

    with pytest.raises(TimeIsUp):
        evaluate(about(strategy), DATA, a_block(1, 2), keep, fatal=(TimeIsUp,))


def test_a_trace_has_the_combination_before_its_own_columns() -> None:
    block = a_block(1, 2, cap=(None, 0.5))

    result = evaluate(about(Doubling()), DATA, block, ("trades",))

    trades = result.tables["trades"]
    assert trades.schema == trace_schema(about(Doubling()), "trades")
    assert trades["combination"].to_pylist() == block.ids()
    assert trades["x"].to_pylist() == [1, 1, 2, 2]
    assert trades["cap"].to_pylist() == [None, 0.5, None, 0.5]


def test_a_combination_whose_trace_fails_is_a_failure_everywhere() -> None:
    strategy: Any = Doubling()
    strategy.trace = lambda data, combination: (
        {"trades": {"x": [1], "cap": [None]}} if combination["x"] == 1 else {"trades": {}}
    )
    block = a_block(1, 2)

    result = evaluate(about(strategy), DATA, block, ("trades",))

    assert summary(result)["status"] == ["ok", "failed"]
    assert summary(result)["y"] == [2.0, None]
    assert result.tables["trades"]["combination"].to_pylist() == block.ids()[:1]


def test_no_trace_at_all_is_a_table_without_rows() -> None:
    result = evaluate(with_code(lambda *_: {}), DATA, a_block(1), ("trades",))

    assert len(result.tables["trades"]) == 0
    assert result.tables["trades"].schema == trace_schema(about(Doubling()), "trades")


def test_an_empty_security_has_a_row_for_each_combination_and_no_failure() -> None:
    block = a_block(1, 2)

    result = all_empty(block)

    assert summary(result) == {"combination": block.ids(), "status": ["empty"] * 2}
    assert (result.ok, result.failed, result.empty) == (0, 0, 2)
    assert len(result.tables["failures"]) == 0


def test_a_chunk_that_cannot_run_has_one_failure_for_all() -> None:
    result = all_failed(a_block(1, 2), Failure.of(OSError("gone")))

    assert summary(result)["status"] == ["failed"] * 2
    assert result.tables["failures"]["combination"].to_pylist() == [None]
    assert (result.ok, result.failed, result.empty) == (0, 2, 0)


class Unspeakable(Exception):
    """An error whose text is an error too."""

    def __str__(self) -> str:
        raise KeyError("text")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("half a character: \ud800"), "half a character: \\ud800"),
        (Unspeakable(), "its message cannot be read: KeyError"),
        (ValueError(), ""),
    ],
)
def test_whatever_an_error_says_can_be_kept(error: Exception, message: str) -> None:
    result = all_failed(a_block(1), Failure.of(error))

    (failure,) = result.tables["failures"].to_pylist()
    assert (failure["error"], failure["message"]) == (type(error).__name__, message)


def test_the_strategy_of_the_tests_keeps_its_word() -> None:
    result = evaluate(
        Description(
            name="tiny",
            strategy=Tiny(),
            data="ticks",
            parameters=declared(Tiny.params),
            metrics=Tiny.metrics,
            metric="y",
            goal="maximize",
            whole_numbers=Tiny.whole_numbers,
            groups=(),
            traces=Tiny.traces,
        ),
        DATA,
        a_block(1, 2, way=("count", "raise")),
        ("trades",),
    )

    assert summary(result)["y"] == [7.0, None, 14.0, None]


def falls(depth: int, message: str) -> None:
    if depth == 0:
        raise ValueError(message)
    falls(depth - 1, message)


def rises(depth: int, message: str) -> None:
    if depth % 2:  # two lines in turn: Python leaves none of them out
        rises(depth - 1, message)
    rises(depth - 1, message) if depth else falls(0, message)


def caught(fails: Callable[[int, str], None], depth: int, message: str) -> Failure:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - its message is what is asked about
        fails(depth, message)
    return Failure.of(error.value, "0" * 16)


def test_failures_keep_the_error_in_short_and_the_end_of_a_long_traceback() -> None:
    failure = caught(rises, 200, "é" * 20_000_000)

    assert len(failure.message.encode()) == MESSAGE_BYTES
    assert len(failure.traceback) == TRACEBACK_BYTES
    assert failure.traceback.count("rises") > 10  # a long message leaves room for the lines


def test_a_traceback_does_not_say_how_deep_its_caller_was() -> None:
    first, second = (caught(falls, depth, "deep") for depth in (100, 101))

    assert first == second


@pytest.mark.parametrize("leaves", [SystemExit(3), RecursionError(), GeneratorExit(), MemoryError()])
def test_whatever_a_strategy_raises_is_a_failed_backtest(leaves: BaseException) -> None:
    def evaluate_(data: Columns, combinations: Columns) -> Columns:
        if (combinations["x"] == 2).any():
            raise leaves
        return {"y": combinations["x"] * 2.0, "n": combinations["x"]}

    result = evaluate(with_code(evaluate_), DATA, a_block(1, 2, 3), ())

    assert summary(result)["status"] == ["ok", "failed", "ok"]
    assert result.tables["failures"]["error"].to_pylist() == [type(leaves).__name__]


def test_ctrl_c_at_a_terminal_is_no_result() -> None:
    def evaluate_(data: Columns, combinations: Columns) -> Columns:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(with_code(evaluate_), DATA, a_block(1), ())


def test_a_combination_with_nothing_to_evaluate_is_empty_and_no_failure() -> None:
    def evaluate_(data: Columns, combinations: Columns) -> Columns:
        x = combinations["x"]
        return {"y": x * 2.0, "n": np.where(x == 2, np.nan, x), "empty": x == 2}

    result = evaluate(with_code(evaluate_), DATA, a_block(1, 2, 3), ["trades"])

    assert result.tables["summary"]["status"].to_pylist() == ["ok", "empty", "ok"]
    assert result.tables["summary"]["y"].to_pylist() == [2.0, None, 6.0]
    assert result.tables["summary"]["n"].to_pylist() == [1, None, 3]
    assert result.tables["trades"]["x"].to_pylist() == [1, 3]
    assert (result.ok, result.failed, result.empty) == (2, 0, 1)


def test_a_metric_may_be_called_empty() -> None:
    strategy: Any = Doubling()
    strategy.metrics = ("n", "empty")
    strategy.evaluate = lambda data, combinations: {"n": combinations["x"], "empty": combinations["x"] * 0.5}

    result = evaluate(about(strategy), DATA, a_block(1, 2), [])

    assert result.tables["summary"]["empty"].to_pylist() == [0.5, 1.0]
    assert (result.ok, result.empty) == (2, 0)


def test_a_seeded_strategy_gets_the_same_numbers_in_whatever_chunk_a_combination_is() -> None:
    strategy: Any = Doubling()
    strategy.seeded = True
    strategy.metrics = ("y", "n")
    strategy.evaluate = lambda data, combinations: {"y": combinations["x"], "n": combinations["seed"]}

    whole = evaluate(about(strategy), DATA, a_block(1, 2, 3), [], seed=7).tables["summary"]["n"].to_pylist()
    alone = evaluate(about(strategy), DATA, a_block(2), [], seed=7).tables["summary"]["n"].to_pylist()
    other = evaluate(about(strategy), DATA, a_block(2), [], seed=8).tables["summary"]["n"].to_pylist()

    assert whole[1] == alone[0] != other[0]
    assert len(set(whole)) == 3
    assert min(whole) >= 0
