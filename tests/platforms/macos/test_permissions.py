"""What the three permissions look like, and that looking never asks."""

from __future__ import annotations

import pytest
from tests.platforms.macos.fake import Mac
from tests.platforms.macos.making import back_end

from onetake.errors import PermissionDenied


def test_all_granted(mac: Mac) -> None:
    """Granted permissions need no advice; the holder is the application, not python."""
    facts = back_end("permissions").facts()
    assert [f.kind for f in facts] == ["screen", "microphone", "camera"]
    assert {f.grant for f in facts} == {"granted"}
    assert {f.holder for f in facts} == {"Terminal"}
    assert {f.advice for f in facts} == {""}


@pytest.mark.parametrize(
    ("has_grant", "preflight", "was_asked", "grant"),
    [
        (True, True, False, "granted"),
        (False, True, False, "needs-relaunch"),
        (False, False, False, "not-asked"),
        (False, False, True, "denied"),
    ],
)
def test_screen_permission_cases(
    mac: Mac, has_grant: bool, preflight: bool, was_asked: bool, grant: str
) -> None:
    """Denied, never asked and "needs a relaunch" are told apart, and none of it asks."""
    permissions = back_end("permissions")
    if was_asked:
        mac.has_preflight = False
        permissions.ask("screen")
        mac.asked.clear()
    mac.has_screen_grant, mac.has_preflight = has_grant, preflight
    fact = permissions.facts()[0]
    assert fact.grant == grant
    assert mac.asked in ([], ["screen content"])
    if not preflight:
        assert mac.asked == []


@pytest.mark.parametrize(
    ("status", "grant"),
    [(0, "not-asked"), (1, "restricted"), (2, "denied"), (3, "granted"), (9, "unknown")],
)
def test_media_permission_cases(mac: Mac, status: int, grant: str) -> None:
    """The four states of microphone and camera, and one nobody knows."""
    mac.media_status = {"AVMediaTypeVideo": status, "AVMediaTypeAudio": status}
    facts = back_end("permissions").facts()
    assert [f.grant for f in facts[1:]] == [grant, grant]
    assert mac.asked == []


def test_advice_names_application_and_pane(mac: Mac) -> None:
    """What to click is said in the words of System Settings."""
    mac.media_status["AVMediaTypeAudio"] = 2
    fact = back_end("permissions").facts()[1]
    assert "allow Terminal" in fact.advice
    assert "Privacy & Security > Microphone" in fact.advice


def test_refusal_of_record_uses_the_words_of_doctor(mac: Mac) -> None:
    """PermissionDenied carries the same advice as the fact, and exit code 3."""
    mac.media_status["AVMediaTypeVideo"] = 2
    permissions = back_end("permissions")
    error = permissions.denied("camera")
    assert error.hint == permissions.facts()[2].advice
    assert error.exit_code == 3
    assert "Terminal" in error.message


def test_fix_opens_the_pane(mac: Mac) -> None:
    """`--fix` opens the right pane of System Settings."""
    assert back_end("permissions").open_settings("screen")
    assert mac.opened_urls == [
        "x-apple.systempreferences:com.apple.preference.security?Privacy_ScreenCapture"
    ]


def test_asking_asks_once(mac: Mac) -> None:
    """`ask` puts one question and takes the answer; a decided permission is not asked for."""
    permissions = back_end("permissions")
    mac.media_status["AVMediaTypeAudio"] = 0
    mac.answer_when_asked = False
    assert permissions.ask("microphone") == "denied"
    assert permissions.ask("microphone") == "denied"
    assert mac.asked == ["AVMediaTypeAudio"]
    mac.asked.clear()
    mac.has_preflight = False
    permissions.ask("screen")
    assert mac.asked == ["screen"]


def test_a_refused_recording_counts_as_asked(mac: Mac) -> None:
    """ScreenCaptureKit asks by itself; after its refusal the screen is denied, not "not asked"."""
    mac.has_screen_grant = False
    assert back_end("permissions").grant_of("screen") == "not-asked"
    with pytest.raises(PermissionDenied):
        back_end("content").shareable()
    assert back_end("permissions").grant_of("screen") == "denied"


def test_holder_without_a_bundle(mac: Mac, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under ssh or launchd no application holds the grant; a terminal's name helps if known."""
    permissions = back_end("permissions")
    monkeypatch.setattr(permissions, "parents", dict)
    monkeypatch.setenv("TERM_PROGRAM", "iTerm.app")
    assert permissions.holder() == "iTerm.app"
    monkeypatch.delenv("TERM_PROGRAM")
    assert "started from" in permissions.holder()
