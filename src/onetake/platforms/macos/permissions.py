"""Which doors macOS has opened, who holds the key, and what to click.

Invariant: looking never asks. Asking is `ask`, at most one system question for each call, and
nothing here calls it in a loop.

The grant belongs to the *responsible* application (a terminal, an editor, our bundle), never to
`python`; a screen grant takes effect only when that application is started anew.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import AppKit
import AVFoundation
import Foundation
import Quartz

from onetake.errors import OnetakeError, PermissionDenied
from onetake.platforms.macos.bridge import Reply

__all__ = [
    "KINDS",
    "Fact",
    "Grant",
    "ask",
    "denied",
    "facts",
    "grant_of",
    "holder",
    "open_settings",
    "pane",
    "remember_asked",
]

KINDS = ("screen", "microphone", "camera")
_PANES = {
    "screen": "Privacy_ScreenCapture",
    "microphone": "Privacy_Microphone",
    "camera": "Privacy_Camera",
}
_PANE_NAMES = {
    "screen": "Screen & System Audio Recording",
    "microphone": "Microphone",
    "camera": "Camera",
}
ANSWER_TIMEOUT_S = 2.0
"""How long a question may stand before the caller goes on without the answer. Longer breaks the 3 s
a device has to open; the person can answer later and start again."""


class Grant(StrEnum):
    """What macOS lets us do."""

    GRANTED = "granted"
    DENIED = "denied"
    NOT_ASKED = "not-asked"
    RESTRICTED = "restricted"
    NEEDS_RELAUNCH = "needs-relaunch"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Fact:
    """One permission, as `onetake doctor` tells it."""

    kind: str
    grant: Grant
    holder: str
    """The application that holds the grant."""
    advice: str
    """What to click; empty when nothing is to be done."""
    pane_url: str


def facts(*, is_probing: bool = True) -> list[Fact]:
    """Return the three permissions. `is_probing` compares screen access with ScreenCaptureKit."""
    who = holder()
    result = []
    for kind in KINDS:
        grant = grant_of(kind, is_probing=is_probing)
        result.append(Fact(kind, grant, who, advice(kind, grant, who), pane(kind)))
    return result


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


def advice(kind: str, grant: Grant, who: str) -> str:
    """Return what to do about `grant`, in one line."""
    where = f"System Settings > Privacy & Security > {_PANE_NAMES[kind]}"
    match grant:
        case Grant.GRANTED:
            return ""
        case Grant.NEEDS_RELAUNCH:
            return f"quit {who} and open it again: the grant takes effect then"
        case Grant.NOT_ASKED:
            return (
                f"answer the question macOS asks on the first recording, or allow {who} in {where}"
            )
        case Grant.RESTRICTED:
            return f"a profile on this Mac forbids the {kind}; ask who manages it"
        case _:
            return f"allow {who} in {where}, then quit and reopen it (`onetake doctor --fix`)"


def denied(kind: str) -> PermissionDenied:
    """Return the refusal of `record`: the same words and advice as `onetake doctor`."""
    who = holder()
    grant = grant_of(kind)
    grant = Grant.NEEDS_RELAUNCH if grant is Grant.GRANTED else grant
    return PermissionDenied(
        f"macOS does not let {who} use the {kind}", hint=advice(kind, grant, who)
    )


def pane(kind: str) -> str:
    """Return the URL of the settings pane of `kind`."""
    return f"x-apple.systempreferences:com.apple.preference.security?{_PANES[kind]}"


def open_settings(kind: str) -> bool:
    """Open the right settings pane; whether that worked."""
    url = Foundation.NSURL.URLWithString_(pane(kind))
    return bool(AppKit.NSWorkspace.sharedWorkspace().openURL_(url))


def holder() -> str:
    """Return the name of the application macOS asks about: ours, or the one we were started from.

    That is the nearest ancestor with a bundle. `sudo`, `ssh` and launchd jobs have none.
    """
    parents = _parents()
    pid = os.getpid()
    while pid > 1:
        app = AppKit.NSRunningApplication.runningApplicationWithProcessIdentifier_(pid)
        bundle_id = "" if app is None else str(app.bundleIdentifier() or "")
        if bundle_id and not bundle_id.startswith("org.python."):  # Python.app is never asked about
            return str(app.localizedName() or bundle_id)
        pid = parents.get(pid, 0)
    return os.environ.get("TERM_PROGRAM", "") or "the application onetake was started from"


def remember_asked() -> None:
    """Note that macOS has asked about the screen: it does not say so itself."""
    Foundation.NSUserDefaults.standardUserDefaults().setBool_forKey_(True, _asked_key())


def _asked_key() -> str:
    return f"onetake.asked-for-screen.{holder()}"


def _parents() -> dict[int, int]:
    try:
        listing = subprocess.run(
            ["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, timeout=2, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {os.getpid(): os.getppid()}
    pairs = (line.split() for line in listing.splitlines())
    return {int(pair[0]): int(pair[1]) for pair in pairs if len(pair) == 2}


def _media(kind: str) -> Any:
    return AVFoundation.AVMediaTypeVideo if kind == "camera" else AVFoundation.AVMediaTypeAudio
