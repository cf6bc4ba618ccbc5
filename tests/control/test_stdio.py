"""The engine as a child: nothing the parent does or omits holds it up or leaves a take open."""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.control.fakes import FakeRecorder

from onetake.control.controller import Controller
from onetake.control.stdio import run_stdio
from onetake.model.events import TakeState


class Engine:
    """`run_stdio` on a thread, with real pipes."""

    def __init__(self):
        self.recorder = FakeRecorder()
        self.controller = Controller(self.recorder)
        requests, self.requests = os.pipe()
        self.answers, answers = os.pipe()
        self.stdin, self.stdout = os.fdopen(requests, "rb"), os.fdopen(answers, "wb")
        self.pool = ThreadPoolExecutor(1)
        self.exit_code = self.pool.submit(run_stdio, self.controller, self.stdin, self.stdout)
        self.lines = os.fdopen(self.answers, "rb")

    def write(self, **request):
        os.write(self.requests, json.dumps({"jsonrpc": "2.0", **request}).encode() + b"\n")

    def read(self):
        return json.loads(self.lines.readline())

    def read_answer(self, request_id):
        while True:
            message = self.read()
            if message.get("id") == request_id:
                return message

    def hang_up(self):
        os.close(self.requests)

    def close(self):
        self.pool.shutdown()
        for stream in (self.stdin, self.stdout, self.lines):
            stream.close()


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.close()


def test_hello_is_the_first_line(engine):
    """The first line says protocol, version, pid and methods."""
    hello = engine.read()
    assert hello["method"] == "hello"
    assert hello["params"]["protocol"] == 1
    assert hello["params"]["pid"] == os.getpid()
    assert {"start", "stop", "mute", "subscribe"} <= set(hello["params"]["methods"])
    engine.hang_up()
    assert engine.exit_code.result(10) == 0


def test_end_of_input_finishes_the_take(engine):
    """When the parent is gone, the take is stopped and waited for; the end is still told."""
    engine.write(id=1, method="subscribe")
    engine.write(id=2, method="start")
    engine.read_answer(2)
    take = engine.recorder.takes[0]
    take.hold_end.clear()
    engine.hang_up()
    deadline = time.monotonic() + 10
    while take.snapshot().state is not TakeState.STOPPING:
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)
    assert not engine.exit_code.done()
    take.hold_end.set()
    assert engine.exit_code.result(10) == 0
    engine.stdout.close()
    told = [json.loads(line)["params"] for line in engine.lines]
    assert [event["event"] for event in told if event["event"] == "stopped"] == ["stopped"]
    assert told[-1] == {
        "event": "state",
        "state": "finished",
        "position_ns": told[-1]["position_ns"],
    }


def test_a_parent_that_does_not_read_stalls_nobody(engine):
    """With the pipe full, the take goes on, commands of others work, meters are dropped."""
    engine.write(id=1, method="subscribe", params={"events": ["meters", "control"]})
    engine.write(id=2, method="start")
    engine.read_answer(2)
    take = engine.recorder.takes[0]
    begin = time.monotonic()
    for _ in range(20_000):
        take.meters()
    assert time.monotonic() - begin < 10
    engine.controller.send(_mute())
    assert take.snapshot().is_mic_muted
    engine.hang_up()
    engine.exit_code.add_done_callback(lambda _: engine.stdout.close())
    assert any(b'"control"' in line for line in engine.lines)
    assert engine.exit_code.result(20) == 0


def _mute():
    from onetake.model.commands import SetMute
    from onetake.model.devices import Role

    return SetMute(Role.MIC, True)


def test_an_endless_line_ends_the_conversation(engine):
    """A request longer than the limit is not collected in memory."""
    engine.read()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(_write_all, engine.requests, b"x" * 1_000_000)
        assert engine.exit_code.result(10) == 0
        engine.stdin.close()
        writing.result(10)
    engine.hang_up()


def _write_all(descriptor, data):
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except BrokenPipeError:
        pass
