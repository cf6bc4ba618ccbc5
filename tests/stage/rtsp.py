"""A real RTSP camera: H.264 over RTP, interleaved in TCP, as IP cameras send it.

The pictures come from ffmpeg as RTP packets; this file only speaks the session around them
(RFC 7826 as far as a player asks for it).
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.stage.processes import child, require, temporary_folder, wait_until

__all__ = ["RtspCamera", "rtsp_camera"]


@dataclass
class RtspCamera:
    """A running camera.

    `is_frozen` stops the pictures while the connection stays; `gap_s` stops in the middle of every
    thirtieth packet for so long, as TCP does where it sends a lost segment again.
    """

    url: str
    server: socket.socket
    rtp: socket.socket
    sdp: bytes
    is_frozen: bool = False
    gap_s: float = 0.0
    clients: list[socket.socket] = field(default_factory=list)
    """Who plays. Appended to by their own threads, replaced as a whole by `hang_up`."""

    def hang_up(self) -> None:
        """Cut every connection, as a camera that loses power."""
        clients, self.clients = self.clients, []
        for client in clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def accept_clients(self) -> None:
        """Serve until the server's socket is closed. Own thread."""
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("rb") as requests:
            while line := requests.readline().decode("latin1").strip():
                method = line.split()[0]
                headers = {}
                while field_line := requests.readline().decode("latin1").strip():
                    name, _, value = field_line.partition(":")
                    headers[name.lower()] = value.strip()
                client.sendall(self._answer(method, headers))
                if method == "PLAY":
                    self.clients.append(client)

    def _answer(self, method: str, headers: dict[str, str]) -> bytes:
        extra, body = {}, b""
        match method:
            case "OPTIONS":
                extra = {"Public": "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"}
            case "DESCRIBE":
                body = self.sdp
                extra = {"Content-Type": "application/sdp", "Content-Base": f"{self.url}/"}
            case "SETUP":
                extra = {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "Session": "1"}
            case _:
                extra = {"Session": "1"}
        extra |= {"CSeq": headers.get("cseq", "0"), "Content-Length": str(len(body))}
        lines = ["RTSP/1.0 200 OK", *(f"{name}: {value}" for name, value in extra.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def relay(self) -> None:
        """Pass RTP packets on to the players until the socket is closed. Own thread."""
        for count in itertools.count(1):
            try:
                packet = self.rtp.recv(65536)
            except OSError:
                return
            if self.is_frozen:
                continue
            framed = b"$\0" + len(packet).to_bytes(2, "big") + packet
            gap_s = 0.0 if count % 30 else self.gap_s
            for client in self.clients:
                with contextlib.suppress(OSError):  # it left; its own thread has closed it
                    client.sendall(framed[:1])
                    time.sleep(gap_s)
                    client.sendall(framed[1:])


@contextlib.contextmanager
def rtsp_camera(source: list[str] | None = None) -> Iterator[RtspCamera]:
    """Run a camera; `source` are ffmpeg's arguments for what it sees."""
    require("ffmpeg")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(temporary_folder()))
        rtp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        rtp.bind(("127.0.0.1", 0))
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        sees = source or ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"]
        command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", *sees]
        command += ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15"]
        command += ["-pix_fmt", "yuv420p", "-sdp_file", str(folder / "sdp"), "-f", "rtp"]
        command += [f"rtp://127.0.0.1:{rtp.getsockname()[1]}?pkt_size=1400"]
        stack.enter_context(child(command, log=folder / "log", is_hardware=True))
        wait_until((folder / "sdp").exists, "ffmpeg's SDP")
        wait_until(lambda: b"m=video" in (folder / "sdp").read_bytes(), "the SDP's video")
        url = f"rtsp://127.0.0.1:{server.getsockname()[1]}/stream"
        sdp = (folder / "sdp").read_bytes()
        camera = RtspCamera(url, server, rtp, sdp)
        for work in (camera.accept_clients, camera.relay):
            threading.Thread(target=work, daemon=True).start()
        stack.callback(camera.hang_up)
        # A blocked accept or recv only ends when the socket is shut down, not when it is closed.
        stack.callback(_shut, server)
        stack.callback(_shut, rtp)
        yield camera


def _shut(ending: socket.socket) -> None:
    with contextlib.suppress(OSError):
        ending.shutdown(socket.SHUT_RDWR)
