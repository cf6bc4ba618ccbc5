"""What can be shown: displays, windows, applications, and how a stream of them is set up.

Invariant: sizes are device pixels (Retina counted), even, and never larger than what is shown.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import CoreMedia
import objc
import Quartz
import ScreenCaptureKit

from onetake.errors import DeviceUnavailable, OnetakeError, PermissionDenied, UsageError
from onetake.model.geometry import Rect
from onetake.model.settings import Settings
from onetake.platforms.contract import region_within
from onetake.platforms.macos.bridge import Reply, describe, failed
from onetake.platforms.macos.permissions import denied, remember_asked

__all__ = ["SCREEN_SCHEMES", "Target", "View", "active_displays", "shareable", "stream_error"]

SCREEN_SCHEMES = ("display", "window", "app")
"""Schemes of the ids of what can be recorded: a display, one window, all of one application."""

CONTENT_TIMEOUT_S = 1.5
"""Longest wait for the list of what can be shared. Shorter gives up on a busy window server; longer
breaks the 3 s a device has to open."""

ASK_AGAIN_S = 30.0
"""After a refusal ScreenCaptureKit is left alone for so long: each call may make macOS ask the user
again, and the engine tries every few seconds."""

SURFACES = 8
"""Most pictures ScreenCaptureKit lends at a time: its default and its maximum (queueDepth)."""

MOST_DISPLAYS = 16
"""Room for display ids; macOS drives fewer."""


_refusal = {"until_s": 0.0}


def stream_error(error: Any) -> OnetakeError:
    """Return what an NSError of ScreenCaptureKit means to a caller."""
    code = error.code()
    if code == ScreenCaptureKit.SCStreamErrorUserDeclined:
        return denied("screen")
    if code == ScreenCaptureKit.SCStreamErrorUserStopped:
        return DeviceUnavailable(
            "the recording was stopped from the menu bar", code="stopped-by-user"
        )
    if code == ScreenCaptureKit.SCStreamErrorSystemStoppedStream:
        return DeviceUnavailable(
            "macOS stopped the screen recording",
            hint="it does so when the display sleeps or is locked, or the disk is full",
            code="stopped-by-system",
        )
    if code == ScreenCaptureKit.SCStreamErrorNoCaptureSource:
        return DeviceUnavailable("the display or window is gone", code="device-gone")
    return DeviceUnavailable(f"screen recording failed: {describe(error)}")


def shareable() -> Any:
    """Ask for what can be shown now. Raises PermissionDenied, DeviceUnavailable."""
    if time.monotonic() < _refusal["until_s"]:
        raise denied("screen")
    Quartz.CGMainDisplayID()  # connects to the window server; without it a window filter aborts
    reply = Reply()
    ask = ScreenCaptureKit.SCShareableContent
    ask.getShareableContentExcludingDesktopWindows_onScreenWindowsOnly_completionHandler_(
        True, True, reply.two
    )
    answer = reply.wait(CONTENT_TIMEOUT_S)
    if answer is None:
        raise DeviceUnavailable("the window server does not say what can be recorded")
    content, error = answer
    if failed(error):
        problem = stream_error(error)
        if isinstance(problem, PermissionDenied):
            remember_asked()
            _refusal["until_s"] = time.monotonic() + ASK_AGAIN_S
        raise problem
    return content


def active_displays() -> frozenset[int]:
    """Return the ids of the displays that are on: what changes on lid, sleep and unplugging."""
    status, displays, count = Quartz.CGGetActiveDisplayList(MOST_DISPLAYS, None, None)
    if status:
        return frozenset()
    return frozenset(d for d in displays[:count] if not Quartz.CGDisplayIsAsleep(d))


@dataclass(frozen=True, slots=True)
class View:
    """A target as it is now."""

    content_filter: Any
    source_rect: Any
    """The part to show in points, or None for all of it."""
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Target:
    """What to show and how; equal targets can share one stream."""

    device_id: str
    region: Rect | None
    excluded_apps: tuple[str, ...]
    has_cursor: bool
    fps: int

    @classmethod
    def of(cls, device_id: str, settings: Settings) -> Target:
        """Return the target of a device id and the user's wishes."""
        return cls(
            device_id,
            settings.region,
            tuple(settings.excluded_apps),
            settings.has_cursor,
            settings.fps,
        )

    def view(self) -> View:
        """Find the target. Raises PermissionDenied, DeviceUnavailable, UsageError."""
        content = shareable()
        scheme, _, key = self.device_id.partition(":")
        if scheme == "window":
            window = _find(content.windows(), lambda w: str(w.windowID()) == key, self.device_id)
            build = ScreenCaptureKit.SCContentFilter.alloc()
            content_filter = build.initWithDesktopIndependentWindow_(window)
            display, points = _display_under(content, window.frame()), window.frame().size
        else:
            display = self._display(content, key if scheme == "display" else "")
            content_filter = self._display_filter(content, display, key if scheme == "app" else "")
            points = display.frame().size
        scale = _pixels_per_point(content_filter, display)
        return self._cut(content_filter, points, scale)

    def configuration(self, view: View, *, has_audio: bool) -> Any:
        """Return the stream configuration for `view`."""
        cfg = ScreenCaptureKit.SCStreamConfiguration.alloc().init()
        cfg.setWidth_(view.width_px)
        cfg.setHeight_(view.height_px)
        if view.source_rect is not None:
            cfg.setSourceRect_(view.source_rect)
        cfg.setScalesToFit_(True)
        cfg.setMinimumFrameInterval_(CoreMedia.CMTimeMake(1, self.fps))
        cfg.setPixelFormat_(Quartz.kCVPixelFormatType_32BGRA)
        cfg.setColorSpaceName_(Quartz.kCGColorSpaceSRGB)
        cfg.setQueueDepth_(SURFACES)
        cfg.setShowsCursor_(self.has_cursor)
        cfg.setCapturesAudio_(has_audio)
        if has_audio:
            cfg.setSampleRate_(48_000)
            cfg.setChannelCount_(2)
            cfg.setExcludesCurrentProcessAudio_(True)
        return cfg

    def _display(self, content: Any, key: str) -> Any:
        wanted = key or str(Quartz.CGMainDisplayID())
        displays = content.displays()
        if not key and displays and all(str(d.displayID()) != wanted for d in displays):
            return displays[0]
        return _find(displays, lambda d: str(d.displayID()) == wanted, self.device_id)

    def _display_filter(self, content: Any, display: Any, bundle_id: str) -> Any:
        build = ScreenCaptureKit.SCContentFilter.alloc()
        apps = content.applications()
        if bundle_id:
            app = _find(apps, lambda a: a.bundleIdentifier() == bundle_id, self.device_id)
            return build.initWithDisplay_includingApplications_exceptingWindows_(display, [app], [])
        hidden = [
            a
            for a in apps
            if a.processID() == os.getpid() or a.bundleIdentifier() in self.excluded_apps
        ]
        return build.initWithDisplay_excludingApplications_exceptingWindows_(display, hidden, [])

    def _cut(self, content_filter: Any, points: Any, scale: float) -> View:
        width_px, height_px = round(points.width * scale), round(points.height * scale)
        part = region_within(self.region, width_px, height_px)
        if part is None:
            raise UsageError(f"the region lies outside of the {width_px}x{height_px} picture")
        rect = None
        if self.region is not None:
            rect = Quartz.CGRectMake(
                part.x_px / scale, part.y_px / scale, part.width_px / scale, part.height_px / scale
            )
        return View(content_filter, rect, part.width_px, part.height_px)


