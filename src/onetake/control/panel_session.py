"""One browser's conversation with the panel: JSON-RPC as everywhere, plus the key and the preview.

    first message   {"token": …} or {"session": …}   ─▶  {"session": …} or the connection is closed
    then            JSON-RPC lines                    ─▶  answers and events
                    method `preview-frame`            ─▶  one binary JPEG, when there is a new one

Invariant: before the key was shown nothing is answered but its refusal.
"""

from __future__ import annotations

import msgspec

from onetake.control.guard import OneTimeTokens, Secret

__all__ = ["Key", "opened"]


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a browser shows first: the one-time token of its URL, or the session it became."""

    token: str = ""
    session: str = ""


def opened(message: bytes | str, tokens: OneTimeTokens) -> Secret | None:
    """Return the session that the first message opens, None when it opens nothing."""
    try:
        key = msgspec.json.decode(message, type=Key)
    except (msgspec.DecodeError, RecursionError):
        return None
    if key.session:
        return Secret(key.session) if tokens.is_session(key.session) else None
    return tokens.exchange(key.token) if key.token else None
