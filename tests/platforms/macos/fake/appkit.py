"""AppKit: applications, the workspace, the menu bar and its loop."""

from __future__ import annotations

import os
import time
from typing import Any, ClassVar

from tests.platforms.macos.fake.runtime import Framework, Unmodelled, scene
from tests.platforms.macos.fake.stage import make_screens
from tests.platforms.macos.fake.world import Mac


def make(mac: Mac) -> dict[str, Any]:
    """Return what the `AppKit` module exports."""

    class Application(Framework):
        """An application of the user's."""

        def __init__(self, bundle_id: str, name: str) -> None:
            self._facts = (bundle_id, name)

        def bundleIdentifier(self) -> str:
            """Its id."""
            return self._facts[0]

        def localizedName(self) -> str:
            """Its name."""
            return self._facts[1]

    class NSRunningApplication(Framework):
        """Applications by process."""

        @classmethod
        def runningApplicationWithProcessIdentifier_(cls, pid: int) -> Any:
            """The application of a process, None for one without a bundle."""
            # A run of the tests that was left behind by its shell has no parent but the first.
            if pid == (os.getppid() if os.getppid() > 1 else os.getpid()):
                return Application("com.apple.Terminal", "Terminal")
            return None

    class NSWorkspace(Framework):
        """The workspace."""

        @classmethod
        def sharedWorkspace(cls) -> Any:
            """The one."""
            return cls()

        def openURL_(self, url: Any) -> bool:
            """Open."""
            mac.opened_urls.append(url._text)
            return True

    class NSApplication(Framework):
        """The application: its loop runs the timers and what a test plans for the main thread."""

        _shared: ClassVar[Any] = None
        _is_stopping = False
        _has_event = False

        @classmethod
        def sharedApplication(cls) -> Any:
            """The one."""
            cls._shared = cls._shared or cls()
            return cls._shared

        def setActivationPolicy_(self, policy: int) -> None:
            """1 = no Dock icon."""
            mac.activation_policy = policy

        def run(self) -> None:
            """Run until stopped; a stop is noticed only after an event."""
            deadline_s = time.monotonic() + 30
            while not (self._is_stopping and self._has_event):
                if time.monotonic() > deadline_s:
                    raise Unmodelled("the loop does not end: stop_ without an event after it")
                for body in [*mac.main_work]:
                    mac.main_work.remove(body)
                    body()
                for timer in list(mac.timers):
                    mac.call_back(lambda timer=timer: timer._block(timer), "timer")
                time.sleep(0.001)

        def stop_(self, sender: Any) -> None:
            """Stop after the next event."""
            self._is_stopping, self._has_event = True, False

        def terminate_(self, sender: Any) -> None:
            """End the process."""
            raise SystemExit

        def postEvent_atStart_(self, event: Any, at_start: bool) -> None:
            """Post an event."""
            if event != "event":
                raise Unmodelled("an event that is none")
            self._has_event = True

    return {
        "NSRunningApplication": NSRunningApplication,
        "NSWorkspace": NSWorkspace,
        "NSApplication": NSApplication,
        **make_screens(mac),
    }


def make_menu(mac: Mac) -> dict[str, Any]:
    """Return the classes of the menu bar, which are found by name."""

    class NSStatusBarButton(Framework, outside=True):
        """What is seen in the bar."""

        def setTitle_(self, title: str) -> None:
            """Show it."""
            mac.menu_title = title

    class NSMenuItem(Framework, outside=True):
        """An entry."""

        def initWithTitle_action_keyEquivalent_(self, title: str, action: str, key: str) -> Any:
            """Initialise."""
            self._title, self._action, self._key = title, action, key
            return self

        def setTarget_(self, target: Any) -> None:
            """Who is told."""
            self._target = target

        def setRepresentedObject_(self, value: str) -> None:
            """What it stands for."""
            self._value = value

        def representedObject(self) -> str:
            """What it stands for."""
            return self._value

        @scene
        def choose(self) -> None:
            """Click it."""
            method = getattr(self._target, self._action.replace(":", "_"))
            mac.main_work.append(lambda: mac.call_back(lambda: method(self), "menu"))

    class NSMenu(Framework, outside=True):
        """A menu."""

        def init(self) -> Any:
            """Initialise."""
            self._items: list[Any] = []
            return self

        def addItem_(self, item: Any) -> None:
            """Add an entry."""
            self._items.append(item)

    class NSStatusItem(Framework, outside=True):
        """An item of the menu bar."""

        def button(self) -> Any:
            """What is seen of it."""
            return NSStatusBarButton()

        def setMenu_(self, menu: Any) -> None:
            """What opens."""
            mac.menu = {item._value: item for item in menu._items}

    class NSStatusBar(Framework, outside=True):
        """The menu bar."""

        @classmethod
        def systemStatusBar(cls) -> Any:
            """The one."""
            return cls()

        def statusItemWithLength_(self, length: float) -> Any:
            """A new item."""
            mac.status_items += 1
            return NSStatusItem()

        def removeStatusItem_(self, item: Any) -> None:
            """Remove it."""
            mac.status_items -= 1

    class NSEvent(Framework, outside=True):
        """An event."""

        @classmethod
        def otherEventWithType_location_modifierFlags_timestamp_windowNumber_context_subtype_data1_data2_(  # noqa: E501
            cls,
            kind: int,
            location: Any,
            flags: int,
            timestamp: float,
            window: int,
            context: Any,
            subtype: int,
            data1: int,
            data2: int,
        ) -> str:
            """Make one."""
            return "event"

    return {
        made.__name__: made
        for made in (NSStatusBar, NSStatusItem, NSStatusBarButton, NSMenu, NSMenuItem, NSEvent)
    }
