"""The portable writer: H.264 (or HEVC, AV1) and AAC in one MP4, playable at every instant.

    video lane ──encode──┐
    audio lane ──encode──┤▶ packets in memory ──pump──▶ fragments on disk ──finish──▶ ordinary MP4

Invariant: only `pump` (and `start`, `finish`) touches the disk, so a stalled disk stalls nobody
else; and every fragment that is on the disk is playable, whatever happens next.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import numpy as np

from onetake.errors import OutputFailed
from onetake.file.encoders import (
    VIDEO_TIME_BASE,
    Warn,
    aac_priming,
    add_audio_stream,
    add_video_stream,
    audio_frame,
    choose_encoder,
    encoder_errors,
)
from onetake.file.finalise import finalise
from onetake.file.naming import default_folder, unique_path
from onetake.file.output_file import SYNC_INTERVAL_S, OutputFile, output_errors, sync_interval_s
from onetake.file.provisional import ProvisionalEncoder, ProvisionalSound
from onetake.file.sample_index import SampleIndex
from onetake.file.video_encoder import VideoEncoder
from onetake.file.watched_stream import WatchedStream
from onetake.model.chapters import chapters_of
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ, first_sample_at_or_after, ns_from_sample

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet
    from av.stream import Stream
    from numpy.typing import NDArray

__all__ = ["Mp4Writer", "video_ticks"]

VIDEO_TRACK_TITLE = "Screen"

FRAGMENT_US = 200_000
"""Longest fragment in microseconds: what a crash costs the picture. Shorter: more overhead (300
bytes and one write each). Longer: the sound, which is mixed half a second late, loses more than the
second we promise."""

QUEUE_HIGH_BYTES = 64 << 20
"""Encoded bytes waiting for the disk above which video is refused. Smaller: a disk that hangs for
10 s costs frames at 50 Mb/s. Larger: memory."""

QUEUE_LIMIT_BYTES = 128 << 20
"""Encoded bytes above which the take is given up: about an hour of sound that nobody wrote."""

_IO_BUFFER_BYTES = 1 << 20
"""FFmpeg's write buffer: one fragment fits, so that it reaches the system in one call."""


def video_ticks(position_ns: int) -> int:
    """Return `position_ns` in ticks of 1/90000 s, to the nearest."""
    return (position_ns * 9 + 50_000) // 100_000


