"""What a system lets an application do, in the words of doctor and of a refused take.

Invariant: one permission is told the same way everywhere: who holds it, and what to click.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from enum import StrEnum

from onetake.errors import PermissionDenied

__all__ = ["KINDS", "Fact", "Grant", "advice", "fact_of", "parents", "refusal"]

_PANES = {
    "screen": "Screen & System Audio Recording",
    "microphone": "Microphone",
    "camera": "Camera",
}
KINDS = tuple(_PANES)
"""What macOS has permissions for."""


class Grant(StrEnum):
    """What the system lets us do."""

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


def fact_of(kind: str, grant: Grant, holder: str) -> Fact:
    """Return a permission with what to do about it."""
    return Fact(kind, grant, holder, advice(kind, grant, holder))


def advice(kind: str, grant: Grant, holder: str) -> str:
    """Return what to do about `grant`, in one line."""
    where = f"System Settings > Privacy & Security > {_PANES[kind]}"
    match grant:
        case Grant.GRANTED:
            return ""
        case Grant.NEEDS_RELAUNCH:
            return f"quit {holder} and open it again: the grant takes effect then"
        case Grant.NOT_ASKED:
            return (
                f"answer the question macOS asks on the first recording, or allow {holder} in "
                f"{where}"
            )
        case Grant.RESTRICTED:
            return f"a profile on this Mac forbids the {kind}; ask who manages it"
        case _:
            return f"allow {holder} in {where}, then quit and reopen it (`onetake doctor --fix`)"


def refusal(kind: str, grant: Grant, holder: str) -> PermissionDenied:
    """Return the refusal of `record`: the same words and advice as `onetake doctor`. A grant that
    was refused all the same needs a relaunch."""
    grant = Grant.NEEDS_RELAUNCH if grant is Grant.GRANTED else grant
    return PermissionDenied(
        f"macOS does not let {holder} use the {kind}", hint=advice(kind, grant, holder)
    )


def parents() -> dict[int, int]:
    """Return the parent of every process, by number; of this one at least."""
    try:
        listing = subprocess.run(
            ["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, timeout=2, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {os.getpid(): os.getppid()}
    pairs = (line.split() for line in listing.splitlines())
    return {int(pair[0]): int(pair[1]) for pair in pairs if len(pair) == 2}
