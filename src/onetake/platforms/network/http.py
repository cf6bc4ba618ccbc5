"""The little of HTTP a camera needs: one GET that never ends, every wait bounded.

The standard library's client cannot be interrupted in a read without losing its place; here each
`read_some` waits as long as it is told and can be called again.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import secrets
import socket
import ssl
import time
from dataclasses import dataclass, field

from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.platforms.network.chunked import Unchunker
from onetake.platforms.network.url import Address, parse_url

__all__ = ["HttpStream"]

MOST_REDIRECTS = 3
MOST_HEADER_BYTES = 64 << 10
RECEIVE_BYTES = 256 << 10
"""Largest piece taken from the socket at once: a whole JPEG in one or two calls."""

_STATUS_UNAUTHORIZED = 401
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass
class _Answer:
    status: int
    headers: dict[str, str]
    rest: bytes = b""
    """Bytes of the body that came with the headers."""


@dataclass
class HttpStream:
    """An answer whose body is read piece by piece. One thread.

    Args:
        url: http:// or https://, may hold user and password.
        label: the URL as it may be shown.
    """

    url: str
    label: str
    content_type: str = ""
    _socket: socket.socket | None = None
    _rest: bytes = field(default=b"", repr=False)
    _unchunker: Unchunker | None = None

    def open(self, deadline_s: float) -> None:
        """Ask for the stream; `deadline_s` on time.monotonic. Raises DeviceUnavailable,
        PermissionDenied."""
        address, authorization = parse_url(self.url), ""
        for _ in range(MOST_REDIRECTS + 2):
            answer = self._ask(address, authorization, deadline_s)
            if answer.status == _STATUS_UNAUTHORIZED and not authorization:
                authorization = self._authorization(address, answer)
            elif answer.status in _REDIRECTS and answer.headers.get("location"):
                address = _redirected(address, answer.headers["location"])
            else:
                break
            self.close()
        if answer.status == _STATUS_UNAUTHORIZED:
            raise self._refused()
        if answer.status != 200:
            raise DeviceUnavailable(
                f"the camera {self.label} answers {answer.status}", hint="check the address's path"
            )
        self.content_type = answer.headers.get("content-type", "")
        self._rest = answer.rest
        if answer.headers.get("transfer-encoding", "").lower() == "chunked":
            self._unchunker = Unchunker()

    def read_some(self, wait_s: float) -> bytes | None:
        """Return bytes of the body, None when none came within `wait_s`.

        Raises DeviceUnavailable when the camera ended the stream or the network is gone.
        """
        if self._unchunker is not None and self._unchunker.is_ended:
            raise self._ended()
        data, self._rest = self._rest or self._received(wait_s), b""
        if data is None or self._unchunker is None:
            return data
        try:
            body = self._unchunker.feed(data)
        except ValueError as exc:
            raise DeviceUnavailable(f"the camera {self.label} sends nonsense: {exc}") from exc
        return body or None

    def _received(self, wait_s: float) -> bytes | None:
        assert self._socket is not None
        try:
            self._socket.settimeout(wait_s)
            data = self._socket.recv(RECEIVE_BYTES)
        except TimeoutError:
            return None
        except OSError as exc:
            raise self._unreachable(exc) from exc
        if not data:
            raise self._ended()
        return data

    def _ended(self) -> DeviceUnavailable:
        return DeviceUnavailable(f"the camera {self.label} ended the stream")

    def close(self) -> None:
        """Hang up. Idempotent, never raises."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _ask(self, address: Address, authorization: str, deadline_s: float) -> _Answer:
        host = f"[{address.host}]" if ":" in address.host else address.host
        lines = [f"GET {address.target} HTTP/1.1", f"Host: {host}:{address.port}", "Accept: */*"]
        lines.append("Connection: close")
        if authorization:
            lines.append(f"Authorization: {authorization}")
        try:
            self._socket = _connected(address, deadline_s)
            self._socket.sendall("\r\n".join([*lines, "", ""]).encode("latin1", "replace"))
            head = _head(self._socket, deadline_s)
        except OSError as exc:
            raise self._unreachable(exc) from exc
        if head is None:
            raise DeviceUnavailable(f"{self.label} does not speak HTTP")
        return head

    def _unreachable(self, exc: OSError) -> DeviceUnavailable:
        reason = "no answer" if isinstance(exc, TimeoutError) else (exc.strerror or str(exc))
        hint = "check that it is on, and on the same network"
        if isinstance(exc, ssl.SSLCertVerificationError):
            reason, hint = (
                "its certificate is not trusted",
                "use its http:// address, if it is near",
            )
        return DeviceUnavailable(f"the camera {self.label} cannot be reached: {reason}", hint=hint)

    def _refused(self) -> PermissionDenied:
        return PermissionDenied(
            f"the camera {self.label} wants a user and a password",
            hint="give them in the address: http://USER:PASSWORD@HOST/",
        )

    def _authorization(self, address: Address, answer: _Answer) -> str:
        """Return the header that answers a 401. Raises PermissionDenied without a user."""
        if not address.user:
            raise self._refused()
        challenge = answer.headers.get("www-authenticate", "")
        if challenge.lower().startswith("digest"):
            return _digest(address, challenge)
        both = f"{address.user}:{address.password}".encode()
        return "Basic " + base64.b64encode(both).decode()


