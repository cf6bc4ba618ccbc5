"""Playbooks of the video lane, in milliseconds."""

from __future__ import annotations

import pytest
from tests.video.rehearsal import Rehearsal

from onetake.model.commands import (
    MoveOverlay,
    Pause,
    Resume,
    SetMute,
    SetOverlay,
    ShowCamera,
)
from onetake.model.devices import Role
from onetake.model.geometry import Anchor, Overlay


def test_changed_screens_are_frames_at_their_own_time():
    """One frame for each changed picture, with its PTS; idle beats are none."""
    take = Rehearsal()
    take.screen(1000)
    take.start(1000)
    take.screen(1033.3)
    take.beat(1066.6)
    take.screen(1101.25)
    assert take.positions_ms == [0, 33.3, 101.25]
    assert take.screens == [1000, 1033.3, 1101.25]


def test_before_the_start_pictures_only_update_the_canvas():
    """Nothing is written before the start; position 0 shows the latest picture."""
    take = Rehearsal()
    take.screen(0)
    take.screen(20)
    assert take.written == []
    take.start(20)
    assert (take.positions_ms, take.screens) == ([0], [20])


def test_a_static_screen_is_repeated_twice_a_second_with_beats():
    """Idle beats carry the repeats, never more than half a second apart."""
    take = Rehearsal(fps=30)
    take.screen(0)
    take.start()
    for index in range(1, 61):
        take.beat(index * 100 / 3)
    gaps = [b - a for a, b in zip(take.positions_ms, take.positions_ms[1:], strict=False)]
    assert len(take.written) == 5
    assert max(gaps) <= 500
    assert min(gaps) >= 450
    assert take.lane.statistics().repeats == 4


def test_a_static_screen_is_repeated_without_beats():
    """Ticks alone keep the file growing; the repeats lie exactly half a second apart."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    for now in range(100, 1701, 100):
        take.tick(now)
    assert take.positions_ms == [0, 500, 1000, 1500]


def test_a_late_beat_finds_the_repeats_it_missed():
    """No tick came, then a beat after 1.7 s: the gap is filled before it."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.screen(1700)
    assert take.positions_ms == [0, 500, 1000, 1500, 1700]
    assert take.screens == [0, 0, 0, 0, 1700]


def test_a_moving_camera_on_a_static_screen_sets_the_pace():
    """With beats: at the beats. The camera picture shown is the newest that is not later."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    for index in range(1, 7):
        take.camera(index * 40 - 15)
        take.beat(index * 40)
    assert take.positions_ms == [0, 40, 80, 120, 160, 200, 240]
    assert take.cameras == [None, 25, 65, 105, 145, 185, 225]


def test_a_moving_camera_on_a_silent_screen_keeps_its_own_stamps():
    """Without beats: at the camera's own stamps, so that it is in sync with the sound."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    for index in range(1, 12):
        take.camera(index * 40 - 15)
        take.tick(index * 40)
    assert take.positions_ms[:8] == [0, 25, 65, 105, 145, 185, 225, 265]
    assert take.cameras[:8] == [None, 25, 65, 105, 145, 185, 225, 265]


def test_a_hidden_camera_makes_no_frames():
    """A camera nobody sees does not set the pace."""
    take = Rehearsal(overlay=Overlay(is_visible=False))
    take.screen(0)
    take.start()
    for index in range(1, 10):
        take.camera(index * 40 - 15)
        take.beat(index * 40)
    assert take.positions_ms == [0]


def test_a_camera_picture_waits_for_its_time():
    """A picture stamped after the frame is not shown in it, even if it is there already."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.camera(45)
    take.screen(40)
    take.screen(80)
    assert take.cameras == [None, None, 45]


def test_the_camera_offset_moves_its_pictures():
    """A camera told to be 30 ms early is shown 30 ms later."""
    take = Rehearsal(camera_offset_ms=30)
    take.screen(0)
    take.start()
    take.camera(20)
    take.screen(40)
    take.screen(80)
    assert take.cameras == [None, None, 20]


def test_a_camera_stamped_in_the_future_does_not_run_ahead():
    """A camera whose clock is wrong must not make frames the screen has not reached."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.camera(900_000)
    take.screen(33)
    assert take.positions_ms == [0, 33]
    assert take.lane.statistics().non_monotone_pts == 0


