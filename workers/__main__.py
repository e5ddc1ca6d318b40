"""The start of a node: `producer worker start`, or `python -P -m workers` where a supervisor does it."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

from workers import guard


def main(argv: list[str] | None = None) -> int:
    """Runs until it is told to stop; the exit code of the shell."""
    if front := guard.foreign():
        sys.stderr.write(f"error: {front}\nhint: start from another folder, in an environment of its own\n")
        return 2
    from workers import lifecycle

    lifecycle.cap_threads()
    from tasks.errors import SweepError

    try:
        return _run(_arguments(argv))
    except SweepError as e:
        sys.stderr.write(f"error: {e.message}\n" + (f"hint: {e.hint}\n" if e.hint else ""))
        return e.exit_code


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -P -m workers", description="Run a worker node.")
    parser.add_argument(
        "--cores", help="a count, or cores by number like 0-3,8 (default: all that may be used)"
    )
    parser.add_argument("--queue", help="queue to take chunks from")
    parser.add_argument("--name", help="the node's name (default: the host's)")
    parser.add_argument("--max-tasks", type=int, default=500, help="chunks after which a process is replaced")
    return parser.parse_args(argv)


def _run(options: argparse.Namespace) -> int:
    from tasks import log, settings
    from tasks.errors import ClusterUnavailable
    from tasks.wire import agreement
    from tasks.wire.connection import check_server, connect, translated

    if options.queue:
        os.environ["PRODUCER_QUEUE"] = options.queue
    current = settings.load()
    log.configure(current.log_json)
    # compiled kernels are kept beside the decoded data: once per node, whoever compiles them first
    os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(current.cache_dir) / "kernels"))
    if current.redis_url is None:
        raise ClusterUnavailable(
            "a worker needs a Redis", hint="give --redis URL, or start both with: producer up"
        )
    from workers import lifecycle, memory, pinning
    from workers.claims import Claims

    client = connect(current.redis_url)
    check_server(connect(current.redis_url, retries=1), current.redis_url)
    agreement.agree(client, current)
    claims = Claims(client)
    with translated(current.redis_url):
        cores = pinning.choose(options.cores, claims.prefer)
        name = claims.node_name(options.name)
    for note in cores.notes:
        sys.stderr.write(f"note: {note}\n")
    lifecycle.remember_cores(cores)
    from workers import heartbeat, warmup

    warmup.warm_up(current.warm)
    heartbeat.describe(name, cores, claims)
    from workers.app import app

    gc.freeze()
    sys.stderr.write(f"node {name} on cores {cores.text}: ready\n")
    arguments = [
        "--quiet",
        "worker",
        "--pool",
        "prefork",
        "-c",
        str(cores.count),
        "-n",
        name,
        "--without-gossip",
    ]
    arguments += [
        "--without-mingle",
        "--max-tasks-per-child",
        str(options.max_tasks),
        "--max-memory-per-child",
        str(memory.most_kept_kib(cores.count)),
        "--loglevel",
        "WARNING",
    ]
    app.worker_main(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
