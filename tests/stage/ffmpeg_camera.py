"""A network camera made of the ffmpeg program: a moving picture as JPEGs over HTTP, one client."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from tests.stage.processes import child, require, wait_until

__all__ = ["ffmpeg_camera"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _is_listening(port: int) -> bool:
    """Whether somebody listens, without connecting: the camera takes one client only."""
    with open("/proc/net/tcp") as table:  # noqa: PTH123
        return any(line.split()[1].endswith(f":{port:04X}") for line in list(table)[1:])


@contextlib.contextmanager
def ffmpeg_camera(width_px: int = 640, height_px: int = 360, fps: int = 30) -> Iterator[str]:
    """Run the camera and yield its URL; it ends with its first client."""
    require("ffmpeg")
    port = _free_port()
    url = f"http://127.0.0.1:{port}/cam"
    sees = f"testsrc2=size={width_px}x{height_px}:rate={fps}"
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", sees]
    command += ["-c:v", "mjpeg", "-q:v", "5", "-f", "mpjpeg", "-listen", "1", url]
    with child(command, is_hardware=True):
        wait_until(lambda: _is_listening(port), "ffmpeg's camera")
        yield url
