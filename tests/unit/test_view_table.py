"""Tables: aligned, never wrapped, columns dropped from the right."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from producer.view.table import Column, draw

COLUMNS = [
    Column(title="security", cells=["EMAAR", "FAB"]),
    Column(title="total_pnl", cells=["143,058.35", "-"], align="right"),
    Column(title="combination", cells=["9c1f04aa", "51b77e02"]),
]


def test_numbers_stand_right_and_words_left() -> None:
    assert draw(COLUMNS, None).text == (
        "security   total_pnl  combination\n"
        "EMAAR     143,058.35  9c1f04aa\n"
        "FAB                -  51b77e02"
    )  # fmt: skip


def test_columns_that_do_not_fit_go_from_the_right_and_are_named() -> None:
    drawn = draw(COLUMNS, 30)

    assert drawn.text == "security   total_pnl\nEMAAR     143,058.35\nFAB                -"
    assert drawn.dropped == ("combination",)


def test_the_exact_width_is_enough_and_one_less_is_not() -> None:
    assert draw(COLUMNS, 33).dropped == ()
    assert draw(COLUMNS, 32).dropped == ("combination",)


def test_the_first_column_is_there_in_any_width() -> None:
    assert draw(COLUMNS, 3).lines[1] == "EMAAR"


def test_wide_characters_take_two_places() -> None:
    drawn = draw([Column(title="s", cells=["日本", "ab"]), Column(title="n", cells=["1", "2"])], None)

    assert drawn.lines[1:] == ("日本  1", "ab    2")


@given(
    st.lists(st.lists(st.text("ab,.1日", max_size=12), min_size=2, max_size=2), min_size=1, max_size=6),
    st.integers(1, 40),
)
def test_no_line_is_longer_than_the_terminal_unless_one_column_is(cells: list[list[str]], width: int) -> None:
    drawn = draw([Column(title="t", cells=c) for c in cells], width)

    if len(drawn.dropped) < len(cells) - 1:
        assert all(cell_len(line) <= width for line in drawn.lines)
    assert len(drawn.lines) == 3
