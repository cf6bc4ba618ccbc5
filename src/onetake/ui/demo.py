"""`onetake demo`: the main job on devices that exist everywhere, and its proof."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onetake.engine.recorder import Recorder
from onetake.errors import ExitCode
from onetake.model.settings import Settings
from onetake.ui.check import check_file
from onetake.ui.record import run_take

__all__ = ["demo"]

_SYNTHETIC = {
    "screen": "synthetic",
    "system_audio": "synthetic",
    "mic": "synthetic",
    "camera": "synthetic",
    "duration_s": 10.0,
}


def demo(
    choose: Callable[[dict[str, Any]], Settings], fields: dict[str, Any], *, as_json: bool
) -> int:
    """Record the synthetic devices, then print what the finished file itself shows."""
    settings = choose({**_SYNTHETIC, **fields})
    finished = run_take(Recorder(), settings, as_json=as_json)
    if finished is None:
        return ExitCode.OK
    return check_file(finished.path, as_json=as_json)