def _find(candidates: Any, is_wanted: Any, device_id: str) -> Any:
    for candidate in candidates:
        if is_wanted(candidate):
            return candidate
    raise DeviceUnavailable(
        f"{device_id} is not there",
        hint="`onetake devices` lists what is; a sleeping display counts as gone",
        code="device-gone",
    )


def _display_under(content: Any, frame: Any) -> Any:
    """Return the display that shows the middle of `frame`, or the first one."""
    x = frame.origin.x + frame.size.width / 2
    y = frame.origin.y + frame.size.height / 2
    for display in content.displays():
        place = display.frame()
        if (
            0 <= x - place.origin.x < place.size.width
            and 0 <= y - place.origin.y < place.size.height
        ):
            return display
    return _find(content.displays(), lambda _: True, "a display")


def _pixels_per_point(content_filter: Any, display: Any) -> float:
    """Return the Retina scale: asked of the filter since macOS 14, of the display mode before."""
    if hasattr(content_filter, "pointPixelScale"):
        return float(content_filter.pointPixelScale())  # macos: 14.0
    mode = Quartz.CGDisplayCopyDisplayMode(display.displayID())
    if mode is None or mode is objc.NULL:
        return 1.0
    return float(Quartz.CGDisplayModeGetPixelWidth(mode) / display.frame().size.width)
