"""Which platforms this system has, and which device a person meant.

Invariant: nothing of a system is imported before it is asked for, so that `import onetake` stays
light and a missing library is that platform's problem, said in one line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Protocol, runtime_checkable

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.platforms.contract import Platform
from onetake.platforms.network.url import is_camera_url, without_credentials

__all__ = ["find_platforms", "resolve", "shown_id"]

_MOST_NAMED = 5
"""Near matches in a hint: more do not fit a line."""


@runtime_checkable
class _FollowsDefault(Protocol):
    """A platform that has an id for "whatever is the default at the time"."""

    def default_id(self, role: Role) -> str | None:
        """Return that id, or None when the role has none."""
        ...


def find_platforms() -> list[Platform]:
    """Return the platforms of this system, the real one first, the synthetic one last."""
    found: list[Platform] = []
    if sys.platform.startswith("linux"):
        from onetake.platforms.linux.platform import LinuxPlatform

        found.append(LinuxPlatform())
    elif sys.platform == "darwin":
        from onetake.platforms.macos.platform import MacPlatform

        found.append(MacPlatform())
    from onetake.platforms.network.platform import NetworkPlatform
    from onetake.platforms.synthetic.platform import SyntheticPlatform

    found += [NetworkPlatform(), SyntheticPlatform()]
    return found


def _all_devices(available: Sequence[Platform]) -> list[Device]:
    return [device for platform in available for device in platform.devices()]


def resolve(role: Role, text: str, available: Sequence[Platform]) -> str | None:
    """Return the id of the device a person meant for `role`; None = the role stays empty.

    `text` is a full id, a URL (cameras), an exact name, an unambiguous part at the beginning of a
    name or id, in any case of letters, or one of `default`, `none`, `synthetic`.

    Raises:
        DeviceUnavailable: nothing fits, or more than one thing does; the hint names them.
    """
    wanted = text.strip()
    match wanted.lower():
        case "none" | "":
            return None
        case "synthetic":
            return f"synthetic:{role}"
        case "default":
            return _default(role, available)
    if role is Role.CAMERA and is_camera_url(wanted):
        return wanted
    candidates = [d for d in _all_devices(available) if d.role is role]
    if (found := _match(role, wanted, candidates)) is not None:
        return found.id
    if _is_full_id(wanted, available):
        # Not listed, and yet possible: another X display, a device that comes later.
        return wanted
    raise _unknown(role, wanted, candidates, available)


def shown_id(device_id: str) -> str:
    """Return an id as it may be shown, logged and written into reports: without passwords."""
    return without_credentials(device_id)


def _is_full_id(text: str, available: Sequence[Platform]) -> bool:
    return ":" in text and any(platform.owns(text) for platform in available)


def _match(role: Role, wanted: str, candidates: list[Device]) -> Device | None:
    """Return the one device that fits best; raises DeviceUnavailable when several fit equally."""
    folded = wanted.casefold()
    tests = (
        lambda d: d.id == wanted,
        lambda d: d.name == wanted,
        lambda d: folded in (d.name.casefold(), d.id.casefold(), _bare(d.id)),
        lambda d: any(t.startswith(folded) for t in (d.name.casefold(), d.id.casefold())),
        lambda d: _bare(d.id).startswith(folded),
    )
    is_synthetic_meant = folded.startswith("synthetic")
    for fits in tests:
        # Made-up devices are never in the way of a real one that is called by a part of its name.
        fitting = [d for d in candidates if fits(d) and _is_synthetic(d) == is_synthetic_meant]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise DeviceUnavailable(
                f"'{wanted}' fits {len(fitting)} {_plural(role)}", hint=_say("say which", fitting)
            )
    return None


def _bare(device_id: str) -> str:
    """Return an id without its scheme, folded: `pulse:NAME` is also found as NAME."""
    return device_id.partition(":")[2].casefold()


def _default(role: Role, available: Sequence[Platform]) -> str:
    """Return the default device's id: the one that follows, if the platform has such a thing."""
    for platform in available:
        if platform.name == "synthetic":
            continue  # a real recording never falls back to made-up devices
        listed = [d for d in platform.devices() if d.role is role]
        chosen = next((d for d in listed if d.is_default), None)
        if chosen is None:
            continue
        following = platform.default_id(role) if isinstance(platform, _FollowsDefault) else None
        return following or chosen.id
    raise _none_at_all(role, available)


def _none_at_all(role: Role, available: Sequence[Platform]) -> DeviceUnavailable:
    problems = [problem for platform in available for problem in platform.problems()]
    listed = [d for d in _all_devices(available) if d.role is role and not _is_synthetic(d)]
    if listed:
        return DeviceUnavailable(f"there is no default {_noun(role)}", hint=_say("choose", listed))
    return DeviceUnavailable(
        f"there is no {_noun(role)}",
        hint="; ".join(problems) or "connect one, or leave it out with `none`, or try `synthetic`",
    )


def _unknown(
    role: Role, wanted: str, candidates: list[Device], available: Sequence[Platform]
) -> DeviceUnavailable:
    """Return the error for a text that fits nothing, with what is near or why there is nothing."""
    real = [d for d in candidates if not _is_synthetic(d)]
    if not real:
        error = _none_at_all(role, available)
        return DeviceUnavailable(f"no {_noun(role)} is called '{wanted}'", hint=error.hint)
    texts = {text.casefold(): d for d in real for text in (d.id, d.name, d.id.partition(":")[2])}
    near = get_close_matches(wanted.casefold(), texts, n=_MOST_NAMED, cutoff=0.5)
    inside = [d for d in real if wanted.casefold() in f"{d.name} {d.id}".casefold()]
    fitting = list(dict.fromkeys([*inside, *(texts[text] for text in near)]))
    hint = _say("did you mean", fitting) if fitting else _say("there is", real)
    return DeviceUnavailable(f"no {_noun(role)} is called '{wanted}'", hint=hint)


def _is_synthetic(device: Device) -> bool:
    return device.id.startswith("synthetic:")


def _say(lead: str, devices: list[Device]) -> str:
    named = [f"{device.id} ({device.name})" for device in devices[:_MOST_NAMED]]
    more = len(devices) - len(named)
    return f"{lead}: {', '.join(named)}" + (f" and {more} more" if more else "")


def _noun(role: Role) -> str:
    return {
        Role.SCREEN: "screen",
        Role.SYSTEM: "system sound",
        Role.MIC: "microphone",
        Role.CAMERA: "camera",
    }[role]


def _plural(role: Role) -> str:
    return "outputs" if role is Role.SYSTEM else f"{_noun(role)}s"
