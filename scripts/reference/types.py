"""Pages about the values that cross a wire or lie in a file, made from their types."""

from __future__ import annotations

import inspect
import json
import re
import types
import typing
from enum import StrEnum
from typing import Any

import msgspec
from scripts.reference.markdown import anchor, cell, code, page, table

from onetake.control.methods import METHODS
from onetake.control.obs import events as obs_events
from onetake.control.obs.constants import CONSTANT_REQUESTS, OBS_VERSION, OBS_WEBSOCKET_VERSION
from onetake.control.obs.requests import REQUESTS
from onetake.control.obs.screenshots import SCREENSHOT_REQUESTS
from onetake.control.obs.vendor import NOT_HERE, VENDOR, VENDOR_REQUESTS
from onetake.control.protocol import PROTOCOL, Hello, Problem, SettingsChange, Subscribed
from onetake.model.commands import Command
from onetake.model.describe import field_docs, member_docs
from onetake.model.devices import Role
from onetake.model.events import Event, Snapshot
from onetake.model.findings import Finding
from onetake.model.settings import Settings
from onetake.model.take_report import Report
from onetake.proof.results import CheckReport

__all__ = ["check_page", "doctor_page", "obs_page", "protocol_page", "report_page"]

_SETTINGS_LINK = "[Settings](configuration.md#settings)"
_WORDS = {
    bool: "true or false",
    int: "integer",
    float: "number",
    str: "text",
    object: "anything",
    types.NoneType: "null",
}


class _Values:
    """Sections of the types a page mentions, each told once, in the order they are met."""

    def __init__(self, level: str, links: dict[Any, str] | None = None) -> None:
        self._level = level
        self._links = {Settings: _SETTINGS_LINK, SettingsChange: _SETTINGS_LINK, **(links or {})}
        """Types that are told elsewhere, and where."""
        self._waiting: list[type] = []
        self._seen: set[str] = set()

    def text(self, hint: Any) -> str:
        """Return a type in words, with links; remembers what it names."""
        if hint in self._links:
            return self._links[hint]
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Annotated:
            return self.text(inner[0]) + _bounds(inner[1:])
        if origin in (typing.Union, types.UnionType):
            return " or ".join(self.text(one) for one in inner if one is not msgspec.UnsetType)
        if origin is list:
            return "list of " + self.text(inner[0])
        if origin is dict:
            return f"object: {self.text(inner[1])} by {self.text(inner[0])}"
        if origin is tuple:
            if inner[-1] is Ellipsis:
                return "list of " + self.text(inner[0])
            return "list: " + ", ".join(self.text(one) for one in inner)
        if hint in _WORDS:
            return _WORDS[hint]
        self._meet(hint)
        return f"[{hint.__name__}](#{anchor(hint.__name__)})"

    def _meet(self, kind: type) -> None:
        if kind.__name__ not in self._seen:
            self._seen.add(kind.__name__)
            self._waiting.append(kind)

    def sections(self) -> list[str]:
        """Return a section for each type that was met, and for those met in them."""
        told = []
        while self._waiting:
            kind = self._waiting.pop(0)
            told.append(self.enum(kind) if issubclass(kind, StrEnum) else self.struct(kind))
        return told

    def enum(self, kind: type[StrEnum]) -> str:
        """Return the section of an enum."""
        docs = member_docs(kind)
        parts = [f"{self._level} {kind.__name__}", _doc(kind)]
        if any(docs.get(one.name) for one in kind):
            rows = ((code(one), cell(docs.get(one.name, ""))) for one in kind)
            return "\n\n".join([*parts, table(("value", "meaning"), rows)])
        return "\n\n".join([*parts, ", ".join(code(one) for one in kind)])

    def struct(self, kind: type[msgspec.Struct], title: str = "") -> str:
        """Return the section of a struct."""
        self._seen.add(kind.__name__)
        return "\n\n".join(
            part
            for part in (f"{self._level} {title or kind.__name__}", _doc(kind), self.fields(kind))
            if part
        )

    def fields(self, kind: type[msgspec.Struct]) -> str:
        """Return the table of a struct's fields; '' when it has none."""
        docs, hints = field_docs(kind), typing.get_type_hints(kind, include_extras=True)
        rows = []
        for field in msgspec.structs.fields(kind):
            doc = docs.get(field.name, "")
            rows.append(
                (code(field.name), self.text(hints[field.name]), _meaning(doc + _default(field)))
            )
        return table(("field", "type", "meaning"), rows) if rows else ""


def _meaning(text: str) -> str:
    """Return a field's documentation as it is true of JSON."""
    return cell(re.sub(r"\bNone\b", "null", text))


def _bounds(annotations: tuple[Any, ...]) -> str:
    found = [one for one in annotations if isinstance(one, msgspec.Meta)]
    return "".join(f", {one.ge} to {one.le}" for one in found)


def _default(field: msgspec.structs.FieldInfo) -> str:
    """Return a note about a default that says something."""
    if field.default in (msgspec.NODEFAULT, msgspec.UNSET, None, "", 0):
        return ""
    if isinstance(field.default, msgspec.Struct):
        return ""
    return f" Default {json.dumps(msgspec.to_builtins(field.default))}."


