"""A WebSocket server on the loopback interface, on a thread of its own.

    thread NAME: asyncio loop ─ connections ─▶ guard ─▶ static files or the adapter's handler
    thread NAME-work-N: what an adapter does for a request (devices, files, the take's lock)

Invariant: it listens on 127.0.0.1 and ::1 and nowhere else; no request reaches an adapter before
its Host and Origin were judged; sockets, messages, queues and clients are bounded.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from onetake.control.guard import MAX_MESSAGE_BYTES, own_hosts, refusal
from onetake.errors import OutputFailed

__all__ = ["Served", "StaticFiles", "WebSocketServer"]

MAX_CONNECTIONS = 32
"""Most TCP connections of one adapter, silent ones included: they hold file descriptors that the
recorder needs for its own files."""

OPEN_TIMEOUT_S = 10.0
"""How long a connection may take to send its request."""

PING_S = 20.0
"""How often a client is asked whether it lives; one that does not answer is gone 20 s later."""

CLOSE_TIMEOUT_S = 2.0
START_TIMEOUT_S = 10.0
_WORKERS = 4
_PORT_TRIES = 8

Handler = Callable[[ServerConnection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Served:
    """An answer to a GET."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside those that every answer has."""


StaticFiles = Callable[[Request], Served | None]
"""Answers a request that is no WebSocket's; None = not found. On the loop, so quick."""

_SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), display-capture=()",
    "Cache-Control": "no-store",
}


class WebSocketServer:
    """Owns the thread `name` and its workers from `start` to `stop`.

    Args:
        port: 0 = any free one.
        handler: serves one open connection, on the loop.
        on_stop: awaited before the connections are closed.
        allowed_origins: foreign web origins that may connect; the server's own always may.
    """

    def __init__(
        self,
        name: str,
        port: int,
        handler: Handler,
        *,
        static: StaticFiles | None = None,
        allowed_origins: Collection[str] = (),
        subprotocols: Sequence[str] = (),
        on_stop: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._name = name
        self._handler = handler
        self._static = static
        self._allowed_origins = frozenset(allowed_origins)
        self._subprotocols = tuple(subprotocols)
        self._on_stop = on_stop
        self.port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._is_ready = threading.Event()
        self._failure: OSError | None = None
        self._connections: set[_GuardedConnection] = set()
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix=f"{name}-work")
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Listen. Raises OutputFailed when no port can be had."""
        self._thread.start()
        self._is_ready.wait(START_TIMEOUT_S)
        if self._failure is not None:
            said = f"{self._name} cannot listen on port {self.port}: {self._failure.strerror}"
            raise OutputFailed(said, hint="choose another port", code="port-taken")

    def stop(self) -> None:
        """Close all connections (1001) and listen no more."""
        loop, stopping = self._loop, self._stopping
        if loop is not None and stopping is not None and self._thread.is_alive():
            loop.call_soon_threadsafe(stopping.set)
            self._thread.join(CLOSE_TIMEOUT_S + 5.0)
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def work(self, task: Callable[..., Any], *arguments: Any) -> Any:
        """Run `task` on a worker and return its result; on the loop."""
        assert self._loop is not None
        return await self._loop.run_in_executor(self._workers, task, *arguments)

    def call_soon(self, task: Callable[[], None]) -> None:
        """Run `task` on the loop soon; any thread; nothing after the end."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            try:
                loop.call_soon_threadsafe(task)
            except RuntimeError:
                return  # it closed in between

    @property
    def own_origins(self) -> frozenset[str]:
        """The origins of the pages this server serves."""
        return frozenset(f"http://{host}" for host in own_hosts(self.port))

    # On the server's thread.

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            self._is_ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        listeners = _loopback_listeners(self.port)
        self.port = listeners[0].getsockname()[1]
        servers = [await self._listen(listener) for listener in listeners]
        self._is_ready.set()
        await self._stopping.wait()
        if self._on_stop is not None:
            await self._on_stop()
        for server in servers:
            server.close()
        for connection in list(self._connections):
            if connection.request is None:
                connection.transport.abort()
        await asyncio.gather(*(server.wait_closed() for server in servers))

    async def _listen(self, listener: socket.socket) -> Server:
        def create(*arguments: Any, **options: Any) -> ServerConnection:
            return _GuardedConnection(self._connections, *arguments, **options)

        # Any callable does, the annotation says a class.
        factory: Any = create

        return await serve(
            self._handler,
            sock=listener,
            process_request=self._judge,
            subprotocols=[Subprotocol(name) for name in self._subprotocols] or None,
            select_subprotocol=_first_known if self._subprotocols else None,
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=4,
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=CLOSE_TIMEOUT_S,
            server_header=None,
            logger=_silent_logger(),
            create_connection=factory,
        )

    def _judge(self, _connection: ServerConnection, request: Request) -> Response | None:
        headers = request.headers
        refused = refusal(
            request.path,
            headers.get_all("Host"),
            headers.get_all("Origin"),
            port=self.port,
            # No page can be at our own address but ours; programs built on websocket-client say it.
            allowed_origins=self._allowed_origins | self.own_origins,
        )
        if refused is not None:
            return _response(Served(refused[0], "text/plain", refused[1].encode()))
        if headers.get("Upgrade", "").lower() == "websocket":
            return None
        if getattr(request, "method", "GET") not in ("GET", "HEAD"):
            return _response(Served(405, "text/plain", b"only GET and HEAD"))
        found = None if self._static is None else self._static(request)
        return _response(found or Served(404, "text/plain", b"not found"))


class _GuardedConnection(ServerConnection):
    """A connection that counts, whether or not it ever says anything."""

    def __init__(self, all_: set[_GuardedConnection], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._all = all_

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._all.add(self)
        if len(self._all) > MAX_CONNECTIONS and isinstance(transport, asyncio.Transport):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.discard(self)
        super().connection_lost(exc)


def _first_known(
    connection: ServerConnection, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    """Choose the first subprotocol that both know; none is no error."""
    known = connection.protocol.available_subprotocols or ()
    return next((name for name in offered if name in known), None)


def _loopback_listeners(port: int) -> list[socket.socket]:
    """Return listening sockets on 127.0.0.1 and, where there is one, ::1, with the same port."""
    for _ in range(_PORT_TRIES):
        listeners = [socket.create_server(("127.0.0.1", port), backlog=MAX_CONNECTIONS)]
        chosen = listeners[0].getsockname()[1]
        try:
            listeners.append(
                socket.create_server(
                    ("::1", chosen), family=socket.AF_INET6, backlog=MAX_CONNECTIONS
                )
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                listeners[0].close()
                if port:
                    raise
                continue  # somebody else has this number on ::1; a page there must not be ours
        return listeners
    raise OSError(errno.EADDRINUSE, "no port is free on both loopback addresses")


def _response(served: Served) -> Response:
    headers = Headers({**_SECURITY_HEADERS, **served.headers})
    headers["Content-Type"] = served.content_type
    headers["Content-Length"] = str(len(served.body))
    headers["Connection"] = "close"
    return Response(served.status, _REASONS.get(served.status, ""), headers, served.body)


_REASONS = {
    200: "OK",
    206: "Partial Content",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    416: "Range Not Satisfiable",
    421: "Misdirected Request",
}


def _silent_logger() -> logging.Logger:
    """Return a logger that keeps strangers' mistakes out of the user's terminal."""
    logger = logging.getLogger("onetake.control.websocket")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)
    return logger
