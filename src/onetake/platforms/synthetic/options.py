"""What a synthetic device does, written into its id: `synthetic:mic?drift_ppm=208&jitter_ms=1`.

Invariant: an id says everything, so a test, a bug report and the command line can all name the same
misbehaviour, and the same id plays the same content every time.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Role

__all__ = ["SCHEME", "Options", "parse_id"]

SCHEME = "synthetic"

_MIN_SIDE_PX = 16
"""Smallest side of a picture: below it the pointer and the window have no room left."""

_MAX_SIDE_PX = 7680
"""Largest side: 8K. A larger one is a typing error that would eat all memory."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one synthetic device behaves. Times in seconds count from when it was first opened."""

    seed: int = 0
    """Chooses the noise: of the stamps and of what is heard."""
    refuse: str = ""
    """What opening fails with: `device` (unplugged), `permission`; empty = it opens."""
    never: bool = False
    """Opens, and never delivers anything."""
    delay_s: float = 0.0
    """Delivers nothing before this time."""
    lost_at_s: float | None = None
    """Goes away at this time."""
    back_at_s: float | None = None
    """Can be opened again from this time on; None = it never comes back."""
    latency_ms: float = 5.0
    """From the capture of a picture, or of a block's last sample, to its delivery."""
    size: str = ""
    """Pictures: `WIDTHxHEIGHT`; empty = 1280x720 for the screen, 640x480 for the camera."""
    fps: float = 30.0
    """Pictures a second; the screen's is also bounded by the settings."""
    format: str = "yuv420p"
    """Camera: `yuv420p` or `rgb24`."""
    static_head_s: float = 0.0
    """Screen: shows one still picture until this time."""
    static_from_s: float | None = None
    """Screen: stands still from this time on."""
    beats: bool = True
    """Screen: while it stands still, say so (frames without an image); otherwise say nothing."""
    rate: int = 48_000
    """Sound: nominal samples a second."""
    channels: int = 0
    """Sound: 0 = 2 for system sound, 1 for the microphone."""
    block_ms: float = 10.0
    """Sound: length of a block."""
    drift_ppm: float = 0.0
    """Sound: how much faster than nominal the device's clock runs."""
    jitter_ms: float = 0.0
    """Sound: standard deviation of the stamps' noise (cut at three of it); of `arrival` stamps,
    the mean lateness."""
    stamps: str = "capture"
    """Sound: `capture` or `arrival`, see `StampKind`."""
    has_events: bool = True
    """Screen and sound: whether the flash and the chirp of each second are there."""
    level_db: float = 0.0
    """Sound: gain of everything the device delivers."""

    def size_px(self, role: Role) -> tuple[int, int]:
        """Return (width, height) of a picture device's pictures. Raises ValueError."""
        if not self.size:
            return (1280, 720) if role is Role.SCREEN else (640, 480)
        width, separator, height = self.size.partition("x")
        if not separator or not width.isdecimal() or not height.isdecimal():
            raise ValueError(f"size must look like 1280x720, not {self.size!r}")
        return int(width), int(height)

    def channel_count(self, role: Role) -> int:
        """Return how many channels a sound device delivers."""
        return self.channels or (2 if role is Role.SYSTEM else 1)


def parse_id(device_id: str) -> tuple[Role, Options]:
    """Return the role and behaviour a synthetic id names. Raises DeviceUnavailable."""
    scheme, _, rest = device_id.partition(":")
    name, _, query = rest.partition("?")
    try:
        if scheme != SCHEME:
            raise ValueError(f"its scheme is not {SCHEME}:")
        role = Role(name)
        options = msgspec.convert(dict(_pairs(query)), type=Options, strict=False)
        _check(role, options)
    except ValueError as error:
        raise DeviceUnavailable(
            f"no synthetic device {device_id}: {error}",
            hint="Known are synthetic:screen, :system, :mic and :camera, "
            "with options such as ?drift_ppm=208&seed=3",
        ) from error
    return role, options


def _pairs(query: str) -> list[tuple[str, str]]:
    """Split a query; an option without a value is refused rather than overlooked."""
    return parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))


def _check(role: Role, options: Options) -> None:
    """Raise ValueError for values no device could have."""
    width_px, height_px = options.size_px(role)
    if not all(_MIN_SIDE_PX <= side <= _MAX_SIDE_PX for side in (width_px, height_px)):
        raise ValueError(f"sides must be {_MIN_SIDE_PX}..{_MAX_SIDE_PX} px")
    if role is Role.CAMERA and (width_px % 2 or height_px % 2):
        raise ValueError("a camera's sides must be even")
    if not 0 < options.fps <= 240:
        raise ValueError("fps must be above 0 and at most 240")
    if not 8_000 <= options.rate <= 192_000:
        raise ValueError("rate must be 8000..192000")
    if not 0 <= options.channels <= 8 or not 1 <= options.block_ms <= 1000:
        raise ValueError("channels must be 0..8 and block_ms 1..1000")
    if abs(options.drift_ppm) > 10_000 or not 0 <= options.jitter_ms <= 100:
        raise ValueError("drift_ppm must be within 10000 and jitter_ms 0..100")
    if options.latency_ms < 0 or options.delay_s < 0 or options.static_head_s < 0:
        raise ValueError("times must not be negative")
    for value, allowed in (
        (options.refuse, ("", "device", "permission")),
        (options.format, ("yuv420p", "rgb24")),
        (options.stamps, ("capture", "arrival")),
    ):
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(filter(None, allowed))}")
    if options.back_at_s is not None and (options.lost_at_s or 0.0) >= options.back_at_s:
        raise ValueError("back_at_s must come after lost_at_s")
