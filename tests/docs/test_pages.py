"""What the pages tell people to type exists, and what they point to is there."""

from __future__ import annotations

import configparser
import re
import shlex
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from producer.cli import root
from tests.support.checkout import ROOT
from tests.support.pages import blocks, links, pages, typed


def commands() -> list[tuple[str, list[str]]]:
    """Every call of `producer` in the pages, the Makefile, the compose file and the systemd unit."""
    found = typed("producer")
    for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines():
        if called := re.search(r"\$\(BIN\)/producer ([^\"]+)", line):
            typed_words = called[1].split("  ")[0]  # `make demo` explains what it suggests, after a gap
            found.append(("Makefile", shlex.split(typed_words)))
    compose = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    for name, service in compose["services"].items():
        if name != "redis":
            words = [re.sub(r"\$\{.*\}", "1", word) for word in service["command"]]
            found.append((f"docker-compose.yml:{name}", words))
    unit = configparser.RawConfigParser(strict=False)
    unit.read_string((ROOT / "deploy/worker@.service").read_text(encoding="utf-8"))
    found.append(("deploy/worker@.service", unit["Service"]["ExecStart"].replace("%i", "1").split()[1:]))
    return found


def parse(words: list[str]) -> None:
    """Raises where the real command line would: an unknown command or flag, a missing or an extra word."""
    context = click.Context(root, info_name="producer", resilient_parsing=True)
    command: click.Command = root
    while isinstance(command, click.Group):
        _, rest, _ = command.make_parser(context).parse_args(list(words))
        name, found, words = command.resolve_command(context, rest)
        if found is None:
            raise click.UsageError(f"no command {name}")
        command, context = found, click.Context(found, parent=context, resilient_parsing=True)
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    given = {name for name, value in values.items() if isinstance(value, str | tuple) and value}
    missing = [p.name for p in command.params if p.required and p.name not in given]
    if rest or missing:
        raise click.UsageError(f"left over {rest}, missing {missing}")


@pytest.mark.parametrize(("place", "words"), commands(), ids=str)
def test_a_command_that_people_are_told_to_type_is_taken(place: str, words: list[str]) -> None:
    try:
        parse(words)
    except click.UsageError as e:
        pytest.fail(f"{place}: producer {shlex.join(words)}: {e.format_message()}")


@pytest.mark.parametrize("line", ["submitt a.yaml", "submit a.yaml --fast", "submit", "up x"])
def test_the_check_above_sees_a_wrong_command(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(line.split())


def test_every_recipe_that_the_pages_name_exists() -> None:
    recipes = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    named = [(place, words[0]) for place, words in typed("make") if words]

    assert named
    assert [(place, recipe) for place, recipe in named if recipe not in recipes] == []


def test_every_link_leads_somewhere() -> None:
    assert [(page.name, to) for page, to in links() if not (page.parent / to).exists()] == []


def test_every_yaml_block_is_yaml() -> None:
    read: list[Any] = [YAML(typ="safe").load(block.text) for block in blocks("yaml")]

    assert read
    assert all(isinstance(document, dict) for document in read)


def test_no_page_promises_a_number_that_no_command_prints() -> None:
    speed = re.compile(r"\d[\d,.]* ?[Mk]? ?(?:backtests|combinations|events|bt)/s|\d ?(?:times|x) faster")

    assert [(page.name, found) for page in pages() for found in speed.findall(page.read_text("utf-8"))] == []
