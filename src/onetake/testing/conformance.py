"""What every source of every platform must do, checked from the outside in real time.

    check_source(lambda: platform.source(Role.MIC, "pulse:NAME", Settings(), HostClock()))

Invariant: the checks know the contract only (`platforms.contract`), nothing of a platform; what a
platform may choose is not checked.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from onetake.errors import OnetakeError
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.geometry import Rect
from onetake.model.media import AudioBlock, Frame, PixelFormat
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.platforms.contract import Source

__all__ = ["NotConforming", "SourceReport", "check_source"]

OPEN_WITHIN_S = 3.0
STOP_WITHIN_S = 0.5
"""Both from `platforms.contract.Source`."""

_FUTURE_NS = 50 * NS_PER_MS
"""How far a stamp may lie in the future: ScreenCaptureKit stamps frames with the display time."""

_PAST_NS = 2 * NS_PER_S
"""How far a stamp may lie behind its arrival. Another clock than the host's is off by far more."""

_HELD_FRAMES = 2
"""Frames kept lent while later ones arrive, to see whether their pixels stay untouched."""


class NotConforming(AssertionError):
    """A source does what the contract forbids."""


@dataclass(slots=True)
class SourceReport:
    """What was seen of a source that conforms."""

    open_s: float = 0.0
    stop_s: float = 0.0
    frames: int = 0
    idle_frames: int = 0
    blocks: int = 0
    samples: int = 0
    worst_delay_ms: float = 0.0
    """Longest time from a stamp (of a block: its last sample) to its arrival."""
    warnings: list[str] = field(default_factory=list)


def check_source(
    make: Callable[[], Source], *, run_s: float = 1.0, must_deliver: bool = True
) -> SourceReport:
    """Open, run, stop and close a source made by `make`, twice. Takes a little over `run_s`.

    Args:
        make: makes a new, unopened source of the same device at each call.
        run_s: how long the first one runs.
        must_deliver: whether silence for `run_s` is an error.

    Raises NotConforming; what the source itself raises (DeviceUnavailable) comes through.
    """
    never_opened = make()
    never_opened.close()
    source = make()
    report = SourceReport()
    sink = _CheckingSink(source, report)
    try:
        started_s = time.monotonic()
        source.open()
        report.open_s = time.monotonic() - started_s
        _require(report.open_s <= OPEN_WITHIN_S, f"open took {report.open_s:.1f} s")
        _check_size(source)
        _run(source, sink, run_s, report)
    finally:
        source.close()
        sink.let_go()
    source.close()
    _require(not sink.complaints, "; ".join(sink.complaints))
    if must_deliver:
        _require(report.frames + report.blocks > 0, f"nothing was delivered in {run_s} s")
    _check_reopens(make)
    return report


