"""A TCP proxy that behaves as networks do: stands still, dies without a word, delays, cuts, loses replies."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PIECE: Final = 65_536


class Proxy:
    """Listens on `url` and forwards to the server."""

    def __init__(self, host: str, port: int, listen: str = "127.0.0.1", chance: int = 0) -> None:
        self.target = (host, port)
        self.listener = socket.create_server((listen, 0), backlog=128)
        self.url = f"redis://{listen}:{self.listener.getsockname()[1]}/0"
        self.open = threading.Event()  # nothing passes while this is not set
        self.open.set()
        self.delay_seconds = 0.0  # each way
        self.cut_probability = 0.0  # that a connection ends at a piece of data
        self.replies_to_drop = 0
        self.drop_after = b"\r\nLPUSH\r\n"
        self.dropped = 0
        self._random = random.Random(chance)
        self._lock = threading.Lock()
        self._connections: list[_Connection] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self, seconds: float) -> None:
        """Everybody waits; then all that was sent arrives."""
        self.open.clear()
        time.sleep(seconds)
        self.open.set()

    def abandon(self) -> int:
        """Connections that are open now are never served again, nor closed: half-open. New ones work."""
        with self._lock:
            found = [c for c in self._connections if not c.is_dead]
            for connection in found:
                connection.is_dead = True
        return len(found)

    def cut_all(self) -> None:
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.open.set()
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
                self.open.wait()
                far = socket.create_connection(self.target, 5)
            except OSError:
                if self.listener.fileno() < 0:
                    return
                with contextlib.suppress(OSError, UnboundLocalError):
                    near.close()  # the server is away
                continue
            connection = _Connection(self, near, far)
            with self._lock:
                self._connections = [c for c in self._connections if not c.is_closed][:]
                self._connections.append(connection)
            connection.begin()

    def takes_reply(self) -> bool:
        """Whether this reply is one of those that get lost."""
        with self._lock:
            if self.replies_to_drop <= 0:
                return False
            self.replies_to_drop -= 1
            self.dropped += 1
            return True

    def cuts(self) -> bool:
        return bool(self.cut_probability) and self._random.random() < self.cut_probability


class _Connection:
    def __init__(self, proxy: Proxy, near: socket.socket, far: socket.socket) -> None:
        self.proxy, self.near, self.far = proxy, near, far
        self.is_dead = self.is_closed = self.loses_reply = False

    def begin(self) -> None:
        for source, sink, asks in ((self.near, self.far, True), (self.far, self.near, False)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pump, args=(source, sink, asks), daemon=True).start()

    def close(self) -> None:
        self.is_closed = True
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _pump(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(PIECE):
                self.proxy.open.wait()
                while self.is_dead:  # holds what it has, for ever
                    time.sleep(0.5)
                    if self.is_closed:
                        return
                if self.proxy.delay_seconds:
                    time.sleep(self.proxy.delay_seconds)
                if self.proxy.cuts():
                    break
                if asks and self.proxy.replies_to_drop and self.proxy.drop_after in data:
                    self.loses_reply = True
                if not asks and self.loses_reply and self.proxy.takes_reply():
                    break
                sink.sendall(data)
        self.close()


@contextmanager
def a_proxy(host: str, port: int, listen: str = "127.0.0.1", chance: int = 0) -> Iterator[Proxy]:
    proxy = Proxy(host, port, listen, chance)
    try:
        yield proxy
    finally:
        proxy.close()
