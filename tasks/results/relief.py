"""Parts that fill Redis while their shard still lacks chunks, moved into files of the work folder.

A merge frees memory, but cannot begin before the shard's last chunk has come, and that one may wait for
memory.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tasks.errors import PartDamaged
from tasks.messages import ChunkReceipt
from tasks.plan import SweepSpec
from tasks.records.ledger import Ledger
from tasks.results import codec, store

log = logging.getLogger("sweepfleet.merge")


def move_out(ledger: Ledger, spec: SweepSpec, receipts: Iterable[ChunkReceipt | None]) -> int:
    """How many parts lie in files now that lay in Redis. Where the folder is full as well, they stay."""
    moved = 0
    for receipt in receipts:
        if receipt is None or receipt.file is not None:
            continue
        part = ledger.part(receipt.chunk)
        if part is None:
            continue  # the merge finds that out, and has it computed again
        file = store.part_path(receipt.chunk)
        try:
            codec.decode(part, receipt.sha256)
            store.write_whole(store.work_folder(spec.results) / file, part)
        except (PartDamaged, OSError) as e:
            log.warning("a part stays in Redis: %s", e, extra={"event": "part_stays", "chunk": receipt.chunk})
            continue
        moved += ledger.move_part(receipt, file)
    return moved
