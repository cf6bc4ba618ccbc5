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

from names import FRAMEWORKS, RUNTIME_NAMES, used_names  # noqa: E402

SOURCE = HERE.parents[2] / "src" / "onetake" / "platforms" / "macos"
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
EXTRA_EXPORTS = {
    # What only the stand-ins and the tests need.
    "AVFoundation": ["AVErrorUnknown", "AVErrorFileAlreadyExists", "AVAssetWriterStatusFailed"],
}


def main(data_path: str) -> None:
    """Write the table."""
    data = json.loads(Path(data_path).read_text())
    names = used_names(sorted(SOURCE.glob("*.py")))
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
    out = HERE / "api_table.json"
    out.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    sys.stdout.write(f"{out.name}: {out.stat().st_size} bytes\n")


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
