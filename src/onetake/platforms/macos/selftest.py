"""What only a Mac can say of itself: whether every name we use exists, and what its state is."""

from __future__ import annotations

import importlib
import json
import sys
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

import Foundation
import objc

from onetake.platforms.macos.permissions import facts

if TYPE_CHECKING:
    from onetake.platforms.contract import Platform

__all__ = ["environment", "missing_names"]


def environment(platform: Platform) -> dict[str, Any]:
    """Return what a bug report needs: system, bindings, permissions, devices."""
    return {
        "macos": str(Foundation.NSProcessInfo.processInfo().operatingSystemVersionString()),
        "python": sys.version.split()[0],
        "pyobjc": metadata.version("pyobjc-core") if sys.platform == "darwin" else "",
        "permissions": {fact.kind: fact.grant.value for fact in facts()},
        "devices": [device.id for device in platform.devices()],
        "problems": platform.problems(),
    }


def missing_names() -> list[str]:
    """Return every module, name and selector we use that this Mac does not have, but for those that
    are used only where they exist: they came after macOS 13."""
    names = json.loads((resources.files(__package__) / "api_names.json").read_text())
    missing = []
    for module_name, wanted in names["modules"].items():
        try:
            module = importlib.import_module(module_name)
        except ImportError:
            missing.append(module_name)
            continue
        missing += [f"{module_name}.{n}" for n in wanted if not hasattr(module, n)]
    for selector, owners in names["selectors"].items():
        # Since macOS 12 some public names are fronts of classes with this suffix.
        candidates = [name for owner in owners for name in (owner, f"{owner}_Tundra")]
        if not any(hasattr(_class(name), selector) for name in candidates):
            missing.append(f"{owners[0]}.{selector}")
    return [name for name in missing if name not in names["optional"]]


def _class(name: str) -> Any:
    try:
        return objc.lookUpClass(name)
    except objc.error:
        return None
