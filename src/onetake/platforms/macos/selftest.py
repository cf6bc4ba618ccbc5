"""What only a Mac can say: whether every name we use exists, and whether compositor and writer work
on synthetic pictures and sound. The command line adds a take with the real devices and one report.

    python -m onetake.platforms.macos.selftest FILE.mp4 [SECONDS]   the synthetic take alone
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from importlib import metadata, resources
from typing import Any

import numpy as np

from onetake.model import pattern
from onetake.model.geometry import Overlay
from onetake.model.media import Frame, PixelFormat
from onetake.model.settings import Settings
from onetake.model.units import NS_PER_S, SAMPLE_RATE_HZ
from onetake.platforms.macos.platform import MacPlatform

__all__ = ["environment", "missing_names", "synthetic_take"]

SIZE_PX = (1280, 720)
FPS = 30
CAMERA_PX = (320, 180)

SOUND_LAG_S = 2.0
"""The mixer hands sound over two seconds behind the pictures, and so does this take: a writer that
refuses pictures until it has their sound would show here."""


def environment() -> dict[str, Any]:
    """Return what a bug report needs: system, bindings, permissions, devices."""
    import Foundation

    from onetake.platforms.macos.permissions import facts

    platform = MacPlatform()
    return {
        "macos": str(Foundation.NSProcessInfo.processInfo().operatingSystemVersionString()),
        "python": sys.version.split()[0],
        "pyobjc": metadata.version("pyobjc-core") if sys.platform == "darwin" else "",
        "permissions": {fact.kind: fact.grant.value for fact in facts()},
        "devices": [device.id for device in platform.devices()],
        "problems": platform.problems(),
    }


def missing_names() -> list[str]:
    """Return every module, name and selector we use that this Mac does not have.

    Names that came with a later macOS than 13 are used only where they exist; they may be listed.
    """
    import objc

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
        classes = [found for name in candidates if (found := _class(objc, name)) is not None]
        if not any(hasattr(found, selector) for found in classes):
            missing.append(f"{owners[0]}.{selector}")
    return missing


def synthetic_take(path: str, seconds: float = 4.0) -> dict[str, Any]:
    """Write the sync pattern through the real compositor and writer, in real time.

    Whoever calls this checks the file. Raises OutputFailed, EncoderUnavailable.
    """
    settings = Settings(output=path, overwrite=True, fps=FPS)
    platform = MacPlatform()
    compositor = platform.compositor(SIZE_PX, settings)
    writer = platform.writer(path, SIZE_PX, settings)
    assert compositor is not None
    assert writer is not None
    schedule = pattern.EventSchedule(1)
    writer.start()
    compositor.camera(_frame(np.full((CAMERA_PX[1], CAMERA_PX[0], 4), 128, np.uint8)))
    screen = np.empty((SIZE_PX[1], SIZE_PX[0], 4), np.uint8)
    begun_s, busy_s, refused, samples = time.monotonic(), 0.0, 0, 0
    frames = round(seconds * FPS)
    for number in range(frames):
        time.sleep(max(0.0, begun_s + number / FPS - time.monotonic()))
        position_ns = number * NS_PER_S // FPS
        pattern.draw(screen, position_ns, schedule)
        compositor.screen(_frame(screen))
        before_s = time.monotonic()
        # Every other second without an overlay: the picture then takes the way without a copy.
        image = compositor.compose(Overlay(is_visible=number // FPS % 2 == 0))
        if writer.is_ready_for_video():
            writer.write_video(position_ns, image)
        else:
            refused += 1
        busy_s += time.monotonic() - before_s
        heard = max(0, round((number / FPS - SOUND_LAG_S) * SAMPLE_RATE_HZ))
        if heard > samples:
            writer.write_audio([_sound(schedule, samples, heard - samples)])
            samples = heard
        writer.pump(0.0)
    end = round(seconds * SAMPLE_RATE_HZ)
    writer.write_audio([_sound(schedule, samples, end - samples)])
    writer.finish(round(seconds * NS_PER_S))
    return {
        "frames": frames,
        "refused": refused,
        "ms_per_frame": round(1000 * busy_s / frames, 3),
        "bytes": writer.size_bytes,
    }


def _frame(pixels: Any) -> Frame:
    return Frame(0, pixels.shape[1], pixels.shape[0], pixels, PixelFormat.BGRA)


def _sound(schedule: pattern.EventSchedule, first: int, count: int) -> Any:
    start_ns = first * NS_PER_S / SAMPLE_RATE_HZ
    mono = pattern.system_sound(schedule, start_ns, count, SAMPLE_RATE_HZ)
    mono = mono + pattern.mic_sound(schedule, start_ns, count, SAMPLE_RATE_HZ)
    return np.repeat(mono[:, None], 2, axis=1)


def _class(objc: Any, name: str) -> Any:
    try:
        return objc.lookUpClass(name)
    except objc.error:
        return None


if __name__ == "__main__":
    result = synthetic_take(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 4.0)
    sys.stdout.write(json.dumps(result) + "\n")
