"""What a user chooses before a take."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from onetake.model.geometry import Overlay, Rect

__all__ = ["Codec", "Quality", "Settings", "Tracks"]


class Quality(StrEnum):
    """How much the picture may cost, in plain words."""

    SMALL = "small"
    STANDARD = "standard"
    HIGH = "high"


class Codec(StrEnum):
    """Video codec of the file."""

    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"


class Tracks(StrEnum):
    """Which audio tracks the file has."""

    MIX = "mix"
    """One mixed track."""
    SEPARATE = "separate"
    """The mix first and default, then the unmuted microphone and system sound."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a take is started with. Device fields take an id, a name, `default` or `none`."""

    output: str = ""
    """Path of the file; empty = a dated name in the user's videos folder."""
    overwrite: bool = False
    """Replace an existing file."""
    screen: str = "default"
    system_audio: str = "default"
    mic: str = "default"
    camera: str = "none"
    region: Rect | None = None
    """Part of the screen, in pixels of the screen; None = all of it."""
    fps: int = 30
    """Most frames a second to capture, 1..240."""
    duration_s: float | None = None
    """Stop by itself after this many seconds of recording."""
    countdown_s: float = 0.0
    has_cursor: bool = True
    """Draw the mouse pointer."""
    quality: Quality = Quality.STANDARD
    codec: Codec = Codec.H264
    encoder: str = "auto"
    """Expert: the encoder's FFmpeg name; `auto` tries hardware first where it exists."""
    encoder_preset: str = ""
    """Expert: preset of the encoder; empty = chosen from `quality`."""
    crf: int | None = None
    """Expert: constant rate factor; None = chosen from `quality`."""
    audio_kbps: int = 160
    tracks: Tracks = Tracks.MIX
    overlay: Overlay = Overlay()
    mic_gain_db: float = 0.0
    system_gain_db: float = 0.0
    is_mic_muted: bool = False
    is_system_muted: bool = False
    mute_lead_ms: float = 0.0
    """Let a mute begin this much before the key, so that the key's click is not in the file."""
    mic_offset_ms: float | None = None
    """Move the microphone on the timeline (+ = later); None = what is remembered of the device."""
    system_offset_ms: float | None = None
    camera_offset_ms: float | None = None
    has_report: bool = True
    """Write NAME.onetake.json beside the file."""
    stamp_log: str = ""
    """Debug: write (role, stamp, frames, rate, arrival) of every audio block to this file."""
