"""`make chaos SEED=n MINUTES=m`: sweeps under random faults, for as long as one likes."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.fault.chaos import campaign

ROOT = Path(__file__).resolve().parents[3]


def main() -> int:
    """0 where every byte is as it should be, and little was done twice."""
    parser = argparse.ArgumentParser(prog="make chaos", description="Sweeps under random faults.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--chunks", type=int, default=1200)
    parser.add_argument("--strategy", choices=("tallied", "market_making"), default="tallied")
    parser.add_argument("--results", choices=("redis", "files"), default="redis")
    options = parser.parse_args()
    os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "numba"))
    setup = campaign.setup_for(options.strategy, options.results, options.chunks)
    found = campaign.run(setup, options.seed, options.minutes, say)
    say("")
    for kind, count in sorted(found.faults.items()):
        say(f"{kind:>12} {count:4}")
    backtests, chunks = sum(o.planned for o in found.outcomes), sum(o.chunks for o in found.outcomes)
    say(f"{len(found.outcomes)} sweeps of {chunks} chunks, {found.faults.total()} faults")
    say(f"executions beyond the plan: {found.redundant:.2%} of {backtests}")
    for wrong in found.wrong:
        say(f"WRONG: {wrong}")
    if not found.wrong:
        say("all bytes are equal, poison is reported, nothing else is")
    return 1 if found.wrong else 0


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
