"""Several sources, one stereo sound: gain, sum, limiter.

Invariant: the mix is the plain float32 sum of the faded sources in mixing order, and the limiter
does not touch it below the ceiling: without the microphone's part it is the system's part, bit for
bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from onetake.audio.gain import Fader
from onetake.audio.limiter import Limiter
from onetake.audio.meter import level_of
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.events import Level
from onetake.model.settings import Settings

__all__ = ["Mixer"]


class Mixer:
    """Mixes consecutive ranges. One thread.

    Output lags input by the limiter's delay; raw tracks are held back by as much, so that all
    tracks of one call belong together.

    Args:
        settings: gains and mutes to begin with.
        raw_roles: which sources to return untouched beside the mix, in this order.
    """

    def __init__(self, settings: Settings, raw_roles: Sequence[Role]) -> None:
        self.faders = {
            Role.SYSTEM: Fader(settings.system_gain_db, is_muted=settings.is_system_muted),
            Role.MIC: Fader(settings.mic_gain_db, is_muted=settings.is_mic_muted),
        }
        self.levels: dict[Role, Level] = {}
        """Levels of the range last mixed."""
        self._limiter = Limiter()
        self._raw_roles = tuple(raw_roles)
        self._raw_waiting = [np.zeros((0, 2), np.float32) for _ in self._raw_roles]

    @property
    def most_reduction(self) -> float:
        """Smallest gain the limiter ever applied; 1.0 = it never had to."""
        return self._limiter.most_reduction

    def mix(
        self, first: int, count: int, sources: Mapping[Role, NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], ...]:
        """Mix `count` samples from `first` on; return (mix, *raw tracks), as many samples of each
        as are through the limiter. `sources`: float32, shape (count, 2), not changed."""
        total: NDArray[np.float32] | None = None
        self.levels = {}
        for role in AUDIO_ROLES:
            if role not in sources:
                continue
            heard = self.faders[role].apply(first, sources[role])
            self.levels[role] = level_of(sources[role], heard)
            total = heard if total is None else total + heard
        silence = np.zeros((count, 2), np.float32)
        mixed = self._limiter.process(silence if total is None else total)
        raw = [sources.get(role, silence) for role in self._raw_roles]
        return (mixed, *self._delayed(raw, len(mixed)))

    def flush(self) -> tuple[NDArray[np.float32], ...]:
        """Return what is still inside."""
        mixed = self._limiter.flush()
        nothing = [np.zeros((0, 2), np.float32)] * len(self._raw_roles)
        return (mixed, *self._delayed(nothing, len(mixed)))

    def _delayed(self, raw: Sequence[NDArray[np.float32]], count: int) -> list[NDArray[np.float32]]:
        through = []
        for index, samples in enumerate(raw):
            waiting = np.concatenate((self._raw_waiting[index], samples))
            through.append(waiting[:count])
            self._raw_waiting[index] = waiting[count:]
        return through
