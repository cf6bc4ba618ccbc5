"""The simulated Mac: what is connected, what happens on it, and what went wrong in the back-end."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.platforms.macos.fake.runtime import Pools, make_objc

NS_PER_S = 1_000_000_000


@dataclass
class DisplaySpec:
    """A display."""

    number: int = 1
    width_pt: int = 160
    height_pt: int = 90
    scale: float = 2.0
    is_asleep: bool = False


@dataclass
class WindowSpec:
    """A window."""

    number: int
    title: str
    app: str
    x_pt: int = 10
    y_pt: int = 10
    width_pt: int = 120
    height_pt: int = 80
    layer: int = 0


@dataclass
class AppSpec:
    """A running application."""

    bundle_id: str
    name: str
    pid: int


@dataclass
class CameraSpec:
    """A camera."""

    uid: str = "CAM-1"
    name: str = "FaceTime HD Camera"
    width_px: int = 128
    height_px: int = 72
    fps: float = 30.0


@dataclass
class MicSpec:
    """A microphone."""

    uid: str = "MIC-1"
    name: str = "MacBook Microphone"
    hal_id: int = 87
    rate_hz: int = 48_000
    channels: int = 1
    latency_s: float = 0.008
    drift_ppm: float = 0.0


@dataclass
class Event:
    """A flash on screen and camera, and a beep in system sound and microphone, at one host time."""

    start_ns: int
    end_ns: int


@dataclass
class Mac:
    """A Mac. Fields may be changed while something records, from any thread."""

    version: tuple[int, ...] = (14, 4)
    displays: list[DisplaySpec] = field(default_factory=lambda: [DisplaySpec()])
    windows: list[WindowSpec] = field(default_factory=list)
    apps: list[AppSpec] = field(default_factory=list)
    cameras: list[CameraSpec] = field(default_factory=lambda: [CameraSpec()])
    mics: list[MicSpec] = field(default_factory=lambda: [MicSpec()])
    default_mic: str = "MIC-1"

    has_screen_grant: bool = True
    has_preflight: bool | None = None
    """What CGPreflightScreenCaptureAccess says; None = the truth."""
    media_status: dict[str, int] = field(
        default_factory=lambda: {"AVMediaTypeVideo": 3, "AVMediaTypeAudio": 3}
    )
    answer_when_asked: bool | None = None
    """What the user clicks on a question; None = nothing."""

    pts_ahead_s: float = 0.020
    """Screen stamps lie 0 to this far ahead of the delivery."""
    audio_lead_s: float = 0.040
    """The first system sound lies this far before the first picture."""
    session_ppm: float = 0.0
    session_offset_s: float = 0.0
    """Capture session clock against host clock."""
    overlap_every: int = 0
    """Every so many frames a stamp lies 0.2 to 1.9 ms before the one before; 0 = never."""
    is_static: bool = False
    """Nothing moves: idle samples only."""
    is_silent_without_sound: bool = False
    """No sound callbacks at all while nothing plays."""
    is_planar: bool = True
    skip_sound_s: float = 0.0
    """Leave out this much of a capture session's sound, once."""
    start_error: int | None = None
    content_error: int | None = None
    is_content_mute: bool = False
    """The window server does not answer."""
    tap_error: str = ""
    hal_names_devices: bool = True
    unready_until_ns: int = 0
    """The writer is not ready for anything before this host time."""
    most_ahead_s: float | None = None
    """How far one input may run ahead of another before it is made to wait; None = as far as it
    likes, which is what Apple documents for inputs that expect real-time data."""
    fails_at_frame: int | None = None
    writer_error: tuple[int, int] = (-11800, -16364)
    """Code and underlying code of the failure at `fails_at_frame`."""
    finish_error: tuple[int, int] | None = None
    codecs: tuple[str, ...] = ("AVVideoCodecTypeH264", "AVVideoCodecTypeHEVC")
    has_metal_package: bool = True

    def __post_init__(self) -> None:
        self.random = random.Random(20_240_601)
        self.pools = Pools()
        self.crashes: list[str] = []
        self.unmodelled: list[str] = []
        self.asked: list[str] = []
        self.opened_urls: list[str] = []
        self.activities: list[object] = []
        self.timers: list[Any] = []
        self.main_work: list[Callable[[], None]] = []
        """What happens on the main thread while its loop runs."""
        self.is_connected = False
        """Whether this process has asked the window server for anything yet."""
        self.window: Any = None
        """The window that is shown; the stage of the self-test."""
        self.is_in_transaction = False
        self.display_links: list[Any] = []
        self.played: list[tuple[int, Any]] = []
        """(host units, samples) of every buffer that was scheduled on the speakers."""
        self.has_output = True
        self.output_latency_s = 0.012
        self.menu: dict[str, Any] = {}
        self.menu_title = ""
        self.status_items = 0
        self.activation_policy = 0
        self.defaults: dict[str, bool] = {}
        self.observers: list[Any] = []
        self.queues: list[Any] = []
        self.running: list[Any] = []
        """Streams, sessions and engines that run."""
        self.streams_started = 0
        self.writers: list[Any] = []
        self.surfaces = 0
        self.most_surfaces = 0
        self.stalled_frames = 0
        self.pattern_epoch_ns: int | None = None
        self.pattern_id = 7
        self.events: list[Event] = []
        self.pointers: dict[int, Any] = {}
        self.worst_late_ns = 0
        """How late the simulated devices and queues ever were: this machine's doing."""
        self.lock = threading.RLock()
        self.classes: dict[str, Any] = {}
        self.objc, self.ns_object = make_objc(self)

    def look_up_class(self, name: str) -> Any:
        """objc.lookUpClass."""
        if name not in self.classes:
            raise self.objc.error(f"no class {name}")
        return self.classes[name]

    def object_at(self, *, c_void_p: int) -> Any:
        """objc.objc_object(c_void_p=...)."""
        return self.pointers[c_void_p]

    def pointer_to(self, value: Any) -> int:
        """Return an address that `object_at` knows."""
        self.pointers[id(value)] = value
        return id(value)

    def show_pattern(self) -> None:
        """Show and play the sync test pattern from now on."""
        self.pattern_epoch_ns = time.monotonic_ns() - 2 * NS_PER_S

    def schedule(self, first_s: float, every_s: float, count: int, length_s: float = 0.1) -> None:
        """Let flash and beep happen `count` times, the first in `first_s` seconds from now."""
        now_ns = time.monotonic_ns()
        for number in range(count):
            start_ns = now_ns + round((first_s + number * every_s) * NS_PER_S)
            self.events.append(Event(start_ns, start_ns + round(length_s * NS_PER_S)))

    def answer(self, body: Callable[[], Any], what: str) -> None:
        """Call a completion handler on a thread of the system's."""
        work = partial(self.call_back, body, what, is_pooled=False)
        threading.Thread(target=work, name=f"answer {what}", daemon=True).start()

    def answer_pooled(self, body: Callable[[], Any]) -> None:
        """Call a delegate on a thread of the system's."""
        work = partial(self.call_back, body, "delegate")
        threading.Thread(target=work, name="delegate", daemon=True).start()

    def is_flashing(self, host_ns: int) -> bool:
        """Whether a flash and beep are on at `host_ns`."""
        return any(event.start_ns <= host_ns < event.end_ns for event in self.events)

    def call_back(self, body: Callable[[], Any], what: str, *, is_pooled: bool = True) -> None:
        """Run a callback as a dispatch queue does: what leaves it aborts the process.

        `is_pooled` says that it has to open an autorelease pool (completion handlers need none).
        """
        before = self.pools.entered
        try:
            body()
        except BaseException as failure:  # noqa: BLE001  that is what is to be recorded
            self.crashes.append(f"{what}: {type(failure).__name__}: {failure}")
        if is_pooled and self.pools.entered == before:
            self.crashes.append(f"{what}: no autorelease pool")

    def post(self, name: str, sender: Any, info: dict[str, Any] | None = None) -> None:
        """Post a notification on this thread."""
        for observer in list(self.observers):
            observer.tell(name, sender, info)

    def sleep_until(self, due_ns: int) -> None:
        """Wait, and note how much later than wished it became."""
        time.sleep(max(0, due_ns - time.monotonic_ns()) / NS_PER_S)
        self.note_due(due_ns)

    def note_due(self, due_ns: int) -> None:
        """Note that what was due at `due_ns` happens now."""
        self.worst_late_ns = max(self.worst_late_ns, time.monotonic_ns() - due_ns)

    def switch_off(self) -> None:
        """End every thread that is still running."""
        for thing in list(self.running):
            thing._state, thing._is_running = "off", False
        self.running.clear()
        for work in self.queues:
            work.end()

    def stop_streams(self, code: int) -> None:
        """End every running screen stream with an error of this code."""
        for stream in [s for s in self.running if hasattr(type(s), "die")]:
            stream.die(code)

    def freeze_streams(self) -> None:
        """Let every running screen stream go silent without a word."""
        for stream in [s for s in self.running if hasattr(type(s), "die")]:
            stream.freeze()

    def change_route(self) -> None:
        """Stop every audio engine as a route change does."""
        for engine in [e for e in self.running if hasattr(type(e), "lose_route")]:
            engine.lose_route()

    def unplug(self, uid: str) -> None:
        """Disconnect a camera or microphone."""
        self.cameras = [c for c in self.cameras if c.uid != uid]
        self.mics = [m for m in self.mics if m.uid != uid]
        for session in [s for s in self.running if hasattr(type(s), "lose_device")]:
            session.lose_device(uid)
        self.change_route()
