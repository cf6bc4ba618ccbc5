"""The sound card and the microphone of the stage: two clocks that are exactly known.

Run as a program:  python -m tests.stage.soundcard FOLDER START_NS SCHEDULE DAC_HZ MIC_HZ

The card drains the sink's FIFO: sample i is heard at `card start + i / DAC_HZ`, whatever happens
meanwhile, as a crystal would. The microphone's sample i is taken at `mic start + i / MIC_HZ`.

What is played is the test pattern, so timed that it is *heard* at the pattern's instants. For that
each 10 ms of playback carry their number in the lowest bits of the right channel (-90 dBFS); the
card reads them back, and so the player knows the host time of every sample it renders, also after a
slip: a loaded machine can make the sound server underrun, and the card says so.

It keeps FOLDER/card.json up to date: rates, slips, and the host time each chirp was truly heard.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from bisect import bisect_right
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onetake.model.pattern import EventSchedule, mic_sound, system_sound

NS_PER_S = 1_000_000_000
PLAY_RATE_HZ = 48000
DAC_FRAME_BYTES = 4
PIPE_BYTES = 32768
"""FIFO size = a card's buffer of 170 ms. With 8 KiB the sink underruns, since a pipe is only
writable again when a whole page of it is free; with 16 KiB when a virtual CPU is taken away for
70 ms, as happens."""
F_SETPIPE_SZ = 1031
PERIOD_S = 0.002
"""Card and microphone move samples in steps of this length, as hardware does; the server sees a
sawtooth of +-PERIOD_S / 2 around the truth, since each step reaches half a period ahead."""
LEAD_S = PERIOD_S / 2
PLAY_LATENCY_MS = 200
"""Buffer of the playback: a loaded machine keeps pacat from running for 60 ms now and then."""
CHUNK_FRAMES = 480
MIC_BACKLOG_S = 0.1
"""What a card holds for a server that is kept from reading; more is lost."""
MIC_NOISE = 1e-4
"""A real microphone is never digitally silent."""
LISTEN_S = 0.1
"""How often the card looks for numbers."""

SYNC_BITS = np.array([1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1], dtype=np.uint8)
NUMBER_BITS = 24
_WEIGHTS = 1 << np.arange(NUMBER_BITS - 1, -1, -1)


def number_bits(number: int) -> NDArray[np.uint8]:
    """Return the lowest bits of chunk `number`: a sync word and the number."""
    bits = np.zeros(CHUNK_FRAMES, dtype=np.uint8)
    bits[: len(SYNC_BITS)] = SYNC_BITS
    digits = number >> np.arange(NUMBER_BITS - 1, -1, -1) & 1
    bits[len(SYNC_BITS) : len(SYNC_BITS) + NUMBER_BITS] = digits
    return bits


def find_numbers(bits: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return (index, chunk number) for every sync word in a run of lowest bits."""
    length = len(SYNC_BITS) + NUMBER_BITS
    if len(bits) < length:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(bits, length)
    found = np.flatnonzero((windows[:, : len(SYNC_BITS)] == SYNC_BITS).all(axis=1))
    return [(int(i), int(windows[i, len(SYNC_BITS) :] @ _WEIGHTS)) for i in found]


def _seconds_since(start_ns: int) -> float:
    return (time.monotonic_ns() - start_ns) / 1e9


