"""From "standard quality" to encoder options: the only place that knows codec jargon.

Invariant: no encoder is ever asked for B-frames, and every file says BT.709, limited range, so
that presentation order is coding order and every player shows the same colours.

The options of libx264 are measured (docs/notes/mp4.md): `ultrafast` with CABAC, 8x8 transform and
intra partitions costs 0.3 ms a 1080p frame more than plain `ultrafast` and saves 13 % of the bits;
`veryfast` without adaptive quantisation costs 65 % more and saves 38 %. The quantiser is constant,
which saves a quarter of the work and evens out what is sharp (docs/decisions/010).
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field, replace

from onetake.model.settings import Codec, Quality, Settings

__all__ = ["GOP_S", "EncoderPlan", "bit_rate_bps", "cheaper_plans", "encoder_plans"]

GOP_S = 2
"""Seconds between key frames. Shorter: static screens cost more. Longer: seeking and the decoding
of the tail after a crash get slow."""

PIXELS_PER_S_PER_THREAD = 100_000_000
"""How much one encoder thread is asked to do. 1080p30 is 62 M, 1080p60 124 M. Smaller: 3-8 % more
CPU for threads nobody needs. Larger: a 4K frame takes longer than its interval."""

MAX_THREADS = 4
"""Each frame thread delays the stream by one frame and costs one more set of reference frames."""

BITS_PER_PIXEL = {Quality.SMALL: 0.04, Quality.STANDARD: 0.07, Quality.HIGH: 0.14}
"""Bit rate of hardware encoders that know no constant quality, in bits for each pixel of a frame.
Screen content at 1080p30: 2.5, 4.4 and 8.7 Mb/s."""

_HEVC_SHARE = 0.6
"""What HEVC needs of H.264's bits for the same picture."""

_X264_FAST = "cabac=1:8x8dct=1:partitions=i4x4,i8x8"

_X264_LEAST = {
    "partitions": "none",
    "me": "dia",
    "subme": "0",
    "trellis": "0",
    "mixed-refs": "0",
    "aq-mode": "0",
    "scenecut": "0",
    "no-deblock": "1",
    "zones": "0,1073741823,b=0.5",
}
"""The least work x264 can do, of the options that leave no trace in the parameter sets. Those that
do (CABAC, 8x8 transforms, reference frames, weighted prediction) stay as they are. The zone is all
of the take: quantiser steps twice as large, as with a `qp` or `crf` 6 higher, leave fewer
coefficients to code; both themselves stand in the parameter sets. Less analysis alone saves nothing
where the preset is `ultrafast` (bench/rungs.py)."""

_X264_CHROMA_OFFSETS = ("0", "-2")
"""What the picture parameter set says of chroma: from `subme` 6 on, psychovisual optimisation sets
-2, which `subme` 0 would not."""

_X264_QP = {Quality.SMALL: 24, Quality.STANDARD: 21, Quality.HIGH: 16}
"""Constant quantiser. For a constant rate factor, its default, x264 looks at a small copy of each
picture first, a quarter of all its work here, and uses coarser steps in frames with much motion,
such as scrolled text (docs/decisions/010). Smaller: larger files. Larger: text gets fringes."""

_CRF = {
    "libx264": {Quality.SMALL: 26, Quality.STANDARD: 23, Quality.HIGH: 18},
    "libx265": {Quality.SMALL: 29, Quality.STANDARD: 25, Quality.HIGH: 21},
    "libsvtav1": {Quality.SMALL: 42, Quality.STANDARD: 35, Quality.HIGH: 28},
}

_HARDWARE_QUALITY = {Quality.SMALL: 28, Quality.STANDARD: 23, Quality.HIGH: 18}
"""Quantiser-like quality of NVENC (`cq`), QSV (`global_quality`) and AMF (`qp`)."""

_SOFTWARE = {Codec.H264: "libx264", Codec.HEVC: "libx265", Codec.AV1: "libsvtav1"}

_HARDWARE_FAMILIES = {"darwin": ("videotoolbox",), "win32": ("nvenc", "qsv", "amf")}
_HARDWARE_ELSEWHERE = ("nvenc", "qsv")


def bit_rate_bps(settings: Settings, size_px: tuple[int, int]) -> int:
    """Return the bit rate to ask of a system's own encoder, for pictures of `size_px`."""
    bits_per_frame = size_px[0] * size_px[1] * BITS_PER_PIXEL[settings.quality]
    share = _HEVC_SHARE if settings.codec is Codec.HEVC else 1.0
    return round(bits_per_frame * settings.fps * share)


