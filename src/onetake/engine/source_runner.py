"""Keeps one role filled: opens its device, runs it, and finds it again when it goes away.

The thread `source-ROLE` belongs to this runner, which belongs to the take. A device that goes away
is tried again with back-off, for as long as the take lasts; it joins the same timeline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from onetake.clock import Clock
from onetake.engine.lane_queue import LaneQueue, SourceNews
from onetake.errors import DeviceUnavailable, OnetakeError, PermissionDenied
from onetake.model.devices import Role
from onetake.model.events import SourceState
from onetake.model.media import AudioBlock, Frame
from onetake.model.units import NS_PER_S
from onetake.platforms.contract import Source
from onetake.platforms.registry import shown_id

__all__ = ["BACKOFF_FIRST_S", "BACKOFF_MOST_S", "SourceListener", "SourceRunner"]

BACKOFF_FIRST_S = 0.25
"""First wait before a lost device is tried again. Shorter burns CPU on a device that is being
re-plugged; longer leaves a hole in the take after a mere hiccup of the sound server."""

BACKOFF_MOST_S = 1.0
"""Longest wait between two tries. Longer makes a re-plugged microphone join late; a try costs a few
milliseconds, so shorter would cost CPU for as long as a camera stays away."""


class SourceListener(Protocol):
    """Who is told about the source's life. Called on the source's thread; must not block."""

    def source_opened(self, role: Role, source: Source) -> None:
        """The device is open and about to run."""
        ...

    def source_delivered(self, role: Role, device_id: str, first_ns: int) -> None:
        """The first picture or sound since it was opened has arrived."""
        ...

    def source_lost(self, role: Role, device_id: str, error: OnetakeError) -> None:
        """The device could not be opened, or went away."""
        ...

    def source_warned(self, code: str, message: str, hint: str) -> None:
        """The source has something to tell the user."""
        ...


@dataclass(slots=True)
class _Attempt:
    """One life of the device, from open to close."""

    source: Source
    has_delivered: bool = False


class SourceRunner:
    """Runs one role's device on its own thread.

    Args:
        role: what it fills.
        device_id: with which device.
        make_source: makes an unopened source for a device id.
        lane: where what it captures goes.
        listener: who is told about its life.
    """

    def __init__(
        self,
        role: Role,
        device_id: str,
        *,
        make_source: Callable[[Role, str], Source],
        lane: LaneQueue,
        listener: SourceListener,
        clock: Clock,
    ) -> None:
        self._role = role
        self._device_id = device_id
        self._make_source = make_source
        self._lane = lane
        self._listener = listener
        self._clock = clock
        self._stop = threading.Event()
        self._attempt: _Attempt | None = None
        self.covered_ns = 0
        """Host time up to which sound has arrived. Written by the source's thread only."""
        self._thread = threading.Thread(target=self._run, name=f"source-{role}", daemon=True)

    @property
    def device_id(self) -> str:
        """The device this runner keeps running, as it may be told: without a URL's password."""
        return shown_id(self._device_id)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Let the source end; does not wait."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; whether it has ended. One that has not is left behind as a daemon:
        a hung driver must not keep the file from being finished."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # What the source calls (platforms.contract.Sink).

    def frame(self, frame: Frame) -> None:
        """Queue a picture."""
        if self._stop.is_set():
            frame.release()
            return
        self._note_delivery(frame.pts_ns)
        self._lane.put_frame(self._role, frame)

    def audio(self, block: AudioBlock) -> None:
        """Queue a run of samples."""
        if self._stop.is_set():
            return
        self._note_delivery(block.stamp_ns)
        length_ns = len(block.samples) * NS_PER_S // block.rate_hz
        self.covered_ns = max(self.covered_ns, block.stamp_ns + length_ns)
        self._lane.put_audio(self._role, block)

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Pass a warning on."""
        self._listener.source_warned(code, message, hint)

    def _note_delivery(self, first_ns: int) -> None:
        attempt = self._attempt
        if attempt is None or attempt.has_delivered:
            return
        attempt.has_delivered = True
        self._lane.put(
            SourceNews(
                self._role, SourceState.LIVE, self._clock.now_ns(), attempt.source.stamp_kind
            )
        )
        self._listener.source_delivered(self._role, self.device_id, first_ns)

    def _run(self) -> None:
        wait_s = BACKOFF_FIRST_S
        while not self._stop.is_set():
            error = self._live_once()
            if self._stop.is_set():
                return
            if self._attempt is not None and self._attempt.has_delivered:
                wait_s = BACKOFF_FIRST_S
            self._lane.put(SourceNews(self._role, SourceState.LOST, self._clock.now_ns()))
            self._listener.source_lost(self._role, self.device_id, error)
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, BACKOFF_MOST_S)

    def _live_once(self) -> OnetakeError:
        """Open, run and close the device once; return why it ended."""
        self._attempt = None
        source: Source | None = None
        try:
            source = self._make_source(self._role, self._device_id)
            source.open()
            self._attempt = _Attempt(source)
            self._listener.source_opened(self._role, source)
            source.run(self, self._stop)
        except (DeviceUnavailable, PermissionDenied) as error:
            return error
        except Exception as error:  # noqa: BLE001  top of a thread: the take must go on without it
            return DeviceUnavailable(f"{self._role} failed: {type(error).__name__}: {error}")
        finally:
            if source is not None:
                source.close()
        return DeviceUnavailable(f"{self._role} ended")
