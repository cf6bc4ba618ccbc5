"""obs-websocket messages as JSON or MessagePack, and what ends a conversation.

Invariant: what a client sent as `requestId` comes back with its type unchanged, because nothing
here gives it one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from enum import IntEnum, IntFlag
from typing import Any

import msgspec

__all__ = [
    "DEFAULT_SUBSCRIPTIONS",
    "RPC_VERSION",
    "SUBPROTOCOLS",
    "Close",
    "EventBit",
    "Op",
    "Wire",
    "authentication",
    "is_authentic",
]

RPC_VERSION = 1


class Op(IntEnum):
    """Kinds of messages."""

    HELLO = 0
    IDENTIFY = 1
    IDENTIFIED = 2
    REIDENTIFY = 3
    EVENT = 5
    REQUEST = 6
    RESPONSE = 7
    BATCH = 8
    BATCH_RESPONSE = 9


class EventBit(IntFlag):
    """What a session can subscribe to."""

    GENERAL = 1
    CONFIG = 2
    SCENES = 4
    INPUTS = 8
    TRANSITIONS = 16
    FILTERS = 32
    OUTPUTS = 64
    SCENE_ITEMS = 128
    MEDIA_INPUTS = 256
    VENDORS = 512
    UI = 1024
    CANVASES = 2048
    VOLUME_METERS = 1 << 16
    ITEM_TRANSFORM = 1 << 19


DEFAULT_SUBSCRIPTIONS = 0xFFF
"""Everything that is not high-volume."""


class Close(Exception):
    """End the conversation with this code and reason. The reasons are matched by clients."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


DECODE, MISSING, TYPE, VALUE, UNKNOWN_OP = 4002, 4003, 4004, 4005, 4006
NOT_IDENTIFIED, ALREADY, AUTHENTICATION, VERSION, INVALIDATED = 4007, 4008, 4009, 4010, 4011
"""Close codes of the protocol."""


class Wire:
    """One of the two encodings. Stateless."""

    def __init__(self, *, is_msgpack: bool) -> None:
        self.is_msgpack = is_msgpack

    def encode(self, op: Op, data: dict[str, Any]) -> bytes:
        """Return a message."""
        message = {"op": int(op), "d": data}
        if self.is_msgpack:
            return msgspec.msgpack.encode(message)
        return msgspec.json.encode(message)

    def decode(self, message: bytes | str) -> tuple[int, dict[str, Any]]:
        """Return op and data. Raises Close for what is no message of this encoding."""
        if isinstance(message, bytes) is not self.is_msgpack:
            kind = "binary" if self.is_msgpack else "text"
            raise Close(DECODE, f"Your session's encoding wants {kind} messages.")
        try:
            if isinstance(message, bytes):
                decoded = msgspec.msgpack.decode(message)
            else:
                decoded = msgspec.json.decode(message)
        except (msgspec.MsgspecError, RecursionError, ValueError, TypeError) as error:
            raise Close(DECODE, "Your message cannot be decoded.") from error
        if not isinstance(decoded, dict):
            raise Close(DECODE, "Your message is not an object.")
        return _envelope(decoded)


SUBPROTOCOLS = {
    "obswebsocket.json": Wire(is_msgpack=False),
    "obswebsocket.msgpack": Wire(is_msgpack=True),
}
"""By the WebSocket subprotocol; none offered means JSON."""


def _envelope(message: dict[Any, Any]) -> tuple[int, dict[str, Any]]:
    if "op" not in message:
        if "request-type" in message:
            raise Close(VERSION, "You speak obs-websocket 4; this server speaks version 5 only.")
        raise Close(MISSING, "Your message is missing an `op`.")
    op, data = message["op"], message.get("d")
    if not isinstance(op, int) or isinstance(op, bool):
        raise Close(TYPE, "Your `op` is not a number.")
    if "d" not in message:
        raise Close(MISSING, "Your message is missing a `d`.")
    if not isinstance(data, dict):
        raise Close(TYPE, "Your `d` is not an object.")
    return op, data


def authentication(password: str, salt: str, challenge: str) -> str:
    """Return the answer that proves knowledge of the password (obs-websocket 5, UTF-8)."""
    secret = base64.b64encode(hashlib.sha256((password + salt).encode()).digest()).decode()
    return base64.b64encode(hashlib.sha256((secret + challenge).encode()).digest()).decode()


def is_authentic(answer: object, password: str, salt: str, challenge: str) -> bool:
    """Whether the answer is right; takes as long for a wrong one."""
    expected = authentication(password, salt, challenge)
    given = answer if isinstance(answer, str) else ""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
