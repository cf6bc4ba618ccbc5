"""The page about the Python interface, made from what `onetake` exports."""

from __future__ import annotations

import inspect
import re
from enum import Enum

import msgspec
from scripts.reference.markdown import page

import onetake

__all__ = ["python_page"]

_TOLD_ELSEWHERE = {
    "Settings": "[Configuration](configuration.md#settings)",
    "Overlay": "[Configuration](configuration.md#overlay)",
    "Snapshot": "[Snapshot](protocol.md#snapshot)",
    "Finished": "[The event `stopped`](protocol.md#event-stopped)",
    "Device": "[Device](protocol.md#device)",
    "Role": "[Role](protocol.md#role)",
}
"""Values that have a table of their own."""


def python_page() -> str:
    """Return docs/reference/python.md."""
    public = {name: getattr(onetake, name) for name in onetake.__all__ if name != "__version__"}
    errors = [name for name, one in public.items() if _is(one, Exception)]
    functions = [one for one in public.values() if inspect.isfunction(one)]
    classes = [
        one
        for name, one in public.items()
        if inspect.isclass(one) and name not in errors and not _is(one, (msgspec.Struct, Enum))
    ]
    values = [name for name, one in public.items() if _is(one, (msgspec.Struct, Enum))]
    controls = [type_ for type_ in _controls(public["Take"]) if type_ not in classes]
    return page(
        "The Python interface",
        f"Everything public is in `onetake` itself, {len(onetake.__all__)} names. How it is used: "
        "[Use it from Python](../howto/use-it-from-python.md).",
        "## Functions",
        *map(_callable, functions),
        "## Classes",
        *map(_class, [*classes, *controls]),
        "## Values",
        "\n".join(f"- `{name}`: {_value(name, public[name])}" for name in values),
        "## Errors",
        "All derive from `OnetakeError` and carry `code`, `message`, `hint` and `exit_code`; the "
        "table is in [exit codes](exit-codes.md#error-codes).",
        "\n".join(f"- `{name}`: {_first(public[name])}" for name in errors),
    )


def _is(one: object, kinds: type | tuple[type, ...]) -> bool:
    return inspect.isclass(one) and issubclass(one, kinds)


def _controls(take: type) -> list[type]:
    """Return the classes of what a take's `mic`, `system` and `camera` are."""
    room = inspect.getmodule(take)
    names = re.findall(r"self\.\w+ = (\w+)\(self", inspect.getsource(take.__init__))
    return [getattr(room, name) for name in dict.fromkeys(names)]


def _value(name: str, one: type) -> str:
    link = _TOLD_ELSEWHERE.get(name)
    return _first(one) + (f" {link}." if link else "")


def _class(one: type) -> str:
    parts = [f"### {one.__name__}", _text(one)]
    for name, member in vars(one).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            settable = "" if member.fset is None else " (can be set)"
            parts.append(f"**`{name}`**{settable}\n\n{_text(member)}")
        elif inspect.isfunction(member):
            parts.append(f"**`{name}{_signature(member)}`**\n\n{_text(member)}")
    return "\n\n".join(parts)


def _callable(one: object) -> str:
    return f"### {one.__name__}\n\n```python\n{one.__name__}{_signature(one)}\n```\n\n{_text(one)}"


def _signature(one: object) -> str:
    signature = inspect.signature(one)
    kept = [value for name, value in signature.parameters.items() if name != "self"]
    return re.sub(r"'([\w\[\], |.]+)'", r"\1", str(signature.replace(parameters=kept)))


def _first(one: object) -> str:
    return " ".join((inspect.getdoc(one) or "").split("\n\n")[0].split())


def _text(one: object) -> str:
    """Return a docstring as Markdown: arguments become a list."""
    parts = []
    for paragraph in (inspect.getdoc(one) or "").split("\n\n"):
        if paragraph.startswith("Args:"):
            joined = re.sub(r"\n {5,}", " ", paragraph)
            arguments = re.findall(r"^ +(\w+): (.*)$", joined, re.MULTILINE)
            parts.append("\n".join(f"- `{name}`: {text}" for name, text in arguments))
        else:
            parts.append(" ".join(paragraph.split()))
    return "\n\n".join(parts)
