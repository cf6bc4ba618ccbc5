"""A source that another one stands in for, where the first cannot be had or has died for good.

Invariant: a source object is opened once; what takes over in mid-take is the engine's next one on
the same device, so the timeline shows a short hole, never a shift.
"""

from __future__ import annotations

from threading import Event

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device
from onetake.model.media import StampKind
from onetake.platforms.contract import Sink, Source

__all__ = ["SecondChoice"]


class SecondChoice:
    """`first`, or `second` instead.

    Args:
        first: the way that is preferred.
        second: the way that takes over, on the same device.
        spent: ids of devices whose first way has died for good; shared by a platform's sources.
        deadly: the code of the error with which the first way dies for good.
        notice: what the user is told when the second way runs: (code, message, the usual reason).
    """

    def __init__(
        self,
        first: Source,
        second: Source,
        *,
        spent: set[str],
        deadly: str,
        notice: tuple[str, str, str],
    ) -> None:
        self._first, self._second = first, second
        self._active = first
        self._spent = spent
        self._deadly = deadly
        self._notice = notice

    @property
    def device(self) -> Device:
        """The device."""
        return self._active.device

    @property
    def stamp_kind(self) -> StampKind:
        """What the stamps mean."""
        return self._active.stamp_kind

    def open(self) -> None:
        """Open the first way, or else the second. Raises PermissionDenied, DeviceUnavailable."""
        if self.device.id not in self._spent:
            try:
                self._first.open()
            except DeviceUnavailable as error:
                if error.code == "device-gone":
                    raise
                self._notice = (*self._notice[:2], error.message)
            else:
                return
        self._active = self._second
        self._second.open()

    def size_px(self) -> tuple[int, int]:
        """Return the size of the pictures; (0, 0) for sound."""
        return self._active.size_px()

    def run(self, sink: Sink, stop: Event) -> None:
        """Deliver until `stop`. Raises DeviceUnavailable when the device goes away, or the first
        way dies: the next source on the device takes the second."""
        if self._active is self._second:
            code, message, reason = self._notice
            sink.warn(code, f"{message}: {reason}")
        try:
            self._active.run(sink, stop)
        except DeviceUnavailable as error:
            if error.code == self._deadly:
                self._spent.add(self.device.id)
            raise

    def close(self) -> None:
        """Let the device go."""
        self._first.close()
        self._second.close()