class Card(threading.Thread):
    """Drains the FIFO of the sink at `rate_hz` and finds out when each chunk was heard."""

    def __init__(self, fifo: Path, rate_hz: float) -> None:
        super().__init__(daemon=True)
        self.rate_hz = rate_hz
        self.fifo = fifo
        self.start_ns = 0
        self.underruns = 0
        self.late_ms = 0.0
        """The longest this thread was kept from its work: more than the FIFO holds is an underrun
        of the stage, not of the sound server."""
        self.slips_ns: list[int] = []
        self.stream_start_ns: int | None = None
        """Host time at which frame 0 of the playback was (or would have been) heard."""
        self._starts: list[tuple[int, int]] = []
        """(frame of the playback, stream_start_ns from there on)."""
        self._heard: list[bytes] = []
        self._first = 0

    def run(self) -> None:
        descriptor = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(descriptor, F_SETPIPE_SZ, PIPE_BYTES)
        played = 0
        self.start_ns = time.monotonic_ns()
        listened_ns = self.start_ns
        while True:
            time.sleep(PERIOD_S)
            due = int((_seconds_since(self.start_ns) + LEAD_S) * self.rate_hz) - played
            if due <= 0:
                continue
            self.late_ms = max(self.late_ms, due * 1000 / self.rate_hz)
            try:
                heard = os.read(descriptor, due * DAC_FRAME_BYTES)
            except BlockingIOError:
                heard = b""
            missing = due * DAC_FRAME_BYTES - len(heard)
            if missing:
                # A crystal does not wait: what was missing was silence.
                self.underruns += self.stream_start_ns is not None
                heard += bytes(missing)
            played += due
            self._heard.append(heard)
            if time.monotonic_ns() - listened_ns > LISTEN_S * 1e9:
                listened_ns = time.monotonic_ns()
                self._listen(played)

    def _listen(self, played: int) -> None:
        samples = np.frombuffer(b"".join(self._heard), dtype="<i2")[1::2]
        first = played - len(samples)
        for index, number in find_numbers((samples & 1).astype(np.uint8)):
            frames = first + index - number * CHUNK_FRAMES
            start_ns = self.start_ns + round(frames * 1e9 / self.rate_hz)
            if start_ns != self.stream_start_ns:
                if self.stream_start_ns is not None:
                    self.slips_ns.append(start_ns + round(number * 1e9 / 100))
                self.stream_start_ns = start_ns
                self._starts.append((number * CHUNK_FRAMES, start_ns))
        # A number may lie across the end of what was heard so far.
        self._heard = [self._heard[-1]] if self._heard else []

    def heard_ns(self, frame: float) -> int | None:
        """Return the host time at which a frame of the playback was heard, None before it began;
        for one still to come, if nothing slips until then."""
        starts = list(self._starts)
        if not starts:
            return None
        place = max(0, bisect_right(starts, frame, key=lambda start: start[0]) - 1)
        return starts[place][1] + round(frame * 1e9 / self.rate_hz)


class Player(threading.Thread):
    """Plays the pattern into the sink through pacat."""

    def __init__(self, card: Card, start_ns: int, schedule_id: int, delay_s: float) -> None:
        super().__init__(daemon=True)
        self.card = card
        self.start_ns = start_ns
        self.schedule = EventSchedule(schedule_id)
        self.delay_s = delay_s
        self.rendered: dict[int, float] = {}
        """Event position in ns to the (fractional) frame of the playback where it was put."""

    def run(self) -> None:
        time.sleep(self.delay_s)
        command = ["pacat", "--playback", "--raw", "--device=dac", "--format=s16le", "--channels=2"]
        command += [
            f"--rate={PLAY_RATE_HZ}",
            f"--latency-msec={PLAY_LATENCY_MS}",
            "--client-name=pattern",
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0) as player:
            assert player.stdin is not None
            fcntl.fcntl(player.stdin, F_SETPIPE_SZ, PIPE_BYTES)
            number = 0
            while True:
                left = _as_s16(self._render(number * CHUNK_FRAMES))
                right = (left & ~1) | number_bits(number)
                player.stdin.write(np.stack([left, right], axis=1).astype("<i2").tobytes())
                number += 1

    def _render(self, first: int) -> NDArray[np.float32]:
        stream_start_ns = self.card.stream_start_ns
        if stream_start_ns is None:
            return np.zeros(CHUNK_FRAMES, dtype=np.float32)
        # The sink takes samples at the card's pace: that is the true rate of what we render.
        rate_hz = self.card.rate_hz
        first_ns = stream_start_ns - self.start_ns + first * 1e9 / rate_hz
        end_ns = first_ns + CHUNK_FRAMES * 1e9 / rate_hz
        for event_ns in self.schedule.times_ns(round(first_ns), round(end_ns)):
            self.rendered[event_ns] = first + (event_ns - first_ns) * rate_hz / 1e9
        return system_sound(self.schedule, first_ns, CHUNK_FRAMES, rate_hz)

    def heard(self) -> list[tuple[int, int]]:
        """Return (event position, host time at which it was heard)."""
        times = [(event, self.card.heard_ns(frame)) for event, frame in list(self.rendered.items())]
        return [(event_ns, heard_ns) for event_ns, heard_ns in times if heard_ns is not None]


