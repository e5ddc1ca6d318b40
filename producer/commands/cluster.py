"""`up`, `down`, `worker`, `flower`, `doctor`: what sweeps run on."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from producer.commands import completing
from producer.commands.call import Call, Group, command, example, pass_call

if TYPE_CHECKING:
    from tasks.settings import Settings

FLOWER_PORT = 5555
ALLOW = click.option(
    "--allow",
    metavar="ROOT",
    multiple=True,
    help="A package or folder that sweeps may name strategies of; repeatable.",
)


@command("up", epilog=example("producer up --cores 4"))
@click.option("--cores", metavar="N|0-3,8", help="Cores of the worker node; default: all that may be used.")
@click.option("--no-flower", is_flag=True, help="Without the page.")
@ALLOW
@pass_call
def up(call: Call, cores: str | None, no_flower: bool, allow: tuple[str, ...]) -> int | None:
    """Keep a private stack running on this machine.

    Submits from any terminal of this user then use it, until `producer down`.
    """
    from producer.run import standing
    from producer.view import live
    from tasks.errors import UsageError

    if allow and standing.running(call.settings):
        raise UsageError(
            "a stack is up already, and what it may import is fixed",
            hint="producer down, then this command again",
        )
    with live.waiting(call.out, "starting server and workers", progress=call.progress):
        stack = standing.up(_allowed(call.settings, allow), cores=cores, flower=not no_flower)
    if call.flags.json:
        urls = {"redis_url": stack.redis_url, "flower_url": stack.flower_url, "pid": stack.pid}
        call.out.document("up", urls)
        return None
    call.out.answer(f"redis   {stack.redis_url}")
    if stack.flower_url:
        call.out.answer(f"flower  {stack.flower_url}")
    call.out.say("next: producer submit sweep.yaml   stop: producer down")
    return None


@command("down", epilog=example("producer down"))
@click.option("--now", is_flag=True, help="Do not wait for the chunks in hand.")
@pass_call
def down(call: Call, now: bool) -> int | None:
    """Drain the private stack of this machine and end it."""
    from producer.run import standing
    from producer.view import live

    with live.waiting(call.out, "waiting for the chunks in hand", progress=call.progress and not now):
        standing.down(call.settings, now=now)
    if call.flags.json:
        call.out.document("down", {"stopped": True})
    else:
        call.out.answer("stopped; what was finished is kept")
        call.out.say("next: producer ls shows what to resume")
    return None


worker = Group("worker", help="Start, list and stop worker nodes.", no_args_is_help=True)


@command("start", epilog=example("producer worker start --redis redis://HOST:6379/0 --cores 0-3,8"))
@click.option(
    "--cores", metavar="N|0-3,8", help="A count, or cores by number; default: all that may be used."
)
@click.option("--queue", metavar="NAME", help="Queue to take chunks from.")
@click.option("--name", metavar="NAME", help="Name of the node; default: the machine's.")
@click.option(
    "--max-tasks", metavar="N", type=click.IntRange(min=1), help="Chunks after which a process is renewed."
)
@ALLOW
@pass_call
def start(
    call: Call,
    cores: str | None,
    queue: str | None,
    name: str | None,
    max_tasks: int | None,
    allow: tuple[str, ...],
) -> int | None:
    """Run a worker node here, its processes pinned to cores.

    The first Ctrl-C ends after the chunks in hand, the second at once.
    """
    from tasks import settings as settings_

    settings = _allowed(_reachable(call), allow)
    arguments = [sys.executable, "-P", "-m", "workers"]
    for flag, value in (("--cores", cores), ("--queue", queue), ("--name", name), ("--max-tasks", max_tasks)):
        if value is not None:
            arguments += [flag, str(value)]
    environment = settings_.inherited_environment() | settings_.as_environment(settings)
    call.out.say("the node is starting; the first one on a machine compiles its kernels, a minute or two")
    sys.stdout.flush()
    os.execve(sys.executable, arguments, environment)


def _allowed(settings: Settings, given: tuple[str, ...]) -> Settings:
    """A flag wins over what is configured, here too."""
    from tasks.settings import allowing

    return allowing(settings.model_copy(update={"allow": ()}), *given) if given else settings


def _reachable(call: Call) -> Settings:
    """The settings with the Redis in force: the configured one, else that of `producer up`."""
    from producer.run.look import shared_url
    from tasks.errors import UsageError

    url = shared_url(call.settings)
    if url is None:
        raise UsageError(
            "no Redis is configured, and a single submit brings its own workers",
            hint="give --redis URL, set PRODUCER_REDIS_URL, or start: producer up",
        )
    return call.settings.model_copy(update={"redis_url": url})


@command("ls", epilog=example("producer worker ls"))
@pass_call
def list_nodes(call: Call) -> int | None:
    """List the worker nodes that are there."""
    from producer.run import look
    from producer.view import documents, machines
    from producer.view.output import table_width

    nodes = look.nodes(call.settings)
    if call.flags.json:
        call.out.document("worker.ls", {"nodes": [documents.node(n, time.time()) for n in nodes]})
    elif nodes:
        call.out.answer(machines.nodes_table(nodes, width=table_width(), now=time.time()).text)
    else:
        call.out.say("no worker is there; start one with: producer worker start --cores 4")
    return None


@command("stop", epilog=example("producer worker stop alpha"))
@click.argument("node", shell_complete=completing.nodes)
@click.option("--now", is_flag=True, help="Do not wait for the chunks in hand: they run again elsewhere.")
@pass_call
def stop(call: Call, node: str, now: bool) -> int | None:
    """Drain a worker node, then stop it."""
    from producer.run import control

    stopped = control.stop_node(node, call.settings, now=now)
    if call.flags.json:
        call.out.document("worker.stop", {"node": stopped.name, "now": now})
    else:
        how = "stops now; its chunks run again elsewhere" if now else "stops after the chunks in hand"
        call.out.answer(f"{stopped.name} {how}")
    return None


for each in (start, list_nodes, stop):
    worker.add_command(each)


@command("flower", epilog=example("producer flower --port 5556"))
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True)
@click.option("--port", metavar="N", type=click.IntRange(1, 65535), default=FLOWER_PORT, show_default=True)
@pass_call
def flower(call: Call, host: str, port: int) -> int | None:
    """Serve Flower, the page that shows sweeps and tasks.

    Beyond this machine it asks for a login: FLOWER_BASIC_AUTH=NAME:PASSWORD, else one made for this run.
    """
    from producer.run import flower as page

    settings = _reachable(call)
    login = page.made_login(host)
    name, _, password = (login or "").partition(":")
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    if call.flags.json:
        call.out.document("flower", {"url": url} | ({"user": name, "password": password} if login else {}))
    else:
        call.out.answer(url)
        if login:
            call.out.answer(f"sign in as {name} with the password {password}, made for this run")
            call.out.say("to keep one: FLOWER_BASIC_AUTH=NAME:PASSWORD in the environment")
        call.out.say("Ctrl-C ends the page; sweeps go on without it")
    page.run(settings, host, port, login)


@command("doctor", epilog=example("producer doctor --redis redis://HOST:6379/0"))
@pass_call
def doctor(call: Call) -> int | None:
    """Check Redis, workers, versions and this machine."""
    from producer.run import doctor as checks
    from producer.run.look import shared_url
    from producer.view import machines

    found = []
    for finding in checks.examine(call.settings, shared_url(call.settings)):
        found.append(finding)
        if not call.flags.json and not (call.flags.quiet and finding.verdict == "ok"):
            call.out.answer(machines.finding(finding))
    failed = any(f.verdict == "fail" for f in found)
    if call.flags.json:
        rows = [{"verdict": f.verdict, "subject": f.subject, "said": f.said} for f in found]
        call.out.document("doctor", {"findings": rows, "exit_code": 7 if failed else 0})
    return 7 if failed else 0
