"""Reads what the frameworks deliver: copies, sizes, stamps, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import CoreAudio
import CoreMedia
import numpy as np
import Quartz

from onetake.platforms.callbacks.sound_run import samples_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onetake.model.media import AudioBlock
    from onetake.platforms.callbacks.sound_run import SoundRun
    from onetake.platforms.macos.bridge import HostTime

__all__ = ["blocks_of", "copied_bgra", "size_of"]


def size_of(pixel_buffer: Any) -> tuple[int, int]:
    """Return (width, height) of a pixel buffer."""
    return Quartz.CVPixelBufferGetWidth(pixel_buffer), Quartz.CVPixelBufferGetHeight(pixel_buffer)


def copied_bgra(pixel_buffer: Any) -> NDArray[np.uint8]:
    """Return a copy of a BGRA pixel buffer, shape (height, width, 4)."""
    width_px, height_px = size_of(pixel_buffer)
    read_only = Quartz.kCVPixelBufferLock_ReadOnly
    Quartz.CVPixelBufferLockBaseAddress(pixel_buffer, read_only)
    try:
        stride = Quartz.CVPixelBufferGetBytesPerRow(pixel_buffer)
        pixels = Quartz.CVPixelBufferGetBaseAddress(pixel_buffer).as_buffer(stride * height_px)
        rows = np.frombuffer(pixels, np.uint8).reshape(height_px, stride)
        return rows[:, : width_px * 4].reshape(height_px, width_px, 4).copy()
    finally:
        Quartz.CVPixelBufferUnlockBaseAddress(pixel_buffer, read_only)


def blocks_of(sample: Any, run: SoundRun, host: HostTime, session_clock: Any) -> list[AudioBlock]:
    """Return a sample buffer of linear PCM as the next blocks of `run`; none for an empty one.

    Raises ValueError for a format that neither ScreenCaptureKit nor our settings yield.
    """
    description = CoreMedia.CMSampleBufferGetFormatDescription(sample)
    asbd = CoreMedia.CMAudioFormatDescriptionGetStreamBasicDescription(description)
    data = CoreMedia.CMSampleBufferGetDataBuffer(sample)
    frames = CoreMedia.CMSampleBufferGetNumSamples(sample)
    if data is None or asbd is None or frames <= 0:
        return []
    length = CoreMedia.CMBlockBufferGetDataLength(data)
    status, pcm = CoreMedia.CMBlockBufferCopyDataBytes(data, 0, length, None)
    if status:
        raise ValueError(f"the sound could not be copied (CoreMedia {status})")
    rate, _, flags, _, _, _, channels, bits, _ = asbd
    if not flags & CoreAudio.kAudioFormatFlagIsFloat or bits != 32:
        raise ValueError(f"sound of {bits} bits with flags {flags} instead of float32")
    is_planar = bool(flags & CoreAudio.kAudioFormatFlagIsNonInterleaved)
    samples = samples_of(pcm, frames, channels, is_planar=is_planar)
    stamp = CoreMedia.CMSampleBufferGetPresentationTimeStamp(sample)
    return run.blocks(samples, round(rate), host.ns(stamp, session_clock))