class _CheckingSink:
    """A `Sink` that notes complaints instead of raising into the source's thread."""

    def __init__(self, source: Source, report: SourceReport) -> None:
        self._role = source.device.role
        self._source = source
        self._report = report
        self._held: deque[tuple[Frame, int]] = deque()
        self._kept: tuple[AudioBlock, int] | None = None
        self._last_pts_ns: int | None = None
        self._last_stamp_ns: int | None = None
        self.complaints: list[str] = []
        self.is_closed = False

    def frame(self, frame: Frame) -> None:
        """Check a picture and give the oldest one held back."""
        self._note_arrival(frame.pts_ns)
        self._check(self._role not in AUDIO_ROLES, "a sound device delivered a picture")
        if self._role is Role.SCREEN and self._last_pts_ns is not None:
            self._check(frame.pts_ns > self._last_pts_ns, "screen stamps do not increase")
        self._last_pts_ns = frame.pts_ns
        self._check((frame.image is None) == frame.is_idle, "no image without empty damage")
        self._report.frames += 1
        self._report.idle_frames += frame.is_idle
        if frame.image is not None:
            self._check_picture(frame)
        self._held.append((frame, _checksum(frame)))
        if len(self._held) > _HELD_FRAMES:
            self._give_back()

    def audio(self, block: AudioBlock) -> None:
        """Check a run of samples."""
        length_ns = len(block.samples) * NS_PER_S // block.rate_hz
        self._note_arrival(block.stamp_ns + length_ns)
        self._check(self._role in AUDIO_ROLES, "a picture device delivered sound")
        samples = block.samples
        self._check(samples.dtype == np.float32, f"samples are {samples.dtype}")
        self._check(samples.ndim == 2 and samples.size > 0, f"samples of shape {samples.shape}")
        self._check(bool(np.isfinite(samples).all()), "samples that are no numbers")
        self._check(block.lost_frames >= 0, "fewer than no frames lost")
        if self._last_stamp_ns is not None:
            self._check(block.stamp_ns > self._last_stamp_ns, "sound stamps do not increase")
        self._last_stamp_ns = block.stamp_ns
        if self._kept is None:
            self._kept = block, zlib.crc32(samples.tobytes())
        self._report.blocks += 1
        self._report.samples += len(samples)

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Keep a warning for the report."""
        del hint
        self._report.warnings.append(f"{code}: {message}")

    def let_go(self) -> None:
        """Give everything back, and look whether what may be kept for ever is untouched."""
        while self._held:
            self._give_back()
        if self._kept is not None:
            block, checksum = self._kept
            self._check(zlib.crc32(block.samples.tobytes()) == checksum, "samples were overwritten")

    def _give_back(self) -> None:
        frame, checksum = self._held.popleft()
        self._check(_checksum(frame) == checksum, "a lent picture was overwritten")
        frame.release()

    def _check_picture(self, frame: Frame) -> None:
        width_px, height_px = frame.width_px, frame.height_px
        self._check((width_px, height_px) == self._source.size_px(), "size is not size_px()")
        if frame.pixel_format is PixelFormat.BGRA:
            image = frame.image
            is_bgra = isinstance(image, np.ndarray) and image.dtype == np.uint8
            self._check(is_bgra, "a BGRA image is no uint8 array")
            shape = getattr(image, "shape", None)
            self._check(shape == (height_px, width_px, 4), f"a BGRA image of shape {shape}")
        whole = Rect(0, 0, width_px, height_px)
        for rect in frame.damage or ():
            self._check(rect.intersection(whole) == rect, f"damage {rect} outside the picture")

    def _note_arrival(self, stamp_ns: int) -> None:
        late_ns = time.monotonic_ns() - stamp_ns
        self._check(not self.is_closed, "something was delivered after run returned")
        self._check(late_ns > -_FUTURE_NS, f"a stamp {-late_ns / NS_PER_MS:.0f} ms in the future")
        self._check(late_ns < _PAST_NS, f"a stamp {late_ns / NS_PER_MS:.0f} ms in the past")
        self._report.worst_delay_ms = max(self._report.worst_delay_ms, late_ns / NS_PER_MS)

    def _check(self, fact: bool, otherwise: str) -> None:
        if not fact and otherwise not in self.complaints:
            self.complaints.append(otherwise)


def _run(source: Source, sink: _CheckingSink, run_s: float, report: SourceReport) -> None:
    """Run the source on a thread of its own, stop it and see that it stays silent."""
    stop = threading.Event()
    raised: list[BaseException] = []

    def body() -> None:
        try:
            source.run(sink, stop)
        except BaseException as error:  # noqa: BLE001  top of a thread: told to who waits
            raised.append(error)
        sink.is_closed = True

    kind = source.stamp_kind
    thread = threading.Thread(target=body, name="check-source", daemon=True)
    thread.start()
    thread.join(run_s)
    stop.set()
    stopped_s = time.monotonic()
    thread.join(STOP_WITHIN_S)
    report.stop_s = time.monotonic() - stopped_s
    _require(not thread.is_alive(), f"run did not return within {STOP_WITHIN_S} s")
    if raised:
        if isinstance(raised[0], OnetakeError):
            raise raised[0]
        raise NotConforming(f"run raised {raised[0]!r}") from raised[0]
    _require(source.stamp_kind is kind, "stamp_kind changed")


def _check_size(source: Source) -> None:
    width_px, height_px = source.size_px()
    if source.device.role in AUDIO_ROLES:
        _require((width_px, height_px) == (0, 0), "sound has no size")
    else:
        _require(width_px > 0 and height_px > 0, f"a size of {width_px}x{height_px} after open")
    _require(bool(source.device.format), "device.format is empty after open")


def _check_reopens(make: Callable[[], Source]) -> None:
    """See that the device was really let go: another source can have it at once."""
    again = make()
    try:
        again.open()
    except OnetakeError as error:
        raise NotConforming(f"it cannot be opened again: {error}") from error
    finally:
        again.close()


def _checksum(frame: Frame) -> int:
    image = frame.image
    return zlib.crc32(image.tobytes()) if isinstance(image, np.ndarray) else 0


def _require(fact: bool, otherwise: str) -> None:
    if not fact:
        raise NotConforming(otherwise)
