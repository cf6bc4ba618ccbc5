"""Foundation and AppKit: errors, notifications, activities, defaults, applications."""

from __future__ import annotations

import os
from typing import Any

from tests.platforms.macos.fake.runtime import Framework, Unmodelled, check_block
from tests.platforms.macos.fake.world import Mac


class NSError(Framework):
    """An error."""

    def __init__(self, domain: str, code: int, text: str, under: NSError | None = None) -> None:
        self._facts = (domain, code, text)
        self._under = under

    def code(self) -> int:
        """Its number."""
        return self._facts[1]

    def domain(self) -> str:
        """Whose number."""
        return self._facts[0]

    def localizedDescription(self) -> str:
        """For people."""
        return self._facts[2]

    def userInfo(self) -> dict[str, Any]:
        """More."""
        return {} if self._under is None else {"NSUnderlyingError": self._under}


class NSURL(Framework):
    """A URL."""

    _text: str

    @classmethod
    def fileURLWithPath_(cls, path: str) -> NSURL:
        """The URL of a file."""
        url = cls()
        url._text = path
        return url

    @classmethod
    def URLWithString_(cls, text: str) -> NSURL:
        """A URL."""
        return cls.fileURLWithPath_(text)


class NSNotification(Framework):
    """A notification."""

    def __init__(self, info: dict[str, Any] | None) -> None:
        self._info = info

    def userInfo(self) -> dict[str, Any] | None:
        """What comes with it."""
        return self._info


class Observer:
    """One observation."""

    def __init__(self, mac: Mac, name: str, sender: Any, block: Any) -> None:
        self._mac, self._name, self._sender = mac, name, sender
        self._block = block

    def tell(self, name: str, sender: Any, info: dict[str, Any] | None) -> None:
        """Call the block if it asked for this."""
        if name == self._name and (self._sender is None or self._sender is sender):
            self._mac.call_back(lambda: self._block(NSNotification(info)), f"notification {name}")


def _center(mac: Mac) -> type:
    class NSNotificationCenter(Framework):
        """The notification centre."""

        @classmethod
        def defaultCenter(cls) -> Any:
            """The one."""
            return cls()

        def addObserverForName_object_queue_usingBlock_(
            self, name: str, sender: Any, queue: Any, block: Any
        ) -> Observer:
            """Observe on the posting thread."""
            if queue is not None:
                raise Unmodelled("a queue needs a run loop")
            observer = Observer(mac, name, sender, check_block(block, 1))
            mac.observers.append(observer)
            return observer

        def removeObserver_(self, observer: Observer) -> None:
            """Observe no more."""
            mac.observers.remove(observer)

    return NSNotificationCenter


def _process(mac: Mac) -> type:
    class NSProcessInfo(Framework):
        """This process."""

        @classmethod
        def processInfo(cls) -> Any:
            """The one."""
            return cls()

        def beginActivityWithOptions_reason_(self, options: int, reason: str) -> object:
            """Keep the Mac awake."""
            if not options & (1 << 40) or not options & (1 << 20) or not reason:
                raise Unmodelled("an activity that lets display or system sleep")
            token = object()
            mac.activities.append(token)
            return token

        def endActivity_(self, token: object) -> None:
            """Let it sleep."""
            mac.activities.remove(token)

    return NSProcessInfo


def _defaults(mac: Mac) -> type:
    class NSUserDefaults(Framework):
        """The defaults."""

        @classmethod
        def standardUserDefaults(cls) -> Any:
            """The ones of this program."""
            return cls()

        def boolForKey_(self, key: str) -> bool:
            """Read."""
            return mac.defaults.get(key, False)

        def setBool_forKey_(self, value: bool, key: str) -> None:
            """Write."""
            mac.defaults[key] = value

    return NSUserDefaults


def _appkit(mac: Mac) -> dict[str, Any]:
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
            if pid == os.getppid():
                return Application("com.apple.Terminal", "Terminal")
            return None

    class NSWorkspace(Framework):
        """The workspace."""

        @classmethod
        def sharedWorkspace(cls) -> Any:
            """The one."""
            return cls()

        def openURL_(self, url: NSURL) -> bool:
            """Open."""
            mac.opened_urls.append(url._text)
            return True

    return {"NSRunningApplication": NSRunningApplication, "NSWorkspace": NSWorkspace}


def make(mac: Mac) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the `Foundation` and `AppKit` modules export."""

    class NSNull(Framework, outside=True):
        """The null object."""

        @classmethod
        def null(cls) -> str:
            """The one."""
            return "NSNull"

    mac.classes["NSNull"] = NSNull
    foundation = {
        "NSURL": NSURL,
        "NSError": NSError,
        "NSNotificationCenter": _center(mac),
        "NSProcessInfo": _process(mac),
        "NSUserDefaults": _defaults(mac),
    }
    return foundation, _appkit(mac)
