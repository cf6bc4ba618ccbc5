"""What the pipeline costs without capture: ours, the encoder alone, and one FFmpeg command.

    python bench/pipeline.py [--size 1080p] [--fps 60] [--seconds 30] [--rounds 3]   8 minutes
    python bench/pipeline.py --scaling        sizes and frame rates, without FFmpeg
    python bench/pipeline.py --length 60      the cost of a frame, early and late in a long take

CPU time of all threads and processes, in ms for each frame of the screen (also those in which
nothing changed and which we therefore do not write), interleaved rounds, median and range.

- ours: both lanes, compositor, encoders and the MP4 writer in one process, damage known, camera
  overlay (circle, 30 % of the height, shadow) from a 720p30 YUYV camera, two sounds.
- encoder: the same x264 alone, on the very pictures ours wrote, ready-made; no sound, no file.
- ffmpeg: one pass, `overlay` (a plain rectangle: cheaper than a circle) and `amix`, same x264
  options and threads. Reading rawvideo is in; `copy` says what that reading costs (the same
  command with `-c copy`), `net` is the ratio without it. Starting FFmpeg is not in.

Where ours goes is measured in a run of its own, because asking for the time eleven times a frame is
1 % of it: the stages of the one thread that drives everything (`encode` is what x264, PyAV and the
queue take of it), what is left of that thread (`lane`), and the threads of x264.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from clips import CAMERA_PX, CONTENTS, SIZES, Clip, Sounds, camera_loop, make_clip, scratch
from numpy.typing import NDArray

from onetake.audio.lane import AudioLane
from onetake.engine.lane_threads import ADVANCE_EVERY_NS
from onetake.file.encoders import VIDEO_TIME_BASE, add_video_stream, choose_encoder
from onetake.file.mp4 import Mp4Writer, video_ticks
from onetake.file.presets import GOP_S
from onetake.model.devices import Role
from onetake.model.geometry import Overlay, Shape
from onetake.model.media import AudioBlock, Frame, PixelFormat, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.video.compositor import CpuCompositor
from onetake.video.lane import VideoLane

OVERLAY = Overlay(height=0.3, shape=Shape.CIRCLE)
T0_NS = 1_000 * NS_PER_S
BLOCK = 1920
"""Samples in a block: 40 ms, as PulseAudio delivers them to us."""
LOOP = 60
"""Pictures in a clip: 500 MB at 1080p."""
CAMERA_FPS = 30


@dataclass
class Meter:
    """CPU seconds of this thread by stage, and of the whole process."""

    is_by_stage: bool = False
    stages_s: dict[str, float] = field(default_factory=dict)
    driver_s: float = 0.0
    """Of the thread that drives everything."""
    total_s: float = 0.0
    frames: int = 0
    """Frames written."""

    def timed(self, stage: str, work: Callable[..., object]) -> Callable[..., object]:
        """Return `work`, adding up what it costs if that is wanted by stage."""
        if not self.is_by_stage:
            return work

        def run(*arguments: object) -> object:
            start_ns = time.thread_time_ns()
            try:
                return work(*arguments)
            finally:
                spent_s = (time.thread_time_ns() - start_ns) / 1e9
                self.stages_s[stage] = self.stages_s.get(stage, 0.0) + spent_s

        return run


@dataclass(frozen=True)
class Material:
    """What everybody gets."""

    settings: Settings
    clip: Clip
    camera_path: Path
    camera: NDArray[np.uint8]
    sounds: Sounds
    count: int
    """Frames of the screen."""

    @property
    def seconds(self) -> float:
        return self.count / self.settings.fps


class Rehearsed:
    """The compositor with a meter in front of it."""

    def __init__(self, size_px: tuple[int, int], meter: Meter) -> None:
        self.inner = inner = CpuCompositor(size_px, OVERLAY)
        self.screen = meter.timed("convert", inner.screen)
        self.camera = meter.timed("camera", inner.camera)
        self.compose = meter.timed("blend", inner.compose)


def camera_frames(pictures: NDArray[np.uint8]) -> list[av.VideoFrame]:
    """Return the camera's pictures as a driver hands them over."""
    frames = []
    for picture in pictures:
        frame = av.VideoFrame(*CAMERA_PX, "yuyv422")
        frame.planes[0].update(picture.reshape(-1))
        frames.append(frame)
    return frames


