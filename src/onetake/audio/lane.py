"""The audio lane: blocks and commands in, one gapless stream of mixed samples out.

    feed ──▶ Track (per source) ──render [a, b)──▶ Mixer ──▶ MixBlock
    apply ─▶ Timeline, Fader

The lane runs behind: in that time stamps, losses and commands sort themselves out. Half a second
does while every source delivers as foretold; as soon as one does not, the lane stays where it is
until it is two seconds behind. What is not mixed is lost with the process. Invariant: blocks follow
each other without gap from sample 0, whatever the sources do, and nothing waits for a source longer
than `BOUND_NS`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.audio.gain import RAMP
from onetake.audio.meter import LiveMeter
from onetake.audio.mixer import Mixer
from onetake.audio.track import Track
from onetake.model.commands import Pause, Resume, SetGain, SetMute, TimedCommand
from onetake.model.devices import Role
from onetake.model.events import Level, SourceState
from onetake.model.media import AudioBlock, StampKind
from onetake.model.report import SourceStatistics
from onetake.model.settings import Settings, Tracks
from onetake.model.units import NS_PER_MS, NS_PER_S, SAMPLE_RATE_HZ, ns_from_sample
from onetake.timeline.timeline import Timeline

__all__ = [
    "BOUND_NS",
    "CALM_LOOK_AHEAD_NS",
    "LOOK_AHEAD_NS",
    "QUANTUM",
    "AudioLane",
    "MixBlock",
]

QUANTUM = 960
"""Output comes in multiples of this many samples: 20 ms."""

BATCH = 3840
"""Least output of one go: 80 ms. Shorter costs time for nothing; longer than the tenth of a second
between two goes, and every second one finds too little."""

LONGEST_BLOCK = SAMPLE_RATE_HZ // 4
"""Most samples mixed in one go: what waits at the start and after a stall comes in several.
Longer takes memory for a moment (3 MB more for a whole second). Shorter than the tenth of a second
that comes while nothing is odd costs time for nothing."""

CALM_LOOK_AHEAD_NS = 500 * NS_PER_MS
"""How far the lane stays behind while nothing is odd: what a kill costs the sound. It covers the
0.45 s in which a loss that no single stamp shows is confirmed; less misses the bound for exact
stamps too (simulated)."""

LOOK_AHEAD_NS = 2 * NS_PER_S
"""How far it stays behind otherwise. It covers a 1.5 s stall and 0.4 s to confirm a loss; more buys
under 15 % of accuracy (simulated)."""

COMMAND_NS = 300 * NS_PER_MS
"""How late a command may reach the lane: two of its goes on a busy machine. Less: a mute with a
lead finds its samples mixed."""

LEAST_REST = SAMPLE_RATE_HZ * 45 // 100
"""Samples that `rest` is worth its while for. Fewer: it works while all is calm, for nothing. More:
a kill costs more than a second."""

BOUND_NS = 4 * NS_PER_S
"""How long the lane waits for a source that has stopped delivering."""

VAGUE_START_NS = 10 * NS_PER_S
"""How long the first output waits for a source whose stamps scatter so much that its place is not
known well. After 10 s of +-10 ms it is, to 0.35 ms (one sigma); after 5 s, to 0.5."""

PRE_START_NS = 8 * NS_PER_S
"""How much is kept before the take starts: sources may take 3 s to come up, and their clocks are
known the better for it."""


@dataclass(frozen=True, slots=True)
class MixBlock:
    """A run of finished output."""

    first_sample: int
    """Output sample the block begins with: where the one before ended."""

    tracks: tuple[NDArray[np.float32], ...]
    """float32, shape (n, 2) each, all of one length: the mix; with separate tracks, then the
    microphone and the system sound, unmuted and before gain."""

    levels: dict[Role, Level]
    """Levels of the sources in this block (10 ms later, to be exact: the limiter's delay)."""


class AudioLane:
    """See the module. Driven by one thread, with everything in one order."""

    def __init__(self, settings: Settings, stamp_kinds: Mapping[Role, StampKind]) -> None:
        raw_roles = (Role.MIC, Role.SYSTEM) if settings.tracks is Tracks.SEPARATE else ()
        self._offsets_ns = {
            Role.MIC: round((settings.mic_offset_ms or 0.0) * NS_PER_MS),
            Role.SYSTEM: round((settings.system_offset_ms or 0.0) * NS_PER_MS),
        }
        self._mute_lead_ns = round(settings.mute_lead_ms * NS_PER_MS)
        self._reach_ns = self._mute_lead_ns + ns_from_sample(RAMP) + COMMAND_NS
        self._calm_ns = min(max(CALM_LOOK_AHEAD_NS, self._reach_ns), LOOK_AHEAD_NS)
        self._mixer = Mixer(settings, raw_roles)
        self._tracks: dict[Role, Track] = {}
        self._meters: dict[Role, LiveMeter] = {}
        for role, kind in stamp_kinds.items():
            self._add(role, kind)
        self._timeline: Timeline | None = None
        self._ready = tuple(np.zeros((0, 2), np.float32) for _ in range(1 + len(raw_roles)))
        self._rendered = 0
        self._emitted = 0

    @property
    def position_ns(self) -> int:
        """Position up to which samples were given out."""
        return self._emitted * NS_PER_S // SAMPLE_RATE_HZ

    def feed(self, role: Role, block: AudioBlock) -> None:
        """Take a block in, before or after `start`. Blocks of one role come in their order."""
        track = self._tracks.get(role) or self._add(role, StampKind.CAPTURE)
        track.feed(block)
        self._meters[role].feed(block.samples, block.rate_hz)
        if self._timeline is None:
            track.trim(block.stamp_ns - PRE_START_NS)

    def start(self, t0_ns: int) -> None:
        """Let output sample 0 begin at host time `t0_ns`."""
        self._timeline = Timeline.starting_at(t0_ns)

    def apply(self, timed: TimedCommand) -> None:
        """Let a command take effect at the sample it was given; others than mute, gain, pause and
        resume are ignored. What was rendered already stays as it is."""
        timeline, host_ns = self._timeline, timed.host_ns
        match timed.command:
            case SetMute(role=role, is_muted=is_muted) if role in self._mixer.faders:
                lead_ns = self._mute_lead_ns if is_muted else 0
                sample, is_instant = self._place(host_ns - lead_ns)
                self._mixer.faders[role].mute(sample, is_muted=is_muted, is_instant=is_instant)
            case SetGain(role=role, gain_db=gain_db) if role in self._mixer.faders:
                sample, is_instant = self._place(host_ns)
                self._mixer.faders[role].set_gain(sample, gain_db, is_instant=is_instant)
            case Pause() if timeline is not None:
                self._timeline = timeline.pause(self._not_before_rendered(timeline, host_ns))
            case Resume() if timeline is not None:
                self._timeline = timeline.resume(host_ns)
            case _:
                pass

    def source_changed(
        self,
        role: Role,
        state: SourceState,
        host_ns: int,  # noqa: ARG002  the blocks' own stamps say it better
        stamp_kind: StampKind | None = None,
    ) -> None:
        """Learn how a source is doing. `LOST` and `ABSENT` end its run: the output no longer waits
        for it, and what comes afterwards is another device (of `stamp_kind`, told with `LIVE`)."""
        track = self._tracks.get(role)
        match state:
            case SourceState.LOST | SourceState.ABSENT:
                if track is not None:
                    track.end_run()
                    self._meters[role].silence()
            case SourceState.LIVE:
                if track is None:
                    self._add(role, stamp_kind or StampKind.CAPTURE)
                elif stamp_kind is not None:
                    track.kind = stamp_kind
            case _:
                pass

    def advance(self, now_ns: int) -> list[MixBlock]:
        """Return what can be given out at host time `now_ns`, in whole quanta; often nothing."""
        timeline = self._timeline
        if timeline is None:
            return []
        watermark_ns = self._watermark_ns(now_ns, timeline)
        if watermark_ns is None:
            return []
        due = timeline.sample_at(watermark_ns)
        is_pause_reached = timeline.is_paused and not timeline.contains(watermark_ns)
        if due - self._rendered < BATCH and not is_pause_reached:
            return []
        self._render_to(due, timeline)
        for track in self._tracks.values():
            track.trim(watermark_ns)
        return self._emit(QUANTUM)

    def finish(self, end_host_ns: int) -> list[MixBlock]:
        """Return the rest, up to the sample at which the take ends. The last call."""
        timeline = self._timeline
        if timeline is None:
            return []
        for track in self._tracks.values():
            track.finish(end_host_ns)
        self._render_to(timeline.sample_at(end_host_ns), timeline)
        self._hold([self._mixer.flush()])
        return self._emit(1)

    def rest(self, now_ns: int) -> tuple[NDArray[np.float32], ...] | None:
        """Return what would be given out next if the take ended a moment before `now_ns`, one
        array of float32, shape (n, 2), for each track; None = not enough to speak of. The lane
        stays as it is. Costs some 20 ms where two seconds are waiting."""
        timeline = self._timeline
        end_ns = now_ns - self._reach_ns
        if timeline is None or timeline.sample_at(end_ns) - self._emitted < LEAST_REST:
            return None
        memo: dict[int, object] = {}
        for track in self._tracks.values():
            memo |= track.histories()
        blocks = copy.deepcopy(self, memo).finish(end_ns)
        tracks = zip(*(block.tracks for block in blocks), strict=True)
        return tuple(np.concatenate(pieces) for pieces in tracks)

    def levels(self) -> dict[Role, Level]:
        """Return what the sources deliver right now, at the gains asked for right now: for the
        meters, which must not be as late as the file."""
        faders = self._mixer.faders
        return {role: meter.level(faders[role].now) for role, meter in self._meters.items()}

    def drift_ppm(self) -> dict[Role, float]:
        """Return by how much each device's clock runs fast, where that is known."""
        clocks = {role: track.clock for role, track in self._tracks.items()}
        return {role: clock.drift_ppm for role, clock in clocks.items() if clock is not None}

    def alignment_error_ms(self) -> dict[Role, float]:
        """Return the estimated error of the place where each source is put now."""
        return {role: track.alignment_error_s * 1e3 for role, track in self._tracks.items()}

    def statistics(self) -> dict[Role, SourceStatistics]:
        """Return what is known of the sources, for the report."""
        timeline = self._timeline or Timeline.starting_at(0)
        return {role: track.statistics(timeline) for role, track in self._tracks.items()}

    def _add(self, role: Role, kind: StampKind) -> Track:
        track = Track(kind, self._offsets_ns[role], may_hold=role is Role.SYSTEM)
        self._tracks[role] = track
        self._meters[role] = LiveMeter()
        return track

    def _place(self, host_ns: int) -> tuple[int, bool]:
        """Return the sample of a command and whether it needs no ramp: before the start and in a
        pause nothing is heard."""
        timeline = self._timeline
        if timeline is None:
            return 0, True
        return timeline.sample_at(host_ns), not timeline.contains(host_ns)

    def _not_before_rendered(self, timeline: Timeline, host_ns: int) -> int:
        if timeline.sample_at(host_ns) >= self._rendered:
            return host_ns
        return timeline.host_ns_of_sample(self._rendered)

    def _watermark_ns(self, now_ns: int, timeline: Timeline) -> int | None:
        """Return the host time up to which output is due; None = the start is not known well."""
        if self._rendered == 0 and self._is_start_open(now_ns, timeline.t0_ns):
            return None
        horizons_ns = [track.horizon_ns() for track in self._tracks.values()]
        due_ns = min(
            (horizon_ns for horizon_ns in horizons_ns if horizon_ns is not None),
            default=now_ns,
        )
        is_calm = all(track.is_calm for track in self._tracks.values())
        behind_ns = self._calm_ns if is_calm else LOOK_AHEAD_NS
        return max(min(due_ns, now_ns - behind_ns), now_ns - BOUND_NS)

    def _is_start_open(self, now_ns: int, t0_ns: int) -> bool:
        return any(
            track.is_vague_at(t0_ns)
            and track.first_stamp_ns is not None
            and now_ns - track.first_stamp_ns < VAGUE_START_NS
            for track in self._tracks.values()
        )

    def _render_to(self, end: int, timeline: Timeline) -> None:
        pieces = []
        while self._rendered < end:
            until = min(end, self._rendered + LONGEST_BLOCK)
            first, self._rendered = self._rendered, until
            sources = {
                role: track.render(first, until, timeline) for role, track in self._tracks.items()
            }
            pieces.append(self._mixer.mix(first, until - first, sources))
        self._hold(pieces)

    def _hold(self, pieces: Sequence[tuple[NDArray[np.float32], ...]]) -> None:
        """Keep mixed pieces, all in one go: what waits may be seconds."""
        tracks = zip(self._ready, *pieces, strict=True)
        self._ready = tuple(np.concatenate(parts) for parts in tracks)

    def _emit(self, multiple: int) -> list[MixBlock]:
        """Give out what is ready, in a multiple of this many samples."""
        count = len(self._ready[0]) // multiple * multiple
        blocks = []
        for begin in range(0, count, LONGEST_BLOCK):
            end = min(begin + LONGEST_BLOCK, count)
            tracks = tuple(track[begin:end] for track in self._ready)
            blocks.append(MixBlock(self._emitted, tracks, self._mixer.levels))
            self._emitted += end - begin
        self._ready = tuple(track[count:] for track in self._ready)
        return blocks
