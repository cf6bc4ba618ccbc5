"""A synthetic device as a script: everything it will deliver, and when, as a pure generator.

Invariant: nothing here reads a clock. The same id, started at the same time, yields the same
deliveries, whether a source plays them in real time or a test plays them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from onetake.model.devices import Role
from onetake.model.events import SourceState
from onetake.model.media import AudioBlock, Frame, StampKind
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S
from onetake.platforms.contract import region_within
from onetake.platforms.synthetic.camera import camera_frames
from onetake.platforms.synthetic.options import parse_id
from onetake.platforms.synthetic.screen import ScreenPainter, screen_frames
from onetake.platforms.synthetic.sound import sound_blocks

__all__ = ["Delivery", "DeviceScript", "Item", "Spell", "never_late"]

Item = Frame | AudioBlock | SourceState
"""What a script delivers: a picture, sound, or (LOST) word that the device went away."""

Delivery = tuple[int, Item]
"""Host time at which an item reaches us, in ns, and the item. Times never go back."""


def never_late(delivery_ns: int) -> bool:
    """Say that there is time for everything, as on a virtual clock."""
    del delivery_ns
    return False


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of host time in which the device is there; `end_ns` None = for good."""

    start_ns: int
    end_ns: int | None


class DeviceScript:
    """What the device `device_id` does once it has been opened.

    Args:
        device_id: a full synthetic id. Raises DeviceUnavailable when it names none.
        settings: give the screen its region, its frame rate and its pointer.
    """

    def __init__(self, device_id: str, settings: Settings) -> None:
        self.device_id = device_id
        self.role, self.options = parse_id(device_id)
        self._settings = settings

    @property
    def stamp_kind(self) -> StampKind:
        """What the stamps of its sound mean."""
        return StampKind(self.options.stamps)

    def size_px(self) -> tuple[int, int]:
        """Return (width, height) of its pictures, (0, 0) for sound or an empty region."""
        if self.role not in {Role.SCREEN, Role.CAMERA}:
            return 0, 0
        width_px, height_px = self.options.size_px(self.role)
        if self.role is Role.CAMERA:
            return width_px, height_px
        region = region_within(self._settings.region, width_px, height_px)
        return (0, 0) if region is None else (region.width_px, region.height_px)

    def spells(self, opened_ns: int) -> list[Spell]:
        """Return when the device is there, if it was first opened at `opened_ns`."""
        options = self.options
        if options.never:
            return []
        first_ns = opened_ns + round(options.delay_s * NS_PER_S)
        if options.lost_at_s is None:
            return [Spell(first_ns, None)]
        spells = [Spell(first_ns, opened_ns + round(options.lost_at_s * NS_PER_S))]
        if options.back_at_s is not None:
            spells.append(Spell(opened_ns + round(options.back_at_s * NS_PER_S), None))
        return spells

    def play(self, opened_ns: int, *, epoch_ns: int | None = None) -> Iterator[Delivery]:
        """Yield everything from the first opening on, and LOST where the device goes away; what
        follows comes from a device that is back. Ends when it is gone for good.

        `epoch_ns` is the host time of position 0 of the pattern, shared by all devices of a take;
        None = the whole second at or before `opened_ns`.
        """
        if epoch_ns is None:
            epoch_ns = opened_ns - opened_ns % NS_PER_S
        for spell in self.spells(opened_ns):
            yield from self.deliver(spell, opened_ns=opened_ns, epoch_ns=epoch_ns)
            if spell.end_ns is not None:
                yield spell.end_ns, SourceState.LOST

    def deliver(
        self,
        spell: Spell,
        *,
        opened_ns: int,
        epoch_ns: int,
        is_late: Callable[[int], bool] = never_late,
    ) -> Iterator[tuple[int, Frame | AudioBlock]]:
        """Yield the deliveries of one spell, in order; ends with the spell."""
        for delivery_ns, item in self._content(spell.start_ns, opened_ns, epoch_ns, is_late):
            if spell.end_ns is not None and delivery_ns >= spell.end_ns:
                if isinstance(item, Frame):
                    item.release()
                return
            yield delivery_ns, item

    def _content(
        self, start_ns: int, opened_ns: int, epoch_ns: int, is_late: Callable[[int], bool]
    ) -> Iterator[tuple[int, Frame]] | Iterator[tuple[int, AudioBlock]]:
        """Return the endless content of a device that starts at `start_ns`."""
        options, settings = self.options, self._settings
        if self.role is Role.CAMERA:
            return camera_frames(
                options, size_px=self.size_px(), start_ns=start_ns, is_late=is_late
            )
        if self.role is not Role.SCREEN:
            return sound_blocks(self.role, options, epoch_ns=epoch_ns, start_ns=start_ns)
        painter = ScreenPainter(
            options.size_px(Role.SCREEN),
            seed=options.seed,
            has_events=options.has_events,
            has_cursor=settings.has_cursor,
            region=settings.region,
        )
        return screen_frames(
            options,
            painter,
            fps=min(options.fps, settings.fps),
            epoch_ns=epoch_ns,
            opened_ns=opened_ns,
            start_ns=start_ns,
            is_late=is_late,
        )
