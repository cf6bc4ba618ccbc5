"""Whatever is in a file, a check ends in a report or in one error, soon, and changes nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.proof.making import Recipe, make

from onetake.errors import InvalidRecording
from onetake.proof.check import check, to_json, to_text

pytestmark = pytest.mark.slow

ROUNDS = 40
LIMIT_S = 20.0
"""Processor time: a check of such a file takes 0.1 s, FFmpeg opening a bad one up to 4 s."""

RECIPES = {
    "mp4": ("a.mp4", Recipe(seconds=2.5)),
    "fragmented": (
        "a.mp4",
        Recipe(
            seconds=2.5,
            container_options={"movflags": "frag_keyframe+empty_moov"},
            video_options={"preset": "ultrafast", "g": "15", "bf": "0"},
        ),
    ),
    "mkv": ("a.mkv", Recipe(seconds=2.5, audio_codec="flac")),
}


def mangled(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes after some damage as disks, crashes and editors do it."""
    spoilt = bytearray(data)
    for _ in range(rng.choice([1, 1, 3, 30])):
        at = rng.randrange(len(spoilt))
        kind = rng.randrange(6)
        if kind == 0:
            spoilt[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            spoilt[at : at + 4] = rng.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
        elif kind == 2:
            del spoilt[max(at, 400) : at + rng.randrange(1, 400)]
        elif kind == 3:
            spoilt[at:at] = rng.randbytes(rng.randrange(1, 400))
        elif kind == 4:
            length = rng.randrange(1, 4096)
            spoilt[at : at + length] = bytes(len(spoilt[at : at + length]))
        elif len(spoilt) > 2000:  # A cut, but never down to nothing.
            del spoilt[max(1000, at) :]
    return bytes(spoilt)


def near_headers(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes with damage in the index, where it hurts most."""
    spoilt = bytearray(data)
    names = (b"moov", b"trak", b"stts", b"stsz", b"stco", b"elst", b"tfhd", b"trun", b"mdhd")
    places = [at for name in names if (at := data.find(name)) >= 0] or [40]
    for _ in range(rng.choice([1, 2, 8])):
        at = min(len(spoilt) - 1, rng.choice(places) + rng.randrange(-4, 60))
        spoilt[at] = rng.randrange(256)
    return bytes(spoilt)


def said(path: Path) -> str:
    """Return the report as text, or the error's one line."""
    try:
        report = check(path)
    except InvalidRecording as error:
        return error.message.splitlines()[0]
    return to_text(report) + to_json(report)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("damage", [mangled, near_headers])
def test_mangled_files(
    name: str, damage: Callable[[bytes, random.Random], bytes], tmp_path: Path
) -> None:
    """Mangled bytes make an error or a report, within seconds, and the file is not touched."""
    file_name, recipe = RECIPES[name]
    good = make(tmp_path / file_name, recipe).read_bytes()
    rng = random.Random(f"{name} {damage.__name__}")
    path = tmp_path / f"bad-{file_name}"
    for _ in range(ROUNDS):
        data = damage(good, rng)
        path.write_bytes(data)
        start = time.process_time()
        assert said(path)
        assert time.process_time() - start < LIMIT_S
        assert path.read_bytes() == data
