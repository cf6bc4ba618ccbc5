"""The compiled twin of `onetake.audio.loops`; see `_kernel.c`."""

import numpy as np
from numpy.typing import NDArray

REVISION: int

def evaluate(
    table: NDArray[np.float32],
    steps: NDArray[np.float32],
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    first: NDArray[np.int64],
    fractions: NDArray[np.float64],
    out: NDArray[np.float32],
    /,
) -> None: ...
def variants() -> tuple[str, ...]: ...
def select(name: str, /) -> None: ...
