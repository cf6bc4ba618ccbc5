"""The memory writer keeps what it is given and refuses what the contract forbids."""

import threading
from collections.abc import Callable

import av
import numpy as np
import pytest

from onetake.model.settings import Settings, Tracks
from onetake.platforms.contract import Writer
from onetake.testing.memory_writer import ContractBroken, MemoryWriter

IMAGE = av.VideoFrame(64, 32, "nv12")
SOUND = np.zeros((480, 2), np.float32)


def started(**how: object) -> MemoryWriter:
    """Return a writer that runs."""
    writer = MemoryWriter(**how)
    writer.start()
    return writer


def test_it_keeps_everything() -> None:
    """Frames with their luma, samples and chapters come back as they went in."""
    writer = started(luma_step=4)
    kept: Writer = writer
    image = av.VideoFrame.from_ndarray(np.full((48, 64), 77, np.uint8), format="nv12")
    kept.write_video(0, image)
    kept.write_video(40_000_000, image)
    kept.write_audio([SOUND + 0.25])
    kept.write_audio([SOUND + 0.5])
    kept.add_chapter(5, "five")
    kept.finish(50_000_000)
    assert writer.positions_ns == [0, 40_000_000]
    assert writer.frames[0].luma.shape == (8, 16)
    assert (writer.frames[0].luma == 77).all()
    assert writer.audio().shape == (960, 2)
    assert writer.audio()[479:481, 0].tolist() == [0.25, 0.5]
    assert writer.chapters == [(5, "five")]
    assert (writer.sample_count, writer.end_ns) == (960, 50_000_000)
    assert kept.size_bytes == 960 * 8


def test_it_keeps_copies() -> None:
    """What is lent for the call may be overwritten afterwards."""
    writer = started()
    sound = SOUND.copy()
    writer.write_audio([sound])
    sound[:] = 1
    assert not writer.audio().any()


def test_readiness_is_as_planned() -> None:
    """`is_ready` says how busy the disk is; after that there is always room."""
    writer = started(is_ready=[True, False])
    assert [writer.is_ready_for_video() for _ in range(4)] == [True, False, True, True]


def broken(break_it: Callable[[MemoryWriter], object]) -> bool:
    """Return whether the writer refuses it."""
    writer = started()
    writer.write_video(100, IMAGE)
    try:
        break_it(writer)
    except ContractBroken:
        return True
    return False


def test_steps_back_are_refused() -> None:
    """Positions strictly increase and are not negative."""
    assert broken(lambda writer: writer.write_video(100, IMAGE))
    assert broken(lambda writer: writer.write_video(99, IMAGE))
    assert not broken(lambda writer: writer.write_video(101, IMAGE))
    with pytest.raises(ContractBroken):
        started().write_video(-1, IMAGE)


def test_odd_sound_is_refused() -> None:
    """Sound is float32, stereo, one array for each track, all of one length, and finite."""
    assert broken(lambda writer: writer.write_audio([SOUND, SOUND]))
    assert broken(lambda writer: writer.write_audio([SOUND.astype(np.float64)]))
    assert broken(lambda writer: writer.write_audio([SOUND[:, :1]]))
    assert broken(lambda writer: writer.write_audio([SOUND * np.float32("nan")]))
    three = started(settings=Settings(tracks=Tracks.SEPARATE))
    three.write_audio([SOUND, SOUND, SOUND])
    with pytest.raises(ContractBroken):
        three.write_audio([SOUND, SOUND[:100], SOUND])


def test_order_of_life_is_kept() -> None:
    """Start once, finish once, nothing before and nothing after."""
    with pytest.raises(ContractBroken):
        MemoryWriter().write_video(0, IMAGE)
    with pytest.raises(ContractBroken):
        MemoryWriter().finish(0)
    assert broken(lambda writer: writer.start())
    for late in (
        lambda writer: writer.finish(200),
        lambda writer: writer.write_video(150, IMAGE),
        lambda writer: writer.write_audio([SOUND]),
        lambda writer: writer.add_chapter(1, ""),
    ):

        def after_the_end(writer: MemoryWriter, late: Callable[..., object] = late) -> None:
            writer.finish(200)
            late(writer)

        assert broken(after_the_end)


def test_nothing_lies_past_the_end() -> None:
    """Neither a frame at the end or later nor more sound than the take is long."""
    assert broken(lambda writer: writer.finish(100))
    assert not broken(lambda writer: writer.finish(101))
    writer = started()
    writer.write_audio([SOUND])
    with pytest.raises(ContractBroken):
        writer.finish(9_000_000)


def test_each_track_has_one_thread() -> None:
    """Video from a second thread is refused; sound may come from another thread than video."""
    writer = started()
    writer.write_video(0, IMAGE)
    raised: list[str] = []

    def other() -> None:
        writer.write_audio([SOUND])
        try:
            writer.write_video(1, IMAGE)
        except ContractBroken as error:
            raised.append(str(error))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert raised
