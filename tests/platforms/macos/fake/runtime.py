"""The bridge: how calls are checked, what tuples, classes, blocks and structs look like."""

from __future__ import annotations

import inspect
import json
import threading
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.platforms.macos.names import ACTIONS

if TYPE_CHECKING:
    from tests.platforms.macos.fake.world import Mac

TABLE: dict[str, Any] = json.loads((Path(__file__).parents[1] / "api_table.json").read_text())


class Unmodelled(AssertionError):
    """The back-end did something that no part of the stand-in describes."""


class ObjCError(Exception):
    """objc.error: an NSException that PyObjC maps to no builtin exception."""


class Outs(tuple):
    """What a call with out arguments returns: always truthy, so asking for its truth is a bug."""

    def __bool__(self) -> bool:
        raise Unmodelled("truth of a (result, error) tuple: it is true whatever happened")


class Null:
    """objc.NULL."""

    def __repr__(self) -> str:
        return "objc.NULL"


NULL = Null()


def version(text: str | None) -> tuple[int, ...]:
    """Return `14.2` as (14, 2); None as (0,)."""
    return tuple(int(part) for part in text.split(".")) if text else (0,)


def scene(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a method that a test calls to let something happen; no part of the framework."""
    function.is_scene = True  # type: ignore[attr-defined]
    return function


def check_block(block: Callable[..., Any], count: int) -> Callable[..., Any]:
    """Refuse a block that cannot be called with exactly `count` arguments."""
    if block is None:
        raise Unmodelled("a NULL block where one is needed")
    inspect.signature(block).bind(*range(count))
    return block


class Weak:
    """A delegate as the frameworks hold it: only for as long as somebody else does."""

    def __init__(self, mac: Mac, delegate: Any) -> None:
        self._mac = mac
        self._name = type(delegate).__name__
        self._held = weakref.ref(delegate)

    def held(self) -> Any:
        """Return it; one that nobody holds while something runs hears nothing on a Mac, and is a
        mistake here."""
        delegate = self._held()
        if delegate is None:
            self._mac.crashes.append(f"nobody holds the {self._name} any more")
        return delegate


class Pools:
    """Which autorelease pools are open on this thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def entered(self) -> int:
        """How many pools this thread has opened so far."""
        return getattr(self._local, "entered", 0)

    def __call__(self) -> Pools:
        return self

    def __enter__(self) -> None:
        self._local.entered = self.entered + 1

    def __exit__(self, *_: object) -> None:
        return None


class FrameworkMeta(type):
    """Checks every public method of a stand-in class against the API table."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], body: dict[str, Any], **options: Any
    ) -> type:
        outside = options.pop("outside", False)
        for key, value in list(body.items()):
            if key.startswith("_") or not callable(getattr(value, "__func__", value)):
                continue
            if getattr(value, "is_scene", False):
                continue
            body[key] = _checked(name, key, value, outside=outside)
        return super().__new__(mcs, name, bases, body)


def _checked(owner: str, name: str, value: Any, *, outside: bool) -> Any:
    """Return the method with its argument count enforced, positional only."""
    function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    skip = 0 if isinstance(value, staticmethod) else 1
    count = len(inspect.signature(function).parameters) - skip
    entry = TABLE["selectors"].get(name)
    since: tuple[int, ...] = (0,)
    if name not in ("init", "alloc"):
        expected = name.count("_") if entry is None else entry["nargs"]
        if entry is None and not outside:
            raise Unmodelled(f"{owner}.{name} is not in api_table.json")
        if count != expected:
            raise Unmodelled(f"{owner}.{name} takes {expected} arguments, the stand-in {count}")
    if entry is not None and not outside and owner in entry["owners"]:
        since = version(entry["owners"][owner]["since"])

    def call(*arguments: Any) -> Any:
        if len(arguments) != count + skip:
            raise TypeError(f"{owner}.{name} takes {count} arguments, got {len(arguments) - skip}")
        return function(*arguments)

    call.__name__ = name
    call.since = since  # type: ignore[attr-defined]
    return type(value)(call) if isinstance(value, (staticmethod, classmethod)) else call


class Framework(metaclass=FrameworkMeta):
    """Base of the classes the frameworks offer. State lives in names with an underscore."""

    _mac: Mac  # set by `install` for all classes of one Mac

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_"):
            raise Unmodelled(f"{type(self).__name__}.{name} = ...: properties are set by methods")
        super().__setattr__(name, value)

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if not name.startswith("_"):
            since = getattr(value, "since", (0,))
            if since > Framework._mac.version:
                raise AttributeError(f"{type(self).__name__} has no {name} before macOS {since}")
        return value

    def __getattr__(self, name: str) -> Any:
        is_too_new = any(name in kind.__dict__ for kind in type(self).__mro__)
        if not name.startswith("__") and not is_too_new:
            Framework._mac.unmodelled.append(f"{type(self).__name__}.{name}")
        raise AttributeError(f"{type(self).__name__}.{name} is not modelled")

    @classmethod
    def alloc(cls) -> Any:
        """Return what only understands the initialisers."""
        return Allocated(cls)


class Allocated:
    """An allocated object: nothing but `init...` may be sent to it, once."""

    def __init__(self, made: type) -> None:
        self._made = made

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("init") or not hasattr(self._made, name):
            raise Unmodelled(f"{self._made.__name__}.alloc().{name}")
        return getattr(self._made.__new__(self._made), name)


DELEGATE_SELECTORS = {
    name: entry["nargs"]
    for name, entry in TABLE["selectors"].items()
    if any(owner["is_protocol"] for owner in entry["owners"].values())
}


def make_objc(mac: Mac) -> tuple[types.ModuleType, type]:
    """Return the `objc` module and a new NSObject, whose subclasses are checked."""
    registered: set[str] = set()

    class NSObjectMeta(type):
        """Registers subclasses as PyObjC does."""

        def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:
            if bases:
                if name in registered:
                    raise ObjCError(f"{name} is overriding existing Objective-C class")
                registered.add(name)
                for key, value in body.items():
                    if inspect.isfunction(value) and not key.startswith("__"):
                        _check_delegate(name, key, value)
            return super().__new__(mcs, name, bases, body)

    class NSObject(metaclass=NSObjectMeta):
        """Base of our delegates; Python attributes may be set on their instances."""

        @classmethod
        def alloc(cls) -> Any:
            """Return what only understands the initialisers."""
            return Allocated(cls)

        def init(self) -> Any:
            """Initialise."""
            return self

    module = types.ModuleType("objc")
    module.NULL = NULL  # type: ignore[attr-defined]
    module.error = ObjCError  # type: ignore[attr-defined]
    module.autorelease_pool = mac.pools  # type: ignore[attr-defined]
    module.super = super  # type: ignore[attr-defined]
    module.python_method = _python_method  # type: ignore[attr-defined]
    module.lookUpClass = mac.look_up_class  # type: ignore[attr-defined]
    module.objc_object = mac.object_at  # type: ignore[attr-defined]
    return module, NSObject


def _python_method(function: Any) -> Any:
    function.is_python_method = True
    return function


def _check_delegate(owner: str, name: str, function: Any) -> None:
    if getattr(function, "is_python_method", False) or name == "init":
        return
    count = len(inspect.signature(function).parameters) - 1
    expected = DELEGATE_SELECTORS.get(name, name.count("_") if name.endswith("_") else None)
    if name not in DELEGATE_SELECTORS and name not in ACTIONS:
        raise Unmodelled(f"{owner}.{name} is no selector of any delegate; misspelt?")
    if count != expected:
        raise Unmodelled(f"{owner}.{name} takes {count} arguments instead of {expected}")


class FrameworkModule(types.ModuleType):
    """A framework: what is in the table for it, at the simulated macOS version, and no more."""

    def __init__(self, name: str, mac: Mac, implemented: dict[str, Any]) -> None:
        super().__init__(name)
        self._mac = mac
        self._names = TABLE["modules"].get(name, {})
        self._implemented = implemented

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "NSObject":
            return self._mac.ns_object
        entry = self._names.get(name)
        if entry is None:
            self._mac.unmodelled.append(f"{self.__name__}.{name}")
            raise AttributeError(f"{self.__name__}.{name} is not in api_table.json")
        if entry.get("missing"):
            raise Unmodelled(f"PyObjC does not export {name}")
        if version(entry.get("since")) > self._mac.version:
            raise AttributeError(f"{self.__name__} has no {name} before macOS {entry['since']}")
        return self._value(name, entry)

    def _value(self, name: str, entry: dict[str, Any]) -> Any:
        if name in self._implemented:
            value = self._implemented[name]
            return _function(name, value, entry) if entry["kind"] == "functions" else value
        if entry.get("value") is not None:
            return entry["value"]
        if entry["kind"] in ("functions", "classes"):
            self._mac.unmodelled.append(f"{self.__name__}.{name}")
            raise Unmodelled(f"{self.__name__}.{name} is not modelled")
        return name  # a string constant: its name serves as its value


def _function(name: str, value: Any, entry: dict[str, Any]) -> Any:
    expected = entry["nargs"]
    count = len(inspect.signature(value).parameters)
    if count != expected:
        raise Unmodelled(f"{name} takes {expected} arguments, the stand-in {count}")

    def call(*arguments: Any) -> Any:
        if len(arguments) != expected:
            raise TypeError(f"{name} takes {expected} arguments, got {len(arguments)}")
        return value(*arguments)

    return call


class VarList:
    """objc.varlist: no length, only `as_buffer` and `as_tuple`."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory

    def as_buffer(self, count: int) -> memoryview:
        """Return `count` elements as a buffer."""
        if count > len(self._memory):
            raise Unmodelled(f"{count} elements of memory that has {len(self._memory)}")
        return self._memory[:count]
