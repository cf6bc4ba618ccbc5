"""The panel in a real browser: a take by clicking, by keyboard, and pages that mean harm."""

from __future__ import annotations

import http.server
import json
import threading
import time

import pytest
from tests.clients.browser import chromium
from tests.clients.takes import Engine, assert_good

from onetake.control.panel_server import PanelServer
from onetake.model.commands import SetMute
from onetake.model.events import ControlChanged, TakeState

pytestmark = pytest.mark.slow


@pytest.fixture
def engine(tmp_path):
    engine = Engine(tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def panel(engine):
    panel = PanelServer(engine.controller)
    panel.start()
    yield panel
    panel.stop()


@pytest.fixture
def browser(tmp_path):
    with chromium(tmp_path) as open_page:
        yield open_page


def state_is(page, state):
    page.until(f"document.body.dataset.state === '{state}'")


def test_a_take_by_clicking(engine, panel, browser):
    """Record, mute, talk, hide, drag, mark, pause and stop by mouse; the file says the same."""
    page = browser(panel.new_url())
    page.until("document.body.dataset.link === 'open'")
    page.until("document.querySelectorAll('#device-mic option').length > 1")
    assert page.js("location.hash") == ""
    page.click("#record")
    state_is(page, "recording")
    page.until("document.getElementById('no-preview').hidden")
    colours = "(() => { const c = document.getElementById('preview'); const d = c.getContext('2d')"
    colours += ".getImageData(0, 0, c.width, c.height).data; return new Set(d).size; })()"
    page.until(f"{colours} > 8")
    page.until("document.querySelector('#meter-mic .level').style.width > '0%'")
    page.click("#mute-mic")
    page.until("document.getElementById('mute-mic').getAttribute('aria-pressed') === 'true'")
    page.until("document.getElementById('talking-mic').textContent.includes('muted, but talking')")
    time.sleep(1)
    page.click("#mute-mic")
    page.until("document.getElementById('mute-mic').getAttribute('aria-pressed') === 'false'")
    page.until("document.getElementById('messages').innerText.includes('unmuted by the panel')")
    page.until("!document.getElementById('camera-place').hidden")
    page.drag("#camera-place", -200, -100)
    page.until("document.getElementById('anchor').value === 'free'")
    overlay = engine.controller.snapshot().overlay
    assert overlay.anchor == "free"
    assert overlay.x < 0.75
    page.click("#hide-camera")
    page.until("document.getElementById('camera-place').hidden")
    page.js("document.getElementById('marker-label').value = 'second part'")
    page.click("#marker")
    page.click("#pause")
    state_is(page, "paused")
    page.click("#pause")
    state_is(page, "recording")
    page.click("#record")
    state_is(page, "finished")
    verdict = engine.controller.take.wait(30).verdict  # a starved machine degrades a take
    page.until(f"document.getElementById('verdict').textContent.endsWith('{verdict}')")
    page.until("document.getElementById('player').readyState >= 1")
    length_s = engine.controller.snapshot().position_ns / 1e9
    assert page.js("document.getElementById('player').duration") == pytest.approx(length_s, abs=0.1)
    assert page.errors == []
    report = assert_good(engine.controller.snapshot().path)
    mutes = [
        event.position_ns / 1e9
        for event in engine.events()
        if isinstance(event, ControlChanged) and isinstance(event.command, SetMute)
    ]
    assert [e for span in report.muted for e in (span.start_s, span.end_s)] == pytest.approx(mutes)
    assert report.chapters >= 1


def test_the_keyboard_is_enough(engine, panel, browser):
    """Each control of a take has a key, arrows move the camera, and typing is not a command."""
    page = browser(panel.new_url())
    page.until("document.body.dataset.link === 'open'")
    page.press("r")
    state_is(page, "recording")
    page.press("m")
    page.until("document.getElementById('mute-mic').getAttribute('aria-pressed') === 'true'")
    page.press("s")
    page.press("p")
    state_is(page, "paused")
    page.press("p")
    state_is(page, "recording")
    page.until("!document.getElementById('camera-place').hidden")
    page.js("document.getElementById('camera-place').focus()")
    page.press("ArrowLeft")
    page.until("document.getElementById('anchor').value === 'free'")
    page.press("c")
    page.until("document.getElementById('hide-camera').getAttribute('aria-pressed') === 'true'")
    page.js("document.getElementById('marker-label').focus()")
    page.press("r")
    assert page.js("document.getElementById('marker-label').value") == "r"
    assert engine.controller.snapshot().state is TakeState.RECORDING
    page.js("document.activeElement.blur()")
    page.press("r")
    state_is(page, "finished")
    assert engine.controller.snapshot().is_system_muted


def test_names_roles_and_widths(panel, browser, tmp_path):
    """All that can be operated has a name; nothing is cut off at phone width, also in the dark."""
    page = browser(panel.new_url())
    page.until("document.body.dataset.link === 'open'")
    tree = page.command("Accessibility.getFullAXTree")["nodes"]
    roles = ("button", "combobox", "slider", "textbox", "meter", "image")
    operable = [node for node in tree if node.get("role", {}).get("value") in roles]
    assert len(operable) > 15
    unnamed = [node for node in operable if not node.get("name", {}).get("value")]
    assert unnamed == []
    for width, is_dark in ((360, False), (360, True), (1280, True)):
        page.resize(width, 800, is_dark=is_dark)
        assert page.js("document.documentElement.scrollWidth") <= width
        small = page.js(
            "[...document.querySelectorAll('button, select')].filter(e => e.offsetParent)"
            ".filter(e => e.getBoundingClientRect().height < 40).map(e => e.id)"
        )
        assert small == []
        ground = page.js("getComputedStyle(document.body).backgroundColor")
        assert (int(ground.strip("rgb()").split(",")[0]) < 128) is is_dark


def test_a_reload_keeps_the_session_and_the_address_works_once(panel, browser):
    """The token of the address is used up; a reload of the tab goes on, another tab does not."""
    url = panel.new_url()
    page = browser(url)
    page.until("document.body.dataset.link === 'open'")
    page.command("Page.reload")
    page.until("document.body.dataset.link === 'open'")
    other = browser(url)
    other.until("document.getElementById('state').textContent.includes('used already')")
    assert other.js("document.body.dataset.link") == "closed"


ATTACK = """<!doctype html><script>
const results = {};
const attempt = async (name, run) => {
  try { results[name] = await run(); } catch (error) { results[name] = `blocked ${error.name}`; }
};
const socket = (url) => new Promise((resolve) => {
  const s = new WebSocket(url);
  s.onopen = () => resolve("open");
  s.onerror = () => resolve("blocked");
});
(async () => {
  for (const host of HOSTS) {
    await attempt(`ws ${host}`, () => socket(`ws://${host}:PORT/`));
    await attempt(`fetch ${host}`, async () => (await fetch(`http://${host}:PORT/`)).status);
    await attempt(`post ${host}`, async () =>
      (await fetch(`http://${host}:PORT/`, { method: "POST", body: "{}", mode: "no-cors" })).type);
    await attempt(`img ${host}`, () => new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve("loaded");
      image.onerror = () => resolve("blocked");
      image.src = `http://${host}:PORT/icon.svg`;
    }));
    await attempt(`frame ${host}`, () => new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.src = `http://${host}:PORT/`;
      frame.onload = () => {
        try { resolve(frame.contentDocument ? "readable" : "opaque"); } catch { resolve("opaque"); }
      };
      document.body.append(frame);
    }));
  }
  window.results = results;
})();
</script><body></body>"""


def test_pages_from_elsewhere_change_nothing(engine, panel, tmp_path):
    """A page of another origin, also under a name that leads here, gets nothing and does
    nothing."""
    hosts = ["127.0.0.1", "localhost", "evil.test"]
    page_text = ATTACK.replace("PORT", str(panel.port)).replace("HOSTS", json.dumps(hosts))

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page_text.encode())

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    before = engine.controller.snapshot()
    options = [
        "--host-resolver-rules=MAP evil.test 127.0.0.1",
        "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
    ]
    try:
        with chromium(tmp_path, *options) as open_page:
            for name in ("localhost", "evil.test"):
                page = open_page(f"http://{name}:{server.server_address[1]}/")
                page.until("window.results !== undefined", 30)
                results = page.js("window.results")
                assert len(results) == 15
                for what, outcome in results.items():
                    assert outcome in ("blocked", "blocked TypeError", "opaque"), (what, outcome)
    finally:
        server.shutdown()
        server.server_close()
    assert engine.events() == []
    assert engine.controller.snapshot() == before
