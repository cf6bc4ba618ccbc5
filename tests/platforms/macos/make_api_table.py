"""Writes api_table.json: what the API data says about the names that the macOS back-end uses.

    python tests/platforms/macos/make_api_table.py MACOS_API_JSON

Run again whenever the back-end uses a new name; `test_api_names.py` says when that is.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from names import FRAMEWORKS, RUNTIME_NAMES, used_names, version  # noqa: E402

PACKAGE = HERE.parents[2] / "src" / "onetake"
SOURCE = PACKAGE / "platforms" / "macos"
SECTIONS = (
    "classes",
    "functions",
    "constants",
    "enums",
    "structs",
    "aliases",
    "func_macros",
    "wheel_exports",
)
MADE_CLASSES = (
    *("SCDisplay", "SCWindow", "SCRunningApplication", "AVCaptureDeviceFormat"),
    *("AVFrameRateRange", "AVAudioFormat", "AVAudioBuffer", "AVAudioPCMBuffer", "AVAudioTime"),
    *("AVAudioNode", "AVAudioIONode", "NSError", "NSNotification"),
)
"""Classes whose objects the frameworks hand out; the back-end does not name them."""

SENT_OWNERS = {
    "setDeviceID:error:": ["AUAudioUnit"],
    "systemStatusBar": ["NSStatusBar"],
    "statusItemWithLength:": ["NSStatusBar"],
    "removeStatusItem:": ["NSStatusBar"],
    "button": ["NSStatusItem"],
    "setMenu:": ["NSStatusItem"],
    "setTitle:": ["NSStatusBarButton"],
    "addItem:": ["NSMenu"],
    "initWithTitle:action:keyEquivalent:": ["NSMenuItem"],
    "setTarget:": ["NSMenuItem"],
    "setRepresentedObject:": ["NSMenuItem"],
    "representedObject": ["NSMenuItem"],
    "initWithContentRect:styleMask:backing:defer:": ["NSWindow"],
    "contentView": ["NSWindow"],
    "setLevel:": ["NSWindow"],
    "orderFrontRegardless": ["NSWindow"],
    "setLayer:": ["NSView"],
    "setWantsLayer:": ["NSView"],
    "layer": ["CALayer"],
    "addSublayer:": ["CALayer"],
    "setFrame:": ["CALayer"],
    "setBackgroundColor:": ["CALayer"],
    "begin": ["CATransaction"],
    "commit": ["CATransaction"],
    "setDisableActions:": ["CATransaction"],
    "addToRunLoop:forMode:": ["CADisplayLink"],
    "targetTimestamp": ["CADisplayLink"],
    (
        "otherEventWithType:location:modifierFlags:timestamp:windowNumber:context:subtype:"
        "data1:data2:"
    ): ["NSEvent"],
}
"""Where selectors live that the API data does not have; from Apple's documentation."""

OPTIONAL = ("Metal", "CADisplayLink.", "NSScreen.displayLinkWithTarget_selector_")
"""What the back-end can do without, beyond the names the API data calls newer than macOS 13; a name
that ends with a dot stands for all of a class. The display link came with macOS 14."""

FLOOR = "13.0"

EXTRA_EXPORTS = {
    # What only the stand-ins and the tests need.
    "AVFoundation": ["AVErrorUnknown", "AVErrorFileAlreadyExists", "AVAssetWriterStatusFailed"],
}


def native_files() -> list[Path]:
    """Return every file that talks to a framework: the back-end and the menu-bar application."""
    return sorted([*SOURCE.glob("*.py"), *(PACKAGE / "ui" / "macos").glob("*.py")])


