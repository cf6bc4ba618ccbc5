"""The little of HTTP a camera needs, against a server that says what the test wants."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from onetake.errors import DeviceUnavailable, PermissionDenied
from onetake.platforms.network.http import HttpStream, _digest
from onetake.platforms.network.url import parse_url

Answer = Callable[[str], bytes]


@contextlib.contextmanager
def server(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """Serve one connection after the other; yield (URL, requests so far)."""
    requests: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client:
                    request = client.recv(65536).decode("latin1")
                    requests.append(request)
                    client.sendall(answer(request))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/video", requests
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def body_of(url: str) -> bytes:
    """Open a stream and read it to its end."""
    stream = HttpStream(url, "CAMERA")
    body = b""
    try:
        stream.open(time.monotonic() + 2)
        while True:
            body += stream.read_some(0.5) or b""
    except DeviceUnavailable as error:
        if "ended" not in error.message:
            raise
        return body
    finally:
        stream.close()


def test_a_plain_answer_is_read_to_its_end() -> None:
    """Head and body may come in one piece."""
    with server(lambda _: b"HTTP/1.0 200 OK\r\nContent-Type: x/y\r\n\r\nhello") as (url, requests):
        assert body_of(url) == b"hello"
        assert requests[0].startswith("GET /video HTTP/1.1\r\n")
        assert "Authorization" not in requests[0]


def test_a_chunked_answer_is_put_together() -> None:
    """FFmpeg's camera answers in chunks."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server(lambda _: head + b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n") as (url, _):
        assert body_of(url) == b"hello"


def test_a_redirect_is_followed_and_a_circle_is_not_for_ever() -> None:
    """Cameras redirect to their stream; the password goes along on the same host."""

    def answer(request: str) -> bytes:
        if "GET /video" in request:
            return b"HTTP/1.1 302 Found\r\nLocation: /real\r\n\r\n"
        return b"HTTP/1.1 200 OK\r\n\r\nhere"

    with server(answer) as (url, requests):
        assert body_of(url) == b"here"
        assert "GET /real" in requests[1]
    circle = b"HTTP/1.1 302 Found\r\nLocation: /video\r\n\r\n"
    with server(lambda _: circle) as (url, _), pytest.raises(DeviceUnavailable, match="302"):
        body_of(url)


def test_a_login_is_answered_and_never_sent_unasked() -> None:
    """Basic: the password goes out only after the camera asked for it."""
    expected = base64.b64encode(b"me:secret").decode()

    def answer(request: str) -> bytes:
        if f"Authorization: Basic {expected}" in request:
            return b"HTTP/1.1 200 OK\r\n\r\nin"
        return b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="c"\r\n\r\n'

    with server(answer) as (url, requests):
        assert body_of(url.replace("//", "//me:secret@")) == b"in"
        assert "Authorization" not in requests[0]
        with pytest.raises(PermissionDenied, match="wants a user"):
            body_of(url)
        with pytest.raises(PermissionDenied, match="wants a user"):
            body_of(url.replace("//", "//me:wrong@"))


def test_digest_answers_as_the_standard_computes_them() -> None:
    """The example of RFC 2617, section 3.5, without qop, and the fields a camera needs."""
    address = parse_url("http://Mufasa:Circle%20Of%20Life@host/dir/index.html")
    challenge = (
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",'
        ' opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    answer = _digest(address, challenge)
    # MD5(MD5(user:realm:password):nonce:MD5(GET:/dir/index.html)), computed by hand.
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in answer
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in answer
    assert 'qop="auth", nc' not in answer
    assert "qop=auth, nc=00000001" in _digest(address, challenge + ', qop="auth,auth-int"')


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "answers 404"),
        (b"HTTP/1.1 500 Oops\r\n\r\n", "answers 500"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not speak HTTP"),
        (b"", "does not speak HTTP"),
    ],
)
def test_other_answers_are_sentences(reply: bytes, message: str) -> None:
    """Every wrong answer is a DeviceUnavailable with its reason."""
    with server(lambda _: reply) as (url, _), pytest.raises(DeviceUnavailable, match=message):
        body_of(url)


def test_a_read_waits_as_long_as_it_is_told() -> None:
    """None when nothing came; the next read goes on where this one stood."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        stream = HttpStream(url, "CAMERA")
        thread = threading.Thread(target=stream.open, args=[time.monotonic() + 2])
        thread.start()
        client, _ = listening.accept()
        with client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            thread.join()
            begun_s = time.monotonic()
            assert stream.read_some(0.05) is None
            assert time.monotonic() - begun_s < 0.3
            client.sendall(b"late")
            assert stream.read_some(1) == b"late"
        stream.close()
