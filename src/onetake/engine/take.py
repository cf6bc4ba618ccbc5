"""One take, from the first opened device to the verified file.

Threads, all owned by the take and all ended with it:

    take          opens the writer, ticks the session, finishes the file
    source-ROLE   one a device (engine.source_runner)
    video-lane    composes and encodes        (engine.lane_threads)
    audio-lane    mixes and encodes
    writer        muxes to disk

State that several threads touch is the session (under `_lock`, held for pure code and queue puts
only). A command is stamped and queued under that lock, so its order against the frames is fixed.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from onetake.clock import Clock
from onetake.engine.broadcast import Asked, Subscription, always
from onetake.engine.finishing import Ended, summed_up
from onetake.engine.heap import Heap
from onetake.engine.inlets import Inlets
from onetake.engine.monitor import Monitor
from onetake.engine.parts import Part
from onetake.engine.plan import Plan
from onetake.engine.preview import PreviewTap
from onetake.engine.readings import Readings
from onetake.engine.session_driver import SessionDriver
from onetake.engine.snapshot import snapshot_of
from onetake.engine.source_desk import SourceDesk
from onetake.engine.source_set import SourceSet
from onetake.engine.take_files import CUT_AHEAD_NS, TakeFiles
from onetake.engine.wiring import Wiring
from onetake.errors import InvalidState, OnetakeError, OutputFailed
from onetake.file.stamp_log import StampLog
from onetake.model.commands import Command, Stop
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.events import (
    ControlChanged,
    Event,
    FileChanged,
    Finished,
    Snapshot,
    SourceState,
    Started,
    TakeState,
)
from onetake.model.media import AudioBlock
from onetake.model.units import NS_PER_MS, ns_from_sample
from onetake.session.machine import Session
from onetake.session.messages import (
    Begin,
    BeginStop,
    DiskRunsOut,
    Finalised,
    OpenNextPart,
    OpenWriter,
    PartFailed,
    SwitchSource,
    Tick,
    TookFailure,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Take"]

TICK_S = 0.05
"""How often the take looks at the clock: meters at 20 Hz need no more."""

TAIL_WAIT_NS = 700 * NS_PER_MS
"""How long a stop waits for the sound of the last moment to arrive. Sound servers deliver 20 to
200 ms late; shorter would end the take in silence, longer keeps a user waiting for a dead one."""


class Take:
    """A take that runs, or has run. Made by `engine.recorder.Recorder`.

    `send`, `snapshot`, `subscribe`, `wait_started` and `wait` may be called from any thread.
    """

    def __init__(self, plan: Plan, path: str, clock: Clock) -> None:
        self._plan = plan
        self._path = path
        self._clock = clock
        self._started = threading.Event()
        self._ended = threading.Event()
        self._inlets = Inlets()
        session = Session.of(plan.settings, frozenset(plan.devices))
        self._readings = Readings()
        self._driver = SessionDriver(session, self._inlets, clock, self._happened)
        self._desk = SourceDesk(self._driver, clock, stop=self.stop, has_started=self._started)
        self._preview = PreviewTap(clock)
        log = plan.settings.stamp_log
        self._stamp_log = StampLog(log) if log else None
        self._monitor = Monitor(clock, Path(path).parent, self._readings, self._driver.warn)
        self._started_event: Started | None = None
        self._dropped_before = 0
        """Pictures dropped before the first frame: they would not be in the file anyway."""
        self._wiring: Wiring | None = None
        self._finished: Finished | None = None
        self._error: OnetakeError | None = None
        self._sources = SourceSet(
            lambda role, device_id: plan.source(role, device_id, clock),
            self._inlets,
            self._desk,
            clock,
        )
        self._heap = Heap()
        self._thread = threading.Thread(target=self._run, name="take", daemon=True)

    # What others call.

    def start(self) -> None:
        """Open the devices and begin, without waiting."""
        self._driver.step(Begin(self._clock.now_ns()))
        for warned in self._plan.warnings:
            self._driver.publish(warned)
        for role, device_id in self._plan.devices.items():
            self._sources.fill(role, device_id)
        self._thread.start()

    def wait_started(self, timeout_s: float) -> bool:
        """Wait until the first frame is accepted. Raises the error that kept the take from
        starting; returns False when it still has not after `timeout_s`."""
        self._started.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return self._started.is_set()

    def send(self, command: Command, *, at_ns: int | None = None) -> ControlChanged:
        """Give a command, as of host time `at_ns` (None = now); returns with the position at which
        it takes effect.

        Raises InvalidState or UsageError, and nothing has changed then.
        """
        return self._driver.send(command, at_ns)

    def stop(self) -> None:
        """End the take now; does not wait. Twice is no error."""
        with contextlib.suppress(InvalidState):
            self.send(Stop())

    @property
    def started_event(self) -> Started:
        """What was said when the first frame was in. After `wait_started` returned True."""
        assert self._started_event is not None
        return self._started_event

    @property
    def _dropped_frames(self) -> int:
        queued = self._inlets.video.dropped[Role.SCREEN] - self._dropped_before
        return self._monitor.frames.dropped + queued if self._started.is_set() else 0

    def subscribe(self, *, from_start: bool = False, wants_meters: Asked = always) -> Subscription:
        """Listen to events from now on or from its start, to `Meters` while `wants_meters()`."""
        return self._driver.subscribe(from_start=from_start, wants_meters=wants_meters)

    def snapshot(self) -> Snapshot:
        """Return everything a user interface shows, at this instant."""
        wiring = self._wiring
        return snapshot_of(
            self._driver.session,
            path=self._path,
            host_ns=self._clock.now_ns(),
            size_bytes=0 if wiring is None else wiring.files.parts.size_bytes,
            dropped_frames=self._dropped_frames,
            frames=self._monitor.frames,
            disk=self._monitor.disk,
            readings=self._readings,
            devices=self._sources.devices(),
            warnings=self._driver.recent_warnings(),
        )

    def request_preview(self, max_width_px: int) -> None:
        """Ask for a small picture of what goes into the file; `preview` returns it soon."""
        self._preview.request(max_width_px)

    def preview(self) -> NDArray[np.uint8] | None:
        """Return the newest preview: uint8 RGB, shape (height, width, 3), yours to keep."""
        return self._preview.latest()

    def wait(self, timeout_s: float | None = None) -> Finished | None:
        """Wait for the finished file; None when it is not there yet. Raises what spoilt it."""
        if not self._ended.wait(timeout_s):
            return None
        if self._error is not None:
            raise self._error
        return self._finished

    @property
    def is_ended(self) -> bool:
        """Whether the take is over, with a file or an error."""
        return self._ended.is_set()

    def _failed(self, error: Exception) -> None:
        """A lane or the writer cannot go on. On its thread."""
        told = error if isinstance(error, OnetakeError) else OutputFailed(str(error) or repr(error))
        if not self._started.is_set():
            self._error = told
        self._driver.step(TookFailure(told.code, told.message, self._clock.now_ns()))

    # The take's own thread.

    def _run(self) -> None:
        try:
            end_host_ns = self._conduct()
            if end_host_ns is None:
                self._abandon()
            else:
                self._finish(end_host_ns)
        except Exception as error:  # noqa: BLE001  top of a thread: whoever waits is told
            self._error = self._error or (
                error if isinstance(error, OnetakeError) else OutputFailed(repr(error))
            )
            self._abandon()
        finally:
            if self._stamp_log is not None:
                self._stamp_log.close()
            self._heap.unsettle()
            self._driver.step(Finalised())
            self._started.set()
            self._ended.set()

    def _conduct(self) -> int | None:
        """Run until the stop; return its host time, or None when there is nothing to finish."""
        while True:
            self._driver.wait_for_work(TICK_S)
            if self._desk.refused is not None and not self._started.is_set():
                self._error = self._desk.refused
                return None
            self._wire_when_sized()
            while (effect := self._driver.next_work()) is not None:
                match effect:
                    case OpenWriter():
                        self._open_writer(effect.not_before_ns)
                    case OpenNextPart():
                        self._go_on_in_new_file(effect.reason)
                    case SwitchSource():
                        self._sources.fill(effect.role, effect.device_id)
                    case BeginStop():
                        return effect.end_host_ns if self._started.is_set() else None
                    case _:
                        pass
            self._driver.step(Tick(self._clock.now_ns()))
            self._watch()

    def _wire_when_sized(self) -> None:
        """Build the lanes as soon as the size of the screen is known."""
        screen = self._desk.screen
        if self._wiring is not None or screen is None:
            return
        files = TakeFiles(
            self._plan,
            self._path,
            size_px=screen.size_px(),
            clock=self._clock,
            readings=self._readings,
            warn=self._driver.warn,
            on_failed=self._part_failed,
        )
        self._wiring = Wiring(
            self._plan,
            files,
            size_px=screen.size_px(),
            inlets=self._inlets,
            clock=self._clock,
            on_heard=self._heard,
            monitor=self._monitor,
            tell=self._driver.publish,
            preview=self._preview,
            readings=self._readings,
            flush=self._flush,
            on_started=self._on_started,
            on_error=self._failed,
        )

    def _open_writer(self, not_before_ns: int) -> None:
        """Create the file and its journal, then accept the next frame as the first."""
        assert self._wiring is not None
        self._wiring.files.open_first(self._driver.history())
        self._heap.settle()
        self._wiring.arm(not_before_ns)

    def _go_on_in_new_file(self, reason: str) -> None:
        """Open the next file and cut the take there, a moment ahead of both lanes."""
        wiring = self._wiring
        assert wiring is not None
        try:
            part = wiring.files.open_next(self._driver.history(), reason)
        except OnetakeError as error:
            if reason:
                self._failed(error)
            else:
                self._driver.warn("split-failed", error.message, error.hint)
            return
        host_ns = self._clock.now_ns() + CUT_AHEAD_NS
        wiring.files.parts.cut(self._driver.session.position_ns(host_ns))
        wiring.split_at(host_ns)
        self._driver.publish(FileChanged(part.path, part.start_ns, reason))

    def _part_failed(self, error: OutputFailed) -> None:
        """A file cannot go on. On the thread that noticed."""
        self._driver.step(PartFailed(error.message, self._clock.now_ns()))

    def _happened(self, event: Event) -> None:
        """Something was told; the journal remembers it. Any thread, under the driver's lock."""
        if self._wiring is not None:
            self._wiring.files.happened(event)

    def _flush(self) -> None:
        """Write the journal. On the writer's thread."""
        session = self._driver.session
        t0_ns = session.timeline.t0_ns if session.timeline else 0
        if self._wiring is not None:
            self._wiring.files.flush(session.position_ns(self._clock.now_ns()), t0_ns)

    def _on_started(self, t0_ns: int) -> None:
        """The first frame was accepted. On the video lane's thread."""
        assert self._wiring is not None
        self._dropped_before = self._inlets.video.dropped[Role.SCREEN]
        devices = self._plan.shown_devices
        self._started_event = Started(self._path, t0_ns, devices, *self._wiring.size_px)
        self._driver.start_timeline(t0_ns, self._started_event)
        self._started.set()

    def _heard(self, role: Role, block: AudioBlock) -> None:
        """A block of sound has arrived. On the audio lane's thread."""
        self._monitor.heard(role, block, is_muted=self._driver.session.is_muted[role])
        if self._stamp_log is not None:
            self._stamp_log.write(role, block)

    def _watch(self) -> None:
        """Publish the meters, warn of drops, and end the take before the disk is full."""
        self._heap.tidy(self._clock.now_ns())
        self._monitor.note_drops(self._dropped_frames)
        session = self._driver.session
        meters = self._monitor.meters(session) if self._driver.wants_meters else None
        if meters is not None:
            self._driver.publish(meters)
        wiring = self._wiring
        is_paused = session.state is TakeState.PAUSED
        if (
            wiring is not None
            and session.is_running
            and self._monitor.is_disk_full(wiring.files.parts.size_bytes, is_paused=is_paused)
        ):
            self._driver.step(DiskRunsOut(self._clock.now_ns()))
        if wiring is not None and wiring.files.parts.count > 1:
            wiring.files.finish_completed(self._describe)

    def _finish(self, end_host_ns: int) -> None:
        wiring = self._wiring
        assert wiring is not None
        sources = self._driver.session.sources
        live = [role for role in AUDIO_ROLES if sources.get(role) is SourceState.LIVE]
        self._sources.hear_out(live, end_host_ns, TAIL_WAIT_NS)
        wiring.end(end_host_ns)
        self._sources.stop()
        self._inlets.drain()
        session = self._driver.session
        assert session.timeline is not None
        end_ns = ns_from_sample(session.timeline.sample_at(end_host_ns))
        wiring.files.finish_all(end_ns, self._describe)
        self._finished, self._error = summed_up(wiring.files.outcomes)
        if self._finished is not None:
            self._driver.publish(self._finished)

    def _describe(self, part: Part, end_ns: int) -> Ended:
        """Say what is known of a file that ends at `end_ns` of the take."""
        assert self._wiring is not None
        return Ended(
            path=Path(part.path),
            number=part.number,
            started_at=self._wiring.files.started_at(part),
            start_ns=part.start_ns,
            end_ns=end_ns,
            size_px=self._wiring.size_px,
            session=self._driver.session,
            settings=self._plan.shown_settings,
            devices=self._sources.devices(),
            history=self._driver.history(),
            readings=self._readings,
            frames=part.frames,
            dropped_frames=self._dropped_frames,
            has_seen_light=self._monitor.light.has_seen_light,
        )

    def _abandon(self) -> None:
        """Let everything go; there is no take to keep."""
        self._sources.stop()
        if self._wiring is not None:
            self._wiring.abandon(self._clock.now_ns())
        self._inlets.drain()
