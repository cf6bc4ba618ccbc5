"""Pages about the command line: commands, configuration, exit codes."""

from __future__ import annotations

import json
from enum import IntEnum, StrEnum
from typing import Any, get_type_hints

import msgspec
from scripts.reference.markdown import anchor, cell, code, page, table
from scripts.reference.parsers import Argument, Command, command_list, shared_groups

from onetake import errors
from onetake.control.config import Keys, RemoteConfig
from onetake.control.verbs import VERBS
from onetake.errors import ExitCode, OnetakeError
from onetake.model.describe import field_docs, member_docs
from onetake.model.geometry import Overlay, Rect
from onetake.model.settings import Settings
from onetake.ui.options import flag_of

__all__ = ["ENVIRONMENT", "LAYERS", "code_name", "commands_page", "configuration_page", "exit_page"]

LAYERS = (
    "A flag goes before `ONETAKE_…` in the environment, that before the preset, that before the "
    "file, that before the default."
)

ENVIRONMENT = {
    "ONETAKE_CONFIG": "The configuration file, instead of the one in your configuration folder.",
    "ONETAKE_PRESET": "The preset to use when there is no --preset.",
    "ONETAKE_OBS_PASSWORD": "The password of the obs-websocket adapter, instead of the file's.",
    "ONETAKE_RUNTIME_DIR": "The folder of the control sockets.",
    "ONETAKE_NO_HOTKEYS": "macOS application: register no global keys.",
    "ONETAKE_DEBUG": "Show the traceback of an error nobody expected.",
}
"""What is read beside the settings; tests/docs/test_reference.py holds it to the source."""


def commands_page() -> str:
    """Return docs/reference/commands.md."""
    commands = command_list()
    overview = table(
        ("command", "does"),
        ((f"[{one.name}](#{anchor('onetake ' + one.name)})", cell(one.help)) for one in commands),
    )
    shared = [
        f"### {group.title.capitalize()}\n\n{_arguments(group.arguments)}"
        for group in shared_groups()
    ]
    return page(
        "Commands",
        overview,
        "Every command has `--help`. With `--json` a command prints one object for programs, and "
        "errors as objects, too; [exit codes](exit-codes.md) are the same for all.",
        *map(_command_section, commands),
        "## Flags of many commands",
        *shared,
    )


def _command_section(one: Command) -> str:
    parts = [f"## onetake {one.name}", f"```text\n{one.synopsis}\n```", _sentence(one.description)]
    if one.own:
        parts.append(_arguments(one.own))
    if one.name == "ctl":
        verbs = ((code(verb.words), cell(verb.doc)) for verb in VERBS.values())
        parts.append(table(("command", "does"), verbs))
    if one.examples:
        rows = ((code(line), cell(text)) for line, text in one.examples.items())
        parts.append(table(("example", "does"), rows))
    if one.shared:
        links = [f"[{title}](#{anchor(title)})" for title in one.shared]
        parts.append("And the flags below: " + ", ".join(links) + ".")
    return "\n\n".join(parts)


def _sentence(text: str) -> str:
    whole = cell(text).replace("\\|", "|").replace("*", "\\*")
    return whole if whole.endswith(".") else whole + "."


def _arguments(arguments: tuple[Argument, ...]) -> str:
    rows = []
    for one in arguments:
        names = ", ".join(code(f"{flag} {one.value}".strip()) for flag in one.flags)
        rows.append((names or code(one.value), cell(one.text)))
    return table(("argument", "meaning"), rows)