@pytest.mark.parametrize("host_ms", [67, 90, 99.9, 100])
def test_a_command_shows_in_the_first_frame_not_before_it(host_ms):
    """Hide between two frames: the first frame with a PTS from then on shows it."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.screen(33)
    take.apply(host_ms, ShowCamera(is_visible=False))
    take.screen(66)
    take.screen(100)
    assert take.visibility == [True, True, True, False]


def test_a_command_on_a_static_screen_takes_the_first_beat():
    """Idle beats before the command are none; the first one after it is a frame."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(50, ShowCamera(is_visible=False))
    for beat in (33, 66, 100):
        take.beat(beat)
    assert take.positions_ms == [0, 66]
    assert take.visibility == [True, False]


def test_a_command_on_a_silent_screen_shows_at_its_very_instant():
    """Without beats the frame is made for the command's own time."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(210, ShowCamera(is_visible=False))
    take.tick(300)
    assert take.positions_ms == [0, 210]
    assert take.visibility == [True, False]


def test_a_command_between_the_beats_of_a_screen_that_rests_shows_at_its_very_instant():
    """A screen that beats ten times a second makes no frame later than a silent one does."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.beat(100)
    take.apply(170, ShowCamera(is_visible=False))
    take.beat(200)
    assert take.positions_ms == [0, 170]
    assert take.visibility == [True, False]


def test_a_camera_on_a_screen_that_rests_keeps_its_own_pace_and_stamps():
    """All its pictures are frames, however seldom the screen beats."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    for beat_ms in (100, 200, 300):
        for camera_ms in (-70, -36, -3):
            take.camera(beat_ms + camera_ms)
        take.beat(beat_ms)
    assert take.positions_ms == [0, 30, 64, 97, 130, 164, 197, 230, 264, 297]
    assert take.cameras == [None, *take.positions_ms[1:]]


def test_a_late_command_never_changes_what_is_written():
    """A command older than frames already written shows in the next one."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.screen(33)
    take.apply(20, ShowCamera(is_visible=False))
    take.beat(66)
    assert take.positions_ms == [0, 33, 66]
    assert take.visibility == [True, True, False]


def test_commands_take_effect_in_order_of_their_time():
    """Two commands that arrive in the wrong order end in the state of the later one."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(25, ShowCamera(is_visible=True))
    take.apply(20, ShowCamera(is_visible=False))
    take.screen(33)
    assert take.visibility == [True, True]
    assert take.lane.statistics().overlay_changes == 2


def test_a_command_before_the_start_shows_from_the_start():
    """What was chosen during the countdown is there in the first frame."""
    take = Rehearsal()
    take.screen(0)
    take.apply(5, SetOverlay(Overlay(anchor=Anchor.TOP_LEFT)))
    take.screen(10)
    take.start(10)
    assert take.written[0][1].overlay.anchor is Anchor.TOP_LEFT


def test_moving_changes_the_given_fields_only():
    """A move leaves visibility and all fields it does not name."""
    take = Rehearsal(overlay=Overlay(height=0.4))
    take.screen(0)
    take.start()
    take.apply(1, MoveOverlay(anchor=Anchor.TOP_RIGHT))
    take.screen(33)
    assert take.lane.overlay == Overlay(height=0.4, anchor=Anchor.TOP_RIGHT)
    assert take.written[1][1].overlay == take.lane.overlay


def test_what_cannot_be_seen_makes_no_frame():
    """Moving a hidden overlay, hiding it twice, or muting changes nothing in the picture."""
    take = Rehearsal(overlay=Overlay(is_visible=False))
    take.screen(0)
    take.start()
    take.apply(5, MoveOverlay(height=0.5))
    take.apply(6, ShowCamera(is_visible=False))
    take.apply(7, SetMute(Role.MIC, is_muted=True))
    take.beat(33)
    assert take.positions_ms == [0]


def test_a_bad_value_does_not_end_the_picture():
    """A command refused elsewhere is ignored here."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(5, MoveOverlay(height=7.0))
    take.screen(33)
    assert take.positions_ms == [0, 33]
    assert take.lane.overlay == Overlay()


def test_a_pause_leaves_no_gap_and_shows_nothing_of_itself():
    """Paused at 50, resumed at 200: the boundary is a frame at 50 with what was there at 200;
    nothing captured in between is a frame."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.screen(33)
    take.apply(50, Pause())
    take.screen(66)
    take.screen(150)
    take.apply(200, Resume())
    take.screen(230)
    assert take.positions_ms == [0, 33, 50, 80]
    assert take.screens == [0, 33, 150, 230]


def test_a_frame_at_the_very_instant_of_the_resume_is_the_boundary():
    """The picture stamped exactly at the resume is the boundary frame, not a second one."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(50, Pause())
    take.apply(200, Resume())
    take.screen(200)
    assert take.positions_ms == [0, 50]
    assert take.screens == [0, 200]


