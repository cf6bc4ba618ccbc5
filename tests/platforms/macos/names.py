"""Finds every framework name that the macOS back-end uses, by reading its source.

What counts: attributes of framework modules, attributes that look like selectors (a trailing
underscore, or a capital inside), names of delegate methods, and selectors given to `send`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

FRAMEWORKS = {
    "AppKit": ("AppKit", "Foundation"),
    "AVFoundation": ("AVFoundation", "AVFAudio", "CoreAudio", "CoreMedia", "Foundation"),
    "CoreAudio": ("CoreAudio", "Foundation"),
    "CoreMedia": ("CoreMedia", "Foundation"),
    "dispatch": ("dispatch", "Foundation"),
    "Foundation": ("Foundation",),
    "Metal": ("Metal", "AppKit", "Foundation"),
    "Quartz": ("CoreGraphics", "CoreVideo", "CoreImage", "AppKit", "Foundation"),
    "ScreenCaptureKit": ("ScreenCaptureKit", "Foundation"),
}
"""Python module -> the frameworks whose names it exports."""

OBJC_NAMES = {"NULL", "autorelease_pool", "error", "lookUpClass", "objc_object"}
"""What the back-end takes from `objc` itself, which the API data does not describe."""

ACTIONS = {"menuItemChosen_", "refreshDue_"}
"""Selectors of our own: what a menu item and a display link send to their target."""

RUNTIME_NAMES = {"NSObject"}
"""Names that every module has and the API data does not list."""

_WITH_ARGUMENTS = re.compile(r"[A-Za-z][A-Za-z0-9]*_([A-Za-z0-9]+_)*$")
_WITHOUT_ARGUMENTS = re.compile(r"[a-z][a-z0-9]*[A-Z][A-Za-z0-9]*$|AUAudioUnit$")
_DIGITS = re.compile(r"# *macos: *([\d.]+)")


@dataclass
class Use:
    """One place where a name is used."""

    name: str
    path: Path
    line: int
    allowed: tuple[int, ...] | None
    """The macOS version the line says it needs (`# macos: 14.0`)."""
    argument_count: int | None = None
    """Arguments of the call, None where it is not called at that place."""
    has_keywords: bool = False


@dataclass
class Names:
    """What a set of files uses."""

    exports: list[tuple[str, Use]] = field(default_factory=list)
    """(module, use) of everything taken from a framework module."""
    selectors: list[Use] = field(default_factory=list)
    plain_calls: set[str] = field(default_factory=set)
    """Names called without arguments that may or may not be selectors (`width`, `stop`)."""
    sent: list[Use] = field(default_factory=list)
    """Selectors in Objective-C spelling given to `send`: classes the API data does not have."""
    bridge: list[Use] = field(default_factory=list)
    """Names of the `objc` module."""
    delegate_methods: list[Use] = field(default_factory=list)
    """Methods of our NSObject classes; `argument_count` without self."""


def version(text: str) -> tuple[int, ...]:
    """Return `14.2` as (14, 2)."""
    return tuple(int(part) for part in text.split("."))


def used_names(paths: list[Path]) -> Names:
    """Return every framework name used in `paths`."""
    names = Names()
    for path in paths:
        _read(path, names)
    return names


def _read(path: Path, names: Names) -> None:
    source = path.read_text()
    lines = source.splitlines()
    tree = ast.parse(source)
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in FRAMEWORKS:
                    modules[alias.asname or alias.name] = alias.name
        if isinstance(node, ast.ImportFrom) and node.module in FRAMEWORKS:
            for alias in node.names:
                names.exports.append((node.module, Use(alias.name, path, node.lineno, None)))
    calls = {id(n.func): n for n in ast.walk(tree) if isinstance(n, ast.Call)}

    def use(name: str, node: ast.AST, call: ast.Call | None = None) -> Use:
        said = _DIGITS.search(lines[node.lineno - 1]) or _DIGITS.search(
            lines[(node.end_lineno or node.lineno) - 1]
        )
        made = Use(name, path, node.lineno, version(said.group(1)) if said else None)
        if call is not None:
            is_spread = any(isinstance(argument, ast.Starred) for argument in call.args)
            made.argument_count = None if is_spread else len(call.args)
            made.has_keywords = bool(call.keywords)
        return made

    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            isinstance(base, ast.Name) and base.id == "NSObject" for base in node.bases
        ):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and not _is_python_method(item):
                    made = use(item.name, item)
                    made.argument_count = len(item.args.args) - 1
                    names.delegate_methods.append(made)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "send":
            made = use(str(ast.literal_eval(node.args[1])), node)
            spread = [a.value for a in node.args[2:] if isinstance(a, ast.Starred)]
            extra = sum(len(v.elts) - 1 for v in spread if isinstance(v, ast.Tuple))
            made.argument_count = len(node.args) - 2 + extra
            names.sent.append(made)
        if not isinstance(node, ast.Attribute):
            continue
        call = calls.get(id(node))
        if isinstance(node.value, ast.Name) and node.value.id in modules:
            names.exports.append((modules[node.value.id], use(node.attr, node, call)))
        elif node.attr.startswith("_"):
            continue
        elif isinstance(node.value, ast.Name) and node.value.id == "objc":
            names.bridge.append(use(node.attr, node, call))
        elif _WITH_ARGUMENTS.match(node.attr) or _WITHOUT_ARGUMENTS.match(node.attr):
            names.selectors.append(use(node.attr, node, call))
        elif call is not None and not call.args and not call.keywords and node.attr.islower():
            names.plain_calls.add(node.attr)


def _is_python_method(item: ast.FunctionDef) -> bool:
    return any("python_method" in ast.dump(decorator) for decorator in item.decorator_list)