def beats(material: Material) -> Iterator[Frame]:
    """Yield the screen's frames as the sources do: an idle beat where nothing changed."""
    clip, fps = material.clip, material.settings.fps
    loop = len(clip.pictures)
    for number in range(material.count + 1):
        damage = clip.damages[number % loop] if number else None
        image = None if damage == () else clip.pictures[number % loop]
        pts_ns = T0_NS + number * NS_PER_S // fps
        yield Frame(pts_ns, *clip.size_px, image, PixelFormat.BGRA, damage)


class Take:
    """Our pipeline, one thread driving it. `write` = None: into an MP4 at `path`."""

    def __init__(
        self,
        material: Material,
        cameras: list[av.VideoFrame],
        meter: Meter,
        path: Path,
        write: Callable[[int, object], bool] | None = None,
    ) -> None:
        self._material, self._meter = material, meter
        self._cameras = itertools.cycle(cameras)
        settings, size_px = material.settings, material.clip.size_px
        self._writer = Mp4Writer(path, size_px=size_px, settings=settings, warn=lambda *_: None)
        self._writer.start()
        self._audio = AudioLane(settings, dict.fromkeys((Role.MIC, Role.SYSTEM), StampKind.CAPTURE))
        self.compositor = Rehearsed(size_px, meter)
        self._video = VideoLane(settings, self.compositor, write or self._write)  # type: ignore[arg-type]
        self._encode = meter.timed("encode", self._writer.write_video)
        self._fed = -RATE_LEAD
        self._mix_ns = 0
        self.marks: list[tuple[float, float]] = []
        """Process CPU seconds and private memory in MB at each second of the take."""

    def _write(self, position_ns: int, image: object) -> bool:
        self._encode(position_ns, image)
        self._meter.frames += 1
        return True

    def run(self) -> None:
        """Record everything and finish the file."""
        fps = self._material.settings.fps
        feed = self._meter.timed("sound", self._sound)
        pump = self._meter.timed("file", lambda: self._writer.pump(0))
        camera_due_ns = T0_NS
        for number, frame in enumerate(beats(self._material)):
            if number == self._material.count:
                break
            if frame.pts_ns >= camera_due_ns:
                camera_due_ns += NS_PER_S // CAMERA_FPS
                picture = next(self._cameras)
                self._video.camera(
                    Frame(frame.pts_ns - 1_000_000, *CAMERA_PX, picture, PixelFormat.AV)
                )
            if number % fps == 0:
                self.marks.append((time.process_time(), private_mb()))
            self._video.screen(frame)
            if number == 0:
                self._video.start(T0_NS)
                self._audio.start(T0_NS)
            feed(frame.pts_ns)
            pump()
        end_ns = T0_NS + self._material.count * NS_PER_S // fps
        self._video.finish(end_ns)
        feed(end_ns, True)
        self._meter.timed("file", lambda: self._writer.finish(end_ns - T0_NS))()

    def _sound(self, until_ns: int, is_end: bool = False) -> None:
        sounds = self._material.sounds
        while (stamp_ns := T0_NS + self._fed * NS_PER_S // 48_000) < until_ns:
            first = (self._fed + RATE_LEAD) % (len(sounds.mic) - BLOCK)
            for role, samples in ((Role.MIC, sounds.mic), (Role.SYSTEM, sounds.system)):
                part = samples[first : first + BLOCK]
                self._audio.feed(role, AudioBlock(stamp_ns, part, 48_000, stamp_ns + 10_000_000))
            self._fed += BLOCK
        if is_end:
            blocks = self._audio.finish(until_ns)
        elif until_ns >= self._mix_ns:
            self._mix_ns = until_ns + ADVANCE_EVERY_NS
            blocks = self._audio.advance(until_ns)
        else:
            return
        for block in blocks:
            self._writer.write_audio(block.tracks)


def private_mb() -> float:
    """Return this process's private memory now."""
    for text in Path("/proc/self/status").read_text().splitlines():
        if text.startswith("RssAnon:"):
            return int(text.split()[1]) / 1024
    return 0.0


RATE_LEAD = 24_000
"""Sound before the take begins, in samples."""


def ours(
    material: Material, cameras: list[av.VideoFrame], folder: Path, *, is_by_stage: bool = False
) -> Meter:
    """Run our pipeline once."""
    meter = Meter(is_by_stage)
    start_s, driver_s = time.process_time(), time.thread_time()
    Take(material, cameras, meter, folder / "ours.mp4").run()
    meter.total_s = time.process_time() - start_s
    meter.driver_s = time.thread_time() - driver_s
    (folder / "ours.mp4").unlink()
    return meter


def copied(position_ns: int, image: av.VideoFrame) -> av.VideoFrame:
    """Return a picture of its own that shows the same, ready to be encoded."""
    copy = av.VideoFrame(image.width, image.height, image.format.name)
    for to, plane in zip(copy.planes, image.planes, strict=True):
        to.update(bytes(plane))
    copy.pts, copy.time_base = video_ticks(position_ns), VIDEO_TIME_BASE
    return copy


def written_pictures(
    material: Material, cameras: list[av.VideoFrame], folder: Path
) -> list[av.VideoFrame]:
    """Return copies of the pictures ours writes."""
    copies: list[av.VideoFrame] = []

    def keep(position_ns: int, image: object) -> bool:
        assert isinstance(image, av.VideoFrame)
        copies.append(copied(position_ns, image))
        return True

    take = Take(material, cameras, Meter(), folder / "dry.mp4", keep)
    try:
        take.run()
    finally:
        (folder / "dry.mp4").unlink(missing_ok=True)
    return copies


def encoder(material: Material, pictures: list[av.VideoFrame]) -> tuple[float, int]:
    """Encode ready pictures and throw the packets away; CPU seconds of the process, and bytes."""
    settings, size_px = material.settings, material.clip.size_px
    plan = choose_encoder(settings, size_px, lambda *_: None)
    with av.open(os.devnull, "w", format="null") as container:
        stream = add_video_stream(container, plan, settings.fps, size_px)
        start_s = time.process_time()
        size_bytes = sum(
            packet.size for picture in [*pictures, None] for packet in stream.encode(picture)
        )
        return time.process_time() - start_s, size_bytes


def ffmpeg_command(material: Material, seconds: float, target: Path) -> list[str]:
    """Return the one-pass command for the same result."""
    settings, (width_px, height_px) = material.settings, material.clip.size_px
    plan = choose_encoder(settings, (width_px, height_px), lambda *_: None)
    side = int(OVERLAY.height * height_px) & ~1
    cam = f"{side * CAMERA_PX[0] // CAMERA_PX[1] & ~1}:{side}"
    raw = ["-f", "rawvideo", "-stream_loop", "-1", "-pix_fmt"]
    graph = (
        "[0:v]scale=out_color_matrix=bt709:out_range=tv:flags=area,format=yuv420p[bg];"
        f"[1:v]scale={cam}:flags=area,format=yuv420p[cam];"
        "[bg][cam]overlay=x=W-w-40:y=H-h-40:format=yuv420[v];"
        "[2:a][3:a]amix=inputs=2:normalize=0[a]"
    )
    options = [word for name, value in plan.options.items() for word in (f"-{name}", value)]
    return [
        *("ffmpeg", "-nostdin", "-v", "error", "-y"),
        *(*raw, "bgra", "-s", f"{width_px}x{height_px}", "-r", str(settings.fps)),
        *("-i", str(material.clip.path)),
        *(*raw, "yuyv422", "-s", f"{CAMERA_PX[0]}x{CAMERA_PX[1]}", "-r", str(CAMERA_FPS)),
        *("-i", str(material.camera_path)),
        *("-i", str(material.sounds.mic_path), "-i", str(material.sounds.system_path)),
        *("-filter_complex", graph, "-map", "[v]", "-map", "[a]", "-t", f"{seconds:.4f}"),
        *("-c:v", plan.name, *options, "-threads", str(plan.thread_count), "-bf", "0"),
        *("-g", str(GOP_S * settings.fps), "-c:a", "aac", "-b:a", f"{settings.audio_kbps}k"),
        str(target),
    ]


def copy_command(material: Material, seconds: float) -> list[str]:
    """Return a command that only reads the same frames."""
    whole = ffmpeg_command(material, seconds, Path("-"))
    inputs = whole[: whole.index("-filter_complex")]
    return [*inputs, "-map", "0", "-map", "1", "-c", "copy", "-t", f"{seconds:.4f}", *NULL]


NULL = ("-f", "null", "-")


def cpu_of(command: list[str]) -> float:
    """Run a program; return its CPU seconds. Raises CalledProcessError."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime


def ffmpeg(material: Material, folder: Path) -> tuple[float, float]:
    """Return FFmpeg's CPU seconds for the pass and for reading alone, without its start."""
    target = folder / "ffmpeg.mp4"
    brief = 2 / material.settings.fps
    whole = cpu_of(ffmpeg_command(material, material.seconds, target))
    start = cpu_of(ffmpeg_command(material, brief, target))
    reading = cpu_of(copy_command(material, material.seconds))
    reading -= cpu_of(copy_command(material, brief))
    return whole - start, max(0.0, reading)


def spread(values: list[float], form: str = ".2f") -> str:
    """Write the median and the range."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):{form}} ({low:{form}}..{high:{form}})"


@dataclass
class Row:
    """What the rounds of one content have shown, CPU seconds."""

    meters: list[Meter] = field(default_factory=list)
    encoder_s: list[float] = field(default_factory=list)
    ffmpeg_s: list[tuple[float, float]] = field(default_factory=list)

    def line(self, name: str, material: Material) -> str:
        per_frame_ms = 1e3 / material.count
        totals = [meter.total_s for meter in self.meters]
        words = [
            f"{name:16} {self.meters[0].frames / material.count:5.2f}",
            f"{statistics.median(totals) * per_frame_ms:6.2f}",
            f"{statistics.median(self.encoder_s) * per_frame_ms:6.2f}",
        ]
        pairs = zip(totals, self.encoder_s, strict=True)
        ratio = spread([mine / alone for mine, alone in pairs])
        if not self.ffmpeg_s:
            return " ".join([*words, f"{'-':>6} {'-':>6}", f"{ratio:18}"])
        whole, reading = (statistics.median(column) for column in zip(*self.ffmpeg_s, strict=True))
        words += [f"{whole * per_frame_ms:6.2f} {reading * per_frame_ms:6.2f}", f"{ratio:18}"]
        rounds = list(zip(totals, self.ffmpeg_s, strict=True))
        words.append(f"{spread([mine / theirs[0] for mine, theirs in rounds]):18}")
        net = [mine / (theirs[0] - theirs[1]) for mine, theirs in rounds]
        return " ".join([*words, spread(net)])


def account(name: str, meter: Meter, material: Material) -> str:
    """Say where ours goes; the parts add up to the whole."""
    stages = ("convert", "camera", "blend", "sound", "file", "encode")
    parts = {stage: meter.stages_s.get(stage, 0.0) for stage in stages}
    parts["lane"] = meter.driver_s - sum(parts.values())
    parts["x264"] = meter.total_s - meter.driver_s
    parts["all"] = meter.total_s
    return f"{name:16} " + " ".join(
        f"{stage} {spent * 1e3 / material.count:5.2f} " for stage, spent in parts.items()
    )


HEAD = (
    f"{'content':16} {'wrote':>5} {'ours':>6} {'enc':>6} {'ffmpeg':>6} {'copy':>6} "
    f"{'ours/encoder':18} {'ours/ffmpeg':18} ours/ffmpeg net"
)


def measure(
    name: str, material: Material, folder: Path, rounds: int, *, with_ffmpeg: bool
) -> tuple[str, str]:
    """Run everybody in turn; return the lines of both tables."""
    cameras = camera_frames(material.camera)
    pictures = written_pictures(material, cameras, folder)
    row = Row()
    encoder(material, pictures[:2])
    for _ in range(rounds):
        row.meters.append(ours(material, cameras, folder))
        row.encoder_s.append(encoder(material, pictures)[0])
        if with_ffmpeg:
            row.ffmpeg_s.append(ffmpeg(material, folder))
    staged = ours(material, cameras, folder, is_by_stage=True)
    return row.line(name, material), account(name, staged, material)


def table(options: argparse.Namespace, folder: Path) -> None:
    """Print the pipeline table."""
    size_px = SIZES[options.size]
    has_ffmpeg = shutil.which("ffmpeg") is not None
    print(f"{options.size} {options.fps} fps, {options.seconds} s, {options.rounds} rounds; CPU ms")
    print(HEAD, flush=True)
    stages = []
    for content in options.content or CONTENTS:
        material = make_material(folder, content, size_px, options.fps, options.seconds)
        line, parts = measure(content, material, folder, options.rounds, with_ffmpeg=has_ffmpeg)
        print(line, flush=True)
        stages.append(parts)
    print("\nwhere ours goes, CPU ms a frame:")
    print("\n".join(stages))
    if not has_ffmpeg:
        print("ffmpeg is not installed: not compared")


def scaling(options: argparse.Namespace, folder: Path) -> None:
    """Print the cost of a frame over sizes and frame rates, scrolling content."""
    print(HEAD, flush=True)
    grid = [(size, 30) for size in SIZES] + [("1080p", 15), ("1080p", 60)]
    for size, fps in grid:
        material = make_material(folder, "scrolling", SIZES[size], fps, 48 / fps)
        line, _ = measure(f"{size} {fps}", material, folder, options.rounds, with_ffmpeg=False)
        print(line, flush=True)


def length(options: argparse.Namespace, folder: Path) -> None:
    """Print the cost of a frame by its place in a long take, and the memory."""
    material = make_material(folder, "typing", SIZES[options.size], options.fps, options.length)
    cameras = camera_frames(material.camera)
    take = Take(material, cameras, Meter(), folder / "long.mp4")
    take.run()
    cpu_s, memory_mb = np.array(take.marks).T
    costs_ms = np.diff(cpu_s) * 1e3 / options.fps
    parts = zip(np.array_split(costs_ms, 6), np.array_split(memory_mb[1:], 6), strict=True)
    for costs, memory in parts:
        print(
            f"{len(costs)} s: {spread(list(costs))} CPU ms a frame, {memory.min():.0f} to"
            f" {memory.max():.0f} MB private"
        )
    (folder / "long.mp4").unlink()


def make_material(
    folder: Path, content: str, size_px: tuple[int, int], fps: int, seconds: float
) -> Material:
    camera_path, camera = camera_loop(folder)
    clip = make_clip(folder, content, size_px, min(LOOP, round(seconds * fps)))
    settings = Settings(fps=fps, overlay=OVERLAY)
    sounds = Sounds(folder, min(seconds, 60.0) + 1.0)
    return Material(settings, clip, camera_path, camera, sounds, round(seconds * fps))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="1080p")
    parser.add_argument("--fps", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--content", choices=CONTENTS, action="append")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--length", type=float, default=0.0, metavar="SECONDS")
    options = parser.parse_args()
    if 0 < options.length < 7:
        parser.error("--length wants 7 s at least: a second and six parts")
    with scratch() as folder:
        if options.scaling:
            scaling(options, folder)
        elif options.length:
            length(options, folder)
        else:
            table(options, folder)


if __name__ == "__main__":
    main()
