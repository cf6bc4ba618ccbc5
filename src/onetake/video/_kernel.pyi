"""The compiled twins of `onetake.video.portable`; see `_kernel.c`."""

import numpy as np
from numpy.typing import NDArray

REVISION: int

def convert(
    pixels: NDArray[np.uint8], luma: NDArray[np.uint8], chroma: NDArray[np.uint8], /
) -> None: ...
def blend(
    under: NDArray[np.uint8],
    keep: NDArray[np.uint16],
    add: NDArray[np.uint16],
    out: NDArray[np.uint8],
    /,
) -> None: ...
def weigh(
    values: NDArray[np.uint8],
    show: NDArray[np.uint16],
    fill: NDArray[np.uint16],
    add: NDArray[np.uint16],
    mirror: int,
    /,
) -> None: ...
def recolour(
    luma: NDArray[np.uint8],
    chroma: NDArray[np.uint8],
    numbers: tuple[int, int, int, int, int, int, int, int],
    /,
) -> None: ...
def shrink(
    values: NDArray[np.uint8],
    rows: tuple[NDArray[np.int32], NDArray[np.int16]],
    columns: tuple[NDArray[np.int32], NDArray[np.int16]],
    out: NDArray[np.uint8],
    /,
) -> None: ...
def variants() -> tuple[str, ...]: ...
def select(name: str, /) -> None: ...
