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

    @property
    def titles(self) -> tuple[str, ...]:
        """Titles of the audio tracks, in their order."""
        return ("Mix",) if self is Tracks.MIX else ("Mix", "Microphone", "System audio")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a take is started with."""

    output: str = ""
    """Path of the file; empty = a dated name in your videos folder."""
    overwrite: bool = False
    """Replace an existing file."""
    screen: str = "default"
    """Screen to record: an id or name from 'onetake devices', default or synthetic."""
    system_audio: str = "default"
    """System sound to record: an id or name, default, none or synthetic."""
    mic: str = "auto"
    """Microphone: an id or name, default, none or synthetic; auto = the default one, if any."""
    camera: str = "none"
    """Camera: an id or name, the URL of a network camera, default, none or synthetic."""
    region: Rect | None = None
    """Part of the screen to record, in pixels: X,Y,WxH; left out = all of it."""
    excluded_apps: tuple[str, ...] = ()
    """macOS: bundle ids of applications that are left out of a recording of the screen."""
    fps: int = 30
    """Most frames a second, 1 to 240."""
    duration_s: float | None = None
    """Stop by itself after this many seconds in the file."""
    countdown_s: float = 0.0
    """Seconds to count down before the take begins."""
    has_cursor: bool = True
    """Draw the mouse pointer."""
    quality: Quality = Quality.STANDARD
    """How much the picture may cost: small, standard or high."""
    codec: Codec = Codec.H264
    """Video codec: h264 plays everywhere; hevc and av1 are smaller and slower."""
    encoder: str = "auto"
    """Expert: FFmpeg's name of the encoder; auto tries the hardware first."""
    encoder_preset: str = ""
    """Expert: preset of the encoder; left out = chosen from the quality."""
    crf: int | None = None
    """Expert: constant rate factor; left out = chosen from the quality."""
    audio_kbps: int = 160
    """Bit rate of each audio track."""
    tracks: Tracks = Tracks.MIX
    """mix = one audio track; separate = the mix, then the unmuted microphone and system sound."""
    overlay: Overlay = Overlay()
    """How the camera is laid over the screen."""
    mic_gain_db: float = 0.0
    """Gain of the microphone at the start, in dB."""
    system_gain_db: float = 0.0
    """Gain of the system sound at the start, in dB."""
    is_mic_muted: bool = False
    """Start with the microphone muted."""
    is_system_muted: bool = False
    """Start with the system sound muted."""
    mute_lead_ms: float = 0.0
    """Let a mute begin this much before the key, so that the key's click is not in the file."""
    mic_offset_ms: float | None = None
    """Move the microphone on the timeline, + = later; left out = what is remembered of it."""
    system_offset_ms: float | None = None
    """Move the system sound on the timeline, + = later; left out = what is remembered of it."""
    camera_offset_ms: float | None = None
    """Move the camera on the timeline, + = later; left out = what is remembered of it."""
    has_report: bool = True
    """Write NAME.onetake.json beside the file."""
    stamp_log: str = ""
    """Debug: write the stamp and length of every audio block to this file."""
