"""A take in which the encoder was changed, played by a real browser."""

from __future__ import annotations

import functools
import http.server
import threading
from pathlib import Path

import numpy as np
import pytest
from tests.clients.browser import chromium
from tests.file.test_video_encoder import FPS, SIZE_PX, luma_of, record, scene

from onetake.model.settings import Quality

pytestmark = pytest.mark.slow

COUNT = 90
CHANGES = {30: True, 45: False, 46: True}
LOOKED_AT = (29, 30, 31, 44, 45, 46, 47, 88)
DIFFERENCE = 6.0
"""Mean difference of a picture's brightness from what was recorded, in steps of 255: coding costs
up to 3, the picture before or after 9 and more."""

PAGE = """<!doctype html><video muted></video><script>
const video = document.querySelector('video'), canvas = document.createElement('canvas');
fetch('take.mp4').then(r => r.blob()).then(b => { video.src = URL.createObjectURL(b); });
function shown(seconds) {
  return new Promise(done => {
    const look = (_, what) => {
      if (Math.abs(what.mediaTime - seconds) < 0.005) done();
      else video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  });
}
async function brightness(number, fps) {
  const there = shown(number / fps);
  video.currentTime = (number + 0.5) / fps;
  await there;
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const brush = canvas.getContext('2d', {willReadFrequently: true});
  brush.drawImage(video, 0, 0);
  const data = brush.getImageData(0, 0, canvas.width, canvas.height).data;
  return Array.from({length: data.length / 4}, (_, i) => data[4 * i + 1]);
}
</script>"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def page(tmp_path: Path):
    """A page with the take, ready to play."""
    (tmp_path / "site").mkdir()
    assert record(tmp_path / "site" / "take.mp4", CHANGES, COUNT, quality=Quality.SMALL) == [
        True
    ] * len(CHANGES)
    (tmp_path / "site" / "index.html").write_text(PAGE)
    handler = functools.partial(Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with chromium(tmp_path, "--autoplay-policy=no-user-gesture-required") as open_page:
            page = open_page(f"http://127.0.0.1:{server.server_port}/")
            page.until("video.readyState >= 3 || video.error")
            assert page.js("video.error && video.error.message") is None
            yield page
        server.shutdown()


def expected(number: int) -> np.ndarray:
    """Brightness of a scene as shown: limited range stretched to 0 to 255."""
    return np.clip((luma_of(scene(number)) - 16) * 255 / 219, 0, 255)


def test_it_shows_every_picture_and_plays_to_its_end(page) -> None:
    """On both sides of each change the picture is the one recorded, the size stays, and playing
    from the beginning comes to the end without an error."""
    assert page.js("[video.videoWidth, video.videoHeight]") == list(SIZE_PX)
    for number in LOOKED_AT:
        seen = np.reshape(page.js(f"brightness({number}, {FPS})"), SIZE_PX[::-1])
        off_by = {
            other: np.abs(seen - expected(other)).mean() for other in range(number - 2, number + 3)
        }
        assert min(off_by, key=off_by.__getitem__) == number
        assert off_by[number] < DIFFERENCE
    page.js("video.currentTime = 0; video.playbackRate = 4; video.play()")
    page.until("video.ended || video.error", timeout_s=60)
    assert page.js("video.error && video.error.message") is None
    assert page.js("video.currentTime") == pytest.approx(COUNT / FPS, abs=0.05)
    assert page.errors == []
