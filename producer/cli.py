"""The `producer` command: global flags, commands loaded when called, errors turned into exit codes."""

from __future__ import annotations

import difflib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, Never

import click

from producer.commands.call import COMPLETE_VARIABLE, PROGRAM, Call, Group
from tasks.errors import SweepError
from tasks.names import DISTRIBUTION

INTERRUPTED: Final = 130
BUG: Final = 1

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    # name: (module that defines it, first sentence of its help); in the order in which one meets them
    "init": ("sweep", "Write a commented sweep.yaml and its schema."),
    "validate": ("sweep", "Check sweep files and say what they would run."),
    "submit": ("sweep", "Run a sweep and follow it to its end."),
    "ls": ("look", "List sweeps, newest first."),
    "status": ("look", "Show how far one sweep is."),
    "watch": ("look", "Attach the live bar to a sweep."),
    "cancel": ("sweep", "Stop a sweep; what is finished is kept."),
    "resume": ("sweep", "Run what is missing of a sweep."),
    "results": ("answers", "Query the merged results of a sweep."),
    "failures": ("answers", "List failed backtests, grouped by error."),
    "up": ("cluster", "Keep a private stack running on this machine."),
    "down": ("cluster", "Drain the private stack of this machine and end it."),
    "worker": ("cluster", "Start, list and stop worker nodes."),
    "flower": ("cluster", "Serve Flower, the page that shows sweeps and tasks."),
    "doctor": ("cluster", "Check Redis, workers, versions and this machine."),
    "strategies": ("strategies", "List strategies, or show what one of them takes and gives."),
    "schema": ("setup", "Print the JSON Schema of sweep.yaml for editors."),
    "completion": ("setup", "Print the completion script of a shell."),
    "config": ("setup", "Show the effective settings and where each comes from."),
}


class Root(Group):
    """The program itself: knows its commands by name and loads a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"producer.commands.{COMMANDS[cmd_name][0]}")
        found = getattr(module, cmd_name)
        assert isinstance(found, click.Command)
        return found

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])
        with formatter.section("Global flags, before or after the command"):
            records = [p.get_help_record(ctx) for p in self.get_params(ctx)]
            formatter.write_dl([record for record in records if record is not None])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        formatter.write_text("Start with: producer init, then: producer submit sweep.yaml")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        click.echo(f"{PROGRAM} {version(DISTRIBUTION)}")
    except PackageNotFoundError:  # run from a checkout that was never installed
        click.echo(f"{PROGRAM} (not installed)")
    ctx.exit()


root = Root(
    PROGRAM,
    help="Parameter sweeps of trading backtests, on one machine or many.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        )
    ],
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code."""
    args = [*sys.argv[1:]] if arguments is None else [*arguments]
    call = Call()
    if instruction := os.environ.get(COMPLETE_VARIABLE):
        from click.shell_completion import shell_complete

        return shell_complete(root, {"obj": call}, PROGRAM, COMPLETE_VARIABLE, instruction)
    if "--json" in args:  # known before parsing: a mistake on the line is answered in JSON too
        call.flags.json = True
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run(args, call)
    except BrokenPipeError:
        # Whoever read us, `head` for instance, has enough. Closing stdout would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _terminate(signum: int, frame: Any) -> Never:
    raise KeyboardInterrupt


def _run(args: list[str], call: Call) -> int:
    try:
        with root.make_context(PROGRAM, args, obj=call) as context:
            return int(root.invoke(context) or 0)
    except click.exceptions.Exit as e:
        return e.exit_code
    except click.exceptions.NoArgsIsHelpError as e:
        click.echo(e.format_message())
        return e.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _report(call, "interrupted", None, INTERRUPTED)
    except click.ClickException as e:
        return _report(call, *usage_error(e), 2)
    except SweepError as e:
        return _report(call, e.message, e.hint, e.exit_code, text=getattr(e, "report", ""))
    except BrokenPipeError:
        raise
    except Exception as e:  # the outermost line: a bug is said in one line too
        what = f"{type(e).__name__}: {e}" if str(e) else type(e).__name__
        hint = None if call.flags.verbose else "this is a bug; -v shows the traceback"
        return _report(call, f"internal error: {what}", hint, BUG)


def _report(call: Call, message: str, hint: str | None, code: int, *, text: str = "") -> int:
    """Says what went wrong: two lines for people, with --json one document for programs."""
    if call.flags.verbose and sys.exc_info()[0] not in (None, KeyboardInterrupt):
        import traceback

        call.out.text(traceback.format_exc())
    if call.flags.json:
        document: dict[str, Any] = {"error": message, "hint": hint, "exit_code": code}
        call.out.document("error", {**document, "report": text} if text else document)
    if text:
        call.out.text(text)
    else:
        call.out.problem(message, hint)
    return code


def usage_error(error: click.ClickException) -> tuple[str, str | None]:
    """A mistake on the command line in our words: what it is, and what to type."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else PROGRAM
    hint: str | None = f"{path} --help"
    if isinstance(error, click.exceptions.NoSuchCommand):
        known = (
            context.command.list_commands(context)
            if context and isinstance(context.command, click.Group)
            else []
        )
        return f"no command '{error.command_name}'", _nearest(error.command_name, known) or hint
    if isinstance(error, click.NoSuchOption):
        known = [o for p in context.command.get_params(context) for o in p.opts] if context else []
        return f"{path} has no flag '{error.option_name}'", _nearest(error.option_name, known) or hint
    text = " ".join(error.format_message().split()).rstrip(".").removeprefix("Got ")
    return text[:1].lower() + text[1:], hint


def _nearest(word: str, known: Sequence[str]) -> str | None:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else None
