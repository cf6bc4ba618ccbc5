"""Puts the stand-ins where `import` finds them, and takes them away again."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import Any

from tests.platforms.macos.fake import (
    appkit,
    avaudio,
    avcapture,
    avwriter,
    coremedia,
    foundation,
    quartz,
    queues,
    screencapture,
    stage,
)
from tests.platforms.macos.fake.runtime import Framework, FrameworkModule
from tests.platforms.macos.fake.world import Mac

HANDED_OUT = {
    "SCDisplay": screencapture.SCDisplay,
    "SCWindow": screencapture.SCWindow,
    "SCRunningApplication": screencapture.SCRunningApplication,
    "AVCaptureDeviceFormat": avcapture.AVCaptureDeviceFormat,
    "AVFrameRateRange": avcapture.AVFrameRateRange,
    "AVAudioFormat": avaudio.AVAudioFormat,
    "AVAudioBuffer": avaudio.AVAudioPCMBuffer,
    "AVAudioPCMBuffer": avaudio.AVAudioPCMBuffer,
    "AVAudioTime": avaudio.AVAudioTime,
    "AVAudioNode": avaudio.AVAudioInputNode,
    "AVAudioIONode": avaudio.AVAudioInputNode,
    "AUAudioUnit": avaudio.AUAudioUnit,
    "NSError": foundation.NSError,
}
"""Classes whose objects are handed out, by the name of the class that has their selectors."""

NATIVE = ("onetake.platforms.macos", "onetake.ui.macos")


def _modules(mac: Mac) -> dict[str, types.ModuleType]:
    exports: dict[str, dict[str, Any]] = {
        "Foundation": foundation.make(mac),
        "AppKit": appkit.make(mac),
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
    for implemented in exports.values():
        mac.classes |= {n: v for n, v in implemented.items() if isinstance(v, type)}
    mac.classes |= appkit.make_menu(mac) | stage.make_layers(mac) | HANDED_OUT
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
    for name in [n for n in sys.modules if n.startswith(NATIVE)]:
        del sys.modules[name]