def _connected(address: Address, deadline_s: float) -> socket.socket:
    connection = socket.create_connection((address.host, address.port), timeout=_left_s(deadline_s))
    if not address.is_encrypted:
        return connection
    try:
        context = ssl.create_default_context()
        return context.wrap_socket(connection, server_hostname=address.host)
    except OSError:
        connection.close()
        raise


def _left_s(deadline_s: float) -> float:
    """Return the seconds that are left, raises TimeoutError when there are none."""
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _head(connection: socket.socket, deadline_s: float) -> _Answer | None:
    """Read status line and headers; None when it is not HTTP."""
    data = b""
    while b"\r\n\r\n" not in data:
        connection.settimeout(_left_s(deadline_s))
        more = connection.recv(RECEIVE_BYTES)
        data += more
        if not more or len(data) > MOST_HEADER_BYTES:
            return None
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin1").split("\r\n")
    match = re.match(r"(?:HTTP/1\.\d|ICY) (\d{3})", first)
    if match is None:
        return None
    fields = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    return _Answer(int(match[1]), headers, rest)


def _redirected(address: Address, location: str) -> Address:
    """Return where a redirect leads. The password goes along only to the same host."""
    if location.startswith("/"):
        location = f"{address.scheme}://{address.host}:{address.port}{location}"
    target = parse_url(location)
    is_same = target.host == address.host
    return Address(
        target.scheme,
        target.host,
        target.port,
        target.target,
        address.user if is_same else target.user,
        address.password if is_same else target.password,
    )


def _digest(address: Address, challenge: str) -> str:
    """Return the answer to a digest challenge (RFC 7616, MD5 and qop auth: what cameras do)."""
    found = re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)
    fields = {name.lower(): quoted or bare for name, quoted, bare in found}
    realm, nonce = fields.get("realm", ""), fields.get("nonce", "")

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    who = md5(address.user, realm, address.password)
    what = md5("GET", address.target)
    answer = {"username": address.user, "realm": realm, "nonce": nonce, "uri": address.target}
    if "auth" in fields.get("qop", ""):
        count, own = "00000001", secrets.token_hex(8)
        answer["response"] = md5(who, nonce, count, own, "auth", what)
        tail = f', qop=auth, nc={count}, cnonce="{own}"'
    else:
        answer["response"], tail = md5(who, nonce, what), ""
    if "opaque" in fields:
        answer["opaque"] = fields["opaque"]
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in answer.items()) + tail
