"""Floods, silent sockets, slow readers and garbage leave a real take as it would have been."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
from tests.control.obs.client import ObsClient
from websockets.sync.client import connect

PROGRAM = Path(__file__).parent / "programs" / "engine_with_remotes.py"
PASSWORD = "a password for the test"
SECONDS = 5.0

pytestmark = pytest.mark.slow


class Engine:
    """The recorder's process."""

    def __init__(self, folder):
        self.folder = folder
        environment = {
            **os.environ,
            "ONETAKE_RUNTIME_DIR": str(folder / "run"),
            "ONETAKE_OBS_PASSWORD": PASSWORD,
        }
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=environment,
        )
        self.ports = json.loads(self.process.stdout.readline())

    def memory_mb(self):
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def finish(self):
        """End the take; return what became of it."""
        told, _ = self.process.communicate(b"", timeout=60)
        self.log.seek(0)
        assert self.process.returncode == 0, self.log.read()
        assert self.log.seek(0) == 0
        said = self.log.read()
        assert "Traceback" not in said
        return json.loads(told.splitlines()[-1]), said

    def close(self):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            with contextlib.suppress(OSError):
                stream.close()


def started(folder):
    if not Path("/proc/self/statm").exists():
        pytest.skip("missing: /proc, to read another process's memory")
    folder.mkdir()
    return Engine(folder)


@pytest.fixture
def engine(tmp_path):
    engine = started(tmp_path / "abused")
    yield engine
    engine.close()


@pytest.fixture
def quiet(tmp_path):
    """A second recorder on the same machine at the same time that nobody abuses."""
    engine = started(tmp_path / "quiet")
    yield engine
    engine.close()


def assert_intact(engine):
    """Finish the take; its file is whole. What a starved machine lost is told as such."""
    outcome, _ = engine.finish()
    others = [one for one in outcome["reasons"] if not any(word in one for word in STARVED)]
    assert others == []
    shown_s = intervals_ms(engine.folder / "take.mp4").sum() / 1000 + 0.1
    assert shown_s >= 0.9 * outcome["length_s"]
    return outcome


STARVED = ("pictures were dropped", "was missing", "did not arrive")
"""Words of reasons that a machine without processor time gives a take, abused or not."""


FEW = 9
"""Pictures, 5 % of such a take. What two takes at once lose by chance differs by as much where the
machine starves them."""


def assert_unmoved(engine, quiet):
    """Finish both takes: where the quiet one lost nothing, the abused one lost nothing."""
    outcome, beside = assert_intact(engine), assert_intact(quiet)
    if beside["reasons"] or beside["dropped"]:
        # The machine starves both. The abused one may not lose much more than the quiet one.
        assert outcome["dropped"] <= 2 * beside["dropped"] + FEW
        return
    assert outcome["dropped"] == 0
    assert outcome["verdict"] == "good"
    found, usual = (intervals_ms(one.folder / "take.mp4") for one in (engine, quiet))
    assert np.percentile(found, 99) == pytest.approx(np.percentile(usual, 99), abs=1.0)


