"""`schema`, `completion`, `config`: the program's own set-up."""

from __future__ import annotations

from pathlib import Path

import click

from producer.commands.beginning import write_text
from producer.commands.call import COMPLETE_VARIABLE, PROGRAM, Call, Group, command, example, pass_call


@command("schema", epilog=example("producer schema -o sweep.schema.json"))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
@pass_call
def schema(call: Call, output: Path | None) -> int | None:
    """Print the JSON Schema of sweep.yaml for editors."""
    from producer.spec import schema as schema_

    text = schema_.schema_text()
    if output is None:
        call.out.answer(text.rstrip("\n"))
        return None
    write_text(output, text)
    call.out.answer(str(output))
    return None


@command("completion", epilog=example('eval "$(producer completion bash)"   # in ~/.bashrc'))
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_call
def completion(call: Call, shell: str) -> int | None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root().command
    found = get_completion_class(shell)
    assert found is not None
    script = found(root, {}, PROGRAM, COMPLETE_VARIABLE)
    # Not script.source(): it runs the shell to learn its version, which is not needed to print a text.
    call.out.answer((script.source_template % script.source_vars()).strip())
    return None


config = Group("config", help="Show the effective settings and where each comes from.", no_args_is_help=True)


@command("show", epilog=example("producer config show --json"))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file.")
@pass_call
def show(call: Call, output: Path | None) -> int | None:
    """Show the effective settings and where each comes from. Passwords are masked."""
    from producer.view import machines
    from producer.view.output import as_json, mask
    from tasks import settings

    given, origins = settings.load_with_origins({"redis_url": call.flags.redis}, call.flags.config)
    values = given.model_dump(mode="json")
    if call.flags.json:
        body = {name: {"value": value, "origin": origins[name]} for name, value in values.items()}
        text = as_json({"schema": "producer.config.show/1", "settings": body})
    else:
        text = machines.settings_table(values, origins)
    if output is None:
        call.out.answer(text)
        return None
    write_text(output, mask(text) + "\n")
    call.out.answer(str(output))
    return None


config.add_command(show)
