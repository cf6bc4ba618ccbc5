"""The file through AVAssetWriter: one H.264 or HEVC track, AAC tracks, fragments on the way.

    video lane ──append──▶ video input ┐
    audio lane ──▶ queue ──pump──▶ audio inputs ┴▶ AVAssetWriter

Invariant: readiness and status are asked before every append; video times strictly increase after
rounding to the track's time scale; sound is counted in samples, never stamped. A writer that has
failed says so at the next call, whichever it is: it would never become ready again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import AVFoundation
import CoreAudio
import CoreMedia
import Foundation
import numpy as np
import objc

from onetake.errors import DiskFull, EncoderUnavailable, OutputFailed
from onetake.file.annotate import annotate
from onetake.file.output_file import free_path
from onetake.file.presets import GOP_S, bit_rate_bps
from onetake.file.waiting_sound import WaitingSound
from onetake.model.chapters import chapters_of
from onetake.model.settings import Codec, Settings
from onetake.model.units import CHANNELS, NS_PER_S, SAMPLE_RATE_HZ, first_sample_at_or_after
from onetake.platforms.macos.bridge import Reply, describe
from onetake.platforms.macos.compositor import PixelPool, as_pixel_buffer, pixel_attributes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AssetWriter"]

VIDEO_TIMESCALE = 90_000
"""Ticks a second of the video track: finer than any frame interval, exact for all usual ones."""

FRAGMENT_S = 2
"""What a crash may cost. Shorter is outside of what is known to work; longer loses more."""

FINISH_TIMEOUT_S = 60.0
"""Longest wait for the file to be finished: a slow disk with a long file needs seconds."""

BYTES_PER_FRAME = 4 * CHANNELS

_Mixes = Sequence["NDArray[np.float32]"]


class AssetWriter:
    """`platforms.contract.Writer` on AVAssetWriter. Pictures are CVPixelBuffers of `size_px`."""

    def __init__(
        self, path: str, size_px: tuple[int, int], settings: Settings, pool: PixelPool
    ) -> None:
        self._final_path = Path(path)
        self._path = self._final_path
        self._size_px = size_px
        self._settings = settings
        self._pool = pool
        self._track_count = len(settings.tracks.titles)
        self._writer: Any = None
        self._video: Any = None
        self._adaptor: Any = None
        self._audio: list[Any] = []
        self._audio_format: Any = None
        self._last_ticks = -1
        self._samples = 0
        self._waiting: WaitingSound[tuple[Any, Any]] = WaitingSound(
            lambda entry: bool(entry[0].isReadyForMoreMediaData()), self._append_sound
        )
        self.dropped_frames = 0
        """Pictures refused because their time did not increase."""
        self._chapters: list[tuple[int, str]] = []

    def start(self) -> None:
        """Create the file. Raises UsageError, OutputFailed, DiskFull, EncoderUnavailable."""
        with objc.autorelease_pool():
            # AVAssetWriter creates the file itself, and refuses an existing one.
            self._path = free_path(self._final_path, is_replacing=self._settings.overwrite)
            url = Foundation.NSURL.fileURLWithPath_(str(self._path))
            make = AVFoundation.AVAssetWriter.alloc()
            writer, error = make.initWithURL_fileType_error_(
                url, AVFoundation.AVFileTypeMPEG4, None
            )
            if writer is None:
                raise _output_error(error)
            self._writer = writer
            self._video = self._add_input(AVFoundation.AVMediaTypeVideo, self._video_settings())
            self._video.setMediaTimeScale_(VIDEO_TIMESCALE)
            adaptor_class = AVFoundation.AVAssetWriterInputPixelBufferAdaptor.alloc()
            self._adaptor = adaptor_class.initWithAssetWriterInput_sourcePixelBufferAttributes_(
                self._video, pixel_attributes(self._size_px)
            )
            for _ in range(self._track_count):
                settings = self._audio_settings()
                self._audio.append(self._add_input(AVFoundation.AVMediaTypeAudio, settings))
            self._audio_format = _pcm_format()
            writer.setMovieFragmentInterval_(CoreMedia.CMTimeMake(FRAGMENT_S, 1))
            if not writer.startWriting():
                raise _output_error(writer.error())
            writer.startSessionAtSourceTime_(CoreMedia.CMTimeMake(0, VIDEO_TIMESCALE))
            self._pool.adaptor = self._adaptor

    def is_ready_for_video(self) -> bool:
        """Whether another picture is taken now. True for a failed writer, so that `write_video`
        can say what failed. Any thread."""
        return not self._is_writing() or bool(self._video.isReadyForMoreMediaData())

    def write_video(self, position_ns: int, image: object) -> None:
        """Append a picture; one whose time does not increase, or that comes while the writer is
        not ready, is counted as dropped. Raises OutputFailed, DiskFull."""
        self._check()
        ticks = (position_ns * VIDEO_TIMESCALE + NS_PER_S // 2) // NS_PER_S
        if ticks <= self._last_ticks or not self._video.isReadyForMoreMediaData():
            self.dropped_frames += 1
            return
        self._last_ticks = ticks  # before the append: a refused time must not come again either
        with objc.autorelease_pool():
            time_ = CoreMedia.CMTimeMake(ticks, VIDEO_TIMESCALE)
            picture = as_pixel_buffer(image)
            if not self._adaptor.appendPixelBuffer_withPresentationTime_(picture, time_):
                raise _output_error(self._writer.error())

    def write_audio(self, samples: _Mixes) -> None:
        """Queue the next samples of every track. Raises OutputFailed when too much waits."""
        frames = len(samples[0])
        if not frames:
            return
        with objc.autorelease_pool():
            buffers = [self._sample_buffer(track) for track in samples]
        self._samples += frames
        self._waiting.put(zip(self._audio, buffers, strict=True))

    def pump(self, wait_s: float) -> bool:
        """Append the sound that waits. Returns False when there was none, or none was taken.
        Raises OutputFailed, DiskFull as soon as the writer has failed."""
        self._waiting.wait(wait_s)
        self._check()
        with objc.autorelease_pool():
            return self._waiting.pour()

    def _append_sound(self, entry: tuple[Any, Any]) -> None:
        audio, buffer = entry
        if not audio.appendSampleBuffer_(buffer):
            raise _output_error(self._writer.error())

    def add_chapter(self, position_ns: int, label: str) -> None:
        """Remember a chapter for `finish`. Any thread."""
        self._chapters.append((position_ns, label))

    def finish(self, end_ns: int) -> None:
        """End all tracks at `end_ns` and finish the file. Raises OutputFailed, DiskFull."""
        if self._pool.adaptor is self._adaptor:  # not that of the file that goes on
            self._pool.adaptor = None
        self._check()
        missing = first_sample_at_or_after(end_ns) - self._samples
        while missing > 0:
            count = min(missing, SAMPLE_RATE_HZ)
            silence = np.zeros((count, CHANNELS), np.float32)
            self.write_audio([silence] * self._track_count)
            missing -= count
        self._video.markAsFinished()  # first: the writer holds sound back while it awaits pictures
        self._waiting.drain(lambda: self.pump(0.0), FINISH_TIMEOUT_S)
        for audio in self._audio:
            audio.markAsFinished()
        ticks = -(-end_ns * VIDEO_TIMESCALE // NS_PER_S)
        self._writer.endSessionAtSourceTime_(CoreMedia.CMTimeMake(ticks, VIDEO_TIMESCALE))
        reply = Reply()
        self._writer.finishWritingWithCompletionHandler_(reply.none)
        if reply.wait(FINISH_TIMEOUT_S) is None:
            raise OutputFailed("the file was not finished in time")
        if self._writer.status() != AVFoundation.AVAssetWriterStatusCompleted:
            raise _output_error(self._writer.error())
        if self._path != self._final_path:
            self._path.replace(self._final_path)
            self._path = self._final_path
        titles = self._settings.tracks.titles
        annotate(self._path, chapters=chapters_of(self._chapters, end_ns), sound_titles=titles)

    @property
    def encoder(self) -> str:
        """What encodes the pictures, for people."""
        return f"AVAssetWriter ({self._settings.codec})"

    @property
    def size_bytes(self) -> int:
        """Bytes on the disk so far. Any thread."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def _is_writing(self) -> bool:
        return bool(self._writer.status() == AVFoundation.AVAssetWriterStatusWriting)

    def _check(self) -> None:
        if not self._is_writing():
            raise _output_error(self._writer.error())

    def _add_input(self, media_type: Any, settings: dict[Any, Any]) -> Any:
        if not self._writer.canApplyOutputSettings_forMediaType_(settings, media_type):
            raise EncoderUnavailable(
                f"this Mac cannot encode {self._settings.codec} at "
                f"{self._size_px[0]}x{self._size_px[1]}",
                hint="try --codec h264, or --encoder libx264",
            )
        make = AVFoundation.AVAssetWriterInput.alloc()
        new = make.initWithMediaType_outputSettings_(media_type, settings)
        new.setExpectsMediaDataInRealTime_(True)
        if not self._writer.canAddInput_(new):
            raise EncoderUnavailable("the file cannot have this track")
        self._writer.addInput_(new)
        return new

    def _video_settings(self) -> dict[Any, Any]:
        width_px, height_px = self._size_px
        is_hevc = self._settings.codec is Codec.HEVC
        compression: dict[Any, Any] = {
            AVFoundation.AVVideoAverageBitRateKey: bit_rate_bps(self._settings, self._size_px),
            AVFoundation.AVVideoExpectedSourceFrameRateKey: self._settings.fps,
            AVFoundation.AVVideoMaxKeyFrameIntervalDurationKey: float(GOP_S),
            # Fragments and reordered frames together make the writer fail (-16341).
            AVFoundation.AVVideoAllowFrameReorderingKey: False,
        }
        if not is_hevc:
            profile = AVFoundation.AVVideoProfileLevelH264HighAutoLevel
            compression[AVFoundation.AVVideoProfileLevelKey] = profile
        return {
            AVFoundation.AVVideoCodecKey: (
                AVFoundation.AVVideoCodecTypeHEVC if is_hevc else AVFoundation.AVVideoCodecTypeH264
            ),
            AVFoundation.AVVideoWidthKey: width_px,
            AVFoundation.AVVideoHeightKey: height_px,
            AVFoundation.AVVideoCompressionPropertiesKey: compression,
            AVFoundation.AVVideoColorPropertiesKey: {
                AVFoundation.AVVideoColorPrimariesKey: (
                    AVFoundation.AVVideoColorPrimaries_ITU_R_709_2
                ),
                AVFoundation.AVVideoTransferFunctionKey: (
                    AVFoundation.AVVideoTransferFunction_ITU_R_709_2
                ),
                AVFoundation.AVVideoYCbCrMatrixKey: AVFoundation.AVVideoYCbCrMatrix_ITU_R_709_2,
            },
        }

    def _audio_settings(self) -> dict[Any, Any]:
        return {
            AVFoundation.AVFormatIDKey: CoreAudio.kAudioFormatMPEG4AAC,
            AVFoundation.AVSampleRateKey: float(SAMPLE_RATE_HZ),
            AVFoundation.AVNumberOfChannelsKey: CHANNELS,
            AVFoundation.AVEncoderBitRateKey: self._settings.audio_kbps * 1000,
        }

    def _sample_buffer(self, track: NDArray[np.float32]) -> Any:
        """Return `track` as a sample buffer at the sample counter's time."""
        data = np.ascontiguousarray(track, np.float32).tobytes()
        flags = CoreMedia.kCMBlockBufferAssureMemoryNowFlag
        status, block = CoreMedia.CMBlockBufferCreateWithMemoryBlock(
            None, objc.NULL, len(data), None, None, 0, len(data), flags, None
        )
        if not status:
            status = CoreMedia.CMBlockBufferReplaceDataBytes(data, block, 0, len(data))
        if not status:
            status, buffer = CoreMedia.CMAudioSampleBufferCreateReadyWithPacketDescriptions(
                None,
                block,
                self._audio_format,
                len(track),
                CoreMedia.CMTimeMake(self._samples, SAMPLE_RATE_HZ),
                objc.NULL,
                None,
            )
        if status:
            raise OutputFailed(f"there is no memory for sound (CoreMedia {status})")
        return buffer


def _pcm_format() -> Any:
    """Return the format description of what the mixer makes: 48 kHz stereo float, interleaved."""
    flags = CoreAudio.kAudioFormatFlagIsFloat | CoreAudio.kAudioFormatFlagIsPacked
    packet = (BYTES_PER_FRAME, 1, BYTES_PER_FRAME)  # bytes, frames, bytes a frame
    asbd = (float(SAMPLE_RATE_HZ), CoreAudio.kAudioFormatLinearPCM, flags, *packet, CHANNELS, 32, 0)
    status, description = CoreMedia.CMAudioFormatDescriptionCreate(
        None, asbd, 0, None, 0, None, None, None
    )
    if status:
        raise OutputFailed(f"CoreMedia does not know the sound format ({status})")
    return description


def _output_error(error: Any) -> OutputFailed:
    """Return what an NSError of AVAssetWriter means to a caller."""
    if error is not None and error is not objc.NULL:
        if error.code() == AVFoundation.AVErrorDiskFull:
            return DiskFull("the disk is full", hint="free some space and start again")
        return OutputFailed(f"the file cannot be written: {describe(error)}")
    return OutputFailed("the file cannot be written: the writer stopped without a reason")