def main(data_path: str) -> None:
    """Write the table."""
    data = json.loads(Path(data_path).read_text())
    names = used_names(native_files())
    modules: dict[str, dict[str, Any]] = {}
    wanted = [(module, use.name) for module, use in names.exports]
    wanted += [(module, name) for module, extra in EXTRA_EXPORTS.items() for name in extra]
    for module, name in sorted(set(wanted)):
        if name not in RUNTIME_NAMES:
            modules.setdefault(module, {})[name] = _export(data, module, name)
    selectors = {use.name for use in names.selectors} | names.plain_calls
    selectors |= {use.name for use in names.delegate_methods}
    selectors.discard("init")  # every class has it
    table = {
        "source": data["meta"]["generated"],
        "modules": modules,
        "selectors": _selectors(data, selectors),
        "stream_errors": data["error_codes"]["SCStreamError"],
    }
    _write(HERE / "api_table.json", table)
    _write(SOURCE / "api_names.json", runtime_names(table, [use.name for use in names.sent]))


def runtime_names(table: dict[str, Any], sent: list[str]) -> dict[str, Any]:
    """Return what the self-test looks for on a Mac: names by module, owners by selector."""
    classes = {
        name
        for entries in table["modules"].values()
        for name, entry in entries.items()
        if entry["kind"] == "classes"
    } | set(MADE_CLASSES)
    selectors = {}
    for name, entry in table["selectors"].items():
        owners = sorted(o for o, facts in entry["owners"].items() if o in classes)
        if owners:
            selectors[name] = owners
    for selector in sent:
        selectors[selector.replace(":", "_")] = SENT_OWNERS[selector]
    modules = {module: sorted(entries) for module, entries in table["modules"].items()}
    later = [
        f"{module}.{name}"
        for module, entries in table["modules"].items()
        for name, entry in entries.items()
        if version(entry.get("since") or "0") > version(FLOOR)
    ]
    sent_names = [f"{owners[0]}.{name}" for name, owners in selectors.items()]
    later += [name for name in sent_names if name.startswith(OPTIONAL)]
    later += [
        f"{owners[0]}.{name}"
        for name, owners in selectors.items()
        if name in table["selectors"] and _is_later(table["selectors"][name], owners)
    ]
    return {
        "modules": modules,
        "selectors": dict(sorted(selectors.items())),
        "optional": sorted({*later, "Metal"}),
    }


def _is_later(entry: dict[str, Any], owners: list[str]) -> bool:
    since = [entry["owners"][owner]["since"] or "0" for owner in owners if owner in entry["owners"]]
    return bool(since) and all(version(text) > version(FLOOR) for text in since)


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    sys.stdout.write(f"{path.name}: {path.stat().st_size} bytes\n")


def _export(data: dict[str, Any], module: str, name: str) -> dict[str, Any]:
    for framework in FRAMEWORKS[module]:
        for section in SECTIONS:
            entries = data["frameworks"][framework].get(section, {})
            if name not in entries:
                continue
            entry = entries[name] if isinstance(entries, dict) else {}
            entry = entry if isinstance(entry, dict) else {}
            found: dict[str, Any] = {"kind": section, "framework": framework}
            if entry.get("introduced"):
                found["since"] = entry["introduced"]
            if "value" in entry:
                found["value"] = entry["value"]
            call = entry.get("call")
            if section == "functions" and call:
                found["nargs"] = call["nargs"]
                found["returns"] = str(call["returns"])
            if entry.get("pyobjc") in ("missing", False):
                found["missing"] = True
            return found
    raise SystemExit(f"{module} does not export {name}")


def _selectors(data: dict[str, Any], wanted: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for framework in data["frameworks"].values():
        for section in ("classes", "protocols"):
            for owner, body in framework.get(section, {}).items():
                for method in body["methods"]:
                    if method["python"] not in wanted:
                        continue
                    entry = found.setdefault(method["python"], {"nargs": 0, "owners": {}})
                    entry["nargs"] = method["selector"].count(":")
                    call = method.get("call") or {}
                    entry["owners"][owner] = {
                        "since": method.get("introduced") or body.get("introduced"),
                        "returns": str(call.get("returns", "")),
                        "is_protocol": section == "protocols",
                    }
    return found


if __name__ == "__main__":
    main(sys.argv[1])
