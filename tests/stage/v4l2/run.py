"""Record from the preloaded camera and print what came, as JSON.

Run as a program:  LD_PRELOAD=camera.so FAKE_CAMERA_PATH=... python -m tests.stage.v4l2.run SECONDS
"""
# ruff: noqa: T201  it prints its result

from __future__ import annotations

import json
import os
import sys
import threading
import time

import av
import numpy as np

from onetake.clock import HostClock
from onetake.errors import OnetakeError
from onetake.model.devices import Role
from onetake.model.media import Frame
from onetake.model.settings import Settings
from onetake.platforms.linux.platform import LinuxPlatform


class Reader:
    """A sink that reads the capture time out of each picture."""

    def __init__(self) -> None:
        self.pictures: list[tuple[int, int, int]] = []

    def frame(self, frame: Frame) -> None:
        assert isinstance(frame.image, av.VideoFrame)
        luma = frame.image.to_ndarray(format="gray8")
        bits = luma[4, 4 : 64 * 8 : 8] > 128
        captured_ns = int("".join("1" if bit else "0" for bit in bits), 2)
        self.pictures.append((frame.pts_ns, captured_ns, time.monotonic_ns()))
        frame.release()

    def audio(self, block: object) -> None:
        raise NotImplementedError

    def warn(self, code: str, message: str, hint: str = "") -> None:
        pass


def main() -> None:
    """Open, run for the given time, close, print."""
    path = os.environ["FAKE_CAMERA_PATH"]
    source = LinuxPlatform().source(Role.CAMERA, f"v4l2:{path}", Settings(), HostClock())
    reader, stop = Reader(), threading.Event()
    error, stopped_s, begun_s = "", 0.0, time.monotonic()
    try:
        source.open()
        opened_s = time.monotonic() - begun_s
        threading.Timer(float(sys.argv[1]), stop.set).start()
        source.run(reader, stop)
        stopped_s = time.monotonic() - begun_s - opened_s - float(sys.argv[1])
    except OnetakeError as caught:
        opened_s, error = time.monotonic() - begun_s, f"{caught.code}: {caught.message}"
    source.close()
    cpu_s = time.process_time()
    told = {
        "device": source.device.format,
        "size_px": np.array(source.size_px()).tolist(),
        "stamp_kind": source.stamp_kind,
        "pictures": reader.pictures,
        "error": error,
        "opened_s": opened_s,
        "stopped_s": stopped_s,
        "cpu_s": cpu_s,
    }
    print(json.dumps(told), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
