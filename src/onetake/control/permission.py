"""What a remote client may ask for: names of files and of listed devices, never paths and URLs.

Whoever sits at the machine, or started this process, may do all that the user may; these rules are
for everybody else, because a path or URL from the network reads and writes as this user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from onetake.control.next_settings import SETTINGS_FIELD
from onetake.errors import UsageError
from onetake.file.naming import file_in_folder
from onetake.model.commands import SwitchDevice
from onetake.model.devices import Device
from onetake.model.settings import Settings

__all__ = ["allowed_settings", "meant_device", "refuse_unlisted"]

_WORDS = ("auto", "default", "none", "synthetic")
"""Wishes that stand for a device without naming one."""

_LOCAL_ONLY = ("overwrite", "stamp_log", "encoder", "encoder_preset")
"""Settings that replace or write other files, or reach into the encoder's own options."""

Devices = Callable[[], Sequence[Device]]


def allowed_settings(
    wanted: Settings, standing: Settings, folder: Path, devices: Devices
) -> Settings:
    """Return `wanted` with its file name made a path in `folder`, or raise UsageError.

    Args:
        standing: what stands already; a field that does not differ from it needs no permission.
        devices: lists the devices; called only when one was named.
    """
    for name in _LOCAL_ONLY:
        if getattr(wanted, name) != getattr(standing, name):
            raise UsageError(f"a remote client may not set {name}")
    for field in SETTINGS_FIELD.values():
        if getattr(wanted, field) != getattr(standing, field):
            refuse_unlisted(getattr(wanted, field), standing, devices)
    if wanted.output == standing.output:
        return wanted
    folder.mkdir(parents=True, exist_ok=True)
    return msgspec.structs.replace(wanted, output=str(file_in_folder(wanted.output, folder)))


def refuse_unlisted(device_id: str, standing: Settings, devices: Devices) -> None:
    """Raise UsageError for a device that is neither listed nor configured."""
    configured = [getattr(standing, field) for field in SETTINGS_FIELD.values()]
    if device_id in _WORDS or device_id in configured:
        return
    if all(device_id not in (device.id, device.name) for device in devices()):
        raise UsageError(
            "a remote client may choose listed devices only", hint="see the method 'devices'"
        )


def meant_device(command: SwitchDevice, devices: Sequence[Device]) -> SwitchDevice:
    """Return the command with the id of the listed device it means: a running take needs an id.

    Names and `default` become ids; what is not listed (a URL) stays as it is.
    """
    wish = command.device_id
    of_role = [device for device in devices if device.role == command.role]
    meant = [device for device in of_role if wish in (device.id, device.name)]
    if wish == "synthetic":
        meant = [device for device in of_role if device.id.startswith("synthetic")]
    elif wish in ("auto", "default"):
        meant = sorted(of_role, key=lambda device: not device.is_default)
    return msgspec.structs.replace(command, device_id=meant[0].id) if meant else command
