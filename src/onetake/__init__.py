"""Screen, system sound, microphone and camera into one file, in one pass, on one timeline."""

from __future__ import annotations

from onetake._version import __version__

__all__ = ["__version__"]
