"""The example on the page of `breakout` gives what the page says."""

from __future__ import annotations

import doctest

from tests.support.pages import blocks


def test_the_example_gives_what_the_page_says() -> None:
    (block,) = [b for b in blocks("pycon") if b.page == "docs/reference/breakout.md"]
    example = doctest.DocTestParser().get_doctest(block.text, {}, block.page, block.page, block.line)

    assert doctest.DocTestRunner().run(example).failed == 0