def test_a_command_right_after_the_resume_is_not_in_the_boundary():
    """The boundary shows the state at the resume, not that of a command after it."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(50, Pause())
    take.apply(100, ShowCamera(is_visible=False))
    take.apply(200, Resume())
    take.apply(210, ShowCamera(is_visible=True))
    take.screen(230)
    assert take.positions_ms == [0, 50, 80]
    assert take.visibility == [True, False, True]


def test_pauses_on_a_silent_screen():
    """Without beats, too, the boundary is exact and the half seconds go on from it."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(300, Pause())
    take.tick(400)
    take.tick(900)
    take.apply(1000, Resume())
    for now in range(1000, 1701, 100):
        take.tick(now)
    assert take.positions_ms == [0, 300, 800]


def test_a_pause_heard_of_late_never_goes_back():
    """Frames past the pause are written already: positions go on increasing, nothing is lost."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.screen(33)
    take.screen(66)
    take.apply(40, Pause())
    take.screen(100)
    take.apply(120, Resume())
    for pts in (133, 166, 200):
        take.screen(pts)
    assert take.positions_ms == [0, 33, 66, 86, 120]
    assert take.screens == [0, 33, 66, 166, 200]


def test_fifty_quick_pauses():
    """Pause and resume between two frames, many times: every boundary is one frame."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    for index in range(50):
        take.apply(index * 2 + 1, Pause())
        take.apply(index * 2 + 2, Resume())
    take.screen(103)
    assert take.positions_ms == [0, *range(1, 51), 53]


def test_a_stop_in_a_pause_shows_nothing_of_the_pause():
    """What was captured while paused is not in the file, not even in its last frame."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(400, Pause())
    take.screen(420)
    take.finish(900)
    assert set(take.screens) == {0}
    assert max(take.positions_ms) <= 400


def test_the_stop_leaves_a_short_last_frame():
    """The last frame lies one interval before the end, so the video ends with the sound."""
    take = Rehearsal(fps=50)
    take.screen(0)
    take.start()
    take.beat(20)
    take.finish(300)
    assert take.positions_ms == [0, 280]
    assert take.lane.statistics().repeats == 1


def test_a_frame_just_before_the_stop_is_the_last():
    """No second frame is squeezed in when the last one is new enough."""
    take = Rehearsal(fps=50)
    take.screen(0)
    take.start()
    take.screen(290)
    take.finish(300)
    assert take.positions_ms == [0, 290]


def test_what_was_refused_just_before_the_stop_is_shown_after_all():
    """The last picture is in the file even if the writer refused it a moment before the end."""
    take = Rehearsal(fps=50)
    take.screen(0)
    take.start()
    take.screen(285)
    take.is_ready = False
    take.screen(295)
    take.is_ready = True
    take.finish(300)
    assert take.screens[-1] == 295
    assert 285 < take.positions_ms[-1] < 300


def test_commands_and_repeats_before_the_stop_are_in_the_file():
    """The end is a horizon: what happened before it shows, what came after does not."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(650, ShowCamera(is_visible=False))
    take.apply(1100, ShowCamera(is_visible=True))
    take.finish(1000)
    assert take.positions_ms == pytest.approx([0, 500, 650, 966.67], abs=0.01)
    assert take.visibility == [True, True, False, False]


def test_a_refused_frame_is_counted_and_shown_later():
    """The writer had no room: one drop at its position, its content with the next frame."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.is_ready = False
    take.screen(33)
    take.beat(66)
    take.is_ready = True
    take.beat(100)
    take.beat(133)
    assert take.positions_ms == [0, 100]
    assert take.screens == [0, 33]
    statistics = take.lane.statistics()
    assert (statistics.dropped, statistics.dropped_positions_ns) == (1, [33_000_000])
    assert (statistics.frames, statistics.repeats) == (2, 0)


def test_a_refusing_writer_without_beats_ends_no_loop():
    """A writer that never has room, a silent screen, ten seconds: the lane just goes on."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.is_ready = False
    take.apply(100, ShowCamera(is_visible=False))
    take.tick(10_000)
    take.is_ready = True
    take.tick(10_100)
    assert take.visibility[-1] is False
    assert take.lane.statistics().dropped == 1


def test_stamps_that_do_not_advance_are_counted_and_their_content_kept():
    """A screen whose clock stutters: positions advance, the picture is shown with the next."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.screen(33, "a")
    take.screen(33, "b")
    take.screen(20, "c")
    take.beat(66)
    assert take.positions_ms == [0, 33, 66]
    assert take.screens == [0, "a", "c"]
    assert take.lane.statistics().non_monotone_pts == 2


def test_a_picture_overtaken_by_a_repeat_is_shown_next():
    """Delivered later than promised: its position is past, its content is not lost."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.tick(700)
    take.screen(450, "late")
    take.tick(800)
    assert take.positions_ms[:2] == [0, 500]
    assert take.screens[-1] == "late"
    assert take.lane.statistics().non_monotone_pts == 1


