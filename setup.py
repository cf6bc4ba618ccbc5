"""The compiled pixel loops, optional: without a compiler the portable ones in NumPy are used.

Everything else about the package stands in pyproject.toml.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "onetake.video._kernel",
            ["src/onetake/video/_kernel.c"],
            # The stable interface of CPython 3.11: one wheel serves every later version.
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            extra_compile_args=["-O3", "-g0"],
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
