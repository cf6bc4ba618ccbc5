"""Looks at everything a take needs before there is one: devices, encoder, folder, disk.

Nothing is assumed from names and lists: each device is opened and has to deliver, the encoder has
to encode. It writes no file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from onetake.clock import Clock
from onetake.engine.plan import WANTED, Plan, make_plan
from onetake.errors import DeviceUnavailable, OnetakeError
from onetake.model.devices import AUDIO_ROLES, Role
from onetake.model.findings import Finding, FindingId, Status
from onetake.model.media import AudioBlock, Frame
from onetake.model.settings import Settings
from onetake.platforms.contract import Platform, Source

__all__ = ["LISTEN_S", "look_at_devices", "look_at_encoder", "look_for_devices"]

LISTEN_S = 1.5
"""How long each device is listened to, all at once. Shorter misses cameras that warm up; longer
keeps a person waiting."""

OPEN_S = 4.0
"""How long opening may take: the contract's 3 s and a little."""

TRIAL_FRAMES = 30
"""Pictures the encoder has to encode. Fewer measure its start, more take seconds at 4K."""

HEADROOM = 1.5
"""How much faster than real time the encoder must be alone. The rest of a frame's work costs about
a third of the encoding, and another program wants to run too."""

IDS = {
    Role.SCREEN: FindingId.SCREEN,
    Role.SYSTEM: FindingId.SYSTEM_AUDIO,
    Role.MIC: FindingId.MICROPHONE,
    Role.CAMERA: FindingId.CAMERA,
}


_NOBODY = {"screen": "synthetic", "system_audio": "none", "mic": "none", "camera": "none"}
"""Wishes that every machine can fulfil."""


class _Ear:
    """A sink that counts."""

    def __init__(self) -> None:
        self.frames = 0
        self.blocks = 0
        self.peak = 0.0

    def frame(self, frame: Frame) -> None:
        """Count a picture."""
        self.frames += 1
        frame.release()

    def audio(self, block: AudioBlock) -> None:
        """Count a block and keep the highest sample."""
        self.blocks += 1
        self.peak = max(self.peak, float(np.abs(block.samples).max(initial=0.0)))

    def warn(self, code: str, message: str, hint: str = "") -> None:
        """Warnings of a device come again in the take."""


class _Trial:
    """One device, tried on a thread of its own."""

    def __init__(self, role: Role, source: Source) -> None:
        self.role = role
        self._source = source
        self._ear = _Ear()
        self._error: OnetakeError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"trial-{role}", daemon=True)

    def start(self) -> None:
        """Open and listen."""
        self._thread.start()

    def finding(self, until_s: float) -> Finding:
        """Wait until `until_s` (monotonic) and say what was found."""
        self._thread.join(max(0.0, until_s - time.monotonic()))
        self._stop.set()
        self._thread.join(1.0)
        name = self._source.device.name or self._source.device.id
        if self._error is not None:
            return Finding(IDS[self.role], Status.FAIL, self._error.message, self._error.hint)
        if self.role in AUDIO_ROLES:
            return self._sound(name)
        if self._ear.frames:
            return Finding(IDS[self.role], Status.OK, f"{name} delivers")
        return Finding(
            IDS[self.role],
            Status.WARN if self.role is Role.CAMERA else Status.FAIL,
            f"{name} opened but delivered no picture",
            "check that nothing else uses it, or choose another one",
        )

    def _sound(self, name: str) -> Finding:
        if not self._ear.blocks:
            return Finding(
                IDS[self.role],
                Status.WARN,
                f"{name} opened but delivered no sound",
                "check its connection, or choose another one",
            )
        if self.role is Role.MIC and self._ear.peak == 0.0:
            return Finding(
                IDS[self.role],
                Status.WARN,
                f"{name} delivers nothing but zeros",
                "check its switch, the closed lid, or whether this program may use it",
            )
        level_db = 20 * np.log10(self._ear.peak) if self._ear.peak else -np.inf
        heard = "silence" if np.isinf(level_db) else f"{level_db:.0f} dBFS at most"
        return Finding(IDS[self.role], Status.OK, f"{name} delivers ({heard})")

    def _run(self) -> None:
        try:
            self._source.open()
            timer = threading.Timer(LISTEN_S, self._stop.set)
            timer.daemon = True
            timer.start()
            self._source.run(self._ear, self._stop)
        except OnetakeError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  top of a thread: a finding, not a crash
            self._error = OnetakeError(f"{type(error).__name__}: {error}")
        finally:
            self._source.close()