@dataclass(frozen=True, slots=True)
class EncoderPlan:
    """One encoder to try, with everything it is opened with."""

    name: str
    """FFmpeg's name of the encoder."""
    pixel_format: str
    thread_count: int
    options: dict[str, str] = field(default_factory=dict)
    bit_rate: int = 0
    """Bits a second; 0 = constant quality by `options`."""

    @property
    def is_hardware(self) -> bool:
        """Whether the encoder is a piece of hardware, which may be missing or busy."""
        return self.name.rpartition("_")[2] in ("nvenc", "qsv", "amf", "videotoolbox", "v4l2m2m")


def encoder_plans(
    settings: Settings, size_px: tuple[int, int], cpu_count: int, platform: str = sys.platform
) -> list[EncoderPlan]:
    """Return the encoders to try, best first; the last one is always software.

    With `settings.encoder` = `auto`: the platform's hardware encoders of `settings.codec`, then
    software. With a name: that encoder, then the software encoder of the same codec.
    """
    software = _SOFTWARE[settings.codec]
    if settings.encoder == "auto":
        families = _HARDWARE_FAMILIES.get(platform, _HARDWARE_ELSEWHERE)
        names = [f"{settings.codec.value}_{family}" for family in families]
    else:
        names = [settings.encoder]
    if software not in names:
        names.append(software)
    return [_plan(name, settings, size_px, cpu_count) for name in names]


def cheaper_plans(plan: EncoderPlan) -> list[EncoderPlan]:
    """Return ways to encode with less work that may take over from `plan` in mid-take, to be tried
    in order: the one whose parameter sets are the same does. Empty = there is none, which is so
    for all but libx264."""
    if plan.name != "libx264":
        return []
    given = plan.options.get("x264-params", "")
    own = dict(word.split("=", 1) for word in given.split(":") if word)
    plans = []
    for offset in _X264_CHROMA_OFFSETS:
        least = {**own, **_X264_LEAST, "chroma-qp-offset": offset}
        words = ":".join(f"{name}={value}" for name, value in least.items())
        plans.append(replace(plan, options={**plan.options, "x264-params": words}))
    return plans


def _plan(name: str, settings: Settings, size_px: tuple[int, int], cpu_count: int) -> EncoderPlan:
    width_px, height_px = size_px
    pixels_per_s = width_px * height_px * settings.fps
    threads = max(1, min(math.ceil(pixels_per_s / PIXELS_PER_S_PER_THREAD), cpu_count, MAX_THREADS))
    quality = settings.quality
    crf = settings.crf
    options: dict[str, str]
    bit_rate = 0
    pixel_format = "nv12"
    if name == "libx264":
        options = _x264_options(quality, crf, settings.encoder_preset)
    elif name == "libx265":
        value = crf if crf is not None else _CRF[name][quality]
        options = {
            "preset": settings.encoder_preset or "ultrafast",
            "tune": "zerolatency",
            "crf": str(value),
            "x265-params": f"log-level=error:keyint={GOP_S * settings.fps}:pools={threads}",
        }
        pixel_format = "yuv420p"
    elif name == "libsvtav1":
        value = crf if crf is not None else _CRF[name][quality]
        options = {
            "preset": settings.encoder_preset or "13",
            "crf": str(value),
            "svtav1-params": f"rtc=1:pred-struct=1:scm=1:lp={threads}",
        }
        pixel_format = "yuv420p"
    else:
        options = _other_options(name, quality, crf, settings.encoder_preset)
        if "cq" not in options and "global_quality" not in options and "qp_i" not in options:
            bit_rate = int(pixels_per_s * BITS_PER_PIXEL[quality])
    return EncoderPlan(name, pixel_format, threads, options, bit_rate)


def _x264_options(quality: Quality, crf: int | None, preset: str) -> dict[str, str]:
    factor = {"crf": str(crf if crf is not None else _CRF["libx264"][quality])}
    if preset:
        return {"preset": preset, "tune": "zerolatency", **factor}
    rate = factor if crf is not None else {"qp": str(_X264_QP[quality])}
    if quality is Quality.SMALL:
        preset, params = "veryfast", "aq-mode=0"
    else:
        preset, params = "ultrafast", _X264_FAST
    return {"preset": preset, "tune": "zerolatency", **rate, "x264-params": params}


def _other_options(name: str, quality: Quality, crf: int | None, preset: str) -> dict[str, str]:
    value = str(crf if crf is not None else _HARDWARE_QUALITY[quality])
    family = name.rpartition("_")[2]
    options: dict[str, str] = {}
    if family == "nvenc":
        options = {"preset": preset or "p4", "tune": "ll", "rc": "vbr", "cq": value}
    elif family == "qsv":
        options = {"preset": preset or "veryfast", "global_quality": value}
    elif family == "amf":
        options = {"usage": "lowlatency", "rc": "cqp", "qp_i": value, "qp_p": value}
        options["quality"] = preset or "balanced"
    elif family == "videotoolbox":
        options = {"realtime": "1"}
    elif preset:
        options = {"preset": preset}
    return options
