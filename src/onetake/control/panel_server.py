"""The web panel: one page for a browser on this machine, and the socket behind it.

Invariant: GET has no side effect and tells nothing about a take without a session; the finished
take is served only to who shows the session's cookie-less key in the path (`/take/KEY`), made when
the take ended.
"""

from __future__ import annotations

import asyncio
import mimetypes
import secrets
import time
from collections import OrderedDict
from importlib import resources
from pathlib import Path

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from onetake.control.controller import Controller, Origin
from onetake.control.event_pump import EventPump
from onetake.control.guard import MAX_CLIENTS, OneTimeTokens, Pace, Throttle
from onetake.control.jsonrpc import RpcSession, event_line
from onetake.control.panel_session import opened
from onetake.control.preview_picture import fresh_picture, jpeg
from onetake.control.socket_client import SocketClient
from onetake.control.websocket_server import Served, WebSocketServer
from onetake.model.events import Event, Finished

__all__ = ["PanelServer"]

KEY_TIMEOUT_S = 3.0
"""How long a browser may take to show its key: it does so in its first message."""

FRAME_WAIT_S = 1.0
"""How long a preview waits for a new picture before it is told that there is none."""

MAX_TAKES = 20
"""How many finished takes can still be played from the panel."""

CHUNK_BYTES = 1 << 20
"""Most bytes of a take in one answer: players ask for the next part by themselves. More would sit
in memory for each of them."""

_BUSY, _REFUSED = 1013, 4401
"""WebSocket close codes: try again later; the key opens nothing."""

_ORIGIN = Origin("the panel", is_remote=True)
_FILES = ("index.html", "panel.css", "panel.js", "preview.js", "rpc.js", "icon.svg")


class PanelServer:
    """Serves the panel on the loopback interface, from `start` to `stop`.

    Args:
        port: 0 = any free one.
    """

    def __init__(self, controller: Controller, port: int = 0) -> None:
        self._controller = controller
        self._tokens = OneTimeTokens()
        self._throttle = Throttle(time.monotonic)
        self._clients: dict[RpcSession, SocketClient] = {}
        self._takes: OrderedDict[str, str] = OrderedDict()
        self._pump = EventPump(
            controller, "panel", self._on_event, wants_meters=lambda: bool(self._clients)
        )
        self._server = WebSocketServer("panel", port, self._serve, static=self._static)

    @property
    def port(self) -> int:
        """Where it listens, after `start`."""
        return self._server.port

    def start(self) -> None:
        """Listen. Raises OutputFailed when no port can be had."""
        self._server.start()
        self._pump.start()

    def stop(self) -> None:
        """Close all connections and listen no more."""
        self._pump.stop()
        self._server.stop()

    def new_url(self) -> str:
        """Return an address that opens the panel once; its fragment is a secret."""
        return f"http://127.0.0.1:{self.port}/#t={self._tokens.new_token()}"

    # On the pump's thread.

    def _on_event(self, event: Event) -> None:
        line = event_line
        if isinstance(event, Finished):
            self._remember_take(event)
        for session in list(self._clients):
            session.offer(event, line)

    def _remember_take(self, finished: Finished) -> None:
        key = secrets.token_urlsafe(24)
        self._takes[key] = finished.path
        while len(self._takes) > MAX_TAKES:
            self._takes.popitem(last=False)

    # On the server's thread.

    async def _serve(self, connection: ServerConnection) -> None:
        if self._throttle.is_locked or len(self._clients) >= MAX_CLIENTS:
            await connection.close(_BUSY, "too many clients or wrong keys; try again later")
            return
        client = SocketClient(connection, self._server, is_text=True)
        session = RpcSession(self._controller, client.outbox, _ORIGIN)
        writing = asyncio.create_task(client.write())
        try:
            if not await self._opens(connection):
                return
            self._clients[session] = client
            session.greet()
            await self._converse(connection, session, client)
        except (ConnectionClosed, TimeoutError):
            await connection.close(1000)
        finally:
            self._clients.pop(session, None)
            writing.cancel()

    async def _opens(self, connection: ServerConnection) -> bool:
        message = await asyncio.wait_for(connection.recv(), KEY_TIMEOUT_S)
        session = opened(message, self._tokens)
        if session is None:
            await asyncio.sleep(self._throttle.failed())
            await connection.close(_REFUSED, "the key opens nothing")
            return False
        self._throttle.succeeded()
        await connection.send(msgspec.json.encode({"session": str(session)}), text=True)
        return True

    async def _converse(
        self, connection: ServerConnection, session: RpcSession, client: SocketClient
    ) -> None:
        pace = Pace(time.monotonic)
        previewing: asyncio.Task[None] | None = None
        while not client.is_overfull:
            message = await connection.recv()
            await asyncio.sleep(pace.delay_s())
            if message == "preview-frame":
                if previewing is None or previewing.done():
                    previewing = asyncio.create_task(self._send_frame(connection))
            elif message == "takes":
                takes = [{"key": key, "path": path} for key, path in self._takes.items()]
                await connection.send(msgspec.json.encode({"takes": takes}), text=True)
            else:
                line = message.encode() if isinstance(message, str) else message
                await self._server.work(session.receive, line)
        await connection.close(_BUSY, "the client does not read its answers")

    async def _send_frame(self, connection: ServerConnection) -> None:
        """Send the next picture, or an empty message when there is none for now."""
        try:
            frame = await self._server.work(self._frame)
            await connection.send(frame)
        except ConnectionClosed:
            return

    def _frame(self) -> bytes:
        """Return the next picture as JPEG; on a worker."""
        picture = fresh_picture(self._controller, 640, FRAME_WAIT_S)
        return b"" if picture is None else jpeg(picture)

    # Files.

    def _static(self, request: Request) -> Served | None:
        path = request.path.partition("?")[0]
        name = "index.html" if path == "/" else path.removeprefix("/")
        if name in _FILES:
            body = (resources.files("onetake.ui") / "panel" / name).read_bytes()
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            return Served(200, kind, body)
        key = path.removeprefix("/take/")
        known = next((k for k in self._takes if secrets.compare_digest(k, key)), None)
        if path.startswith("/take/") and known is not None:
            return _part(Path(self._takes[known]), request.headers.get("Range", ""))
        return None


def _part(path: Path, wanted: str) -> Served:
    """Return a part of a take, as players ask for it (`Range: bytes=A-B`)."""
    first, last = _range(wanted)
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            last = min(size - 1, last if last is not None else first + CHUNK_BYTES - 1)
            last = min(last, first + CHUNK_BYTES - 1)
            if first > last:
                return Served(416, "text/plain", b"", {"Content-Range": f"bytes */{size}"})
            file.seek(first)
            body = file.read(last - first + 1)
    except OSError:
        return Served(404, "text/plain", b"the file is gone")
    headers = {"Content-Range": f"bytes {first}-{last}/{size}", "Accept-Ranges": "bytes"}
    return Served(206, "video/mp4", body, headers)


def _range(text: str) -> tuple[int, int | None]:
    unit, _, span = text.partition("=")
    first, _, last = span.partition("-")
    if unit.strip() != "bytes" or not first.isascii() or not first.isdigit():
        return 0, None
    return int(first), int(last) if last.isascii() and last.isdigit() else None
