"""The lane under any script: what must hold whatever is done."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.video.making import NS_PER_MS
from tests.video.rehearsal import Rehearsal

from onetake.model.commands import (
    MoveOverlay,
    Pause,
    Resume,
    ShowCamera,
    changed_overlay,
)
from onetake.model.geometry import Overlay
from onetake.timeline.timeline import Timeline
from onetake.video.pacing import MIN_STEP_NS

SECOND_MS = 1000


@dataclass(frozen=True)
class Script:
    """A take: when what arrives. Times in ms."""

    fps: int
    changes: list[bool]
    """For each frame interval whether the screen changed."""
    silences: list[bool]
    """For each frame interval whether the screen sends nothing at all."""
    latency_ms: float
    """Of screen pictures; commands arrive at once."""
    camera_ms: float
    camera_latency_ms: float
    commands: list[tuple[float, object]]
    refusals: list[bool]

    @property
    def end_ms(self) -> float:
        return len(self.changes) * SECOND_MS / self.fps

    def arrivals(self):
        """Return (arrival, order, kind, value) in order of arrival; commands first."""
        interval = SECOND_MS / self.fps
        out = [(at, 0, "command", (at, what)) for at, what in self.commands]
        for index, (changed, silent) in enumerate(zip(self.changes, self.silences, strict=True)):
            pts = (index + 1) * interval
            if not silent:
                out.append((pts + self.latency_ms, 2, "screen" if changed else "beat", pts))
        pts = self.camera_ms / 2
        while pts < self.end_ms:
            out.append((pts + self.camera_latency_ms, 1, "camera", pts))
            pts += self.camera_ms
        out += [(now, 3, "tick", float(now)) for now in range(50, int(self.end_ms), 50)]
        return sorted(out, key=lambda entry: entry[:2])


commands = st.one_of(
    st.builds(ShowCamera, is_visible=st.booleans()),
    st.builds(MoveOverlay, height=st.sampled_from([0.1, 0.2, 0.3])),
    st.just(Pause()),
    st.just(Resume()),
)


@st.composite
def scripts(draw, *, refuses=False):
    fps = draw(st.sampled_from([5, 24, 30, 60]))
    count = draw(st.integers(1, 2 * fps))
    busy = draw(st.sampled_from([0.0, 0.05, 0.5, 1.0]))
    random = Random(draw(st.integers(0, 1000)))
    changes = [random.random() < busy for _ in range(count)]
    first, last = sorted(draw(st.tuples(st.integers(0, count), st.integers(0, count))))
    silences = [first <= index < last for index in range(count)]
    end_ms = count * SECOND_MS / fps
    times = draw(st.lists(st.floats(0.01, end_ms - 1), max_size=8))
    return Script(
        fps=fps,
        changes=changes,
        silences=silences,
        latency_ms=draw(st.sampled_from([0, 5, 40])),
        camera_ms=draw(st.sampled_from([16.7, 33.3, 40, 10_000])),
        # A picture that arrives after the frame of its time cannot be in it; see the playbooks.
        camera_latency_ms=0,
        commands=[(time, draw(commands)) for time in sorted(times)],
        refusals=[random.random() < 0.5 for _ in range(20)] if refuses else [],
    )


def perform(script):
    take = Rehearsal(fps=script.fps)
    take.screen(0)
    take.start()
    for index, (_, _, kind, value) in enumerate(script.arrivals()):
        if script.refusals:
            take.is_ready = script.refusals[index % len(script.refusals)]
        if kind == "command":
            take.apply(*value)
        else:
            getattr(take, kind)(value)
    take.is_ready = True
    take.finish(script.end_ms)
    return take


def timeline_of(script):
    timeline = Timeline.starting_at(0)
    for at, command in script.commands:
        at_ns = round(at * NS_PER_MS)
        if isinstance(command, Pause):
            timeline = timeline.pause(at_ns)
        elif isinstance(command, Resume):
            timeline = timeline.resume(at_ns)
    return timeline


def overlay_at(script, host_ns):
    overlay = Overlay()
    for at, command in script.commands:
        if round(at * NS_PER_MS) <= host_ns and not isinstance(command, Pause | Resume):
            overlay = changed_overlay(overlay, command)
    return overlay


@settings(max_examples=150, deadline=None)
@given(scripts())
def test_every_frame_shows_the_state_of_its_own_instant(script):
    """Each frame shows the overlay, the screen and the camera as they were at its position: no
    command shows early or late, whatever the script."""
    take, timeline = perform(script), timeline_of(script)
    interval = SECOND_MS / script.fps
    starts = [span.start_position_ns for span in timeline.spans]
    for position_ns, shown in take.written:
        if sum(abs(start - position_ns) < MIN_STEP_NS for start in starts) > 1:
            continue  # Two resumes at one position share a frame: it shows the first.
        host_ns = timeline.host_ns(position_ns)
        overlay = overlay_at(script, host_ns)
        assert shown.overlay.is_visible == overlay.is_visible
        # What changes of a hidden overlay needs no frame, and may be in one that comes anyway.
        assert shown.overlay == overlay or not overlay.is_visible
        # A picture within a tenth of a millisecond of a resume is the boundary frame itself.
        reach_ns = MIN_STEP_NS if position_ns in starts else 0
        stamps = [
            (index + 1) * interval
            for index, changed in enumerate(script.changes)
            if changed and not script.silences[index]
        ]
        before = [pts for pts in stamps if round(pts * NS_PER_MS) <= host_ns]
        close = [pts for pts in stamps if host_ns < pts * NS_PER_MS < host_ns + reach_ns]
        assert shown.screen in [*(before[-1:] or [0]), *close]
        if shown.overlay.is_visible:
            camera, pts = None, script.camera_ms / 2
            while round(pts * NS_PER_MS) <= host_ns and pts < script.end_ms:
                camera, pts = pts, pts + script.camera_ms
            assert shown.camera == camera


@settings(max_examples=150, deadline=None)
@given(scripts())
def test_no_frame_of_the_screen_is_missing(script):
    """Every changed picture outside the pauses is a frame at exactly its position; every resume is
    one at exactly its boundary; every visible change of the overlay shows within a beat."""
    take, timeline = perform(script), timeline_of(script)
    positions = {position_ns for position_ns, _ in take.written}
    end_ns = round(script.end_ms * NS_PER_MS)
    for index, changed in enumerate(script.changes):
        pts_ns = round((index + 1) * SECOND_MS / script.fps * NS_PER_MS)
        is_near_boundary = any(
            0 <= pts_ns - span.start_host_ns < MIN_STEP_NS for span in timeline.spans
        )
        is_seen = changed and not script.silences[index] and pts_ns < end_ns
        if is_seen and timeline.contains(pts_ns) and not is_near_boundary:
            assert timeline.position_ns(pts_ns) in positions
    last_ns = -MIN_STEP_NS
    for span in timeline.spans:
        # Two boundaries within a tenth of a millisecond share a frame.
        if span.start_position_ns - last_ns >= MIN_STEP_NS:
            assert any(0 <= span.start_position_ns - at < MIN_STEP_NS for at in positions)
        last_ns = span.start_position_ns


@settings(max_examples=150, deadline=None)
@given(scripts())
def test_positions_increase_without_a_gap(script):
    """Positions strictly increase, no two are further apart than half a second and a beat, and
    the last one is within that of the end."""
    take, timeline = perform(script), timeline_of(script)
    positions = [position_ns for position_ns, _ in take.written]
    end_ns = timeline.position_ns(round(script.end_ms * NS_PER_MS))
    assert positions[0] == 0
    assert all(b - a >= MIN_STEP_NS for a, b in pairwise(positions))
    beat_ns = SECOND_MS / script.fps * NS_PER_MS
    steps = zip(positions, [*positions[1:], end_ns], strict=True)
    assert max(b - a for a, b in steps) <= 500 * NS_PER_MS + beat_ns + 1
    assert positions[-1] <= end_ns
    if not timeline.is_paused:
        assert end_ns - positions[-1] <= beat_ns + NS_PER_MS


@settings(max_examples=150, deadline=None)
@given(scripts(refuses=True))
def test_a_refusing_writer_loses_nothing_for_good(script):
    """Whenever the writer refuses, positions still increase, the last frame shows the last state,
    every picture is released exactly once and the counts add up."""
    take, timeline = perform(script), timeline_of(script)
    positions = [position_ns for position_ns, _ in take.written]
    assert all(b - a >= MIN_STEP_NS for a, b in pairwise(positions))
    assert take.lent == take.released
    statistics = take.lane.statistics()
    assert statistics.frames == len(positions)
    assert statistics.dropped == len(statistics.dropped_positions_ns)
    if positions and not timeline.is_paused:
        last = take.written[-1][1].overlay
        assert last == take.lane.overlay or not (last.is_visible or take.lane.overlay.is_visible)
        end_ns = round(script.end_ms * NS_PER_MS)
        assert take.lane.overlay == overlay_at(script, end_ns)


@settings(max_examples=100, deadline=None)
@given(scripts(), st.randoms(use_true_random=False))
def test_late_and_shuffled_commands_still_end_in_order(script, random):
    """Commands that arrive late and out of order change nothing already written and never break
    the order of positions."""
    entries = script.arrivals()
    late = [
        (at + random.choice([0, 20, 300]) if kind == "command" else at, order, kind, value)
        for at, order, kind, value in entries
    ]
    take = Rehearsal(fps=script.fps)
    take.screen(0)
    take.start()
    for _, _, kind, value in sorted(late, key=lambda entry: entry[:2]):
        if kind == "command":
            count = len(take.written)
            before = list(take.written)
            take.apply(*value)
            assert take.written[:count] == before
        else:
            getattr(take, kind)(value)
    take.finish(script.end_ms)
    positions = [position_ns for position_ns, _ in take.written]
    assert all(b - a >= MIN_STEP_NS for a, b in pairwise(positions))
    assert take.lent == take.released
