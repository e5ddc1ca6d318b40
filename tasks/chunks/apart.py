"""A chunk whose process does not come back: its combinations in processes of their own.

A few together first, for that is cheap; where their process ends without a result, each alone. So the one
that brings its process down is the one that fails, and every other has the result that it always has.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tasks import runner
from tasks.chunks import isolation
from tasks.contract import Columns
from tasks.errors import ProcessEnded, TimeLimit
from tasks.grid.combinations import Block
from tasks.plugins.registry import Description
from tasks.results import codec, joined
from tasks.runner import ChunkResult, Failure

LIMITS: Final = 10  # how often `execution.timeout` such a chunk may take in all: that many may hang


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """What such a chunk is allowed: seconds for each process, and the moment at which all must have ended."""

    seconds: float
    until: float
    meanwhile: Callable[[], None]

    @classmethod
    def within(cls, timeout: float, meanwhile: Callable[[], None]) -> Apart:
        return cls(seconds=timeout, until=time.monotonic() + LIMITS * timeout, meanwhile=meanwhile)

    def survives(self, load: Callable[[], object]) -> None:
        """Raises ProcessEnded where loading ends its process. What it raises, it raises here too, later."""

        def attempt() -> bytes:
            with contextlib.suppress(BaseException):
                load()
            return b""

        self._run(attempt)

    def evaluate(
        self, about: Description, data: Columns, block: Block, keep: Sequence[str], seed: int
    ) -> ChunkResult:
        """What `runner.evaluate` gives; combinations that end their process are failures."""

        def found(part: Block) -> list[ChunkResult]:
            try:
                return [self._result(lambda: runner.evaluate(about, data, part, keep, (), seed))]
            except ProcessEnded as e:
                if len(part) == 1:
                    return [runner.all_failed(part, Failure.named(e, part.ids()[0]))]
            return [result for one in _pieces(part, 1) for result in found(one)]

        together = max(1, math.isqrt(len(block)))  # with one guilty, the fewest processes: some 20 ms each
        return joined.in_sequence([result for part in _pieces(block, together) for result in found(part)])

    def _result(self, evaluate: Callable[[], ChunkResult]) -> ChunkResult:
        tables = codec.decode(self._run(lambda: codec.encode(evaluate().tables)))
        counts = Counter(tables["summary"]["status"].to_pylist())
        return ChunkResult(tables=tables, ok=counts["ok"], failed=counts["failed"], empty=counts["empty"])

    def _run(self, work: isolation.Work) -> bytes:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeLimit(
                f"not tried: its chunk took {LIMITS} times execution.timeout, for others that did not end",
                hint="see what those have in common, then: producer resume ID --failed",
            )
        self.meanwhile()
        return isolation.run(work, min(self.seconds, left), self.meanwhile)


def _pieces(block: Block, size: int) -> list[Block]:
    return [block.part(first, first + size) for first in range(0, max(1, len(block)), size)]
