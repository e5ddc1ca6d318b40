"""Reading YAML so that nothing that was written is lost, and every value knows its place."""

from __future__ import annotations

from typing import Any

import pytest

from producer.spec import nodes
from producer.spec.nodes import Entries, Place, Source, Unreadable

TEXT = """\
securities: [ON, NO, 0700, 007, 10:00, 1e3]
parameters:
  fast: {min: 5, max: 20}
  "slow": [1_000, 0.5]
"""


def tree(text: str) -> Entries:
    root = nodes.read(Source("sweep.yaml", text)).tree
    assert isinstance(root, Entries)
    return root


def position(place: Place) -> tuple[int, int]:
    return place.line, place.column


def test_tickers_and_slots_stay_the_text_that_was_written() -> None:
    securities = nodes.at(tree(TEXT), ("securities",))

    assert securities is not None
    assert nodes.written(securities) == ["ON", "NO", "0700", "007", "10:00", "1e3"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("5", 5),
        ("+5", 5),
        ("0700", 700),
        ("1_500_000", 1_500_000),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("ON", "ON"),
        ("no", "no"),
        ("10:00", "10:00"),
        ("2025-04-14", "2025-04-14"),
        ("~", None),
        ("null", None),
        ("", None),
        ("'5'", "5"),
        ('"null"', "null"),
        ("!!str null", "null"),
        (r'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        ("|\n  two\n  lines", "two\nlines\n"),
    ],
)
def test_a_word_means_what_yaml_1_2_says(written: str, value: Any) -> None:
    found = nodes.plain(tree(f"key: {written}\n"))["key"]

    assert found == value
    assert type(found) is type(value)


def test_every_value_and_key_knows_its_line_and_column() -> None:
    root = tree(TEXT)

    assert position(nodes.place_of(root, ("securities", 2))) == (1, 22)
    assert position(nodes.place_of(root, ("parameters", "fast"))) == (3, 9)
    assert position(nodes.key_of(root, ("parameters", "slow"))) == (4, 3)
    assert position(nodes.place_of(root, ("parameters", "slow", 1))) == (4, 19)
    assert position(nodes.place_of(root, ("parameters", "none", "deeper"))) == (3, 3)


def test_keys_given_twice_are_all_found_and_the_first_counts() -> None:
    document = nodes.read(Source("sweep.yaml", "a: 1\nb: {c: 1, c: 2}\na: 3\n"))

    assert [(*position(p), m) for p, m in document.problems] == [
        (2, 11, "key 'c' is given twice, first on line 2"),
        (3, 1, "key 'a' is given twice, first on line 1"),
    ]
    assert document.tree is not None
    assert nodes.plain(document.tree) == {"a": 1, "b": {"c": 1}}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\n\tb: 2", 2, 1, "not YAML: found character '\\t' that cannot start any token"),
        ("a: [1, 2", 1, 9, "not YAML: expected ',' or ']', but the file ends"),
        ("a: 1\n---\nb: 2", 2, 1, "not YAML: but found another document"),
        ("a: &x [*x]", 1, 4, "a value that contains itself"),
        ("a: \x07", 1, 4, "not YAML: unacceptable character"),
    ],
)
def test_text_that_is_not_yaml_says_where_it_stops_being_it(
    text: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(Unreadable) as refused:
        nodes.read(Source("sweep.yaml", text))

    assert position(refused.value.place) == (line, column)
    assert refused.value.message.startswith(message)


def test_what_a_sweep_cannot_hold_is_a_problem_with_its_place() -> None:
    document = nodes.read(Source("sweep.yaml", "a: !lock x\n[1, 2]: 3\n"))

    assert [(*position(p), m) for p, m in document.problems] == [
        (1, 4, "tag !lock means nothing here"),
        (2, 1, "a key is a word, not a list or map"),
    ]


def test_half_a_character_is_a_problem() -> None:
    document = nodes.read(Source("sweep.yaml", r'a: "\ud83d"'))

    assert [m for _, m in document.problems] == [r"half a character: \ud800 to \udfff come in pairs"]


def test_an_alias_is_the_value_that_it_names() -> None:
    assert nodes.plain(tree("a: &x [1, 2]\nb: *x\n")) == {"a": [1, 2], "b": [1, 2]}


def test_an_empty_text_has_no_tree() -> None:
    assert nodes.read(Source("sweep.yaml", "# nothing\n")).tree is None


def test_a_value_is_replaced_where_it_stands() -> None:
    root = tree("a: 1\nb: 2\n")
    nine = nodes.scalar(Place(Source("-p a=9", "9", is_file=False)), "9")

    changed = root.replaced("a", nine).replaced("c", nine).without("b")

    assert nodes.plain(changed) == {"a": "9", "c": "9"}
    assert nodes.plain(root) == {"a": 1, "b": 2}
