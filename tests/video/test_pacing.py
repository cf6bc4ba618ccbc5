"""When a frame is due."""

from __future__ import annotations

from tests.video.making import NS_PER_MS

from onetake.video.pacing import KEEP_ALIVE_NS, MIN_STEP_NS, Cause, Pacer, silence_after_ns

SECOND = 1000 * NS_PER_MS


def started(fps=50):
    pacer = Pacer(fps)
    pacer.on_beat(0, has_camera=False)
    pacer.written(0, 0)
    return pacer


def test_an_idle_beat_is_no_frame():
    """Nothing new, nothing written."""
    assert started().on_beat(100 * NS_PER_MS, has_camera=False) is None


def test_a_change_is_a_frame_at_the_next_beat_once():
    """A change is shown by one frame, not by every frame after it."""
    pacer = started()
    pacer.change(90 * NS_PER_MS, Cause.OVERLAY)
    assert pacer.on_beat(100 * NS_PER_MS, has_camera=False) is Cause.OVERLAY
    pacer.written(100 * NS_PER_MS, 100 * NS_PER_MS)
    assert pacer.on_beat(120 * NS_PER_MS, has_camera=False) is None


def test_a_new_camera_picture_is_a_frame():
    """The camera moves while the screen stands still: the camera's pace."""
    assert started().on_beat(20 * NS_PER_MS, has_camera=True) is Cause.CAMERA


def test_the_repeat_comes_before_the_half_second_is_over():
    """With beats every 20 ms the repeat takes the last one that is not too late."""
    pacer = started(fps=50)
    assert pacer.on_beat(479 * NS_PER_MS, has_camera=False) is None
    assert pacer.on_beat(480 * NS_PER_MS, has_camera=False) is Cause.REPEAT


def test_without_beats_the_next_thing_is_due_at_its_own_instant():
    """Camera picture, change and repeat each fall due when they happen; the earliest wins."""
    pacer = started()
    assert pacer.due(None) == (KEEP_ALIVE_NS, Cause.REPEAT)
    assert pacer.due(200 * NS_PER_MS) == (200 * NS_PER_MS, Cause.CAMERA)
    pacer.change(150 * NS_PER_MS, Cause.OVERLAY)
    assert pacer.due(200 * NS_PER_MS) == (150 * NS_PER_MS, Cause.OVERLAY)


def test_without_beats_frames_keep_a_distance():
    """A flood of changes does not make more frames than the screen could."""
    pacer = started(fps=50)
    pacer.change(1, Cause.OVERLAY)
    assert pacer.due(None) == (15 * NS_PER_MS, Cause.OVERLAY)


def test_positions_must_advance_by_a_tenth_of_a_millisecond():
    """Frames that would share a time in the file are not written."""
    pacer = started()
    pacer.written(5 * NS_PER_MS, 5 * NS_PER_MS)
    assert not pacer.can_follow(5 * NS_PER_MS)
    assert not pacer.can_follow(5 * NS_PER_MS + MIN_STEP_NS - 1)
    assert pacer.can_follow(5 * NS_PER_MS + MIN_STEP_NS)


def test_a_refused_picture_is_dropped_once_and_stays_to_be_shown():
    """One picture refused at three beats is one drop; a refused repeat is none."""
    pacer = started()
    pacer.change(10, Cause.SCREEN)
    assert pacer.refused(10, Cause.SCREEN)
    assert not pacer.refused(20, Cause.SCREEN)
    assert pacer.is_stale
    pacer.change(30, Cause.SCREEN)
    assert pacer.refused(30, Cause.SCREEN)
    pacer.written(40, 40)
    assert not pacer.is_stale
    assert not pacer.refused(SECOND, Cause.REPEAT)


def test_a_refused_camera_picture_stays_to_be_shown():
    """The camera picture was taken out of its queue; the next frame must come for it."""
    pacer = started()
    assert pacer.refused(20, Cause.CAMERA)
    assert pacer.on_beat(40, has_camera=False) is Cause.CAMERA


def test_a_slow_screen_is_silent_after_a_quarter_of_a_second():
    """One frame a second is not waited for twice as long: the camera could not move meanwhile."""
    assert silence_after_ns(SECOND) == 250 * NS_PER_MS
    assert silence_after_ns(SECOND // 240) == 50 * NS_PER_MS
    assert silence_after_ns(SECOND // 20) == 100 * NS_PER_MS


def test_no_frame_lies_before_a_change_it_shows():
    """Shown again, the camera has an old picture waiting: the frame is not before the show."""
    pacer = started(fps=50)
    pacer.change(151 * NS_PER_MS, Cause.OVERLAY)
    assert pacer.due(100 * NS_PER_MS)[0] == 151 * NS_PER_MS