def _doc(kind: type) -> str:
    return re.sub(r"\bNone\b", "null", " ".join((kind.__doc__ or "").split()))


def protocol_page() -> str:
    """Return docs/reference/protocol.md."""
    values = _Values("###", _links_to(""))
    named = [values.struct(kind) for kind in (Hello, Problem, Snapshot)]
    methods = [
        (
            code(name),
            _taken(values, method.takes),
            values.text(method.returns),
            _meaning(method.doc),
        )
        for name, method in METHODS.items()
    ]
    methods += [
        ("`subscribe`", _taken(values, Subscribed), values.text(Subscribed), "Tell events."),
        ("`unsubscribe`", "", "null", "Tell no events."),
        ("`schema`", "", "the schema", "As `onetake schema` prints it."),
    ]
    commands = [_tagged(values, kind) for kind in typing.get_args(Command)]
    events = [_tagged(values, kind) for kind in typing.get_args(Event)]
    return page(
        "Methods, commands and events",
        f"The values of the [control protocol](../protocol.md), version {PROTOCOL}. As JSON "
        "Schema: [protocol.schema.json](protocol.schema.json), or `onetake schema`.",
        "## Methods",
        table(("method", "takes", "answers with", "does"), methods),
        "## Commands",
        "What a `control` event carries in `command`; a command's name is the method that gives "
        "it, its fields are the method's.",
        *commands,
        "## Events",
        *events,
        "## Values",
        *named,
        *values.sections(),
    )


def _links_to(file: str) -> dict[Any, str]:
    """Return where commands and events are told: on the protocol's page, `file`."""
    links: dict[Any, str] = {
        Command: f"[a command]({file}#commands)",
        Event: f"[an event]({file}#events)",
    }
    for kind in (*typing.get_args(Command), *typing.get_args(Event)):
        config = kind.__struct_config__
        links[kind] = f"[{config.tag}]({file}#{config.tag_field}-{config.tag})"
    return links


def _taken(values: _Values, kind: type[msgspec.Struct]) -> str:
    if kind is SettingsChange:
        return f"any of the {_SETTINGS_LINK}"
    hints = typing.get_type_hints(kind, include_extras=True)
    return ", ".join(
        f"{code(name)} ({values.text(hints[name])})" for name in kind.__struct_fields__
    )


def _tagged(values: _Values, kind: type[msgspec.Struct]) -> str:
    config = kind.__struct_config__
    parts = [f"### {config.tag_field} {config.tag}", _doc(kind), values.fields(kind)]
    return "\n\n".join(part for part in parts if part)


def report_page() -> str:
    """Return docs/reference/report.md."""
    values = _Values("##", {**_links_to("protocol.md"), Role: "[Role](protocol.md#role)"})
    return page(
        "The report",
        "Beside NAME.mp4 lies NAME.onetake.json, unless `--no-report` was given. As JSON Schema: "
        "[report.schema.json](report.schema.json). Positions and lengths are nanoseconds of the "
        "file's timeline.",
        values.struct(Report),
        *values.sections(),
    )


def check_page() -> str:
    """Return docs/reference/check.md."""
    values = _Values("##")
    return page(
        "What a check says",
        "`onetake check FILE --json` prints this object.",
        values.struct(CheckReport),
        *values.sections(),
    )


def doctor_page() -> str:
    """Return docs/reference/doctor.md."""
    values = _Values("##")
    return page(
        "What the doctor says",
        "`onetake doctor --json` prints an object with `schema_version`, `is_ready` (whether a "
        "take would start) and `findings`, a list of these:",
        values.struct(Finding),
        *values.sections(),
    )


def obs_page() -> str:
    """Return docs/reference/obs-websocket.md."""
    acting = [
        name
        for name in REQUESTS
        if name not in {*SCREENSHOT_REQUESTS, *CONSTANT_REQUESTS, *VENDOR_REQUESTS}
    ]
    source = inspect.getsource(obs_events)
    names = sorted(set(re.findall(r'ObsEvent\(\s*"(\w+)"', source)))
    kinds = sorted(set(re.findall(r'_vendor\("(\w+)"', source)))
    vendor = [name for name in METHODS if name not in NOT_HERE]
    return page(
        "obs-websocket requests and events",
        f"The adapter follows obs-websocket {OBS_WEBSOCKET_VERSION} and says it is OBS "
        f"{OBS_VERSION}, because clients compare versions. What the nouns of OBS mean here is in "
        "[the protocol](../protocol.md#obs-websocket). A request that is not in these lists is "
        "answered with 204, as the protocol has it.",
        "## Requests that read or steer the take",
        _list(acting),
        "## Pictures",
        _list(SCREENSHOT_REQUESTS),
        "## Requests clients ask while they connect",
        "Answered with what is so here: no streams, no filters, no transitions.",
        _list(CONSTANT_REQUESTS),
        "## Vendor requests",
        f"`CallVendorRequest` with `vendorName` `{VENDOR}` takes the "
        "[methods](protocol.md#methods) of the native protocol as `requestType`:",
        _list(vendor),
        "## Events",
        _list(names),
        f"`VendorEvent` of `{VENDOR}` has as `eventType`:",
        _list(kinds),
    )


def _list(names: typing.Iterable[str]) -> str:
    return "\n".join(f"- {code(name)}" for name in names)
