"""Take the pictures of the README again: `python -m scripts.pictures`, from the repository.

Both are real. A browser on a private X server shows a slide, a network camera shows a drawn
speaker, sound comes from the built-in devices; a take of these is steered in the panel, the panel
is photographed while it records, and the other picture is a frame of the finished file.

Needs Xvfb and Chromium.
"""

from __future__ import annotations

import base64
import contextlib
import io
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
from tests.clients.browser import Page, chromium
from tests.stage.processes import child, temporary_folder
from tests.stage.stage import changed_environment
from tests.stage.xserver import xvfb

from onetake.control.controller import Controller
from onetake.control.panel_server import PanelServer
from onetake.engine.recorder import Recorder
from onetake.model.settings import Settings
from onetake.proof.check import check

HOME = Path(__file__).parents[1]
SOURCES = HOME / "scripts" / "picture_sources"
PICTURES = HOME / "docs" / "pictures"

WIDTH_PX, HEIGHT_PX = 1280, 720
FRAME_AT_S = 6.0
"""Which frame of the file is shown: one in which the sound is muted and a chapter begun."""
LIMIT_BYTES = 200_000
"""Most a picture may weigh: it is in every clone."""


def main() -> None:
    """Take both pictures and say what they weigh."""
    PICTURES.mkdir(exist_ok=True)
    with temporary_folder() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        open_page = stack.enter_context(chromium(folder))
        url = stack.enter_context(camera(jpeg_of(open_page, SOURCES / "presenter.html", 640, 480)))
        screen = stack.enter_context(xvfb(WIDTH_PX, HEIGHT_PX))
        stack.enter_context(changed_environment(screen.env))
        stack.enter_context(slide(folder))
        time.sleep(5)  # The browser draws its first picture.
        settings = Settings(
            output=str(folder / "lesson.mp4"),
            screen=screen.device_id,
            system_audio="synthetic",
            mic="synthetic",
            camera=url,
        )
        path = steered_take(settings, open_page, PICTURES / "panel.jpg")
        print(path.name, check(str(path)).verdict)
        save_frame(path, PICTURES / "take.jpg")
    for picture in sorted(PICTURES.glob("*.jpg")):
        size_bytes = picture.stat().st_size
        print(f"{picture.relative_to(HOME)}: {size_bytes / 1000:.0f} KB")
        assert size_bytes < LIMIT_BYTES


def jpeg_of(open_page, source: Path, width_px: int, height_px: int) -> bytes:
    """Return a page as a picture."""
    page = open_page(source.as_uri())
    page.resize(width_px, height_px)
    time.sleep(1)
    return photograph(page, 90)


def photograph(page: Page, quality: int) -> bytes:
    """Return what the page shows as a JPEG."""
    answer = page.command("Page.captureScreenshot", format="jpeg", quality=quality)
    return base64.b64decode(answer["data"])


@contextlib.contextmanager
def camera(picture: bytes, fps: int = 15) -> Iterator[str]:
    """Yield the address of a network camera that sees one picture all the time."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=cut")
            self.end_headers()
            head = f"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            with contextlib.suppress(OSError):
                while True:
                    self.wfile.write(head.encode() + picture + b"\r\n")
                    time.sleep(1 / fps)

        def log_message(self, format: str, *arguments: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/video"
    finally:
        server.shutdown()


def slide(folder: Path) -> contextlib.AbstractContextManager[object]:
    """Run a browser that fills the screen with the slide."""
    # Without a window manager Chromium keeps a border of a pixel: that one is off the screen.
    options = ["--no-sandbox", "--no-first-run", "--disable-gpu", "--hide-scrollbars", "--kiosk"]
    options += [
        f"--user-data-dir={folder / 'slide'}",
        f"--window-size={WIDTH_PX + 2},{HEIGHT_PX + 2}",
    ]
    options += ["--window-position=0,0", "--disable-background-networking"]
    address = f"--app={(SOURCES / 'slide.html').as_uri()}"
    return child(["chromium", *options, address], log=folder / "slide.log")


def steered_take(settings: Settings, open_page, photo: Path) -> Path:
    """Record in the panel, photograph it in mid-take, and return the finished file."""
    controller = Controller(Recorder(), settings)
    panel = PanelServer(controller)
    panel.start()
    try:
        page = open_page(panel.new_url())
        page.resize(1280, 790)
        page.until("document.body.dataset.link === 'open'")
        page.until("document.querySelectorAll('#device-mic option').length > 1")
        page.click("#record")
        page.until("document.body.dataset.state === 'recording'")
        page.js("document.getElementById('marker-label').value = 'Two tones'")
        page.click("#marker")
        time.sleep(2)
        page.click("#mute-system")
        time.sleep(4.5)
        page.js("scrollTo(0, 0)")
        photo.write_bytes(photograph(page, 82))
        time.sleep(1)
        page.click("#record")
        page.until("!document.getElementById('finished').hidden")
    finally:
        panel.stop()
        controller.close()
    return Path(settings.output)


def save_frame(recording: Path, picture: Path) -> None:
    """Write the frame at FRAME_AT_S of a file as a JPEG."""
    with av.open(str(recording)) as file:
        frame = next(f for f in file.decode(video=0) if f.time is not None and f.time > FRAME_AT_S)
    written = io.BytesIO()
    with av.open(written, "w", format="mjpeg") as file:
        stream = file.add_stream("mjpeg", 1)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuvj420p"
        stream.options = {"qmin": "3", "qmax": "3"}
        frame.pts = None
        file.mux([*stream.encode(frame.reformat(format="yuvj420p")), *stream.encode(None)])
    picture.write_bytes(written.getvalue())


if __name__ == "__main__":
    main()
