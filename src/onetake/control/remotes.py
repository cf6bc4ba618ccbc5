"""All ways to drive a recorder from elsewhere, opened and closed together.

    with Remotes(controller, RemoteWish(has_panel=True), config.remote) as remotes:
        print(remotes.panel_url())

Invariant: nothing listens on the network that was not asked for, and nothing after the `with`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onetake.control.announced_session import AnnouncedSession
from onetake.control.config import RemoteConfig
from onetake.control.controller import Controller
from onetake.control.notify import Notifier
from onetake.errors import UsageError

if TYPE_CHECKING:
    # Imported where they are opened: asyncio and websockets take longer than opening a device.
    from onetake.control.obs.server import ObsServer
    from onetake.control.panel_server import PanelServer

__all__ = ["RemoteWish", "Remotes"]

_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class RemoteWish:
    """What is asked for on the command line."""

    session_id: str = ""
    """Announce a control socket under this name; empty = none."""
    has_panel: bool = False
    panel_port: int | None = None
    """None = the configuration's."""
    has_obs: bool = False
    obs_port: int | None = None
    """None = the configuration's."""
    log: str = ""
    """Where a detached recorder writes what it has to say."""


class Remotes:
    """The adapters of one controller, for as long as the `with` lasts.

    Args:
        profiles: names of the presets, shown to obs-websocket remotes.
    """

    def __init__(
        self,
        controller: Controller,
        wish: RemoteWish,
        config: RemoteConfig | None = None,
        *,
        profiles: tuple[str, ...] = (),
    ) -> None:
        self._controller = controller
        self._wish = wish
        self._config = RemoteConfig() if config is None else config
        self._profiles = profiles
        self._open = contextlib.ExitStack()
        self.panel: PanelServer | None = None
        self.obs: ObsServer | None = None

    def panel_url(self) -> str:
        """Return an address that opens the panel once. Raises AssertionError without a panel."""
        assert self.panel is not None
        return self.panel.new_url()

    def __enter__(self) -> Remotes:
        """Open what was asked for. Raises UsageError, OutputFailed or InvalidState; nothing is
        left open then."""
        with self._open:
            if self._wish.session_id:
                session = AnnouncedSession(self._controller, self._wish.session_id, self._wish.log)
                self._open.enter_context(session)
            if self._config.notify:
                self._started(Notifier(self._controller))
            if self._wish.has_panel:
                self.panel = self._panel_server()
                self._started(self.panel)
            if self._wish.has_obs:
                self.obs = self._obs_server()
                self._started(self.obs)
            self._open = self._open.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _panel_server(self) -> PanelServer:
        from onetake.control.panel_server import PanelServer

        return PanelServer(self._controller, _port(self._wish.panel_port, self._config.panel_port))

    def _obs_server(self) -> ObsServer:
        from onetake.control.obs.password import obs_password
        from onetake.control.obs.server import ObsServer

        return ObsServer(
            self._controller,
            _port(self._wish.obs_port, self._config.obs_port),
            obs_password(self._config.obs_password_file),
            allowed_origins=self._config.obs_origins,
            profiles=self._profiles,
        )

    def _started(self, adapter: Notifier | PanelServer | ObsServer) -> None:
        adapter.start()
        self._open.callback(adapter.stop)


def _port(wish: int | None, configured: int) -> int:
    """Return the port that was asked for, else the configured one. Raises UsageError."""
    port = configured if wish is None else wish
    if not 0 <= port <= _LAST_PORT:
        raise UsageError(f"there is no port {port}", hint=f"choose 1 to {_LAST_PORT}")
    return port
