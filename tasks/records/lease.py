"""A lease in a sweep's ledger: others leave to its holder what two should not do at once."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tasks.records.ledger import Ledger
from tasks.wire.connection import TRANSIENT


@dataclass(slots=True)
class Lease:
    """Saves work; nothing is wrong where it fails, or ends before its holder does."""

    ledger: Ledger
    name: str
    """Of a chunk, of a shard, or `finish`."""
    holder: str
    seconds: float
    """After which it ends by itself."""
    held: bool = field(default=False, init=False)
    _renewed: float = field(default=0.0, init=False)

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        if self.held:
            self.end()

    def take(self) -> bool:
        """False where somebody else holds it."""
        self._renewed = time.monotonic()
        self.held = self.ledger.hold(f"lease:{self.name}", self.holder, self.seconds)
        return self.held

    def keep(self) -> bool:
        """Renews it when a third of its time is over; whether that was so. To be called often."""
        if time.monotonic() - self._renewed < self.seconds / 3:
            return False
        self.take()
        return True

    def end(self) -> None:
        self.held = False
        with suppress(*TRANSIENT):  # it ends by itself
            self.ledger.release(f"lease:{self.name}", self.holder)
