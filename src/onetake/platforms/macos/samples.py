"""Turns what the frameworks deliver into frames and blocks: copies, stamps, nothing else.

Invariant: nothing of the system's is kept but the picture a `Frame` lends, and `Frame.release`
lets go of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import CoreAudio
import CoreMedia
import numpy as np
import Quartz

from onetake.model.media import AudioBlock, Frame, PixelFormat
from onetake.model.units import CHANNELS, NS_PER_MS, NS_PER_S, SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from onetake.platforms.macos.bridge import HostTime

__all__ = ["BlockMaker", "Lender", "copied_bgra"]

MOST_LENT = 3
"""Most pictures of one device that may be out at a time. ScreenCaptureKit has 8; the compositor
keeps 1, the encoder up to 2, and 1 is on its way. More lent stalls the stream; fewer drops frames
in every hiccup."""


LEAST_HOLE_NS = 5 * NS_PER_MS
"""A step between two blocks from which sound is missing. Smaller steps are rounding and the noise
of a clock conversion; a hole this long is heard."""


class Lender:
    """Makes frames of one device and counts those that are out.

    `frame` is called on the device's queue; a frame's `release` on any thread.
    """

    def __init__(self, *, is_copied: bool) -> None:
        self._is_copied = is_copied
        self._out: set[int] = set()  # adding and discarding a number is atomic
        self._last_ns = -1
        self._number = 0
        self.dropped = 0
        """Pictures not handed over because too many were out."""

    def frame(self, pts_ns: int, pixel_buffer: Any) -> Frame | None:
        """Return a frame, or None when too many are out. None for `pixel_buffer` makes a beat."""
        if pixel_buffer is None:
            if pts_ns <= self._last_ns:
                return None
            self._last_ns = pts_ns
            return Frame(pts_ns, 0, 0, None, PixelFormat.CVPIXELBUFFER, damage=())
        if len(self._out) >= MOST_LENT:
            self.dropped += 1
            return None
        pts_ns = self._last_ns = max(pts_ns, self._last_ns + 1)
        width_px = Quartz.CVPixelBufferGetWidth(pixel_buffer)
        height_px = Quartz.CVPixelBufferGetHeight(pixel_buffer)
        if self._is_copied:
            image = copied_bgra(pixel_buffer, width_px, height_px)
            return Frame(pts_ns, width_px, height_px, image, PixelFormat.BGRA)
        frame = Frame(pts_ns, width_px, height_px, pixel_buffer, PixelFormat.CVPIXELBUFFER)
        self._number += 1
        number = self._number
        self._out.add(number)

        def release() -> None:
            frame.image = None  # the last reference gives the surface back
            self._out.discard(number)

        frame.release = release
        return frame


def copied_bgra(pixel_buffer: Any, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return a copy of a BGRA pixel buffer, shape (height, width, 4)."""
    read_only = Quartz.kCVPixelBufferLock_ReadOnly
    Quartz.CVPixelBufferLockBaseAddress(pixel_buffer, read_only)
    try:
        stride = Quartz.CVPixelBufferGetBytesPerRow(pixel_buffer)
        pixels = Quartz.CVPixelBufferGetBaseAddress(pixel_buffer).as_buffer(stride * height_px)
        rows = np.frombuffer(pixels, np.uint8).reshape(height_px, stride)
        return rows[:, : width_px * 4].reshape(height_px, width_px, 4).copy()
    finally:
        Quartz.CVPixelBufferUnlockBaseAddress(pixel_buffer, read_only)


class BlockMaker:
    """Makes blocks of one device's sample buffers, whose stamps count samples.

    A step between them is a declared loss, except with `is_quiet_silent`: ScreenCaptureKit may send
    nothing at all while nothing plays, and then a hole is silence and is delivered as such. Called
    with the delivery's lock held, by the device's queue and the engine's thread.
    """

    def __init__(self, host: HostTime, *, is_quiet_silent: bool = False) -> None:
        self._host = host
        self._is_quiet_silent = is_quiet_silent
        self._begin_ns = host.clock.now_ns()
        self._end_ns: int | None = None
        self.has_sound = False
        """Whether there was any sample buffer yet."""

    def blocks(self, sample: Any, session_clock: Any) -> list[AudioBlock]:
        """Return a sample buffer of linear PCM, and the silence before it.

        Raises ValueError for a format that neither ScreenCaptureKit nor our settings yield.
        """
        found = _pcm(sample)
        if found is None:
            return []
        self.has_sound = True
        samples, rate_hz = found
        arrival_ns = self._host.clock.now_ns()
        stamp = CoreMedia.CMSampleBufferGetPresentationTimeStamp(sample)
        stamp_ns = self._host.ns(stamp, session_clock)
        if stamp_ns is None:  # it ended now at the latest
            stamp_ns = arrival_ns - len(samples) * NS_PER_S // rate_hz
        step = 0 if self._end_ns is None else (stamp_ns - self._end_ns) * rate_hz // NS_PER_S
        is_hole = step * NS_PER_S > LEAST_HOLE_NS * rate_hz
        before = self.silence(stamp_ns) if is_hole and self._is_quiet_silent else []
        # Later than the silence that stands for it; a frame or two is rounding.
        if step < -2 and self._is_quiet_silent:
            samples, stamp_ns = samples[-step:], stamp_ns - step * NS_PER_S // rate_hz
        lost = step if is_hole and not before else 0
        self._end_ns = stamp_ns + len(samples) * NS_PER_S // rate_hz
        block = AudioBlock(stamp_ns, samples, rate_hz, arrival_ns, lost)
        return [*before, block] if len(samples) else before

    def silence(self, until_ns: int) -> list[AudioBlock]:
        """Return silence from the last block to `until_ns`."""
        begin_ns = self._begin_ns if self._end_ns is None else self._end_ns
        frames = (until_ns - begin_ns) * SAMPLE_RATE_HZ // NS_PER_S
        if frames <= 0:
            return []
        self._end_ns = begin_ns + frames * NS_PER_S // SAMPLE_RATE_HZ
        zeros = np.zeros((frames, CHANNELS), np.float32)
        return [AudioBlock(begin_ns, zeros, SAMPLE_RATE_HZ, self._host.clock.now_ns())]


def _pcm(sample: Any) -> tuple[NDArray[np.float32], int] | None:
    """Return a copy of the samples, shape (frames, channels), and their rate in Hz."""
    description = CoreMedia.CMSampleBufferGetFormatDescription(sample)
    asbd = CoreMedia.CMAudioFormatDescriptionGetStreamBasicDescription(description)
    data = CoreMedia.CMSampleBufferGetDataBuffer(sample)
    frames = CoreMedia.CMSampleBufferGetNumSamples(sample)
    if data is None or asbd is None or frames <= 0:
        return None
    length = CoreMedia.CMBlockBufferGetDataLength(data)
    status, pcm = CoreMedia.CMBlockBufferCopyDataBytes(data, 0, length, None)
    if status:
        raise ValueError(f"the sound could not be copied (CoreMedia {status})")
    rate, _, flags, _, _, _, channels, bits, _ = asbd
    if not flags & CoreAudio.kAudioFormatFlagIsFloat or bits != 32:
        raise ValueError(f"sound of {bits} bits with flags {flags} instead of float32")
    flat = np.frombuffer(pcm, np.float32)[: frames * channels]
    is_planar = flags & CoreAudio.kAudioFormatFlagIsNonInterleaved
    shaped = flat.reshape(channels, frames).T if is_planar else flat.reshape(frames, channels)
    return np.ascontiguousarray(shaped), round(rate)
