"""A node in which one thing is slower than usual; which one, the environment says. The rest is the product's.

`PROGRAM` is what a supervisor starts in place of `-m workers`.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Final

from tests.support.checkout import ROOT

SLOW_MERGE: Final = "FAULT_SLOW_MERGE"  # seconds for which a merge holds its lease before it begins
START: Final = f"""
import sys
sys.path.append({str(ROOT)!r})
from tests.support.fault.node import main
sys.exit(main())
"""
PROGRAM: Final = ("-c", START)


def main() -> int:
    from tasks.results import shards
    from workers.__main__ import main as start

    seconds = float(os.environ.get(SLOW_MERGE, "0"))
    write = shards._write_shard

    def slowly(*arguments: Any, **named: Any) -> Any:
        time.sleep(seconds)
        return write(*arguments, **named)

    if seconds:
        shards._write_shard = slowly
    return start(sys.argv[1:])
