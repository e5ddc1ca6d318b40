"""The worked example of each strategy's page, typed by a machine: what it prints is what the page says."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tasks.plugins import registry
from tests.docs.conftest import Reader
from tests.support.checkout import ROOT
from tests.support.pages import Block, blocks

HEADING: Final = "## A worked example"
FILE: Final = re.compile(r"# (\S+\.ya?ml)")


def example(strategy: str) -> list[Block]:
    """The blocks below the heading, up to the next one of its level."""
    page = f"docs/reference/{strategy}.md"
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    first = lines.index(HEADING) + 1
    last = next((i for i, line in enumerate(lines[first:], first) if line.startswith("## ")), len(lines))
    return [b for b in blocks("sh", "yaml", "text") if b.page == page and first < b.line <= last]


def test_the_page_of_every_strategy_has_an_example_that_is_run() -> None:
    shipped = [name for name in registry.names() if registry.resolve(name).__module__.startswith("tasks.")]
    doctests = {block.page for block in blocks("pycon")}

    for strategy in shipped:
        page = f"docs/reference/{strategy}.md"
        assert page in doctests or HEADING in (ROOT / page).read_text(encoding="utf-8"), page


def with_commands() -> list[str]:
    pages = sorted((ROOT / "docs" / "reference").glob("*.md"))
    return [page.stem for page in pages if f"{HEADING}\n" in page.read_text(encoding="utf-8")]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("strategy", with_commands())
def test_the_worked_example_gives_what_its_page_says(strategy: str, reader: Reader) -> None:
    steps = example(strategy)
    assert {step.language for step in steps} == {"sh", "yaml", "text"}

    said = ""
    for step in steps:
        if step.language == "yaml":
            named = FILE.match(step.text)
            assert named, f"{step.page}:{step.line}: the first line names the file"
            (reader.folder / named[1]).write_text(step.text, encoding="utf-8")
        elif step.language == "sh":
            said = reader.types(step.text)
        else:
            assert said.strip() == step.text.strip(), f"{step.page}:{step.line}"
