"""A network camera with truth: JPEGs of the test pattern over HTTP, each drawn at its own instant.

Run as a program:
    python -m tests.stage.http_camera START_NS SCHEDULE FPS WIDTHxHEIGHT [MODE] [PORT]

It prints its port. MODE: `length` (parts tell their length), `boundary` (they do not), `login`
(wants the user `me`, digest), `silent` (answers, then sends nothing), `mute` (accepts and never
answers), `page` (a web page).
"""
# ruff: noqa: T201  its port is its output

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
from tests.stage.processes import child, temporary_folder, wait_until

from onetake.model.pattern import EventSchedule, draw

__all__ = ["HttpCamera", "http_camera"]

CHALLENGE = 'Digest realm="camera", nonce="abc", qop="auth", algorithm=MD5'


@dataclass
class HttpCamera:
    """A running camera."""

    url: str
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def http_camera(
    start_ns: int = 0,
    *,
    schedule_id: int = 1,
    fps: int = 30,
    width_px: int = 640,
    height_px: int = 360,
    mode: str = "length",
    port: int = 0,
) -> Iterator[HttpCamera]:
    """Run a camera, at a `port` of your choice if need be; needs no programs but Python."""
    with temporary_folder() as name:
        told = Path(name) / "port"
        command = [sys.executable, "-m", "tests.stage.http_camera", str(start_ns), str(schedule_id)]
        command += [str(fps), f"{width_px}x{height_px}", mode, str(port)]
        with (
            told.open("wb") as out,
            child(command, stdout=out.fileno(), is_hardware=True) as process,
        ):
            wait_until(lambda: told.read_bytes().endswith(b"\n"), "the camera")
            yield HttpCamera(f"http://127.0.0.1:{int(told.read_bytes())}/video", process)


class _Handler(BaseHTTPRequestHandler):
    start_ns = schedule_id = 0
    fps, size, mode = 30, (640, 360), "length"

    def do_GET(self) -> None:
        if self.mode == "mute":
            time.sleep(3600)
        if self.mode == "login" and 'username="me"' not in self.headers.get("Authorization", ""):
            self.send_response(401)
            self.send_header("WWW-Authenticate", CHALLENGE)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        kind = "text/html" if self.mode == "page" else "multipart/x-mixed-replace; boundary=cut"
        self.send_header("Content-Type", kind)
        self.end_headers()
        if self.mode == "silent":
            time.sleep(3600)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._send_pictures()

    def _send_pictures(self) -> None:
        schedule = EventSchedule(self.schedule_id)
        image = np.zeros((self.size[1], self.size[0], 3), dtype=np.uint8)
        encoder = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height = self.size
        encoder.pix_fmt, encoder.time_base = "yuvj420p", 1000  # type: ignore[assignment]
        number = time.monotonic_ns() * self.fps // 10**9
        while True:
            number += 1
            due_ns = number * 10**9 // self.fps
            time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
            draw(image, max(0, time.monotonic_ns() - self.start_ns), schedule)
            jpeg = _encoded(encoder, image)
            headers = b"Content-Type: image/jpeg\r\n"
            if self.mode != "boundary":
                headers += f"Content-Length: {len(jpeg)}\r\n".encode()
            self.wfile.write(b"--cut\r\n" + headers + b"\r\n" + jpeg + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


def _encoded(encoder: av.CodecContext, image: np.ndarray) -> bytes:
    picture = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuvj420p")
    return b"".join(bytes(packet) for packet in encoder.encode(picture))  # type: ignore[attr-defined]


def main() -> None:
    """Serve until terminated."""
    _Handler.start_ns, _Handler.schedule_id = int(sys.argv[1]), int(sys.argv[2])
    _Handler.fps, _Handler.mode = int(sys.argv[3]), sys.argv[5]
    width_px, height_px = sys.argv[4].split("x")
    _Handler.size = (int(width_px), int(height_px))
    port = int(sys.argv[6]) if len(sys.argv) > 6 else 0
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
