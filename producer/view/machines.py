"""What sweeps run on, as text: nodes, findings of `doctor`, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from producer.view import words
from producer.view.output import mask
from producer.view.table import Column, Drawn, draw

if TYPE_CHECKING:
    from producer.run.doctor import Finding
    from tasks.records.heartbeat import Node


def nodes_table(nodes: Sequence[Node], *, width: int | None, now: float) -> Drawn:
    return draw(
        [
            Column(title="NODE", cells=[words.plain(n.name) for n in nodes]),
            Column(title="CORES", cells=[n.cores for n in nodes]),
            Column(title="BUSY", cells=[f"{n.busy}/{n.slots}" for n in nodes]),
            Column(title="BT/S", cells=[f"{n.rate_bt_s:,.0f}" for n in nodes], align="right"),
            Column(title="MEM", cells=[words.memory_of(n.memory_bytes, n.memory_total_bytes) for n in nodes]),
            Column(title="VERSION", cells=[n.version for n in nodes]),
            Column(title="SEEN", cells=[words.age(now - n.seen) for n in nodes], align="right"),
            Column(title="QUEUE", cells=[n.queue for n in nodes]),
        ],
        width,
    )


def finding(finding: Finding) -> str:
    """`warn  persistence    no append-only file: …`"""
    return f"{finding.verdict:<4}  {finding.subject:<13}  {words.one_line(finding.said)}"


def settings_table(values: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    """Each setting, its value, where it comes from."""
    shown = [
        words.NOTHING if v is None else str(v).lower() if isinstance(v, bool) else mask(str(v))
        for v in values.values()
    ]
    columns = [
        Column(title="setting", cells=list(values)),
        Column(title="value", cells=shown),
        Column(title="from", cells=[origins[name] for name in values]),
    ]
    return draw(columns, None).text
