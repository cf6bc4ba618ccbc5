"""What a platform folder offers: devices, sources, and perhaps its own compositor and writer.

Porting to a new system is adding one folder beside this file. A platform holds no policy: it
converts clocks, hands buffers over, and says plainly when it cannot. When to retry, what to drop,
where a sample belongs is decided elsewhere, the same on every system.

    Source.run ──Frame / AudioBlock──▶ Sink (never blocks) ──bounded queue──▶ lanes
    lanes ──▶ Compositor.compose ──image──▶ Writer.write_video / write_audio ──▶ file
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from onetake.model.devices import Device, Role
from onetake.model.geometry import Overlay, Rect
from onetake.model.media import AudioBlock, Frame, StampKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from onetake.clock import Clock
    from onetake.model.settings import Settings

__all__ = [
    "Adaptable",
    "Compositor",
    "Platform",
    "ProvisionalWriter",
    "Shrinker",
    "Sink",
    "Source",
    "Writer",
    "region_within",
]


class Sink(Protocol):
    """Where a source puts what it captured. Never blocks; may drop a frame, never a block."""

    def frame(self, frame: Frame) -> None:
        """Take a picture over; the sink sees to its release. Source's own thread."""
        ...

    def audio(self, block: AudioBlock) -> None:
        """Take a run of samples over. Source's own thread."""
        ...

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Tell the user something about the device; the take goes on. Any thread."""
        ...


class Source(Protocol):
    """One opened device. Life: construct (cheap, no I/O), `open`, `run`, `close`, in this order.

    After `close` the object is done; the engine makes a new one to try again.
    """

    @property
    def device(self) -> Device:
        """The device; `format` is filled in after `open`."""
        ...

    @property
    def stamp_kind(self) -> StampKind:
        """What the stamps mean. Constant for the life of the source."""
        ...

    def open(self) -> None:
        """Acquire the device, within 3 s. Raises DeviceUnavailable or PermissionDenied."""
        ...

    def size_px(self) -> tuple[int, int]:
        """Return (width, height) of the pictures after `open`; (0, 0) for audio."""
        ...

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver to `sink` until `stop` is set, then return within 0.5 s.

        Called on a thread the engine owns. Raises DeviceUnavailable when the device goes away;
        every foreign exception is mapped to that, with its cause.
        """
        ...

    def close(self) -> None:
        """Let the device go. Idempotent, never raises, safe after a failed `open`."""
        ...


class Compositor(Protocol):
    """Lays the camera over the screen. One thread only: the video lane's."""

    def screen(self, frame: Frame) -> None:
        """Take a screen picture in (only its damage where known) and release it."""
        ...

    def camera(self, frame: Frame | None) -> None:
        """Take the newest camera picture in and release it; None = no camera any more."""
        ...

    def compose(self, overlay: Overlay) -> object:
        """Return the output image, for `Writer.write_video`; valid until the next call of any
        method of this object."""
        ...


@runtime_checkable
class Shrinker(Protocol):
    """A compositor whose images only it can read. They may be kept, and do not change."""

    def small_copy(self, image: object, max_width_px: int) -> NDArray[np.uint8]:
        """Return what `compose` has returned as uint8 RGB, shape (height, width, 3), at most that
        wide; the caller's own. Any thread. Raises OutputFailed."""
        ...


class Writer(Protocol):
    """Writes one video track and one (or more) audio tracks. Started exactly once, at 0.

    `write_video` and `write_audio` may be called from two different threads, each from its own.
    """

    def start(self) -> None:
        """Create the file. Raises OutputFailed, DiskFull, EncoderUnavailable."""
        ...

    def is_ready_for_video(self) -> bool:
        """Whether another frame would be taken without waiting. False = the caller drops it."""
        ...

    def write_video(self, position_ns: int, image: object) -> None:
        """Encode a frame. Positions strictly increase in the writer's time base, or the frame is
        counted as dropped. Raises OutputFailed when the file cannot go on."""
        ...

    def write_audio(self, samples: Sequence[NDArray[np.float32]]) -> None:
        """Append the next samples: one array (frames, 2) float32 for each audio track, all of the
        same length, gapless from sample 0 on. Never dropped. Raises OutputFailed."""
        ...

    def pump(self, wait_s: float) -> bool:
        """Write out what is encoded, waiting at most `wait_s` for some; on the engine's own writer
        thread. Returns False when there was nothing. Raises OutputFailed, DiskFull."""
        ...

    def add_chapter(self, position_ns: int, label: str) -> None:
        """Remember a chapter; written when the file is finished, if the container can."""
        ...

    def finish(self, end_ns: int) -> None:
        """End both tracks at `end_ns` and finish the file; after it, an ordinary seekable MP4.
        Called once, by the engine, after both lanes have ended. Raises OutputFailed, DiskFull."""
        ...

    @property
    def size_bytes(self) -> int:
        """Bytes written so far. Any thread."""
        ...


@runtime_checkable
class ProvisionalWriter(Protocol):
    """A writer whose growing file can end with sound that is replaced by better sound later, so
    that a killed take has it."""

    def write_provisional(self, samples: Sequence[NDArray[np.float32]]) -> None:
        """Learn what would follow what `write_audio` was given if the take ended now, in the same
        shape. On the thread of `write_audio`. Raises OutputFailed."""
        ...


@runtime_checkable
class Adaptable(Protocol):
    """A writer that can encode the picture with less work, where the machine is too slow."""

    def encode_cheaper(self, is_cheaper: bool) -> bool:
        """From the next frame on encode with less work, or as at first again. On `write_video`'s
        thread; may take as long as a frame. Returns False, with nothing changed, where the encoder
        has no cheaper way. Raises OutputFailed."""
        ...


class Platform(Protocol):
    """A system's devices. Construction is cheap and imports nothing of the system."""

    name: str

    def devices(self) -> list[Device]:
        """List what is there now. Never raises: what cannot be asked is not listed."""
        ...

    def problems(self) -> list[str]:
        """Say, one line each, why a kind of device cannot be listed (no display, no server)."""
        ...

    def owns(self, device_id: str) -> bool:
        """Whether `device_id` (by its scheme: `x11:`, `pulse:`, `rtsp:`) is this platform's."""
        ...

    def source(self, role: Role, device_id: str, settings: Settings, clock: Clock) -> Source:
        """Make a source, not yet opened. `device_id` is a full id as `devices` lists it, or a URL
        this platform owns. Raises DeviceUnavailable for an id that cannot be."""
        ...

    def compositor(self, size_px: tuple[int, int], settings: Settings) -> Compositor | None:
        """Return the system's own compositor, or None for the portable one."""
        ...

    def writer(self, path: str, size_px: tuple[int, int], settings: Settings) -> Writer | None:
        """Return the system's own writer, or None for the portable one."""
        ...


def region_within(region: Rect | None, width_px: int, height_px: int) -> Rect | None:
    """Return the part of `region` that lies on a screen of this size (all of it for None), or
    None when nothing does. Odd sizes are cut to even by one pixel: 4:2:0 knows no half pixels."""
    whole = Rect(0, 0, width_px, height_px)
    part = whole if region is None else region.intersection(whole)
    if part is None:
        return None
    even = Rect(part.x_px, part.y_px, part.width_px & ~1, part.height_px & ~1)
    return even if even.width_px >= 2 and even.height_px >= 2 else None
