"""Addresses of cameras, which may hold a password that nobody else should see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from onetake.errors import DeviceUnavailable

__all__ = ["SCHEMES", "Address", "is_camera_url", "parse_url", "without_credentials"]

SCHEMES = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}
"""Schemes of camera addresses and their ports (RFC 9110, RFC 7826)."""

_AUTHORITY_END = re.compile(r"[/?#]")
_SECRET_PARAMETER = re.compile(
    r"([?&][^=&]*(?:pass|pwd|token|secret|key|auth|user|login)[^=&]*=)[^&#]*", re.IGNORECASE
)
"""IP cameras often want user and password as parameters of the query."""


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL. `repr` of it never shows the password."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as a request line wants it."""
    user: str
    password: str

    def __repr__(self) -> str:
        return f"Address({self.scheme}://{self.host}:{self.port}{self.target})"

    @property
    def is_encrypted(self) -> bool:
        """Whether TLS is wanted."""
        return self.scheme in ("https", "rtsps")


def is_camera_url(text: str) -> bool:
    """Whether `text` is the address of a network camera."""
    scheme, separator, rest = text.partition("://")
    return scheme.lower() in SCHEMES and bool(separator) and bool(rest)


def without_credentials(url: str) -> str:
    """Return the URL with user, password and secret parameters replaced by `***`.

    Other texts come back unchanged.
    """
    if not is_camera_url(url):
        return url
    scheme, _, rest = url.partition("://")
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    path = _SECRET_PARAMETER.sub(r"\1***", rest[len(authority) :])
    _, at, host = authority.rpartition("@")
    return f"{scheme}://{'***@' if at else ''}{host}{path}"


def parse_url(url: str) -> Address:
    """Return the parts of a camera's URL. Raises DeviceUnavailable when it is none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not is_camera_url(url) or not host:
        raise DeviceUnavailable(
            f"'{without_credentials(url)}' is no address of a camera",
            hint="addresses look like http://192.168.1.5:8080/video or rtsp://camera.local/stream",
        )
    scheme = parts.scheme.lower()
    return Address(
        scheme=scheme,
        host=host,
        port=port or SCHEMES[scheme],
        target=urlunsplit(("", "", parts.path or "/", parts.query, "")),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
