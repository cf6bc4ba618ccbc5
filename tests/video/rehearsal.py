"""A video lane on paper: a compositor that remembers instead of drawing, and a writer's log."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.video.making import NS_PER_MS

from onetake.model.commands import Command, TimedCommand
from onetake.model.geometry import Overlay, Rect
from onetake.model.media import Frame, PixelFormat
from onetake.model.settings import Settings
from onetake.video.lane import VideoLane

CHANGED = (Rect(0, 0, 2, 2),)


@dataclass(frozen=True)
class Shown:
    """What a frame in the file shows."""

    screen: object
    camera: object
    overlay: Overlay


class PaperCompositor:
    """Remembers which pictures it was given; releases them as a real one must."""

    def __init__(self) -> None:
        self._screen: object = None
        self._camera: object = None
        self.overlay: Overlay | None = None

    def screen(self, frame: Frame) -> None:
        if not frame.is_idle:
            self._screen = frame.image
        frame.release()

    def camera(self, frame: Frame | None) -> None:
        self._camera = None if frame is None else frame.image
        if frame is not None:
            frame.release()

    def compose(self, overlay: Overlay) -> object:
        self.overlay = overlay
        return Shown(self._screen, self._camera if overlay.is_visible else None, overlay)


@dataclass
class Rehearsal:
    """Drives a lane in milliseconds and keeps what it wrote."""

    fps: int = 30
    overlay: Overlay = field(default_factory=Overlay)
    camera_offset_ms: float | None = None
    written: list[tuple[int, Shown]] = field(default_factory=list)
    is_ready: bool = True
    lent: int = 0
    released: int = 0

    def __post_init__(self) -> None:
        settings = Settings(
            fps=self.fps, overlay=self.overlay, camera_offset_ms=self.camera_offset_ms
        )
        self.lane = VideoLane(settings, PaperCompositor(), self._write)

    def _write(self, position_ns: int, image: object) -> bool:
        assert isinstance(image, Shown)
        if self.is_ready:
            self.written.append((position_ns, image))
        return self.is_ready

    def _frame(self, pts_ms: float, image: object, damage: tuple[Rect, ...] | None) -> Frame:
        self.lent += 1
        pts_ns = round(pts_ms * NS_PER_MS)
        return Frame(pts_ns, 4, 4, image, PixelFormat.BGRA, damage, self._release)

    def _release(self) -> None:
        self.released += 1

    def screen(self, pts_ms: float, image: object = None) -> None:
        """A changed picture, named after its time unless told otherwise."""
        self.lane.screen(self._frame(pts_ms, pts_ms if image is None else image, CHANGED))

    def beat(self, pts_ms: float) -> None:
        """A beat without a change."""
        self.lane.screen(self._frame(pts_ms, None, ()))

    def camera(self, pts_ms: float | None) -> None:
        self.lane.camera(None if pts_ms is None else self._frame(pts_ms, pts_ms, None))

    def apply(self, host_ms: float, command: Command) -> None:
        self.lane.apply(TimedCommand(round(host_ms * NS_PER_MS), command))

    def start(self, t0_ms: float = 0) -> None:
        self.lane.start(round(t0_ms * NS_PER_MS))

    def tick(self, now_ms: float) -> None:
        self.lane.tick(round(now_ms * NS_PER_MS))

    def finish(self, end_ms: float) -> None:
        self.lane.finish(round(end_ms * NS_PER_MS))

    @property
    def positions_ms(self) -> list[float]:
        return [position_ns / NS_PER_MS for position_ns, _ in self.written]

    @property
    def screens(self) -> list[object]:
        return [shown.screen for _, shown in self.written]

    @property
    def cameras(self) -> list[object]:
        return [shown.camera for _, shown in self.written]

    @property
    def visibility(self) -> list[bool]:
        return [shown.overlay.is_visible for _, shown in self.written]
