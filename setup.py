"""The compiled loops, optional: without a compiler the portable ones in NumPy are used.

Everything else about the package stands in pyproject.toml.
"""

from setuptools import Extension, setup

HEADERS = ["src/onetake/_kernel_target.h", "src/onetake/_kernel_variants.h"]
PARTS = {"audio": [], "video": ["src/onetake/video/_shrink.h"]}


def kernel(room: str) -> Extension:
    """Return the compiled loops of a room."""
    return Extension(
        f"onetake.{room}._kernel",
        [f"src/onetake/{room}/_kernel.c"],
        depends=[*HEADERS, *PARTS[room]],
        # The stable interface of CPython 3.11: one wheel serves every later version.
        define_macros=[("Py_LIMITED_API", "0x030B0000")],
        py_limited_api=True,
        extra_compile_args=["-O3", "-g0"],
        optional=True,
    )


setup(
    ext_modules=[kernel(room) for room in PARTS],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
