"""The writing end of one WebSocket client: what waits for it, and the task that sends it."""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from onetake.control.outbox import Outbox
from onetake.control.websocket_server import WebSocketServer

__all__ = ["SocketClient"]


class SocketClient:
    """Made on the server's loop; `outbox.put` from any thread.

    Args:
        is_text: whether messages travel as text or as binary.
    """

    def __init__(
        self, connection: ServerConnection, server: WebSocketServer, *, is_text: bool
    ) -> None:
        self._connection = connection
        self._is_text = is_text
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.outbox = Outbox(on_put=lambda: server.call_soon(self._ready.set))

    @property
    def is_overfull(self) -> bool:
        """Whether too many answers wait."""
        return self.outbox.is_overfull

    async def write(self) -> None:
        """Send what is queued, until the connection ends."""
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                self._idle.clear()
                while (message := self.outbox.get(0)) is not None:
                    await self._connection.send(message, text=self._is_text)
                self._idle.set()
        except ConnectionClosed:
            self.outbox.close()
            self._idle.set()

    async def written(self) -> None:
        """Wait a moment for what is queued to be sent."""
        await asyncio.sleep(_SETTLE_S)
        try:
            await asyncio.wait_for(self._idle.wait(), _LAST_WORDS_S)
        except TimeoutError:
            return


_SETTLE_S = 0.05
"""How long the writer may take to notice what was queued just now."""

_LAST_WORDS_S = 1.0
"""How long a client may take to read the last words before it is closed without them."""
