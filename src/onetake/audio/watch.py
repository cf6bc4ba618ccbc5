"""Signs that a source is recorded but wrong: digital silence and clipping. Pure.

A room is never digitally silent; a run of exact zeros is a muted switch, a closed lid, a missing
permission or a dead cable, and the user has to hear of it while there is something to save.
"""

from __future__ import annotations

from dataclasses import dataclass

from onetake.model.devices import Role
from onetake.model.events import Warned
from onetake.model.units import NS_PER_S

__all__ = ["CLIP_PEAK", "SILENCE_NS", "SoundWatch"]

SILENCE_NS = 3 * NS_PER_S
"""How long exact zeros last before they are a warning. Shorter warns of drivers that start with
zeros; longer lets a sentence go by."""

CLIP_PEAK = 0.9999
"""A sample at full scale or above is clipped at the converter: no gain can mend it later."""

CLIP_BLOCKS = 5
"""Clipped blocks within `CLIP_NS` that make a warning: one loud click is none."""

CLIP_NS = 2 * NS_PER_S
"""See `CLIP_BLOCKS`."""

AGAIN_NS = 30 * NS_PER_S
"""Least time between two warnings of the same kind; more often is noise nobody reads."""


@dataclass(slots=True)
class _Ear:
    """What was heard of one source."""

    silent_since_ns: int | None = None
    is_silence_told: bool = False
    clipped_ns: tuple[int, ...] = ()
    clip_told_ns: int | None = None


class SoundWatch:
    """Told of every block; one thread."""

    def __init__(self) -> None:
        self._ears = {role: _Ear() for role in (Role.MIC, Role.SYSTEM)}

    def heard(self, role: Role, host_ns: int, peak: float, *, is_muted: bool) -> list[Warned]:
        """Take a block's peak (before gain) in and return what it gives reason to say.

        System sound is silent whenever nothing plays, so only the microphone's silence is wrong.
        """
        ear = self._ears[role]
        warnings = self._clipping(role, ear, host_ns, peak)
        if role is Role.MIC:
            warnings += self._silence(ear, host_ns, peak, is_muted=is_muted)
        return warnings

    def _silence(self, ear: _Ear, host_ns: int, peak: float, *, is_muted: bool) -> list[Warned]:
        if peak > 0.0 or is_muted:
            ear.silent_since_ns = None
            ear.is_silence_told = False
            return []
        if ear.silent_since_ns is None:
            ear.silent_since_ns = host_ns
        if ear.is_silence_told or host_ns - ear.silent_since_ns < SILENCE_NS:
            return []
        ear.is_silence_told = True
        return [
            Warned(
                "mic-digital-silence",
                "the microphone delivers nothing but zeros",
                "check its switch, the closed lid, or whether this program may use it",
            )
        ]

    def _clipping(self, role: Role, ear: _Ear, host_ns: int, peak: float) -> list[Warned]:
        if peak < CLIP_PEAK:
            return []
        recent = tuple(t for t in (*ear.clipped_ns, host_ns) if host_ns - t < CLIP_NS)
        ear.clipped_ns = recent
        is_told = ear.clip_told_ns is not None and host_ns - ear.clip_told_ns < AGAIN_NS
        if len(recent) < CLIP_BLOCKS or is_told:
            return []
        ear.clip_told_ns = host_ns
        return [
            Warned(
                f"{role}-clipping",
                f"{role} is too loud and clips",
                "turn its level down in the system's settings; a gain here comes too late",
            )
        ]
