"""Plays a device script in real time: waits until each delivery is due and hands it over.

Invariant: stamps come from the script alone; how late this machine is shows only in `arrival_ns`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.model.devices import Device
from onetake.model.media import Frame, StampKind
from onetake.model.units import NS_PER_MS, NS_PER_S
from onetake.platforms.synthetic.script import Spell

if TYPE_CHECKING:
    from onetake.clock import Clock
    from onetake.platforms.contract import Sink
    from onetake.platforms.synthetic.script import DeviceScript

__all__ = ["SyntheticSource"]

_LATE_NS = 100 * NS_PER_MS
"""A picture this overdue is not drawn any more. Less = a busy moment already costs frames; more =
a stalled machine works through pictures nobody needs."""


class SyntheticSource:
    """A `Source`. `times_of(now)` tells when the device was first opened and the pattern's epoch.

    The first opening is remembered by the platform, because a device that comes back is opened
    anew, by another source.
    """

    def __init__(
        self,
        device: Device,
        script: DeviceScript,
        clock: Clock,
        times_of: Callable[[int], tuple[int, int]],
    ) -> None:
        self._device = device
        self._script = script
        self._clock = clock
        self._times_of = times_of
        self._opened_ns = self._epoch_ns = 0
        self._spell: Spell | None = None

    @property
    def device(self) -> Device:
        """The device this plays."""
        return self._device

    @property
    def stamp_kind(self) -> StampKind:
        """What the stamps of its sound mean."""
        return self._script.stamp_kind

    def open(self) -> None:
        """Begin, or fail as the id says. Raises DeviceUnavailable or PermissionDenied."""
        refuse = self._script.options.refuse
        name = self._device.name
        if refuse == "permission":
            raise PermissionDenied(f"{name} may not be used", hint="its id says refuse=permission")
        if refuse == "device":
            raise DeviceUnavailable(f"{name} is not there", hint="its id says refuse=device")
        if self._script.role.value == "screen" and self.size_px() == (0, 0):
            raise DeviceUnavailable(
                "the region lies outside the synthetic screen",
                hint="choose a region inside its size, at least 2x2 pixels",
            )
        now_ns = self._clock.now_ns()
        self._opened_ns, self._epoch_ns = self._times_of(now_ns)
        self._spell = self._spell_at(now_ns)

    def size_px(self) -> tuple[int, int]:
        """Return (width, height) of its pictures; (0, 0) for sound."""
        return self._script.size_px()

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver until `stop` is set. Raises DeviceUnavailable when the script says so."""
        if self._spell is None:
            stop.wait()
            return
        start_ns = max(self._spell.start_ns, self._clock.now_ns())
        deliveries = self._script.deliver(
            Spell(start_ns, self._spell.end_ns),
            opened_ns=self._opened_ns,
            epoch_ns=self._epoch_ns,
            is_late=self._is_late,
        )
        for delivery_ns, item in deliveries:
            if self._wait(delivery_ns, stop):
                if isinstance(item, Frame):
                    item.release()
                return
            if isinstance(item, Frame):
                sink.frame(item)
            else:
                sink.audio(replace(item, arrival_ns=self._clock.now_ns()))
        if self._spell.end_ns is None:
            stop.wait()
        elif not self._wait(self._spell.end_ns, stop):
            raise self._gone()

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _spell_at(self, now_ns: int) -> Spell | None:
        """Return the spell that `now_ns` lies in or before; None = it never delivers."""
        spells = self._script.spells(self._opened_ns)
        for number, spell in enumerate(spells):
            if number > 0 and now_ns < spell.start_ns:
                break
            if spell.end_ns is None or now_ns < spell.end_ns:
                return spell
        if spells:
            raise self._gone()
        return None

    def _gone(self) -> DeviceUnavailable:
        return DeviceUnavailable(
            f"{self._device.name} went away", hint="its id says so (lost_at_s, back_at_s)"
        )

    def _is_late(self, delivery_ns: int) -> bool:
        return self._clock.now_ns() > delivery_ns + _LATE_NS

    def _wait(self, until_ns: int, stop: Event) -> bool:
        """Wait until `until_ns`; return whether `stop` was set before or then."""
        wait_ns = until_ns - self._clock.now_ns()
        return stop.wait(wait_ns / NS_PER_S) if wait_ns > 0 else stop.is_set()
