"""An encoder that takes over in mid-take leaves one track that plays from end to end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from tests.file.making import feed, luma_of, writer

from onetake.file import presets, video_encoder
from onetake.file.mp4 import Mp4Writer, video_ticks
from onetake.file.presets import EncoderPlan
from onetake.file.video_encoder import parameter_sets
from onetake.model.settings import Codec, Quality
from onetake.model.units import NS_PER_S
from onetake.proof.repair import repair

SIZE_PX = (320, 192)
FPS = 30
PSNR_DB = 27.0
"""Least likeness of any picture: what the cheapest analysis makes of this content at the smallest
quality is above it, a picture that was decoded with wrong references or settings far below."""

_IDR = 5


def scene(number: int) -> av.VideoFrame:
    """A soft background that drifts, and a hard-edged block that moves."""
    width_px, height_px = SIZE_PX
    rows, columns = np.mgrid[:height_px, :width_px]
    luma = 120 + 60 * np.sin((columns + 3 * number) / 30) + 30 * np.cos((rows - 2 * number) / 17)
    left = 5 * number % (width_px - 40)
    luma[40:80, left : left + 40] = 30 + 200 * (columns[40:80, :40] // 4 % 2)
    frame = av.VideoFrame(width_px, height_px, "nv12")
    plane = frame.planes[0]
    padded = np.zeros((height_px, plane.line_size), np.uint8)
    padded[:, :width_px] = luma
    plane.update(padded.tobytes())
    frame.planes[1].update(bytes([128]) * frame.planes[1].buffer_size)
    return frame


def record(path: Path, changes: dict[int, bool], count: int, **wishes: object) -> list[bool]:
    """Make a take of `count` scenes in which the encoder is asked to change before the frames of
    these numbers; return what it answered."""
    target = writer(path, size_px=SIZE_PX, fps=FPS, encoder="libx264", **wishes)
    target.start()
    answers = record_into(target, changes, count)
    target.finish(count * NS_PER_S // FPS)
    return answers


def record_into(target: Mp4Writer, changes: dict[int, bool], count: int) -> list[bool]:
    answers: list[bool] = []

    for first in sorted({0, *changes}):
        if first in changes:
            answers.append(target.encode_cheaper(changes[first]))
        last = min((number for number in changes if number > first), default=count)
        span = {"start_ns": first * NS_PER_S // FPS, "end_ns": last * NS_PER_S // FPS}
        feed(target, fps=FPS, image=scene, **span)  # type: ignore[arg-type]
    return answers


def packets_of(path: Path) -> list[av.Packet]:
    """All pictures of a file, still coded."""
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(video=0) if packet.size]


def units_of(data: bytes) -> list[bytes]:
    """The NAL units of a coded picture in an MP4."""
    units = []
    while data:
        size = int.from_bytes(data[:4], "big")
        units.append(data[4 : 4 + size])
        data = data[4 + size :]
    return units


def idr_pic_id(slice_: bytes, frame_num_bits: int) -> int:
    """The `idr_pic_id` of an IDR slice (ISO/IEC 14496-10, 7.3.3)."""
    bits = "".join(f"{byte:08b}" for byte in slice_[1:20])
    at = 0

    def golomb() -> int:
        nonlocal at
        zeros = bits.index("1", at) - at
        value = int(bits[at + zeros : at + 2 * zeros + 1], 2) - 1
        at += 2 * zeros + 1
        return value

    for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
        golomb()
    at += frame_num_bits
    return golomb()


@pytest.mark.parametrize(
    "wishes",
    [
        {"quality": Quality.SMALL},
        {"quality": Quality.STANDARD},
        {"quality": Quality.HIGH},
        {"encoder_preset": "medium"},
        {"quality": Quality.SMALL, "threads": True},
    ],
    ids=lambda wishes: " ".join(map(str, wishes.values())),
)
def test_every_frame_is_there_and_right(
    tmp_path: Path, wishes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three changes: all frames at their times, each like what was given, nothing to complain of,
    a key frame at each change, and one set of parameters for the track."""
    path, count = tmp_path / "take.mp4", 48
    if wishes.pop("threads", False):
        monkeypatch.setattr(presets, "PIXELS_PER_S_PER_THREAD", 1)
        monkeypatch.setattr("os.cpu_count", lambda: 3)
    answers = record(path, {12: True, 24: False, 36: True}, count, **wishes)
    assert answers == [True] * 3
    ffmpeg = ["ffmpeg", "-v", "warning", "-err_detect", "explode", "-i", str(path)]
    told = subprocess.run([*ffmpeg, "-f", "null", "-"], capture_output=True, check=False)
    assert (told.returncode, told.stderr) == (0, b"")
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    expected = [video_ticks(number * NS_PER_S // FPS) for number in range(count)]
    assert [frame.pts for frame in frames] == expected
    for number, frame in enumerate(frames):
        error = np.mean((luma_of(frame) - luma_of(scene(number))) ** 2)
        assert 10 * np.log10(255**2 / error) > PSNR_DB, number
    packets = packets_of(path)
    keys = [number for number, packet in enumerate(packets) if packet.is_keyframe]
    assert {0, 12, 24, 36} <= set(keys)
    kinds = {unit[0] & 31 for packet in packets for unit in units_of(bytes(packet))}
    assert not kinds & {7, 8}, "parameter sets in the middle of the track"


def test_the_cheaper_encoder_is_another_one(tmp_path: Path) -> None:
    """x264 says its options with its first picture: the second one does the least."""
    path = tmp_path / "take.mp4"
    record(path, {4: True, 8: False}, 12, quality=Quality.SMALL)
    said = [
        b"subme=0" in unit
        for packet in packets_of(path)
        for unit in units_of(bytes(packet))
        if unit[0] & 31 == 6 and b"x264" in unit
    ]
    assert said == [False, True, False]


@pytest.mark.parametrize("first", [1, 2, 3])
def test_key_frames_in_a_row_are_told_apart(tmp_path: Path, first: int) -> None:
    """Two encoders' key frames that meet differ in `idr_pic_id`; decoders would take two that do
    not for one picture."""
    path = tmp_path / "take.mp4"
    record(path, {first: True, first + 1: False, first + 2: True, first + 5: False}, 12)
    packets = packets_of(path)
    assert len(packets) == 12
    ids: dict[int, int] = {}
    for number, packet in enumerate(packets):
        for unit in units_of(bytes(packet)):
            if unit[0] & 31 == _IDR:
                ids[number] = idr_pic_id(unit, frame_num_bits=4)
    assert {first, first + 1, first + 2, first + 5} <= set(ids)
    assert all(ids[number] != ids[number + 1] for number in ids if number + 1 in ids)


def test_a_change_before_the_first_frame_is_one_too(tmp_path: Path) -> None:
    """The next file of a split take begins with the encoder that is at work by then."""
    path = tmp_path / "take.mp4"
    assert record(path, {0: True}, 6, quality=Quality.SMALL) == [True]
    packets = packets_of(path)
    assert [packet.is_keyframe for packet in packets] == [True] + [False] * 5
    assert b"subme=0" in bytes(packets[0])


@pytest.mark.parametrize("is_repaired", [False, True])
def test_a_killed_take_has_the_changes_too(tmp_path: Path, *, is_repaired: bool) -> None:
    """What was on the disk plays over the changes as it is, and lists their key frames; so does
    what a repair makes of it."""
    path, torn = tmp_path / "take.mp4", tmp_path / "torn.mp4"
    target = writer(path, size_px=SIZE_PX, fps=FPS, encoder="libx264")
    target.start()
    assert record_into(target, {20: True, 40: False}, 60) == [True] * 2
    target.pump(0)
    torn.write_bytes(path.read_bytes())
    target.finish(2 * NS_PER_S)
    if is_repaired:
        torn = repair(torn).path
    packets = packets_of(torn)
    assert len(packets) > 50
    assert [n for n, packet in enumerate(packets) if packet.is_keyframe][:3] == [0, 20, 40]
    with av.open(str(torn)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            assert np.mean((luma_of(frame) - luma_of(scene(number))) ** 2) < 100, number


def test_other_encoders_have_no_cheaper_way(tmp_path: Path) -> None:
    """HEVC goes on as it was."""
    path = tmp_path / "take.mp4"
    target = writer(path, codec=Codec.HEVC, encoder="libx265")
    target.start()
    feed(target, NS_PER_S // 3)
    assert not target.encode_cheaper(True)
    feed(target, 2 * NS_PER_S // 3, start_ns=NS_PER_S // 3)
    target.finish(2 * NS_PER_S // 3)
    assert len(packets_of(path)) == 20


def test_other_parameter_sets_take_nothing_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An encoder whose header would not be the file's is not used."""

    def without_cabac(plan: EncoderPlan) -> list[EncoderPlan]:
        return [EncoderPlan(plan.name, plan.pixel_format, 1, {"x264-params": "cabac=0"})]

    monkeypatch.setattr(video_encoder, "cheaper_plans", without_cabac)
    path = tmp_path / "take.mp4"
    assert record(path, {4: True}, 8) == [False]
    assert [packet.is_keyframe for packet in packets_of(path)] == [True] + [False] * 7


def test_asking_twice_changes_nothing(tmp_path: Path) -> None:
    """Who is cheap already makes no key frame for being told so again."""
    path = tmp_path / "take.mp4"
    assert record(path, {2: True, 4: True, 6: False, 8: False}, 10) == [True] * 4
    keys = [number for number, packet in enumerate(packets_of(path)) if packet.is_keyframe]
    assert keys == [0, 2, 6]


def test_parameter_sets_leave_the_version_out() -> None:
    """Of an extradata only sequence and picture parameter sets count."""
    sps, pps, sei = b"\x67\x64\x00", b"\x68\xef", b"\x06\x05version"
    data = b"\x00\x00\x00\x01" + sps + b"\x01\x00\x00\x01" + pps + b"\x00\x00\x01" + sei
    assert parameter_sets(data) == [sps + b"\x01", pps]
    assert parameter_sets(None) == []
