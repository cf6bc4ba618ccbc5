"""Real sound from a real PulseAudio: true stamps, the device's own clock, all ways to lose it."""

from __future__ import annotations

import signal
import threading
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.platforms.collecting import Collected, Running, run_for
from tests.stage.processes import kill, wait_until
from tests.stage.sound import SoundServer, pulseaudio
from tests.stage.stage import FAST_MIC_HZ, Stage, changed_environment
from tests.stage.truth import chirp_times, sound_of, stamp_times_ns

from onetake.clock import HostClock
from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role
from onetake.model.media import AudioBlock, StampKind
from onetake.model.pattern import EventSchedule, mic_chirp, system_chirp
from onetake.model.settings import Settings
from onetake.platforms.linux import pulse_library
from onetake.platforms.linux.platform import LinuxPlatform
from onetake.platforms.linux.pulse import (
    DEFAULT_MIC_ID,
    DEFAULT_SYSTEM_ID,
    SILENCE_LIMIT_S,
    PulseSource,
)

pytestmark = pytest.mark.real

QUIET = "pulse:quiet.monitor"


def source_of(device_id: str, role: Role = Role.SYSTEM) -> PulseSource:
    """Return an unopened source."""
    source = LinuxPlatform().source(role, device_id, Settings(), HostClock())
    assert isinstance(source, PulseSource)
    return source


def run_until_blocks(source: PulseSource) -> list[AudioBlock]:
    """Run a source until it has delivered: an idle null sink of PulseAudio sleeps for 2 s."""
    with Running(source) as running:
        wait_until(lambda: len(running.found.blocks) > 3, "sound")
        running.stop()
    return running.found.blocks


def longest_without(slips_ns: list[int], blocks: list[AudioBlock]) -> list[AudioBlock]:
    """Return the longest run of blocks in which the stage's microphone lost nothing."""
    edges = [0, *(slip_ns + 10**9 for slip_ns in slips_ns), 2**63]
    runs = [
        [block for block in blocks if first <= block.stamp_ns < end - 10**9]
        for first, end in pairwise(edges)
    ]
    longest = max(runs, key=len)
    assert len(longest) > 200, "the stage itself could not keep up"
    return longest


def line_of(blocks: list[AudioBlock]) -> tuple[float, np.ndarray]:
    """Return (ppm, residuals in ms) of a straight line through the blocks' stamps, through the
    medians of the first and the last third: a loaded machine makes single stamps late."""
    firsts = np.cumsum([0, *(len(b.samples) for b in blocks[:-1])]).astype(float)
    stamps_ns = np.array([b.stamp_ns - blocks[0].stamp_ns for b in blocks], dtype=float)
    nominal_ns = firsts * 1e9 / blocks[0].rate_hz
    third = len(blocks) // 3
    drift = np.median((stamps_ns - nominal_ns)[-third:]) - np.median(
        (stamps_ns - nominal_ns)[:third]
    )
    slope = 1e9 / blocks[0].rate_hz + drift / (firsts[2 * third] - firsts[0])
    offset = np.median(stamps_ns - slope * firsts)
    ppm = (1e9 / slope / blocks[0].rate_hz - 1) * 1e6
    return ppm, (stamps_ns - slope * firsts - offset) / 1e6


def test_stamps_tell_when_it_was_heard(real_stage: Stage) -> None:
    """System sound is stamped with the time it left the speakers, not 60 ms earlier when it passed
    the monitor; the microphone with the time it was spoken; from the very first block on."""
    sources = {
        Role.SYSTEM: source_of(real_stage.system_id),
        Role.MIC: source_of(real_stage.mic_id, Role.MIC),
    }
    with Running(sources[Role.SYSTEM]) as system, Running(sources[Role.MIC]) as mic:
        time.sleep(8)
        system.stop()
        mic.stop()
    time.sleep(0.5)
    heard = [heard_ns for _, heard_ns in real_stage.card()["heard"]]
    events = EventSchedule(real_stage.schedule_id).times_ns(0, 60 * 10**9)
    said = [real_stage.start_ns + event_ns for event_ns in events]
    for running, chirp, truth in ((system, system_chirp, heard), (mic, mic_chirp, said)):
        blocks = running.found.blocks
        indices = chirp_times(sound_of(blocks), chirp(blocks[0].rate_hz))
        times_ns = stamp_times_ns(blocks, indices)
        truths = np.array(truth, dtype=float)
        errors_ms = [float((t - truths[np.abs(truths - t).argmin()]) / 1e6) for t in times_ns]
        assert len(errors_ms) >= 5
        assert abs(np.median(errors_ms)) < 1.5, errors_ms
        assert max(map(abs, errors_ms)) < 5, errors_ms
        _, residuals_ms = line_of(blocks)
        assert np.abs(residuals_ms[:10]).max() < 5, "the first blocks are as true as the others"
        assert sum(block.lost_frames for block in blocks) == 0