class Microphone(threading.Thread):
    """Feeds the FIFO of the source at `rate_hz`; drops what nobody reads, as a converter does."""

    def __init__(self, fifo: Path, rate_hz: float, start_ns: int, schedule_id: int) -> None:
        super().__init__(daemon=True)
        self.fifo, self.rate_hz, self.pattern_start_ns = fifo, rate_hz, start_ns
        self.schedule = EventSchedule(schedule_id)
        self.start_ns = 0
        self.dropped = 0
        self.slips_ns: list[int] = []
        """When samples were lost although somebody read: the machine stood still for too long."""
        self._waiting = 0
        self._read_ns = 0

    def run(self) -> None:
        descriptor = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(descriptor, F_SETPIPE_SZ, PIPE_BYTES)
        random = np.random.default_rng(1)
        taken = 0
        self.start_ns = time.monotonic_ns()
        while True:
            time.sleep(PERIOD_S)
            due = int((_seconds_since(self.start_ns) + LEAD_S) * self.rate_hz) - taken
            if due <= 0:
                continue
            first_ns = self.start_ns - self.pattern_start_ns + taken * 1e9 / self.rate_hz
            samples = mic_sound(self.schedule, first_ns, due, self.rate_hz)
            samples += random.normal(0, MIC_NOISE, due).astype(np.float32)
            taken += due
            self._drop_old(descriptor)
            os.write(descriptor, _as_s16(samples).astype("<i2").tobytes())

    def _drop_old(self, descriptor: int) -> None:
        """Forget what nobody read: a reader must get what is heard now, not a backlog."""
        waiting = int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4), "little")
        now_ns = time.monotonic_ns()
        if waiting < self._waiting:
            self._read_ns = now_ns
        if waiting > MIC_BACKLOG_S * self.rate_hz * 2:
            self.dropped += len(os.read(descriptor, waiting)) // 2
            waiting = 0
            if now_ns - self._read_ns < NS_PER_S:
                self.slips_ns.append(now_ns)
        self._waiting = waiting


def _as_s16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.clip(np.round(samples * 32767), -32768, 32767).astype(np.int16)


def main() -> None:
    """Run card, player and microphone until terminated."""
    folder, start_ns, schedule_id = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    dac_hz, mic_hz = float(sys.argv[4]), float(sys.argv[5])
    card = Card(folder / "dac", dac_hz)
    player = Player(card, start_ns, schedule_id, delay_s=0.3)
    microphone = Microphone(folder / "vmic", mic_hz, start_ns, schedule_id)
    truth_of_event: dict[int, int] = {}

    def tell() -> None:
        # An event keeps the mapping that held when it was heard: later slips do not move it.
        now_ns = time.monotonic_ns()
        for event_ns, heard_ns in player.heard():
            if event_ns not in truth_of_event and heard_ns < now_ns - 2 * LISTEN_S * 1e9:
                truth_of_event[event_ns] = heard_ns
        truth = {
            "is_playing": card.stream_start_ns is not None,
            "dac_hz": dac_hz,
            "mic_start_ns": microphone.start_ns,
            "mic_hz": mic_hz,
            "underruns": card.underruns,
            "slips_ns": card.slips_ns,
            "late_ms": card.late_ms,
            "mic_dropped": microphone.dropped,
            "mic_slips_ns": microphone.slips_ns,
            "heard": sorted(truth_of_event.items()),
        }
        fresh = folder / "card.json.new"
        fresh.write_text(json.dumps(truth))
        fresh.rename(folder / "card.json")

    for thread in (card, microphone, player):
        thread.start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    deadline_s = time.monotonic() + 10
    while card.stream_start_ns is None and time.monotonic() < deadline_s:
        time.sleep(0.02)
    try:
        while True:
            tell()
            time.sleep(0.25)
    finally:
        tell()


if __name__ == "__main__":
    main()
