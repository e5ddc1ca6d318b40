"""A whole installation to break: a server, a supervised crew of nodes, a user's desk, and the right answer.

The answer is computed in this process: by one undisturbed run with other chunks, and by the strategy's
formula.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import pyarrow.parquet as pq
import redis

from tasks import names, settings
from tasks.records.ledger import Ledger
from tasks.results import shards
from tasks.settings import Settings
from tasks.wire.celery_app import merge_queue
from tasks.wire.connection import connect
from tests.support import plugin
from tests.support.cli import MARK, Answer, Desk, Running, a_desk, done_in, the_open_sweep
from tests.support.cluster import wait_until
from tests.support.fault import fault_strategy
from tests.support.fault.hosts import TwoHosts
from tests.support.fault.nodes import Crew, a_crew
from tests.support.fault.proxy import Proxy, a_proxy
from tests.support.fault.server import Server, a_server
from tests.support.sweeps import Sweep, a_sweep, market_making_axes

LEASE_SECONDS: Final = 6.0
BEAT_SECONDS: Final = 2.0
RESTORE_SECONDS: Final = 1.0
LOOPBACK: Final = "127.0.0.1"
STRATEGIES: Final = {"tallied": "Tallied", "wide": "Wide"}
SOURCE: Final = Path(fault_strategy.__file__)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a test states of its lab; the rest is small and quick."""

    values: int = 40
    """Of x, on each security; of the refill interval, with each of two variants, of `market_making`."""
    chunk: int = 1
    pause_ms: int = 100
    securities: int = 2
    nodes: int = 2
    cores: str = "2"
    remembers: bool = True
    proxied: bool = False
    strategy: str = "tallied"
    keep: tuple[str, ...] = ("summary",)
    poison: Mapping[int, str] = field(default_factory=dict)
    slow: Mapping[int, float] = field(default_factory=dict)
    timeout: str = "60s"
    options: tuple[str, ...] = ()
    """Of the server."""
    program: tuple[str, ...] = ("-m", "workers")
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of the nodes."""
    events_per_day: int = 300
    """Of the ticks: what a backtest of `market_making` costs."""

    @property
    def axes(self) -> dict[str, Sequence[Any]]:
        if self.strategy == "wide":
            return {"x": range(self.values), "z": range(fault_strategy.DEPTH)}
        return {"x": range(self.values)} if self.strategy == "tallied" else market_making_axes(self.values)

    @property
    def combinations(self) -> int:
        return math.prod(len(values) for values in self.axes.values())


class Lab:
    def __init__(
        self, setup: Setup, folder: Path, server: Server, crew: Crew, desk: Desk, reference: Sweep, log: Path
    ) -> None:
        self.setup, self.folder, self.server, self.crew, self.desk = setup, folder, server, crew, desk
        self.reference, self.log = reference, log
        self.told: dict[str, str] = {}  # the environment of any other desk that takes part
        self.proxy: Proxy | None = None  # between all of them and the server
        self.client: redis.Redis = connect(server.url)  # past any proxy
        self.total = setup.combinations * setup.securities
        self.chunks = -(-setup.combinations // setup.chunk) * setup.securities
        self.sweep_id = ""

    @property
    def url(self) -> str:
        """What producers and nodes connect to."""
        return self.proxy.url if self.proxy else self.server.url

    @property
    def ledger(self) -> Ledger:
        assert self.sweep_id, "no sweep was submitted"
        return Ledger(self.client, self.sweep_id)

    # driving -----------------------------------------------------------------------------------------------

    def spec(self) -> dict[str, Any]:
        return {
            "name": "fault",
            "strategy": self.setup.strategy,
            "data": {"source": str(self.reference.results.parents[1] / "ticks"), "kind": "ticks"},
            "parameters": {name: written(values) for name, values in self.setup.axes.items()},
            "execution": {"chunk": self.setup.chunk, "timeout": self.setup.timeout},
            "output": {"keep": [*self.setup.keep]},
        }

    def submit(self, *words: str, desk: Desk | None = None) -> Running:
        """A producer that follows its sweep; back when the ledger knows it."""
        desk = desk or self.desk
        running = desk.start("submit", desk.write(self.spec()), "--redis", self.url, "--json", *words)

        def known() -> bool:
            assert running.process.poll() is None, running.text()
            ledger = the_open_sweep(self.client)
            self.sweep_id = ledger.sweep_id if ledger else ""
            return bool(ledger and ledger.plan())

        wait_until(known, 60, "a sweep that is planned")
        return running

    def wait_for(self, share: float, seconds: float = 60) -> None:
        """Until that share of the chunks is done."""
        least = int(share * self.chunks)
        wait_until(lambda: done_in(self.ledger) >= least, seconds, f"{least} of {self.chunks} chunks")

    def wait_until_busy(self, number: int = 0, seconds: float = 30) -> None:
        """Until every process of the node has a chunk in hand."""
        node = self.crew.nodes[number]

        def busy() -> bool:
            children = {c.pid for c in node.children()}
            return bool(children) and children <= {note["pid"] for note in self.in_hand()}

        wait_until(busy, seconds, f"node {number} is busy")

    # what was done -----------------------------------------------------------------------------------------

    def notes(self, event: str | None = None) -> list[dict[str, Any]]:
        if not self.log.exists():
            return []
        found = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [n for n in found if event in (None, n["event"])]

    def starts(self) -> Counter[tuple[str, int]]:
        """How often each chunk was begun, by its security and first x."""
        return Counter((n["security"], n["x"][0]) for n in self.notes("start"))

    def executions(self) -> int:
        return len(self.notes("start"))

    def in_hand(self) -> list[dict[str, Any]]:
        """The evaluations that have begun and not ended, whether their process lives or not."""
        running: dict[int, dict[str, Any]] = {}
        for note in self.notes():
            if note["event"] == "start":
                running[note["pid"]] = note
            else:
                running.pop(note["pid"], None)
        return [*running.values()]

    def second_start(self, note: Mapping[str, Any], seconds: float = 30) -> float:
        """When the chunk of that evaluation was begun again; waits for it."""
        found: list[float] = []

        def again() -> bool:
            later = (n for n in self.notes("start") if n["at"] > note["at"])
            found[:] = [n["at"] for n in later if (n["security"], n["x"]) == (note["security"], note["x"])]
            return bool(found)

        wait_until(again, seconds, f"x = {note['x']} begins again")
        return found[0]

    def sent_bytes(self) -> int:
        """Of all parts that went through Redis or a file, by their receipts."""
        plan = self.ledger.plan()
        assert plan is not None
        receipts = self.ledger.receipts(chunk.name for chunk in plan.chunks)
        return sum(receipt.size_bytes for receipt in receipts if receipt)

    # the end -----------------------------------------------------------------------------------------------

    def finish(
        self, running: Running, seconds: float = 60, *, code: int = 0, recomputed: int = 0
    ) -> dict[str, Any]:
        """Waits for the producer, then asserts what every test asserts."""
        answer: Answer = running.answer(seconds)
        assert answer.code == code, answer.out + answer.err + self.crew.text()[-4000:]
        document = answer.document
        self.assert_exact(document, code=code, recomputed=recomputed)
        return document

    def assert_exact(self, document: Mapping[str, Any], *, code: int = 0, recomputed: int = 0) -> None:
        assert document["state"] == "done"
        self.assert_same_bytes(Path(document["results"]))
        self.assert_ledger(recomputed)
        wait_until(lambda: self.waiting() == 0, LEASE_SECONDS + 10, f"queues are empty: {self.waiting()}")
        self.crew.stop()
        wait_until(lambda: not self.orphans(), 5, f"no process is left: {self.orphans()}")

    def assert_same_bytes(self, results: Path) -> None:
        for table in (t for t in ("summary", "trades") if t in self.setup.keep):
            assert (results / f"{table}.parquet").read_bytes() == self.reference.content(table), table
        if self.setup.strategy == "tallied":
            rows = pq.read_table(results / "summary.parquet").to_pylist()
            assert len(rows) == self.total
            good = [r for r in rows if r["status"] == "ok"]
            assert [r for r in good if r["y"] != fault_strategy.the_sum(r["x"], r["n"])] == []
            assert {r["x"] for r in rows if r["status"] != "ok"} == {*self.setup.poison}

    def assert_ledger(self, recomputed: int = 0) -> None:
        """As many receipts as chunks, counted once each; each written once; one result."""
        ledger, totals = self.ledger, self.ledger.totals()
        assert int(ledger.client.hlen(ledger.key("done"))) == self.chunks
        assert (totals.chunks, totals.backtests) == (self.chunks, self.total)
        assert "mismatch" not in ledger.meta()
        if self.server.remembers:
            receipts = self.server.changes("HSET", ledger.key("done"))
            assert receipts.total() - len(receipts) == recomputed, receipts.most_common(3)
            assert self.server.changes("SET", ledger.key("final")).total() == 1

    def waiting(self) -> int:
        client, queue = self.client, names.PREFIX + names.QUEUE
        lists = int(client.llen(queue)) + int(client.llen(names.PREFIX + merge_queue(names.QUEUE)))
        return lists + int(client.hlen(names.PREFIX + "unacked"))

    def orphans(self) -> list[psutil.Process]:
        return self.desk.processes()


@contextmanager
def a_lab(
    folder: Path,
    redis_url: str,
    setup: Setup | None = None,
    reference: Sweep | None = None,
    hosts: TwoHosts | None = None,
) -> Iterator[Lab]:
    """Everything runs, every node is ready; `redis_url` is for the undisturbed run where none is given.

    On two hosts the server and one node are on the first, the other node and the desk on the second.
    """
    setup = setup or Setup()
    with ExitStack() as stack:
        installed = plugin.install(folder / "plugin", SOURCE, STRATEGIES)
        if reference is None:
            reference = undisturbed(folder / "reference", redis_url, setup, installed)
        server = stack.enter_context(
            a_server(
                folder / "server",
                *setup.options,
                remembers=setup.remembers,
                host=hosts.one.address if hosts else LOOPBACK,
                prefix=hosts.one.prefix if hosts else (),
            )
        )
        between = hosts.between if hosts else LOOPBACK
        proxy = stack.enter_context(a_proxy(server.host, server.port, between)) if setup.proxied else None
        url = proxy.url if proxy else server.url
        scaled_down = scaled(folder, url)
        told = {
            "PRODUCER_LEASE_SECONDS": str(scaled_down.lease_seconds),
            "PRODUCER_BEAT_SECONDS": str(scaled_down.beat_seconds),
            "PRODUCER_RESTORE_SECONDS": str(scaled_down.restore_seconds),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH")])),
        }
        desk = stack.enter_context(a_desk(folder / "desk", **told))
        desk.prefix = hosts.two.prefix if hosts else ()
        log = folder / "executions.jsonl"
        environment = {
            **told,
            MARK: desk.mark,
            "PRODUCER_WARM": setup.strategy,
            fault_strategy.LOG: str(log),
            fault_strategy.PAUSE_MS: str(setup.pause_ms),
            fault_strategy.POISON: ",".join(f"{x}:{way}" for x, way in setup.poison.items()),
            fault_strategy.SLOW: ",".join(f"{x}:{seconds}" for x, seconds in setup.slow.items()),
            **setup.environment,
        }
        crew = stack.enter_context(
            a_crew(
                scaled_down,
                folder / "nodes",
                environment,
                nodes=setup.nodes,
                cores=setup.cores,
                program=setup.program,
                prefixes=[hosts.one.prefix, hosts.two.prefix] if hosts else (),
                urls=[server.url, url] if hosts else (),
            )
        )
        lab = Lab(setup, folder, server, crew, desk, reference, log)
        lab.proxy, lab.told = proxy, told
        crew.wait_ready()
        yield lab


def written(values: Sequence[Any]) -> Any:
    """As sweep.yaml has it: a long range is not spelled out."""
    if isinstance(values, range):
        return {"min": values.start, "max": values.stop - 1}
    return [*values]


def scaled(folder: Path, url: str) -> Settings:
    """Leases of seconds, so that what is waited for is waited for shortly."""
    return settings.load(
        {
            "redis_url": url,
            "state_dir": folder / "state",
            "cache_dir": folder / "cache",
            "lease_seconds": LEASE_SECONDS,
            "beat_seconds": BEAT_SECONDS,
            "restore_seconds": RESTORE_SECONDS,
        }
    )


def undisturbed(folder: Path, redis_url: str, setup: Setup, installed: Path) -> Sweep:
    """The same sweep, run here from its first chunk to its last; where others die, this one raises."""
    keep: Sequence[str] = [t for t in setup.keep if t != "summary"]
    os.environ[fault_strategy.POISON] = ",".join(f"{x}:raise" for x in setup.poison)
    try:
        with plugin.on_the_path(installed, SOURCE.stem):
            sweep = a_sweep(
                folder,
                redis_url,
                setup.axes,
                strategy=setup.strategy,
                securities=setup.securities,
                size=fault_strategy.DEPTH if setup.strategy == "wide" else 50,
                keep=keep,
                events_per_day=setup.events_per_day,
            )
            sweep.run_all()
    finally:
        os.environ.pop(fault_strategy.POISON)
    assert {*sweep.merge_all()} == {"merged"}
    assert shards.finish(sweep.ledger, "tester") == "merged"
    return sweep