def test_the_devices_own_clock_arrives_unspoilt(real_stage: Stage) -> None:
    """A microphone that runs 208 ppm fast is seen to: nobody resamples on the way."""
    with Running(source_of(real_stage.mic_id, Role.MIC)) as running:
        time.sleep(12)
        running.stop()
    time.sleep(0.5)
    blocks = longest_without(real_stage.card()["mic_slips_ns"], running.found.blocks)
    ppm, residuals_ms = line_of(blocks)
    # Two medians of 200 stamps with 0.6 ms of noise, 8 s apart, know the rate to 8 ppm.
    told = [round(float(r), 2) for r in residuals_ms[::20]], real_stage.card()
    assert ppm == pytest.approx((FAST_MIC_HZ / 48000 - 1) * 1e6, abs=35), told
    assert np.median(np.abs(residuals_ms)) < 1.5
    span_s = (blocks[-1].stamp_ns - blocks[0].stamp_ns) / 1e9
    frames = sum(len(b.samples) for b in blocks[:-1])
    assert frames == pytest.approx(span_s * FAST_MIC_HZ, abs=200)


class Stalling(Collected):
    """A sink that is kept from running, once."""

    def audio(self, block: AudioBlock) -> None:
        """Keep it, the thirtieth only after a second and a half."""
        super().audio(block)
        if len(self.blocks) == 30:
            time.sleep(1.5)


def test_what_the_server_kept_through_a_stall_is_in_its_place(real_stage: Stage) -> None:
    """A program that did not run for 1.5 s gets the sound of that time, stamped as it was heard."""
    with Running(source_of(real_stage.mic_id, Role.MIC), Stalling()) as running:
        time.sleep(6)
        running.stop()
    blocks = running.found.blocks
    arrivals_ns = [block.arrival_ns for block in blocks]
    assert max(later - sooner for sooner, later in pairwise(arrivals_ns)) > 1.4e9
    assert running.error is None
    assert [block.lost_frames for block in blocks] == [0] * len(blocks)
    if not real_stage.card()["mic_slips_ns"]:
        _, residuals_ms = line_of(blocks)
        assert np.abs(residuals_ms).max() < 5


