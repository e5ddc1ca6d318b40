"""`strategies`: what can be swept, and what one strategy takes and gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from producer.commands import completing
from producer.commands.call import Call, command, example, pass_call

if TYPE_CHECKING:
    from tasks.plugins.registry import Description


@command(
    "strategies", epilog=example("producer strategies market_making", "producer strategies ./gap.py:GapFade")
)
@click.argument("name", required=False, metavar="[NAME]", shell_complete=completing.strategies)
@pass_call
def strategies(call: Call, name: str | None) -> int | None:
    """List strategies, or show what one of them takes and gives.

    NAME is that of a built-in or installed strategy, package.module:OBJECT, or ./file.py:OBJECT.
    """
    from producer.view import strategies as view
    from producer.view.output import table_width

    found = [_one(call, name)] if name is not None else _all(call)
    if call.flags.json:
        call.out.document("strategies", {"strategies": [view.document(about) for about in found]})
    elif name is not None:
        call.out.answer(view.screen(found[0], table_width()))
        call.out.say(f"next: producer init --strategy {name}")
    else:
        call.out.answer(view.table(found, table_width()))
        call.out.say(f"next: producer strategies {found[0].name}" if found else "none is installed")
    return None


def _one(call: Call, name: str) -> Description:
    """What the user names is read from where the user is."""
    from dataclasses import replace

    from tasks.plugins import references, registry
    from tasks.roots import Roots

    here = Path.cwd()
    reference = references.located(name, here)
    parsed = references.parse(reference)
    own = parsed.path.parent if isinstance(parsed, references.InFile) else here
    about = registry.describe(reference, Roots.of([*call.settings.allow, here, own]))
    return replace(about, name=name)


def _all(call: Call) -> list[Description]:
    """Every one that can be used; of the others it is said why not."""
    from producer.view import strategies as view
    from tasks.errors import StrategyError
    from tasks.plugins import registry

    found = []
    for name in registry.names():
        try:
            found.append(registry.describe(name))
        except StrategyError as e:
            call.out.warn(view.unusable(name, e.message))
    return found
