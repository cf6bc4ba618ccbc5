"""Takes that were killed: what is left of them, before and after a repair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
from tests.faults.rig import Rig, recorder

from onetake.proof.repair import repair

__all__ = ["Killed", "kill_once", "kill_real_once", "measure_killed", "playable_s"]


@dataclass
class Killed:
    """What was left of a killed take."""

    reached_s: float
    picture_s: float
    sound_s: float
    repaired_s: float
    troubles: list[str]

    @property
    def lost_picture_s(self) -> float:
        """Picture that was recorded and is not there."""
        return self.reached_s - self.picture_s

    @property
    def lost_sound_s(self) -> float:
        """Sound that was recorded and is not there."""
        return self.reached_s - self.sound_s


def kill_once(path: Path, after_s: float, words: list[str], env: dict[str, str]) -> Killed:
    """Record, kill -9 at a position, and look at what is there, before and after a repair."""
    with recorder(path, ["record", str(path), "--json", *words], env) as take:
        take.wait_position(after_s)
        reached_s = take.position_s
        take.process.kill()
        take.process.wait()
    return measure_killed(path, reached_s)


def kill_real_once(rig: Rig, path: Path, after_s: float) -> Killed:
    """The same of the rig's screen, sound and microphone."""
    with rig.recording(path) as take:
        take.wait_position(after_s)
        reached_s = take.position_s
        take.process.kill()
        take.process.wait()
    return measure_killed(path, reached_s)


def measure_killed(path: Path, reached_s: float) -> Killed:
    """Look at what is left of a take that reached a position, before and after a repair."""
    troubles: list[str] = []
    picture_s, sound_s = playable_s(path)
    mended = repair(path)
    if mended.report is None:
        troubles.append("no report was made from the journal")
    both = playable_s(mended.path)
    if min(both) + 0.1 < min(picture_s, sound_s):
        troubles.append(f"the repair lost something: {both} of {picture_s, sound_s}")
    return Killed(reached_s, picture_s, sound_s, max(both), troubles)


def playable_s(path: Path) -> tuple[float, float]:
    """Return how much picture and sound can be decoded, in s."""
    with av.open(str(path)) as container:
        # Before the first sound is mixed there may be no track of it.
        ends = {"video": 0.0, "audio": 0.0}
        for packet in container.demux(*container.streams.video, *container.streams.audio):
            for frame in packet.decode():
                length_s = getattr(frame, "samples", 0) / 48_000
                ends[packet.stream.type] = float(frame.time or 0.0) + length_s
    return ends["video"], ends["audio"]