def test_what_the_server_dropped_in_a_stall_is_not_guessed_at(
    real_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its buffer ran over the source ends, rather than give out sound whose place nobody
    knows: it is opened anew. (With a third of a second of buffer; the usual 20 s take as long.)"""
    monkeypatch.setattr("onetake.platforms.linux.pulse._SERVER_CHOICE", 64 << 10)
    with Running(source_of(real_stage.mic_id, Role.MIC), Stalling()) as running:
        wait_until(lambda: running.error is not None, "the end of the source", 10)
    assert isinstance(running.error, DeviceUnavailable)
    assert "dropped sound" in running.error.message
    assert len(running.found.blocks) == 30


class Untold:
    """A libpulse that for a while does not know which frame is next, as after an answer that took
    half a minute."""

    def __init__(self, pulse: Any) -> None:
        self._pulse = pulse
        self.is_untold = False

    def __getattr__(self, name: str) -> Any:
        if self.is_untold and name == "pa_stream_get_timing_info":
            return lambda stream: None
        return getattr(self._pulse, name)


def test_sound_waits_while_the_server_does_not_tell_which_it_is(real_stage: Stage) -> None:
    """Nothing is lost, and nothing fails."""
    source = source_of(real_stage.mic_id, Role.MIC)
    with Running(source) as running:
        wait_until(lambda: len(running.found.blocks) > 3, "sound")
        source._pulse = untold = Untold(source._pulse)
        untold.is_untold = True
        time.sleep(0.3)
        untold.is_untold = False
        before = len(running.found.blocks)
        wait_until(lambda: len(running.found.blocks) > before + 10, "more sound")
        running.stop()
    assert running.error is None
    assert [block.lost_frames for block in running.found.blocks] == [0] * len(running.found.blocks)


def test_blocks_are_what_the_contract_says(sound_server: SoundServer) -> None:
    """float32, (frames, channels), the device's own rate and channels, owned by the receiver."""
    sound_server.ctl("load-module", "module-null-sink", "sink_name=low", "rate=16000", "channels=1")
    sound_server.ctl("load-module", "module-null-sink", "sink_name=six", "rate=96000", "channels=6")
    for device_id, rate_hz, channels in (
        ("pulse:low.monitor", 16000, 1),
        (QUIET, 44100, 2),
        ("pulse:six.monitor", 96000, 2),  # folded by the server, which knows the channels
    ):
        source = source_of(device_id)
        blocks = run_until_blocks(source)
        assert source.stamp_kind is StampKind.CAPTURE
        assert blocks
        assert {(b.rate_hz, b.samples.shape[1]) for b in blocks} == {(rate_hz, channels)}
        assert {b.samples.dtype for b in blocks} == {np.dtype(np.float32)}
        assert all(b.samples.flags.owndata or b.samples.base is not None for b in blocks)
        assert all(b.arrival_ns <= time.monotonic_ns() for b in blocks)


def test_devices_are_listed_with_role_and_default(sound_server: SoundServer) -> None:
    """Monitors are system sound, inputs are microphones; the defaults are flagged."""
    listed = {d.id: d for d in LinuxPlatform().devices() if d.id.startswith("pulse:")}
    assert set(listed) == {"pulse:dac.monitor", "pulse:vmic", QUIET}
    assert listed["pulse:vmic"].role is Role.MIC
    assert listed["pulse:vmic"].name == "Microphone"
    assert listed["pulse:vmic"].format == "48000 Hz, 1 channel"
    assert listed[QUIET].role is Role.SYSTEM
    assert {d.id for d in listed.values() if d.is_default} == {"pulse:dac.monitor", "pulse:vmic"}
    sound_server.ctl("set-default-sink", "quiet")
    defaults = {d.id for d in LinuxPlatform().devices() if d.is_default}
    assert QUIET in defaults
    assert "pulse:dac.monitor" not in defaults


def test_the_default_is_followed(sound_server: SoundServer) -> None:
    """The id of the default opens what is default, ends when that changes, and says so; the next
    source of the same id has the new one."""
    sound_server.ctl("set-default-sink", "quiet")
    sound_server.ctl("load-module", "module-null-sink", "sink_name=other")
    source = source_of(DEFAULT_SYSTEM_ID)
    with Running(source) as running:
        assert source.device.id == QUIET
        time.sleep(0.3)
        sound_server.ctl("set-default-sink", "other")
        error = running.wait_for_end(2)
    assert isinstance(error, DeviceUnavailable)
    assert "quiet.monitor" in error.message
    assert "other.monitor" in error.message
    again = source_of(DEFAULT_SYSTEM_ID)
    run_for(again, 0.2)
    assert again.device.id == "pulse:other.monitor"


def test_a_chosen_device_is_kept_when_the_default_changes(sound_server: SoundServer) -> None:
    """Only who asked for the default follows it."""
    with Running(source_of(QUIET)) as running:
        time.sleep(0.2)
        sound_server.ctl("set-default-sink", "dac")
        sound_server.ctl("set-default-sink", "quiet")
        wait_until(lambda: bool(running.found.blocks), "sound")
        running.stop()
    assert running.error is None


def test_another_microphone_never_slips_in(sound_server: SoundServer) -> None:
    """When the chosen source is unplugged the stream ends; the server must not move it."""
    index = sound_server.ctl(
        "load-module", "module-null-sink", "sink_name=usb", "sink_properties=device.description=USB"
    )
    with Running(source_of("pulse:usb.monitor")) as running:
        time.sleep(0.3)
        sound_server.ctl("unload-module", index)
        error = running.wait_for_end(2)
    assert isinstance(error, DeviceUnavailable)


def test_an_unknown_device_is_said_so(sound_server: SoundServer) -> None:
    """With what to do."""
    with pytest.raises(DeviceUnavailable, match="no source nonsense") as caught:
        run_for(source_of("pulse:nonsense"), 0)
    assert "onetake devices" in caught.value.hint


def test_a_microphone_that_delivers_nothing_is_unavailable(sound_server: SoundServer) -> None:
    """The pipe source without a microphone behind it is silent for ever: 5 s are waited."""
    with Running(source_of("pulse:vmic", Role.MIC)) as running:
        error = running.wait_for_end(SILENCE_LIMIT_S + 2)
    assert isinstance(error, DeviceUnavailable)
    assert "delivers nothing" in error.message


def test_a_stop_is_followed_within_half_a_second(sound_server: SoundServer) -> None:
    """Also while the server hangs."""
    assert sound_server.process is not None
    with Running(source_of(QUIET)) as running:
        time.sleep(0.3)
        assert running.stop() < 0.5
    with Running(source_of(QUIET)) as running:
        time.sleep(0.3)
        sound_server.process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        took_s = running.stop()
        sound_server.process.send_signal(signal.SIGCONT)
    assert took_s < 0.5
    assert running.error is None


def test_a_hanging_server_is_unavailable_in_time(sound_server: SoundServer) -> None:
    """`open` gives up within 3 s."""
    assert sound_server.process is not None
    sound_server.process.send_signal(signal.SIGSTOP)
    begun_s = time.monotonic()
    try:
        with pytest.raises(DeviceUnavailable):
            run_for(source_of(QUIET), 0)
    finally:
        sound_server.process.send_signal(signal.SIGCONT)
    assert time.monotonic() - begun_s < 3


def test_a_restarted_server_is_found_again() -> None:
    """The end of the server is DeviceUnavailable at once; after its restart the same id works."""
    with pulseaudio() as server, changed_environment(server.env):
        assert server.process is not None
        with Running(source_of(QUIET)) as running:
            time.sleep(0.3)
            kill(server.process)
            error = running.wait_for_end(1)
        assert isinstance(error, DeviceUnavailable)
        with pytest.raises(DeviceUnavailable, match="no sound server"):
            run_for(source_of(QUIET), 0)
        with pulseaudio(server.folder):
            assert run_until_blocks(source_of(QUIET))


def test_no_server_says_what_to_do() -> None:
    """Nothing is listed, the problem tells why, and no daemon is started behind one's back."""
    with changed_environment({"PULSE_SERVER": "unix:/nonexistent/native"}):
        platform = LinuxPlatform()
        assert not [d for d in platform.devices() if d.id.startswith("pulse:")]
        (problem,) = (text for text in platform.problems() if "sound" in text)
        assert "no sound server: Connection refused" in problem
        assert "PulseAudio" in problem
        with pytest.raises(DeviceUnavailable, match="no sound server"):
            run_for(source_of(DEFAULT_MIC_ID, Role.MIC), 0)


def test_no_libpulse_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is loaded when it is needed, and missing is not a traceback."""

    def refuse(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    pulse_library.library.cache_clear()
    monkeypatch.setattr(pulse_library.ctypes, "CDLL", refuse)
    try:
        with pytest.raises(DeviceUnavailable, match="libpulse is not installed") as caught:
            run_for(source_of(QUIET), 0)
        assert "libpulse0" in caught.value.hint
    finally:
        pulse_library.library.cache_clear()


def test_many_takes_leave_nothing_behind(sound_server: SoundServer) -> None:
    """Opening and closing a hundred times leaks no connection and no thread."""
    threads = threading.active_count()
    for _ in range(100):
        source = source_of(QUIET)
        source.open()
        source.close()
        source.close()
    assert threading.active_count() == threads
    assert len(sound_server.ctl("list", "short", "clients").splitlines()) <= 2
