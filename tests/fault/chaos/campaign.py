"""Sweeps under random faults, one after the other until the time is over; what each did and what it cost."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from tests.fault.chaos.faults import Faults
from tests.support import plugin
from tests.support.cli import Answer
from tests.support.fault.lab import SOURCE, STRATEGIES, Lab, Setup, a_lab, undisturbed
from tests.support.fault.server import a_server
from tests.support.sweeps import Sweep

MOST_REDUNDANT: Final = 0.05
SWEEP_SECONDS: Final = 900.0  # a sweep that is not over by then hangs
FAILED_BACKTESTS: Final = 3  # exit code of a sweep that is complete, with some of them

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One sweep."""

    seed: int
    seconds: float
    chunks: int
    faults: Counter[str]
    planned: int
    """Executions of backtests, without poison."""
    executed: int
    wrong: str = ""
    """What is not as it should be; nothing is."""

    @property
    def redundant(self) -> float:
        return self.executed / self.planned - 1


@dataclass(kw_only=True)
class Campaign:
    """All sweeps of one run of the program."""

    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def faults(self) -> Counter[str]:
        return sum((o.faults for o in self.outcomes), Counter())

    @property
    def redundant(self) -> float:
        return sum(o.executed for o in self.outcomes) / sum(o.planned for o in self.outcomes) - 1

    @property
    def wrong(self) -> list[str]:
        found = [f"seed {o.seed}: {o.wrong}" for o in self.outcomes if o.wrong]
        if self.redundant >= MOST_REDUNDANT:
            found.append(f"{self.redundant:.1%} of the executions were redundant")
        return found


def setup_for(strategy: str, results: str, chunks: int = 1200) -> Setup:
    """So many chunks of a sweep; four of them are poison where the strategy is ours to poison."""
    keep = ("summary", "trades") if results == "files" else ("summary",)
    if strategy == "market_making":
        return Setup(
            strategy=strategy,
            keep=keep,
            securities=4,
            values=chunks // 8,
            events_per_day=20_000,
        )
    values = chunks  # chunks of two, on two securities
    poison = {values // 5: "kill", values // 2: "exit"}
    return Setup(keep=keep, values=values, chunk=2, pause_ms=250, poison=poison)


def run(setup: Setup, seed: int, minutes: float, say: Say) -> Campaign:
    """At least one sweep; a further one where there is time left. Each has a seed of its own."""
    campaign, until = Campaign(), time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory(prefix="chaos-") as made, a_reference(Path(made), setup) as reference:
        number = 0
        while not number or time.monotonic() < until:
            outcome = one(Path(made) / f"sweep-{number}", setup, reference, seed * 1000 + number)
            campaign.outcomes.append(outcome)
            say(line(outcome))
            number += 1
    return campaign


def one(folder: Path, setup: Setup, reference: Sweep, seed: int) -> Outcome:
    """One sweep from submit to its end, with faults all the time between."""
    chance = random.Random(seed)
    with a_lab(folder, "", setup, reference) as lab:
        begun = time.monotonic()
        producer = lab.submit()
        with Faults(lab, chance) as faults:
            try:
                answer = producer.answer(SWEEP_SECONDS)
            finally:
                seconds = time.monotonic() - begun
        wrong = ""
        try:
            expected = FAILED_BACKTESTS if setup.poison else 0
            assert answer.code == expected, f"exit code {answer.code}: {reasons(answer)}"
            lab.assert_exact(answer.document)
            assert_poison_alone_is_reported(lab, Path(answer.document["results"]))
        except AssertionError as e:
            wrong = f"{str(e) or repr(e)}; {reasons(answer)}"
        planned, executed = executions(lab)
    return Outcome(
        seed=seed,
        seconds=seconds,
        chunks=lab.chunks,
        faults=faults.done,
        planned=planned,
        executed=executed,
        wrong=wrong,
    )


def assert_poison_alone_is_reported(lab: Lab, results: Path) -> None:
    rows = pq.read_table(results / "summary.parquet").to_pylist()
    failures = pq.read_table(results / "failures.parquet").to_pylist()
    poison = {r["combination"] for r in rows if r.get("x") in lab.setup.poison}
    assert {f["combination"] for f in failures} == poison, failures[:5]
    assert len(failures) == len(lab.setup.poison) * lab.setup.securities
    assert {r["combination"] for r in rows if r["status"] == "failed"} == poison


def reasons(answer: Answer) -> str:
    """Why it failed, in the words of the failures' table or else of the producer."""
    try:
        table = Path(answer.document["results"]) / "failures.parquet"
        found = Counter(f"{f['error']}: {f['message']}"[:200] for f in pq.read_table(table).to_pylist())
    except (OSError, ValueError, KeyError):
        return answer.err[-2000:]
    return "; ".join(f"{count} times {text}" for text, count in found.most_common(3))


def executions(lab: Lab) -> tuple[int, int]:
    """Backtests that were planned and that were begun, of those that are not poison, nor beside it."""
    if lab.setup.strategy not in STRATEGIES:
        starts = [int(n) for n in lab.client.hvals(lab.ledger.key("att"))]
        return lab.chunks, sum(starts)
    size = lab.setup.chunk
    aside = {x // size for x in lab.setup.poison}
    begun = [x for note in lab.notes("start") for x in note["x"] if x // size not in aside]
    planned = lab.total - len(aside) * size * lab.setup.securities
    return planned, len(begun)


def line(outcome: Outcome) -> str:
    """One sweep for the eye."""
    faults = ", ".join(f"{count} {kind}" for kind, count in sorted(outcome.faults.items()))
    verdict = "bytes are equal" if not outcome.wrong else f"WRONG: {outcome.wrong}"
    extra = f"{outcome.executed - outcome.planned} executions beyond the plan ({outcome.redundant:.1%})"
    head = f"seed {outcome.seed}: {outcome.chunks} chunks in {outcome.seconds:.0f} s"
    return f"{head}; {outcome.faults.total()} faults ({faults}); {extra}; {verdict}"


@contextmanager
def a_reference(folder: Path, setup: Setup) -> Iterator[Sweep]:
    """The undisturbed run, once for all sweeps."""
    installed = plugin.install(folder / "plugin", SOURCE, STRATEGIES)
    with a_server(folder / "aside", remembers=False) as aside:
        yield undisturbed(folder / "reference", aside.url, setup, installed)
