"""Dispatch queues on real threads."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.platforms.macos.fake.runtime import Unmodelled
from tests.platforms.macos.fake.world import Mac


class Queue:
    """A serial dispatch queue: one thread, in order."""

    def __init__(self, mac: Mac, label: str) -> None:
        self.label = label
        self._mac = mac
        self._work: queue.SimpleQueue[tuple[int, Callable[[], Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"queue {label}", daemon=True)
        self._thread.start()
        mac.queues.append(self)

    def submit(self, body: Callable[[], Any]) -> None:
        """Run `body` on the queue, soon."""
        self._work.put((time.monotonic_ns(), body))

    def end(self) -> None:
        """End the thread."""
        self._work.put(None)
        self._thread.join(5)

    def _run(self) -> None:
        while (item := self._work.get()) is not None:
            due_ns, body = item
            self._mac.note_due(due_ns)
            self._mac.call_back(body, f"queue {self.label}")
            del body, item  # what it holds is let go before the next one comes


def make(mac: Mac) -> dict[str, Any]:
    """Return what the `dispatch` module exports."""

    def dispatch_queue_create(label: Any, attributes: Any) -> Queue:
        if not isinstance(label, bytes):
            raise TypeError("depythonifying 'charptr', got 'str': a queue label is bytes")
        if attributes not in (None, "DISPATCH_QUEUE_SERIAL"):
            raise Unmodelled(f"queue attribute {attributes!r}")
        return Queue(mac, label.decode())

    return {"dispatch_queue_create": dispatch_queue_create}