def configuration_page() -> str:
    """Return docs/reference/configuration.md."""
    return page(
        "Configuration",
        "The file is TOML. `onetake config path` says where it lies, `onetake config show --docs` "
        "prints one with every setting and its meaning, `onetake config check` reads yours, "
        f"`onetake config explain` says where each value came from. {LAYERS}",
        "## Settings",
        _settings(Settings, ""),
        "## [overlay]",
        _settings(Overlay, "overlay_"),
        "## [keys]",
        f"{_sentence(Keys.__doc__ or '')}",
        _plain(Keys),
        "## [remote]",
        f"{_sentence(RemoteConfig.__doc__ or '')}",
        _plain(RemoteConfig),
        "## [preset.NAME]",
        "Any of the settings above, `overlay` as a table in it; chosen with `--preset NAME`.",
        "## Environment",
        "Each setting is also read from `ONETAKE_` and its name in capitals: `ONETAKE_FPS=60`, "
        "`ONETAKE_OVERLAY_SHAPE=circle`. Besides:",
        table(
            ("variable", "meaning"),
            ((code(name), cell(text)) for name, text in ENVIRONMENT.items()),
        ),
    )


def _settings(kind: type[msgspec.Struct], prefix: str) -> str:
    docs, hints = field_docs(kind), get_type_hints(kind)
    rows = []
    for field in msgspec.structs.fields(kind):
        if field.name == "overlay":
            continue
        text = docs[field.name] + _choices(hints[field.name])
        flag = _flag(field, prefix)
        rows.append((code(field.name), _default(field.default), code(flag) if flag else "", text))
    return table(("setting", "default", "flag", "meaning"), ((*r[:3], cell(r[3])) for r in rows))


def _plain(kind: type[msgspec.Struct]) -> str:
    docs = field_docs(kind)
    return table(
        ("setting", "default", "meaning"),
        (
            (code(field.name), _default(default_of(field)), cell(docs[field.name]))
            for field in msgspec.structs.fields(kind)
        ),
    )


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    """Return a field's default, also of one that is made anew each time."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _flag(field: msgspec.structs.FieldInfo, prefix: str) -> str:
    """Return the flag that sets it, as the parser of 'record' has it."""
    dest = prefix + field.name
    if dest == "output":
        return "FILE"
    for group in shared_groups():
        for one in group.arguments:
            if one.flags[0] in (_dashed(prefix, flag_of(field.name)), _negated(prefix, field.name)):
                return one.flags[0]
    raise LookupError(dest)


def _dashed(prefix: str, flag: str) -> str:
    return "--" + prefix.replace("_", "-") + flag.removeprefix("--")


def _negated(prefix: str, name: str) -> str:
    return _dashed(prefix, "--no-" + name.removeprefix("is_").replace("_", "-"))


def _choices(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return " One of " + ", ".join(f"`{one}`" for one in hint) + "."
    return ""


def _default(value: Any) -> str:
    if value is None or isinstance(value, Rect):
        return ""
    return code(json.dumps(msgspec.to_builtins(value), ensure_ascii=False))


def code_name(member: IntEnum) -> str:
    """Return a member's name as the docs write it: `disk-full`."""
    return member.name.lower().replace("_", "-")


def exit_page() -> str:
    """Return docs/reference/exit-codes.md."""
    texts = member_docs(ExitCode)
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, OnetakeError)
    ]
    return page(
        "Exit codes and error objects",
        "Every command ends with one of these. A person sees one line on stderr, `onetake: what "
        'happened (what to do)`; with `--json` a program sees `{"error": {"code", "message", '
        '"hint"}}` on stdout.',
        table(
            ("exit code", "name", "means"),
            ((str(int(one)), code_name(one), cell(texts[one.name])) for one in ExitCode),
        ),
        "## Error codes",
        "The `code` of an error object is stable. An error can have a narrower code than its "
        "class (`config` for a configuration file that makes no sense); the exit code stays.",
        table(
            ("code", "exit code", "raised as", "means"),
            (
                (code(kind.code), str(int(kind.exit_code)), code(kind.__name__), cell(_doc(kind)))
                for kind in kinds
            ),
        ),
    )


def _doc(kind: type) -> str:
    return (kind.__doc__ or "").split("\n\n")[0]
