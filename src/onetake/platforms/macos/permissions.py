"""Which doors macOS has opened, who holds the key, and what to click.

Invariant: looking never asks. Asking is `ask`, at most one system question for each call, and
nothing here calls it in a loop.

The grant belongs to the *responsible* application (a terminal, an editor, our bundle), never to
`python`; a screen grant takes effect only when that application is started anew.
"""

from __future__ import annotations

import os
from typing import Any

import AppKit
import AVFoundation
import Foundation
import Quartz

from onetake.errors import OnetakeError, PermissionDenied
from onetake.platforms.grants import KINDS, Fact, Grant, fact_of, parents, refusal
from onetake.platforms.macos.bridge import Reply

__all__ = ["ask", "denied", "facts", "grant_of", "holder", "open_settings", "remember_asked"]

_PANE_IDS = {
    "screen": "Privacy_ScreenCapture",
    "microphone": "Privacy_Microphone",
    "camera": "Privacy_Camera",
}
ANSWER_TIMEOUT_S = 2.0
"""How long a question may stand before the caller goes on without the answer. Longer breaks the 3 s
a device has to open; the person can answer later and start again."""


def facts() -> list[Fact]:
    """Return the three permissions, screen access as ScreenCaptureKit sees it."""
    who = holder()
    return [fact_of(kind, grant_of(kind, is_probing=True), who) for kind in KINDS]


def grant_of(kind: str, *, is_probing: bool = False) -> Grant:
    """Return how `kind` stands. Never makes macOS ask."""
    if kind == "screen":
        return _screen_grant(is_probing)
    status = AVFoundation.AVCaptureDevice.authorizationStatusForMediaType_(_media(kind))
    return {0: Grant.NOT_ASKED, 1: Grant.RESTRICTED, 2: Grant.DENIED, 3: Grant.GRANTED}.get(
        status, Grant.UNKNOWN
    )


def _screen_grant(is_probing: bool) -> Grant:
    """Compare the two things macOS says about screen access, which can disagree.

    It does not tell "denied" from "never asked"; whether we asked for this holder is remembered.
    """
    if not Quartz.CGPreflightScreenCaptureAccess():  # probing now would make macOS ask
        defaults = Foundation.NSUserDefaults.standardUserDefaults()
        return Grant.DENIED if defaults.boolForKey_(_asked_key()) else Grant.NOT_ASKED
    if not is_probing:
        return Grant.GRANTED
    from onetake.platforms.macos.content import shareable

    try:
        shareable()
    except OnetakeError as error:
        is_refused = error.code == "permission-denied"
        return Grant.NEEDS_RELAUNCH if is_refused else Grant.UNKNOWN
    return Grant.GRANTED


def ask(kind: str) -> Grant:
    """Let macOS ask the user once, if it has not before; return how it stands then."""
    if kind == "screen":
        if not Quartz.CGPreflightScreenCaptureAccess():
            Quartz.CGRequestScreenCaptureAccess()
            remember_asked()
        return grant_of(kind)
    grant = grant_of(kind)
    if grant is Grant.NOT_ASKED:
        reply = Reply()
        device_class = AVFoundation.AVCaptureDevice
        device_class.requestAccessForMediaType_completionHandler_(_media(kind), reply.one)
        reply.wait(ANSWER_TIMEOUT_S)
        grant = grant_of(kind)
    return grant


def denied(kind: str) -> PermissionDenied:
    """Return the refusal of `record`: the same words and advice as `onetake doctor`."""
    return refusal(kind, grant_of(kind), holder())


def open_settings(kind: str) -> bool:
    """Open the right settings pane; whether that worked."""
    pane = f"x-apple.systempreferences:com.apple.preference.security?{_PANE_IDS[kind]}"
    url = Foundation.NSURL.URLWithString_(pane)
    return bool(AppKit.NSWorkspace.sharedWorkspace().openURL_(url))


def holder() -> str:
    """Return the name of the application macOS asks about: ours, or the one we were started from.

    That is the nearest ancestor with a bundle. `sudo`, `ssh` and launchd jobs have none.
    """
    parent_of = parents()
    pid = os.getpid()
    while pid > 1:
        app = AppKit.NSRunningApplication.runningApplicationWithProcessIdentifier_(pid)
        bundle_id = "" if app is None else str(app.bundleIdentifier() or "")
        if bundle_id and not bundle_id.startswith("org.python."):  # Python.app is never asked about
            return str(app.localizedName() or bundle_id)
        pid = parent_of.get(pid, 0)
    return os.environ.get("TERM_PROGRAM", "") or "the application onetake was started from"


def remember_asked() -> None:
    """Note that macOS has asked about the screen: it does not say so itself."""
    Foundation.NSUserDefaults.standardUserDefaults().setBool_forKey_(True, _asked_key())


def _asked_key() -> str:
    return f"onetake.asked-for-screen.{holder()}"


def _media(kind: str) -> Any:
    return AVFoundation.AVMediaTypeVideo if kind == "camera" else AVFoundation.AVMediaTypeAudio
