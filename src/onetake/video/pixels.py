"""Which pixel loops run: the compiled ones where they were built, else the portable ones.

Invariant: nobody can tell which from the pixels.
"""

from __future__ import annotations

from onetake.video import portable

try:
    from onetake.video import _kernel

    if getattr(_kernel, "REVISION", 0) != portable.REVISION:
        raise ImportError("left over from an earlier version")
except ImportError:
    convert, blend = portable.convert, portable.blend
    weigh, recolour, shrink = portable.weigh, portable.recolour, portable.shrink
    IMPLEMENTATION = "numpy"
else:
    convert, blend = _kernel.convert, _kernel.blend
    weigh, recolour, shrink = _kernel.weigh, _kernel.recolour, _kernel.shrink
    IMPLEMENTATION = _kernel.variants()[-1]

__all__ = ["IMPLEMENTATION", "blend", "convert", "recolour", "shrink", "weigh"]