def look_for_devices(
    settings: Settings, platforms: Sequence[Platform]
) -> tuple[Settings, list[Finding]]:
    """Say of each device that cannot be found why, under its own name, and return settings that do
    without it (a made-up screen, since no take has none), so that the others can be tried."""
    findings = []
    for role, field in WANTED.items():
        alone = msgspec.structs.replace(settings, **{**_NOBODY, field: getattr(settings, field)})
        try:
            make_plan(alone, platforms)
        except DeviceUnavailable as error:
            findings.append(Finding(IDS[role], Status.FAIL, error.message, error.hint))
            settings = msgspec.structs.replace(settings, **{field: _NOBODY[field]})
    return settings, findings


def look_at_devices(plan: Plan, clock: Clock) -> list[Finding]:
    """Open every device of the plan at once, listen, and say how each is."""
    trials: list[_Trial] = []
    findings: list[Finding] = []
    for role, device_id in plan.devices.items():
        try:
            trials.append(_Trial(role, plan.source(role, device_id, clock)))
        except OnetakeError as error:
            findings.append(Finding(IDS[role], Status.FAIL, error.message, error.hint))
    for trial in trials:
        trial.start()
    until_s = time.monotonic() + OPEN_S + LISTEN_S
    findings += [trial.finding(until_s) for trial in trials]
    findings += [
        Finding(IDS[role], Status.SKIPPED, "not asked for")
        for role in Role
        if role not in plan.devices
    ]
    return sorted(findings, key=lambda finding: list(FindingId).index(finding.id))


def look_at_encoder(plan: Plan, size_px: tuple[int, int], folder: Path) -> list[Finding]:
    """Encode a moment of moving picture into nothing and say whether it is fast enough."""
    import tempfile

    import av

    told: list[str] = []
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        path = str(Path(scratch) / "trial.mp4")
        try:
            writer = plan.writer(path, size_px, lambda _code, message, _hint: told.append(message))
            writer.start()
            pictures = _moving_pictures(size_px)
            began_s = time.process_time()
            for number in range(TRIAL_FRAMES):
                picture = pictures[number % len(pictures)]
                writer.write_video(number * 1_000_000_000 // plan.settings.fps, picture)
            spent_s = max(1e-6, time.process_time() - began_s)
            writer.write_audio(_silence(plan, TRIAL_FRAMES))
            writer.finish(TRIAL_FRAMES * 1_000_000_000 // plan.settings.fps)
        except (OnetakeError, av.FFmpegError) as error:
            message = error.message if isinstance(error, OnetakeError) else str(error)
            return [Finding(FindingId.ENCODER, Status.FAIL, message, "choose another --codec")]
    name = str(getattr(writer, "encoder", "the system's encoder"))
    speed = TRIAL_FRAMES / spent_s
    text = f"{name} encodes {speed:.0f} pictures of {size_px[0]}x{size_px[1]} a second of CPU"
    if speed < HEADROOM * plan.settings.fps:
        remedy = "choose --quality small, a lower --fps or a smaller --region"
        return [Finding(FindingId.ENCODER, Status.WARN, text, remedy)]
    return [Finding(FindingId.ENCODER, Status.OK, "; ".join([text, *told]))]


def _moving_pictures(size_px: tuple[int, int]) -> Sequence[object]:
    """Return a few NV12 pictures that differ everywhere: the worst a screen does."""
    import av

    noise = np.random.default_rng(1)
    pictures = []
    for _ in range(4):
        picture = av.VideoFrame(*size_px, "nv12")
        for plane in picture.planes:
            bytes_of = np.frombuffer(memoryview(plane), np.uint8)
            small = noise.integers(16, 235, (len(bytes_of) + 63) // 64, dtype=np.uint8)
            bytes_of[:] = np.repeat(small, 64)[: len(bytes_of)]
        pictures.append(picture)
    return pictures


def _silence(plan: Plan, frames: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    from onetake.model.settings import Tracks

    count = 3 if plan.settings.tracks is Tracks.SEPARATE else 1
    samples = frames * 48_000 // plan.settings.fps
    return [np.zeros((samples, 2), np.float32) for _ in range(count)]
