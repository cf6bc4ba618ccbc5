"""Which pixel loops run: the compiled ones where they were built, else the portable ones.

Invariant: nobody can tell which from the pixels.
"""

from __future__ import annotations

from onetake.video import portable

try:
    from onetake.video import _kernel
except ImportError:
    convert, blend, weigh = portable.convert, portable.blend, portable.weigh
    IMPLEMENTATION = "numpy"
else:
    convert, blend, weigh = _kernel.convert, _kernel.blend, _kernel.weigh
    IMPLEMENTATION = _kernel.variants()[-1]

__all__ = ["IMPLEMENTATION", "blend", "convert", "weigh"]