class Mp4Writer:
    """Implements `platforms.contract.Writer`; see there for what each call promises.

    `path` is the file to create, `size_px` the even size of the pictures, `warn` is told (code,
    message, hint) when another encoder than the wanted one is used. Pictures are `av.VideoFrame`,
    best NV12; they are free again when `write_video` returns.
    """

    def __init__(
        self, path: str | Path, *, size_px: tuple[int, int], settings: Settings, warn: Warn
    ) -> None:
        self._settings = settings
        self._size_px = size_px
        self._warn = warn
        self._file = OutputFile(Path(path), is_replacing=settings.overwrite)
        self._index = SampleIndex()
        self._lock = threading.Lock()
        """Guards the container and the file."""
        self._queue: deque[Packet[Stream]] = deque()
        self._queue_bytes = 0
        self._queue_changed = threading.Condition()
        """Guards the queue."""
        self._audio: list[AudioStream] = []
        self._ahead: list[ProvisionalEncoder] = []
        self._samples = 0
        self._last_ticks = -1
        self._frames = 0
        self._dropped_frames = 0
        self._next_sync_s = 0.0
        self._is_disk_quick = True
        self._chapters: list[tuple[int, str]] = []
        self._failure: OutputFailed | None = None

    @property
    def path(self) -> Path:
        """Where the bytes are now; another name than asked for while an old file is replaced."""
        return self._file.path

    @property
    def encoder(self) -> str:
        """FFmpeg's name of the video encoder, after `start`."""
        return self._plan.name

    @property
    def frames(self) -> int:
        """Frames encoded so far."""
        return self._frames

    @property
    def dropped_frames(self) -> int:
        """Frames refused because their position did not increase."""
        return self._dropped_frames

    @property
    def size_bytes(self) -> int:
        """Bytes written so far. Any thread."""
        return self._file.size_bytes

    @property
    def queued_bytes(self) -> int:
        """Encoded bytes that wait for the disk. Any thread."""
        return self._queue_bytes

    def start(self) -> None:
        """Create the file. Raises UsageError, OutputFailed, DiskFull, EncoderUnavailable."""
        self._plan = choose_encoder(self._settings, self._size_px, self._warn)
        self._file.create()
        try:
            with output_errors(self._file.path):
                self._open_container()
        except BaseException:
            self._file.discard()
            raise

    def _open_container(self) -> None:
        titles = self._settings.tracks.titles
        priming = aac_priming()
        # FFmpeg numbers the tracks of an MP4 from 1 in the order in which they are added.
        first_ticks = {1: 0, **{number: priming for number, _ in enumerate(titles, 2)}}
        self._stream = WatchedStream(self._file, self._index, first_ticks)
        self._provisional = ProvisionalSound(dict.fromkeys(list(first_ticks)[1:], priming))
        self._container = av.open(
            self._stream,
            "w",
            format="mp4",
            buffer_size=_IO_BUFFER_BYTES,
            container_options={
                "movflags": "empty_moov+skip_trailer+default_base_moof",
                "frag_duration": str(FRAGMENT_US),
                "flush_packets": "1",
                # Tracks need not be interleaved inside a fragment; waiting loses more.
                "max_interleave_delta": "1",
                "movie_timescale": str(SAMPLE_RATE_HZ),
            },
        )
        fps, size_px = self._settings.fps, self._size_px
        video = add_video_stream(self._container, self._plan, fps, size_px)
        video.metadata["handler_name"] = VIDEO_TRACK_TITLE
        for title in titles:
            stream = add_audio_stream(self._container, self._settings.audio_kbps)
            stream.metadata.update(title=title, handler_name=title)
            self._audio.append(stream)
            self._ahead.append(ProvisionalEncoder(self._settings.audio_kbps, priming))
        self._container.start_encoding()
        self._video = VideoEncoder(video, self._plan, fps, size_px)

    def is_ready_for_video(self) -> bool:
        """Whether the disk keeps up; False = the caller drops the frame. Any thread."""
        return self._queue_bytes < QUEUE_HIGH_BYTES

    def write_video(self, position_ns: int, image: object) -> None:
        """Encode a frame on the calling thread. Raises OutputFailed."""
        assert isinstance(image, av.VideoFrame), "the portable writer takes av.VideoFrame"
        ticks = video_ticks(position_ns)
        if ticks <= self._last_ticks:
            self._dropped_frames += 1
            return
        self._last_ticks = ticks
        image.pts = ticks
        image.time_base = VIDEO_TIME_BASE
        self._frames += 1
        self._enqueue(self._encode(self._video, image))

    def encode_cheaper(self, is_cheaper: bool) -> bool:
        """Encode with less work from the next frame on, or as at first again; whether it can be.
        `write_video`'s thread. Raises OutputFailed."""
        with encoder_errors():
            packets = self._video.change(is_cheaper=is_cheaper)
        self._enqueue(packets or [])
        return packets is not None

    def write_audio(self, samples: Sequence[NDArray[np.float32]]) -> None:
        """Encode the next samples of every track on the calling thread. Raises OutputFailed."""
        if not len(samples[0]):
            return
        for stream, ahead, track in zip(self._audio, self._ahead, samples, strict=True):
            packets = self._encode(stream, audio_frame(track, self._samples))
            ahead.follow(track, packets)
            self._enqueue(packets)
        self._samples += len(samples[0])

    def write_provisional(self, samples: Sequence[NDArray[np.float32]]) -> None:
        """Let the file end with these samples until better ones come. Raises OutputFailed."""
        with encoder_errors():
            tail = {
                number: ahead.encode(track)
                for number, (ahead, track) in enumerate(zip(self._ahead, samples, strict=True), 2)
            }
        self._provisional.replace(tail)

    def _encode(self, encoder: AudioStream | VideoEncoder, frame: object) -> list[Packet[Stream]]:
        with encoder_errors():
            return list(encoder.encode(frame))  # type: ignore[arg-type]

    def _enqueue(self, packets: list[Packet[Stream]]) -> None:
        if not packets:
            return
        with self._queue_changed:
            self._queue.extend(packets)
            for packet in packets:
                self._queue_bytes += packet.size
            self._queue_changed.notify()
        if self._queue_bytes > QUEUE_LIMIT_BYTES:
            raise OutputFailed(
                "the disk has taken nothing for too long", hint="record to another disk"
            )

    def pump(self, wait_s: float) -> bool:
        """Write what is encoded to the disk; may block as long as the disk does."""
        with self._queue_changed:
            if not self._queue:
                self._queue_changed.wait(wait_s)
        with self._lock:
            if self._failure is None:
                try:
                    did_write = self._write_queue()
                    self._write_provisional()
                    self._sync_when_due()
                except OutputFailed as failure:
                    self._failure = failure
            if self._failure is not None:
                raise self._failure
        return did_write

    def _write_queue(self) -> bool:
        did_write = False
        while self._queue:
            packet = self._queue[0]
            size_bytes = packet.size
            if packet.dts is not None and packet.pts is not None:
                self._stream.expect(packet.stream_index + 1, packet.dts, packet.pts)
            try:
                self._container.mux(packet)
            except (av.error.FFmpegError, ValueError) as error:
                raise OutputFailed(f"the file cannot be written: {error}") from error
            finally:
                with self._queue_changed:
                    self._queue.popleft()
                    self._queue_bytes -= size_bytes
            did_write = True
            self._provisional.add(packet.stream_index + 1, packet)
            self._stream.check()
        return did_write

    def _write_provisional(self) -> None:
        """Let what is not mixed for good stand at the end of the file."""
        on_disk = {number: track.end_dts for number, track in self._index.tracks.items()}
        fragment = self._provisional.fragment(self._index.fragment_count + 1, on_disk)
        with contextlib.suppress(OSError):  # the next byte for good meets the same, and is told
            if fragment:
                self._file.put_provisional(fragment)
                # What stood there is gone from the disk, too, as soon as it commits anything.
                self._next_sync_s = 0.0 if self._is_disk_quick else self._next_sync_s

    def _sync_when_due(self) -> None:
        """Force what was written to the disk, at once if that was not done for an interval: a clock
        of its own, beside that of the fragments, would leave each lying for half of one."""
        now_s = time.monotonic()
        if now_s < self._next_sync_s:
            return
        had_news = not self._file.is_on_disk
        with output_errors(self._file.path):
            self._file.sync()
            self._file.follow()
        if had_news:
            interval_s = sync_interval_s(time.monotonic() - now_s)
            self._is_disk_quick = interval_s == SYNC_INTERVAL_S
            self._next_sync_s = now_s + interval_s

    def add_chapter(self, position_ns: int, label: str) -> None:
        """Remember a chapter for `finish`. Any thread."""
        self._chapters.append((position_ns, label))

    def finish(self, end_ns: int) -> None:
        """End both tracks at `end_ns` and finish the file.

        After a failure that `pump` has raised, all that was encoded by then is finished, and ends
        where it ends. Raises OutputFailed or DiskFull for a failure that is new: then the file is
        finished as far as the disk allows, is left fragmented, which is playable too, or is
        removed when nothing is in it.
        """
        known = self._failure
        with contextlib.suppress(OutputFailed):
            # What cannot be encoded any more is missing at the end, and no reason to lose the rest.
            self._end_tracks(end_ns)
        with self._lock:
            self._file.release_reserve()
            with contextlib.suppress(OSError):
                self._file.drop_provisional()
            try:
                self._write_the_rest()
            except OutputFailed as failure:
                self._failure = failure
            try:
                self._rescue_when_deleted()
                self._finalise(end_ns)
            finally:
                self._file.close()
        if self._failure is not None and known is None:
            raise self._failure

    def _end_tracks(self, end_ns: int) -> None:
        """Fill the sound up to the end and empty the encoders into the queue."""
        missing = first_sample_at_or_after(end_ns) - self._samples
        # A file that failed ends where it ends: there may be no room for silence.
        while missing > 0 and self._failure is None:
            count = min(missing, SAMPLE_RATE_HZ)
            self.write_audio([np.zeros((count, 2), np.float32) for _ in self._audio])
            missing -= count
        self._enqueue(self._encode(self._video, None))
        for stream in self._audio:
            self._enqueue(self._encode(stream, None))

    def _write_the_rest(self) -> None:
        """End the last fragment; with room again, also what a full disk has refused."""
        try:
            self._stream.retry()
            self._write_queue()
            with output_errors(self._file.path):
                self._container.close()
            self._stream.check()
        finally:
            self._stream.closed = True
            self._index.settle()

    def _rescue_when_deleted(self) -> None:
        """Give a take whose file was deleted a new one: nobody deletes an hour on purpose."""
        with output_errors(self._file.path):
            try:
                self._file.follow()
            except FileNotFoundError:
                folder = self._file.final_path.parent
                if not folder.is_dir():
                    folder = default_folder()
                    folder.mkdir(parents=True, exist_ok=True)
                self._file.rescue(unique_path(folder / self._file.final_path.name))
                path = self._file.path
                self._warn("output-deleted", f"the file was deleted; the take is in {path}", "")

    def _finalise(self, end_ns: int) -> None:
        tracks = list(self._index.tracks.values())
        if not any(len(track) for track in tracks):
            self._file.discard()
            raise OutputFailed("nothing was recorded", code="nothing-recorded")
        if self._failure is not None:
            end_ns = min(end_ns, self._content_end_ns())
        with output_errors(self._file.path):
            finalise(
                self._file,
                self._index,
                end_ticks=first_sample_at_or_after(end_ns),
                chapters=chapters_of(self._chapters, end_ns),
            )
            self._file.commit()

    def _content_end_ns(self) -> int:
        """Where the longest track ends, by what is on the disk."""
        video, *sound = self._index.tracks.values()
        video_end_ns = video.last_dts * NS_PER_S // 90_000 + NS_PER_S // self._settings.fps
        return max([video_end_ns, *(ns_from_sample(track.last_dts) for track in sound)])