def test_a_camera_that_goes_and_comes_back():
    """Gone: a frame without it at the next beat. Back: its pictures again."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.camera(30)
    take.beat(33)
    take.camera(None)
    take.beat(66)
    take.beat(100)
    take.camera(130)
    take.beat(133)
    assert take.positions_ms == [0, 33, 66, 133]
    assert take.cameras == [None, 30, None, 130]


def test_a_long_countdown_does_not_hold_the_cameras_pictures():
    """Before the start only the last moments are kept; all are released in the end."""
    take = Rehearsal()
    for index in range(300):
        take.camera(index * 33)
        take.screen(index * 33 + 1)
        assert take.lent - take.released <= 10
    take.start(299 * 33 + 1)
    assert take.cameras == [299 * 33]
    take.finish(10_000)
    assert take.lent == take.released


def test_a_long_pause_on_a_silent_screen_shows_the_camera_of_its_end():
    """Pictures of the pause do not fill the queue: the boundary shows the camera at the resume."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(1, Pause())
    for pts in range(20, 3000, 20):
        take.camera(pts)
        take.tick(pts)
    take.apply(2990, Resume())
    take.tick(3100)
    assert take.positions_ms[1] == 1
    assert take.cameras[1] == 2980


def test_commands_at_the_instant_of_the_resume_are_in_the_boundary():
    """What is asked for at the very instant of the resume shows in its frame."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.apply(50, Pause())
    take.apply(70, Resume())
    take.apply(70, ShowCamera(is_visible=False))
    take.screen(100)
    assert take.positions_ms == [0, 50, 80]
    assert take.visibility == [True, False, False]


def test_a_beat_after_more_than_half_a_second_comes_too_late_to_be_the_next_frame():
    """The repeat is made at its half second before the late beat, so there is no longer gap."""
    take = Rehearsal(fps=60)
    take.screen(0)
    take.start()
    take.tick(500)
    take.screen(533)
    assert take.positions_ms == [0, 500, 533]


def test_a_camera_shown_again_is_not_shown_before_the_command():
    """An old camera picture waits; the frame that shows it is not older than the show."""
    take = Rehearsal(overlay=Overlay(is_visible=False))
    take.screen(0)
    take.start()
    take.camera(100)
    take.apply(151, ShowCamera(is_visible=True))
    take.tick(300)
    assert take.positions_ms == [0, 151]
    assert take.cameras == [None, 100]


def test_a_late_pause_on_a_silent_screen_ends_no_loop():
    """After a pause heard of late, frames wait until the file's own time is reached again."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.tick(1600)
    take.apply(700, Pause())
    take.apply(1650, Resume())
    take.tick(3000)
    assert take.positions_ms[:4] == [0, 500, 1000, 1500]
    assert all(later > 1500 for later in take.positions_ms[4:])
    assert take.positions_ms[4] <= 2000


def test_a_stamp_before_the_last_beat_makes_no_frame_of_its_own():
    """A picture stamped before an idle beat: its own instant is past, the next beat shows it."""
    take = Rehearsal()
    take.screen(0)
    take.start()
    take.beat(33)
    take.beat(66)
    take.screen(60, "x")
    take.beat(100)
    assert take.positions_ms == [0, 100]
    assert take.screens == [0, "x"]
    assert take.lane.statistics().non_monotone_pts == 1


def test_a_slow_screen_is_waited_for():
    """At five beats a second a command 190 ms before the next beat shows with that beat."""
    take = Rehearsal(fps=5)
    take.screen(0)
    take.start()
    take.beat(200)
    take.apply(210, ShowCamera(is_visible=False))
    take.tick(300)
    take.beat(400)
    assert take.positions_ms == [0, 400]


def test_a_camera_picture_is_given_for_the_overlay_it_will_have():
    """A compositor knows the new overlay before the picture comes that it scales for it, so the
    first frame after a change of size is as sharp as those after it."""
    take = Rehearsal()
    known = []
    paper = take.lane._compositor
    real = paper.camera
    paper.camera = lambda frame: (known.append(paper.overlay), real(frame))[1]
    take.camera(-5)
    take.screen(0)
    take.start()
    take.apply(10, MoveOverlay(height=0.5))
    take.camera(20)
    take.screen(33)
    assert [overlay.height for overlay in known] == [0.25, 0.5]
