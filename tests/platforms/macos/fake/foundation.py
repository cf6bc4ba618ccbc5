"""Foundation: errors, notifications, activities, defaults, timers."""

from __future__ import annotations

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

        def operatingSystemVersionString(self) -> str:
            """For people."""
            return f"Version {'.'.join(map(str, mac.version))} (simulated)"

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


def _timer(mac: Mac) -> type:
    class NSTimer(Framework):
        """A timer on the run loop of the thread that made it."""

        _block: Any

        @classmethod
        def scheduledTimerWithTimeInterval_repeats_block_(
            cls, interval_s: float, repeats: bool, block: Any
        ) -> Any:
            """Make one and start it."""
            if not repeats:
                raise Unmodelled("a timer that fires once")
            timer = cls()
            timer._block = check_block(block, 1)
            mac.timers.append(timer)
            return timer

        def invalidate(self) -> None:
            """Stop it."""
            mac.timers.remove(self)

    return NSTimer


class NSRunLoop(Framework):
    """A run loop."""

    @classmethod
    def mainRunLoop(cls) -> str:
        """The one of the main thread."""
        return "main run loop"


def make(mac: Mac) -> dict[str, Any]:
    """Return what the `Foundation` module exports."""

    class NSNull(Framework, outside=True):
        """The null object."""

        @classmethod
        def null(cls) -> str:
            """The one."""
            return "NSNull"

    mac.classes["NSNull"] = NSNull
    return {
        "NSURL": NSURL,
        "NSError": NSError,
        "NSNotificationCenter": _center(mac),
        "NSProcessInfo": _process(mac),
        "NSUserDefaults": _defaults(mac),
        "NSTimer": _timer(mac),
        "NSRunLoop": NSRunLoop,
        "NSNotification": NSNotification,
    }
