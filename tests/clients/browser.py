"""A real Chromium without a window, driven by its own debugging protocol over one WebSocket."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from tests.clients.tools import missing
from websockets.sync.client import connect

__all__ = ["Page", "chromium"]

START_TIMEOUT_S = 30


def _program():
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    return found or missing("chromium")


@contextlib.contextmanager
def chromium(folder: Path, *options: str):
    """Yield a function that opens a new page (tab) at an address."""
    command = [
        _program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--mute-audio", "--remote-debugging-port=0", "--window-size=1280,900",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={folder / 'profile'}", *options, "about:blank",
    ]  # fmt: skip
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        port = _debugging_port(folder / "profile" / "DevToolsActivePort")
        with contextlib.ExitStack() as open_pages:

            def open_page(url: str) -> Page:
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT"
                )
                with urllib.request.urlopen(request, timeout=10) as answer:
                    address = json.load(answer)["webSocketDebuggerUrl"]
                socket = open_pages.enter_context(
                    connect(address, max_size=None, compression=None, proxy=None)
                )
                page = Page(socket)
                page.command("Page.enable")
                page.command("Runtime.enable")
                page.command("Page.navigate", url=url)
                return page

            yield open_page
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _debugging_port(file: Path) -> int:
    give_up = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up:
        if file.exists() and file.read_text().strip():
            return int(file.read_text().splitlines()[0])
        time.sleep(0.05)
    raise TimeoutError("chromium did not start")


class Page:
    """One tab."""

    def __init__(self, socket):
        self.socket = socket
        self.ids = itertools.count(1)
        self.errors = []

    def command(self, method, **params):
        number = next(self.ids)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(timeout=30))
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(message["params"]["exceptionDetails"])
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message["result"]

    def js(self, expression):
        """Return the value of an expression, awaited."""
        result = self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def until(self, expression, timeout_s=15):
        """Wait until an expression is true."""
        give_up = time.monotonic() + timeout_s
        while time.monotonic() < give_up:
            with contextlib.suppress(RuntimeError):
                if self.js(expression):
                    return
            time.sleep(0.05)
        raise TimeoutError(f"never true: {expression}; page says {self.text()}")

    def text(self):
        return self.js("document.body.innerText")[:2000]

    def box(self, selector):
        """Return (x, y, width, height) of an element, scrolled into view."""
        return self.js(
            f"(() => {{ const e = document.querySelector({selector!r}); "
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); "
            "return [r.x, r.y, r.width, r.height]; })()"
        )

    def click(self, selector):
        """Click the middle of an element with the mouse."""
        x, y, width, height = self.box(selector)
        self._mouse("mousePressed", x + width / 2, y + height / 2)
        self._mouse("mouseReleased", x + width / 2, y + height / 2)

    def drag(self, selector, dx, dy):
        """Drag an element by (dx, dy) pixels."""
        x, y, width, height = self.box(selector)
        x, y = x + width / 2, y + height / 2
        self._mouse("mousePressed", x, y)
        for step in range(1, 6):
            self._mouse("mouseMoved", x + dx * step / 5, y + dy * step / 5)
        self._mouse("mouseReleased", x + dx, y + dy)

    def _mouse(self, kind, x, y):
        self.command(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
        )

    def press(self, key):
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if len(key) == 1 and kind == "keyDown" else {}
            self.command("Input.dispatchKeyEvent", type=kind, key=key, **text)

    def screenshot(self, path):
        data = self.command("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def resize(self, width, height, *, is_dark=False):
        """Become a screen of this size."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = "dark" if is_dark else "light"
        self.command(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
