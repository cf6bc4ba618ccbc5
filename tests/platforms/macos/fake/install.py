"""Puts the stand-ins where `import` finds them, and takes them away again."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from tests.platforms.macos.fake import (
    avaudio,
    avcapture,
    avwriter,
    coremedia,
    foundation,
    quartz,
    queues,
    screencapture,
)
from tests.platforms.macos.fake.runtime import Framework, FrameworkModule
from tests.platforms.macos.fake.world import Mac

BACK_END = "onetake.platforms.macos"


def _modules(mac: Mac) -> dict[str, types.ModuleType]:
    for_foundation, for_appkit = foundation.make(mac)
    exports: dict[str, dict[str, Any]] = {
        "Foundation": for_foundation,
        "AppKit": for_appkit,
        "Quartz": quartz.make(mac),
        "CoreMedia": coremedia.make(mac),
        "CoreAudio": avaudio.make_hal(mac),
        "ScreenCaptureKit": screencapture.make(mac),
        "AVFoundation": avcapture.make(mac) | avaudio.make_engine(mac) | avwriter.make(mac),
        "dispatch": queues.make(mac),
    }
    if mac.has_metal_package:
        exports["Metal"] = {"MTLCreateSystemDefaultDevice": lambda: "MTLDevice"}
    modules: dict[str, types.ModuleType] = {
        name: FrameworkModule(name, mac, implemented) for name, implemented in exports.items()
    }
    modules["objc"] = mac.objc
    return modules


@contextlib.contextmanager
def installed(mac: Mac) -> Iterator[Mac]:
    """Let the back-end be imported anew on `mac`, and forgotten at the end."""
    modules = _modules(mac)
    Framework._mac = mac
    _forget()
    saved = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield mac
    finally:
        mac.switch_off()
        for name, module in saved.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
        _forget()


def _forget() -> None:
    for name in [n for n in sys.modules if n == BACK_END or n.startswith(f"{BACK_END}.")]:
        del sys.modules[name]
