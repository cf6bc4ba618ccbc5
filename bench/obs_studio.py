"""OBS Studio without a desktop: its settings written for it, its windows on a display nobody sees.

It composes with OpenGL; without a graphics card that is Mesa's software renderer, whose work is in
its figure as it is for whoever records on such a machine. It is told of nothing but one screen and
the two sounds of the stage, the same x264 options, and a canvas of the screen's size.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.stage.stage import Stage
from tests.stage.xserver import Screen

__all__ = ["finished", "is_there", "obs_command", "obs_environment", "write_settings"]

_VERSION = 29 << 24
"""Which version's settings these are; another would ask questions."""


def is_there() -> bool:
    """Whether OBS Studio is installed."""
    return shutil.which("obs") is not None


def obs_command() -> list[str]:
    """Return what starts it recording. Nothing but a signal it does not handle ends it."""
    words = "--startrecording --multi --disable-updater --disable-missing-files-check"
    return ["obs", *words.split(), "--minimize-to-tray"]


def obs_environment(there: Stage, own: Screen, home: Path) -> dict[str, str]:
    """Return its environment: windows on `own`, settings in `home`."""
    return {
        **os.environ,
        **there.env,
        **own.env,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_RUNTIME_DIR": str(home),
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "QT_QPA_PLATFORM": "xcb",
    }


def write_settings(
    home: Path, screen: Screen, fps: int, x264: dict[str, str], threads: int
) -> None:
    """Write profile and scenes: `screen` whole, both sounds, Matroska into `home`/out."""
    shutil.rmtree(home, ignore_errors=True)
    folder, profile = home / ".config/obs-studio", home / ".config/obs-studio/basic/profiles/bench"
    profile.mkdir(parents=True)
    (folder / "basic/scenes").mkdir()
    (home / "out").mkdir()
    (folder / "global.ini").write_text(
        f"[General]\nFirstRun=true\nEnableAutoUpdates=false\nLastVersion={_VERSION}\n"
        "[Basic]\nProfile=bench\nProfileDir=bench\nSceneCollection=bench\n"
        "SceneCollectionFile=bench\n[BasicWindow]\nPreviewEnabled=false\n"
    )
    size = f"CX={screen.width_px}\nBaseCY={screen.height_px}"
    (profile / "basic.ini").write_text(
        f"[General]\nName=bench\n[Video]\nBase{size}\nOutputCX={screen.width_px}\n"
        f"OutputCY={screen.height_px}\nFPSType=1\nFPSInt={fps}\n[Audio]\nSampleRate=48000\n"
        f"[Output]\nMode=Advanced\n[AdvOut]\nRecType=Standard\nRecFilePath={home / 'out'}\n"
        "RecFormat=mkv\nRecEncoder=obs_x264\nRecTracks=1\nTrack1Bitrate=160\n"
    )
    options = {
        # It has no constant quantiser to choose, but hands x264's own word on, which is the last.
        "rate_control": "CRF",
        "preset": x264["preset"],
        "tune": x264["tune"],
        "keyint_sec": 2,
        "x264opts": " ".join(
            [f"threads={threads}", f"qp={x264['qp']}", *x264.get("x264-params", "").split(":")]
        ),
    }
    (profile / "recordEncoder.json").write_text(json.dumps(options))
    (folder / "basic/scenes/bench.json").write_text(json.dumps(_scenes(screen)))


def _source(name: str, kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "id": kind, "versioned_id": kind, "settings": settings, "mixers": 255}


def _scenes(screen: Screen) -> dict[str, Any]:
    grab = {"advanced": True, "server": screen.display, "screen": 0, "show_cursor": True}
    item = {"name": "screen", "id": 1, "visible": True, "align": 5, "scale": {"x": 1.0, "y": 1.0}}
    return {
        "name": "bench",
        "current_scene": "Scene",
        "current_program_scene": "Scene",
        "scene_order": [{"name": "Scene"}],
        "sources": [
            _source("screen", "xshm_input", grab),
            _source("Scene", "scene", {"id_counter": 1, "items": [item]}),
        ],
        "DesktopAudioDevice1": _source(
            "system", "pulse_output_capture", {"device_id": "dac.monitor"}
        ),
        "AuxAudioDevice1": _source("mic", "pulse_input_capture", {"device_id": "vmic"}),
    }


def finished(home: Path, target: Path) -> None:
    """Make an MP4 of the recording that was cut off. Raises FileNotFoundError without one."""
    recording = next((home / "out").glob("*.mkv"), None)
    if recording is None:
        raise FileNotFoundError("it had not begun to record")
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(recording), "-c", "copy", str(target)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