def intervals_ms(path):
    """Return the distances of the video frames in ms."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        positions = sorted(
            packet.pts for packet in container.demux(stream) if packet.pts is not None
        )
        return np.diff(positions) * float(stream.time_base) * 1e3


def flood_obs(engine, until):
    """As many requests a second as a program can send, answers read in passing."""
    client = ObsClient(engine.ports["obs"], PASSWORD, mask=0)
    message = json.dumps({"op": 6, "d": {"requestType": "GetStats", "requestId": "x"}})
    client.socket.socket.settimeout(0.5)
    sent = 0
    with contextlib.suppress(Exception):
        while time.monotonic() < until:
            client.socket.send(message)
            sent += 1
    return sent


def flood_panel(engine, until):
    """A panel that sends commands without pause and never reads."""
    address = f"ws://127.0.0.1:{engine.ports['panel']}/"
    client = stack.enter_context(connect(address, proxy=None, close_timeout=0.1))
    client.send(json.dumps({"token": engine.ports["url"].partition("#t=")[2]}))
    client.recv(5)
    client.socket.settimeout(0.5)
    message = '{"jsonrpc":"2.0","id":1,"method":"gain","params":{"role":"mic","gain_db":0}}'
    with contextlib.suppress(Exception):
        while time.monotonic() < until:
            client.send(message)


stack = contextlib.ExitStack()


def test_a_flood_moves_no_frame(engine, quiet):
    """Two clients sending without pause for five seconds: no frame is dropped, the intervals are
    those of a quiet take beside it, memory stays, and another client is served."""
    with stack:
        time.sleep(1)
        before_mb = engine.memory_mb()
        until = time.monotonic() + SECONDS
        floods = [
            threading.Thread(target=flood, args=(engine, until))
            for flood in (flood_obs, flood_panel)
        ]
        for flood in floods:
            flood.start()
        calm = ObsClient(engine.ports["obs"], PASSWORD, mask=0)
        delays = []
        while time.monotonic() < until:
            begin = time.monotonic()
            calm.data("GetRecordStatus")
            delays.append(time.monotonic() - begin)
            time.sleep(0.1)
        calm.close()
        after_mb = engine.memory_mb()
        for flood in floods:
            flood.join()
    assert after_mb - before_mb < 20
    assert len(delays) >= 3
    assert sorted(delays)[len(delays) // 2] < 2.0
    assert_unmoved(engine, quiet)


def let_in(engine, timeout_s=15.0):
    """Return a client as soon as the server has noticed that others have left."""
    until = time.monotonic() + timeout_s
    while True:
        try:
            return ObsClient(engine.ports["obs"], PASSWORD)
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def test_silent_sockets_hold_nothing(engine):
    """A hundred connections that say nothing, or half a request: others get in, none stays."""
    silent = []
    for number in range(100):
        port = engine.ports["panel" if number % 2 else "obs"]
        with contextlib.suppress(OSError):
            stream = socket.create_connection(("127.0.0.1", port), timeout=2)
            stream.sendall(b"GET / HTTP/1.1\r\nHost: 127" if number % 3 else b"")
            silent.append(stream)
    descriptors = len(list(Path(f"/proc/{engine.process.pid}/fd").iterdir()))
    assert descriptors < 140
    for stream in silent:
        stream.close()
    client = let_in(engine)
    assert client.data("GetRecordStatus")["outputActive"]
    client.close()
    assert_intact(engine)


def test_a_slow_reader_loses_meters_then_its_connection(engine):
    """A client that asks and never reads is cut off; memory stays; the take goes on."""
    before_mb = engine.memory_mb()
    client = ObsClient(engine.ports["obs"], PASSWORD, mask=0xFFFF_FFFF)
    raw = client.socket.socket
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.socket.protocol.max_size = None
    message = json.dumps({"op": 6, "d": {"requestType": "GetVersion", "requestId": "x" * 30000}})
    raw.settimeout(1)
    # Stop reading: the library's own thread is held up by not taking messages.
    with contextlib.suppress(Exception):
        for _ in range(3000):
            client.socket.send(message)
    time.sleep(1)
    assert engine.memory_mb() - before_mb < 40
    other = ObsClient(engine.ports["obs"], PASSWORD)
    assert other.data("GetRecordStatus")["outputActive"]
    other.close()
    raw.close()
    assert_intact(engine)


def test_garbage_is_answered_by_closing(engine):
    """Random bytes at every layer: typed closes, flat memory, an intact take."""
    before_mb = engine.memory_mb()
    noise = random.Random(7)
    for number in range(120):
        port = engine.ports["panel" if number % 2 else "obs"]
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1) as stream,
        ):
            stream.settimeout(0.05)
            stream.sendall(noise.randbytes(noise.choice([1, 100, 5000])) + b"\r\n\r\n")
            stream.recv(1000)
    shapes = [
        b"\x00" * 50_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff" + b"\x81" * 1000,
        b"\x91" * 60_000,
        b"[" * 60_000,
        b'{"op":6,"d":' + b'{"a":' * 5000,
        json.dumps({"op": 6, "d": {"requestId": 10**300, "requestType": "x" * 50_000}}).encode(),
        b"x" * 10_000_000,
    ]
    for shape in shapes:
        for is_msgpack in (False, True):
            client = ObsClient(engine.ports["obs"], PASSWORD, is_msgpack=is_msgpack)
            with contextlib.suppress(Exception):
                client.send_raw(shape)
            with contextlib.suppress(Exception):
                client.closed()
            client.close()
    assert engine.memory_mb() - before_mb < 40
    assert_intact(engine)


def test_brute_force_is_throttled_and_moves_nothing(engine, quiet):
    """Wrong passwords as fast as the server lets them: slowed down, then locked out, told once;
    who is in stays in, and no secret is in the log or on the command line."""
    inside = ObsClient(engine.ports["obs"], PASSWORD)
    tries, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            client = ObsClient(engine.ports["obs"], PASSWORD, identify=False)
            client.send(1, {"rpcVersion": 1, "authentication": "wrong"})
            client.closed()
            client.close()
        tries += 1
    assert tries < 1000
    assert inside.data("GetRecordStatus")["outputActive"]
    inside.close()
    words = Path(f"/proc/{engine.process.pid}/cmdline").read_bytes()
    assert PASSWORD.encode() not in words
    assert_unmoved(engine, quiet)
    token = engine.ports["url"].partition("#t=")[2]
    for path in engine.folder.rglob("*"):
        if path.is_file() and path.suffix != ".mp4":
            assert PASSWORD not in path.read_text(errors="replace")
            assert token not in path.read_text(errors="replace")


def test_killing_the_parent_ends_the_process(tmp_path):
    """When whoever started the recorder is gone, so is the recorder, with a finished file."""
    engine = started(tmp_path / "abused")
    try:
        time.sleep(1)
        assert_intact(engine)
        for port in (engine.ports["panel"], engine.ports["obs"]):
            with pytest.raises(OSError, match="refused"):
                socket.create_connection(("127.0.0.1", port), timeout=1)
        assert list((engine.folder / "run").iterdir()) == []
    finally:
        engine.close()
