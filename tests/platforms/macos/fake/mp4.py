"""Turns what was appended to the simulated writer into a real MP4, so that real checks can read it.

Times and samples go into the file exactly as they were appended.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from tests.platforms.macos.fake.avwriter import AVAssetWriterInput


def write_file(
    path: str, video: AVAssetWriterInput, sounds: list[AVAssetWriterInput], end_s: float
) -> None:
    """Write the pictures and sound up to `end_s`."""
    Path(path).unlink(missing_ok=True)
    frames = [f for f in video._frames if f.time_s < end_s]
    if not frames:
        return
    with av.open(path, "w", format="mp4") as out:
        picture = out.add_stream("libx264", rate=30)
        picture.width, picture.height = frames[0].image.shape[1], frames[0].image.shape[0]
        picture.pix_fmt = "yuv420p"
        picture.codec_context.time_base = Fraction(1, frames[0].scale)
        picture.codec_context.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "20"}
        tracks = []
        for _ in sounds:
            track = out.add_stream("aac", rate=48_000)
            track.codec_context.layout = "stereo"
            tracks.append(track)
        _pictures(out, picture, frames, end_s)
        for track, sound in zip(tracks, sounds, strict=True):
            samples = np.concatenate(sound._sound) if sound._sound else np.zeros((0, 2))
            _sound(out, track, samples[: round(end_s * 48_000)])


def _pictures(out: object, stream: object, frames: list, end_s: float) -> None:
    ticks = [frame.ticks for frame in frames] + [round(end_s * frames[0].scale)]
    number = 0
    for image in [*(frame.image for frame in frames), None]:
        picture = None
        if image is not None:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgra")
            picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
            picture.pts, picture.time_base = ticks[number], Fraction(1, frames[0].scale)
        for packet in stream.encode(picture):  # type: ignore[attr-defined]
            packet.duration = max(1, ticks[number + 1] - ticks[number])
            out.mux(packet)  # type: ignore[attr-defined]
            number += 1


def _sound(out: object, stream: object, samples: np.ndarray) -> None:
    for start in range(0, len(samples), 48_000):
        planes = np.ascontiguousarray(samples[start : start + 48_000].T, np.float32)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, start
        out.mux(stream.encode(frame))  # type: ignore[attr-defined]
    out.mux(stream.encode(None))  # type: ignore[attr-defined]
