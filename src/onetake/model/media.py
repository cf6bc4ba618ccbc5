"""What flows from the sources: pictures and sound, each stamped once, at the edge.

All stamps are integer nanoseconds of the host's monotonic clock (see `onetake.clock`). After the
edge nobody reads a clock: a stamp is the only truth about when something happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from onetake.model.geometry import Rect

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AudioBlock", "Frame", "PixelFormat", "StampKind", "nothing_to_release"]


class StampKind(StrEnum):
    """What a source's audio stamps mean; the wrong one is a constant bias no estimator can see."""

    CAPTURE = "capture"
    """The device's or server's own time of the first sample: noise on both sides of the truth."""

    ARRIVAL = "arrival"
    """Taken when the block reached us: never early, sometimes late."""


class PixelFormat(StrEnum):
    """What `Frame.image` is."""

    BGRA = "bgra"
    """`numpy.ndarray`, uint8, shape (height, width, 4), rows may be strided; alpha is ignored."""

    AV = "av"
    """`av.VideoFrame` in any format PyAV knows (cameras, network streams)."""

    CVPIXELBUFFER = "cvpixelbuffer"
    """A CoreVideo pixel buffer; only the macOS compositor can read it."""


def nothing_to_release() -> None:
    """Do nothing: the release of an image that nobody lends."""


@dataclass(slots=True)
class Frame:
    """One picture from a screen or camera.

    Ownership: `image` is lent by the source until `release` is called, exactly once, by whoever
    consumed or dropped the frame; after that the source may overwrite it. `image` always shows the
    complete picture, whatever `damage` says.
    """

    pts_ns: int
    """Host time at which the picture was captured. Screen stamps strictly increase."""

    width_px: int
    height_px: int
    image: object | None
    """The pixels, or None when `damage` is empty (nothing changed: a beat that says "alive")."""

    pixel_format: PixelFormat
    damage: tuple[Rect, ...] | None = None
    """What changed since the previous frame of this source; None = not known, () = nothing."""

    release: Callable[[], None] = field(default=nothing_to_release)
    """Give the image back to its source. Any thread, must not block."""

    @property
    def is_idle(self) -> bool:
        """Whether the picture is the same as the one before."""
        return self.damage == ()


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """A run of samples from one device, in the device's own rate and channel count.

    Ownership: the receiver may keep `samples` for ever; the source never writes to it again.
    """

    stamp_ns: int
    """Host time of the first sample, latency already subtracted as far as the API tells it."""

    samples: NDArray[np.float32]
    """float32, shape (frames, channels), full scale ±1.0. May exceed ±1."""

    rate_hz: int
    """The nominal rate of this very block; it may differ from the block before."""

    arrival_ns: int
    """Host time at which the block reached us. Never used for placing, only to judge the stamps."""

    lost_frames: int = 0
    """Frames the API itself declares lost just before this block (an overrun with a count)."""
