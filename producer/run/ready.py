"""Whether the nodes that are there can do a sweep: asked before it is submitted, not after it has failed."""

from __future__ import annotations

import socket

from tasks.errors import ClusterUnavailable, StrategyError
from tasks.messages import WIRE_VERSION
from tasks.plan import SweepSpec
from tasks.plugins import references
from tasks.plugins.loading import found_file
from tasks.plugins.references import InFile, InModule
from tasks.records.heartbeat import Node
from tasks.roots import Roots


def check(nodes: list[Node], wanted: int, spec: SweepSpec) -> None:
    """Raises ClusterUnavailable where too few listen, or where none may import the strategy."""
    listening = [node for node in nodes if node.queue == spec.queue]
    old = [node for node in listening if node.wire != WIRE_VERSION]
    if old:
        raise ClusterUnavailable(
            f"node {old[0].name} runs release {old[0].version}, which speaks another version of messages",
            hint="install the same release on every node, then restart it",
        )
    if len(listening) < wanted:
        found = (
            f"no worker listens on queue '{spec.queue}'"
            if not listening
            else f"{len(listening)} of {wanted} nodes are there"
        )
        raise ClusterUnavailable(found, hint="start one with: producer worker start --cores 4")
    if listening and not any(may_import(node, spec.strategy) for node in listening):
        reference = references.parse(spec.strategy)
        root = reference.module.partition(".")[0] if isinstance(reference, InModule) else "FOLDER"
        if isinstance(reference, InFile):
            root = str(reference.path.parent)
        raise ClusterUnavailable(
            f"no node may import {references.label(spec.strategy)}",
            hint=f"start nodes with: producer worker start --allow {root}",
        )


def may_import(node: Node, strategy: str) -> bool:
    """As far as it can be told from here: other machines have other folders."""
    reference = references.parse(strategy)
    if node.allow is None or not isinstance(reference, InFile | InModule):
        return True
    roots = Roots.of(node.allow)
    if isinstance(reference, InModule):
        return bool(roots.folders) or roots.names_module(reference.module)
    if node.host != socket.gethostname():
        return bool(roots.folders)
    try:
        found_file(reference, roots)
    except StrategyError:
        return False
    return True
