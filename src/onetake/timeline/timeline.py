"""Where a host time lies in the file: t0, pauses, and the way back.

    host      ──t0────────p1╌╌╌╌╌╌╌r1────────p2╌╌╌╌r2───────▶
    position    0─────────P1│P1──────────────P2│P2──────────▶

Invariant: a position is host time - t0 - the pauses before it, in integer ns; nothing is ever
accumulated from durations, so the 50th pause is as exact as the first. A `Timeline` is a value:
each lane holds its own and applies the same commands to it, so no lock is needed and all sources
share one boundary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from onetake.model.units import first_sample_at_or_after, ns_from_sample

__all__ = ["Span", "Timeline"]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of host time that is in the file, without a pause inside."""

    start_host_ns: int
    end_host_ns: int | None
    """First instant that is no longer in it; None = still going on."""
    start_position_ns: int

    @property
    def end_position_ns(self) -> int | None:
        """Position at which the span ends; None = still going on."""
        if self.end_host_ns is None:
            return None
        return self.start_position_ns + self.end_host_ns - self.start_host_ns


@dataclass(frozen=True, slots=True)
class Timeline:
    """The map between host time and position. Immutable; `pause` and `resume` return a new one."""

    spans: tuple[Span, ...]

    @classmethod
    def starting_at(cls, t0_ns: int) -> Timeline:
        """Return the timeline whose position 0 is host time `t0_ns`."""
        return cls((Span(t0_ns, None, 0),))

    @property
    def t0_ns(self) -> int:
        """Host time of position 0."""
        return self.spans[0].start_host_ns

    @property
    def is_paused(self) -> bool:
        """Whether the timeline stands still now."""
        return self.spans[-1].end_host_ns is not None

    def pause(self, host_ns: int) -> Timeline:
        """Return the timeline that stands still from `host_ns` on; unchanged if it does already.

        A pause given before the current span began (clock of an eager caller) begins with it.
        """
        last = self.spans[-1]
        if last.end_host_ns is not None:
            return self
        ended = replace(last, end_host_ns=max(host_ns, last.start_host_ns))
        return Timeline((*self.spans[:-1], ended))

    def resume(self, host_ns: int) -> Timeline:
        """Return the timeline that goes on at `host_ns`; unchanged if it is not paused."""
        last = self.spans[-1]
        if last.end_host_ns is None or last.end_position_ns is None:
            return self
        going_on = Span(max(host_ns, last.end_host_ns), None, last.end_position_ns)
        return Timeline((*self.spans, going_on))

    def position_ns(self, host_ns: int) -> int:
        """Return the position of `host_ns`: negative before t0, and during a pause the position at
        which it stands still."""
        for span in reversed(self.spans):
            if host_ns >= span.start_host_ns:
                position_ns = span.start_position_ns + host_ns - span.start_host_ns
                end_ns = span.end_position_ns
                return position_ns if end_ns is None else min(position_ns, end_ns)
        return host_ns - self.t0_ns

    def contains(self, host_ns: int) -> bool:
        """Whether what happened at `host_ns` is in the file: after t0 and not in a pause."""
        return any(
            span.start_host_ns <= host_ns
            and (span.end_host_ns is None or host_ns < span.end_host_ns)
            for span in self.spans
        )

    def host_ns(self, position_ns: int) -> int:
        """Return the host time of `position_ns`; at a boundary, the first instant after it."""
        for span in reversed(self.spans):
            if position_ns >= span.start_position_ns:
                return span.start_host_ns + position_ns - span.start_position_ns
        return self.t0_ns + position_ns

    def sample_spans(self, first_sample: int, end_sample: int) -> list[tuple[int, int, Span]]:
        """Split output samples [first_sample, end_sample) at the pauses.

        Returns (first, end, span) runs in order; sample n of a run was heard at host time
        `span.start_host_ns + n/48000 s - span.start_position_ns`. A sample belongs to the span
        that contains its own beginning. Samples before 0 or past a standing pause are not listed.
        """
        runs = []
        for span in self.spans:
            first = max(first_sample, first_sample_at_or_after(span.start_position_ns), 0)
            end_ns = span.end_position_ns
            end = (
                end_sample if end_ns is None else min(end_sample, first_sample_at_or_after(end_ns))
            )
            if first < end:
                runs.append((first, end, span))
        return runs

    def sample_at(self, host_ns: int) -> int:
        """Return the first output sample that does not begin before `host_ns`; 0 before t0."""
        return first_sample_at_or_after(max(0, self.position_ns(host_ns)))

    def host_ns_of_sample(self, sample: int) -> int:
        """Return the host time at which output sample `sample` begins, to 1 ns."""
        return self.host_ns(ns_from_sample(sample))
