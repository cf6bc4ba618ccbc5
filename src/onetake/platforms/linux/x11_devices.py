"""Which screens there are, and why there may be none."""

from __future__ import annotations

import os

from onetake.errors import DeviceUnavailable
from onetake.model.devices import Device, Role
from onetake.platforms.linux.x11_server import XServer, mapped_errors

__all__ = ["SCHEME", "WAYLAND_HINT", "list_screens", "screen_name", "split_screen_id"]

SCHEME = "x11:"

WAYLAND_HINT = (
    'log in to an X11 session ("on Xorg"), or run the programs to be recorded in a rootful'
    " Xwayland and record that with --screen x11:DISPLAY; the desktop portal is not supported yet"
)


def _display_name() -> str:
    """Return DISPLAY without its screen number: `:0.0` and `:0` are one display."""
    name = os.environ.get("DISPLAY", "")
    host, colon, number = name.rpartition(":")
    return f"{host}{colon}{number.partition('.')[0]}"


def is_wayland_session() -> bool:
    """Whether the desktop of this session is Wayland's."""
    return bool(os.environ.get("WAYLAND_DISPLAY")) or (
        os.environ.get("XDG_SESSION_TYPE") == "wayland"
    )


def split_screen_id(device_id: str) -> tuple[str, str]:
    """Return (display name, monitor name or empty) of `x11:DISPLAY[/MONITOR]`."""
    display_name, _, monitor_name = device_id.removeprefix(SCHEME).partition("/")
    return display_name, monitor_name


def screen_name(display_name: str, monitor_name: str) -> str:
    """Return what a person calls a display or one of its monitors."""
    return f"Monitor {monitor_name}" if monitor_name else f"Display {display_name}"


def list_screens() -> list[Device]:
    """List the display of this session and its monitors. Raises DeviceUnavailable when none."""
    display_name = _display_name()
    if not display_name:
        if is_wayland_session():
            raise DeviceUnavailable("this is a Wayland session", hint=WAYLAND_HINT)
        raise DeviceUnavailable(
            "no display: DISPLAY is not set",
            hint="run it in a graphical session, or set DISPLAY, for example DISPLAY=:0",
        )
    server = XServer(display_name)
    try:
        server.open()
        if server.is_xwayland and is_wayland_session():
            raise DeviceUnavailable("this is a Wayland session", hint=WAYLAND_HINT)
        with mapped_errors(display_name):
            return _screens(server)
    finally:
        server.close()


def _screens(server: XServer) -> list[Device]:
    """List the whole display, and each monitor when there are several."""
    width_px, height_px = server.size_px()
    monitors = server.monitors()
    has_several = len(monitors) > 1
    primary = next((m for m in monitors if m.is_primary), monitors[0] if monitors else None)
    whole = Device(
        f"{SCHEME}{server.name}",
        screen_name(server.name, "") + (", all monitors" if has_several else ""),
        Role.SCREEN,
        not has_several,
        f"{width_px}x{height_px}",
    )
    if not has_several:
        return [whole]
    parts = [
        Device(
            f"{SCHEME}{server.name}/{monitor.name}",
            screen_name(server.name, monitor.name),
            Role.SCREEN,
            monitor is primary,
            f"{monitor.area.width_px}x{monitor.area.height_px}",
        )
        for monitor in monitors
    ]
    return [whole, *parts]
