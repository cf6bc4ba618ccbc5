"""The obs-websocket adapter on its port.

Invariant: each client's messages are carried out one after the other, at a bounded pace; events go
to all clients in the order of one queue; a client that does not read loses meters first, then its
connection.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import secrets
import socket
import time
from collections.abc import Sequence

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from onetake.control.controller import Controller
from onetake.control.event_pump import EventPump
from onetake.control.guard import MAX_CLIENTS, Pace, Secret, Throttle
from onetake.control.obs.context import Context
from onetake.control.obs.events import EventTranslator, ObsEvent
from onetake.control.obs.session import ObsSession
from onetake.control.obs.wire import SUBPROTOCOLS, Close, EventBit
from onetake.control.outbox import Importance
from onetake.control.socket_client import SocketClient
from onetake.control.websocket_server import WebSocketServer
from onetake.model.events import Event

__all__ = ["DEFAULT_PORT", "ObsServer"]

DEFAULT_PORT = 4455
"""Where clients look first."""

IDENTIFY_TIMEOUT_S = 10.0
"""How long a client may take to identify itself."""

_BUSY = 1013
"""WebSocket close code: try again later."""

_PASSING = EventBit.VOLUME_METERS | EventBit.ITEM_TRANSFORM
"""Events of which the next one makes up for a lost one."""


class ObsServer:
    """Serves obs-websocket v5 on the loopback interface, from `start` to `stop`.

    Args:
        port: where to listen; when something listens there already (OBS itself), another one is
            taken: see `port` after `start`.
        password: None = none is asked for.
        allowed_origins: web pages (`https://host`) that may connect; programs always may.
        profiles: names of the presets, for display.
    """

    def __init__(
        self,
        controller: Controller,
        port: int = DEFAULT_PORT,
        password: Secret | None = None,
        *,
        allowed_origins: Sequence[str] = (),
        profiles: Sequence[str] = (),
    ) -> None:
        self._controller = controller
        self._password = password
        self._salt = base64.b64encode(secrets.token_bytes(32)).decode()
        self._throttle = Throttle(time.monotonic)
        self._context = Context(controller, profiles)
        self._clients: dict[ObsSession, SocketClient] = {}
        self._translator = EventTranslator(self._context)
        self._pump = EventPump(controller, "obs-websocket", self._on_event)
        self._server = WebSocketServer(
            "obs-websocket",
            _free_or_any(port),
            self._serve,
            allowed_origins=allowed_origins,
            subprotocols=tuple(SUBPROTOCOLS),
            on_stop=self._say_goodbye,
        )

    @property
    def port(self) -> int:
        """Where it listens, after `start`."""
        return self._server.port

    def start(self) -> None:
        """Listen. Raises OutputFailed when no port can be had."""
        self._server.start()
        self._pump.start()

    def stop(self) -> None:
        """Say goodbye to all clients and listen no more."""
        self._pump.stop()
        self._server.stop()

    # On the pump's thread.

    def _on_event(self, event: Event) -> None:
        for translated in self._translator.translate(event):
            self._tell(translated)

    def _tell(self, event: ObsEvent) -> None:
        is_passing = bool(event.bit & _PASSING)
        for session, client in list(self._clients.items()):
            message = session.event(event)
            if message is not None:
                self._context.out_messages.add()
                client.outbox.put(message, Importance.PASSING if is_passing else Importance.EVENT)

    # On the server's thread.

    async def _serve(self, connection: ServerConnection) -> None:
        wire = SUBPROTOCOLS[connection.subprotocol or "obswebsocket.json"]
        if self._throttle.is_locked or len(self._clients) >= MAX_CLIENTS:
            await connection.close(_BUSY, "Too many clients or wrong passwords; try again later.")
            return
        failures: list[float] = []
        session = ObsSession(
            self._context,
            wire,
            password=self._password,
            salt=self._salt,
            on_wrong_password=lambda: failures.append(self._throttle.failed()),
        )
        client = SocketClient(connection, self._server, is_text=not wire.is_msgpack)
        self._clients[session] = client
        writing = asyncio.create_task(client.write())
        try:
            await connection.send(session.hello(), text=not wire.is_msgpack)
            await self._converse(connection, session, client)
        except Close as close:
            if failures:
                self._warn_of_lock()
                await asyncio.sleep(failures[-1])
            await client.written()
            await connection.close(close.code, close.reason)
        except (ConnectionClosed, TimeoutError):
            await connection.close(1000)
        finally:
            del self._clients[session]
            writing.cancel()

    async def _converse(
        self, connection: ServerConnection, session: ObsSession, client: SocketClient
    ) -> None:
        pace = Pace(time.monotonic)
        while not client.is_overfull:
            timeout_s = None if session.is_identified else IDENTIFY_TIMEOUT_S
            message = await asyncio.wait_for(connection.recv(), timeout_s)
            await asyncio.sleep(pace.delay_s())
            self._context.in_messages.add()
            was_identified = session.is_identified
            answer = await self._server.work(session.receive, message)
            if session.is_identified and not was_identified:
                self._throttle.succeeded()
            if answer is not None:
                self._context.out_messages.add()
                client.outbox.put(answer, Importance.ANSWER)
        await connection.close(_BUSY, "Your client does not read its answers.")

    def _warn_of_lock(self) -> None:
        if self._throttle.is_locked:
            self._controller.warn(
                "obs-password", "somebody tried wrong passwords on obs-websocket; it is closed"
                " to new clients for a minute"
            )  # fmt: skip

    async def _say_goodbye(self) -> None:
        self._tell(ObsEvent("ExitStarted", EventBit.GENERAL, {}))
        await asyncio.gather(*(client.written() for client in list(self._clients.values())))


def _free_or_any(port: int) -> int:
    """Return the port if nobody listens there, else 0."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return port
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        return 0
