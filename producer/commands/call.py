"""One call of the program: its global flags, wherever they stand on the line, its settings and streams.

Every command is a `Command` of this module, so that each takes the global flags before or after its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

if TYPE_CHECKING:
    from producer.run.records import SweepRecord
    from producer.view.output import Output
    from tasks.settings import Settings

PROGRAM: Final = "producer"
COMPLETE_VARIABLE: Final = "_PRODUCER_COMPLETE"


@dataclass(slots=True)
class Flags:
    """The global flags as given so far; each of a call's commands may add to them."""

    redis: str | None = None
    config: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: int = 0
    no_progress: bool = False
    no_color: bool = False

    def take(self, name: str, value: Any) -> None:
        setattr(self, name, self.verbose + value if name == "verbose" else value)


@dataclass
class Call:
    """What a command function is given besides its own flags."""

    flags: Flags = field(default_factory=Flags)

    @cached_property
    def out(self) -> Output:
        from producer.view.output import Output

        return Output(json=self.flags.json, quiet=self.flags.quiet, colour=not self.flags.no_color)

    @cached_property
    def settings(self) -> Settings:
        from tasks import settings

        return settings.load({"redis_url": self.flags.redis}, self.flags.config)

    @property
    def progress(self) -> bool:
        return not self.flags.no_progress

    def start_logging(self) -> None:
        """Warnings, with -v what happens, with -vv all of it, with -q errors alone."""
        import logging

        from tasks import log

        levels = {0: logging.WARNING, 1: logging.INFO}
        level = logging.ERROR if self.flags.quiet else levels.get(self.flags.verbose, logging.DEBUG)
        log.configure(self.settings.log_json, level)

    def record(self, reference: str | None) -> SweepRecord:
        """The sweep that the user means; the last one where none is named."""
        from producer.run import records

        return records.resolve(self.settings.state_dir, reference or records.LAST)


pass_call = click.make_pass_decorator(Call)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    call = context.find_object(Call)
    if call is not None and value and parameter.name:
        call.flags.take(parameter.name, value)
    return value


def global_flags() -> list[click.Option]:
    """Fresh options, since click ties each to one command."""

    def flag(*names: str, **attributes: Any) -> click.Option:
        return click.Option(names, expose_value=False, callback=_keep, **attributes)

    return [
        flag(
            "--redis", metavar="URL", help="Shared Redis or Valkey; without: a private stack on this machine."
        ),
        flag(
            "--config",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Settings file in place of the user's.",
        ),
        flag("--json", is_flag=True, help="Exactly one JSON document on stdout."),
        flag("-q", "--quiet", is_flag=True, help="The bare essential on stdout, errors alone on stderr."),
        flag("-v", "--verbose", count=True, help="Log more; tracebacks with errors. Repeatable."),
        flag("--no-progress", is_flag=True, help="No bar: plain lines."),
        flag("--no-color", is_flag=True, help="No colours (also NO_COLOR)."),
    ]


class Command(click.Command):
    """A command that takes the global flags too, without listing them in each help page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shared = global_flags()

    def invoke(self, ctx: click.Context) -> Any:
        call = ctx.find_object(Call)
        if call is not None and not isinstance(self, click.Group):
            call.start_logging()
        return super().invoke(ctx)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *self.shared]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [p.get_help_record(ctx) for p in super().get_params(ctx) if isinstance(p, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in own if record is not None])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        names = " ".join(p.opts[0] for p in self.shared)
        formatter.write_paragraph()
        formatter.write_text(f"Global flags, here or before the command: {names} (see {PROGRAM} --help)")


class Group(Command, click.Group):
    """A command with commands of its own: `worker`, `config`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        Command.format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


Function = Callable[..., "int | None"]


def command(name: str, **attributes: Any) -> Callable[[Function], Command]:
    """Declares a command; the function returns its exit code, None meaning 0."""
    return cast(Callable[[Function], Command], click.command(name, cls=Command, **attributes))


def example(*lines: str) -> str:
    """The epilog of a help page, kept as written."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
