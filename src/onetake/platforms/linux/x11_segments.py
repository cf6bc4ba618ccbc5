"""The ring of images shared with the X server.

Ownership: a segment is lent with a frame and comes back through `give_back`, from any thread.
The memory stays mapped until the last numpy view of it is gone, even after the ring was closed: a
consumer that still holds a picture must never read unmapped memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onetake.errors import DeviceUnavailable

if TYPE_CHECKING:
    from onetake.platforms.linux.x11_server import XServer

__all__ = ["SEGMENTS", "Segment", "SegmentRing"]

SEGMENTS = 10
"""Images in the ring: more than the engine's queue holds (6), the lane works on (2), is being
filled and is compared in secret, so that under load it is the engine that drops a frame, and counts
it. Each costs the size of the screen (8 MB at 1080p), though only once it is touched, and the last
one given back is the first one lent."""

_IPC_PRIVATE = 0
_IPC_CREAT = 0o1000
_IPC_RMID = 0
_OWNER_ONLY = 0o600
_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.shmget.argtypes = (ctypes.c_int, ctypes.c_size_t, ctypes.c_int)
_libc.shmat.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_libc.shmat.restype = ctypes.c_void_p
_libc.shmdt.argtypes = (ctypes.c_void_p,)
_libc.shmctl.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


class Segment:
    """One image.

    Attributes:
        image: uint8, shape (height, width, 4), BGRX, contiguous.
        stale_rows: one byte a row, 1 = it no longer shows the screen.
        xid: the server's name of the shared memory; 0 = private memory, filled over the socket.
    """

    def __init__(self, image: NDArray[np.uint8], xid: int) -> None:
        self.image = image
        self.stale_rows = bytearray(b"\1" * image.shape[0])
        self.xid = xid


def _shared_memory(size_bytes: int) -> tuple[int, ctypes.Array[ctypes.c_ubyte]]:
    """Return (shmid, bytes) of new System V shared memory; unmapped when the bytes are collected.

    Raises OSError. The caller removes the id once the server has attached.
    """
    shmid = _libc.shmget(_IPC_PRIVATE, size_bytes, _IPC_CREAT | _OWNER_ONLY)
    if shmid < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    address = _libc.shmat(shmid, None, 0)
    if address == _FAILED:
        error = ctypes.get_errno()
        _libc.shmctl(shmid, _IPC_RMID, None)
        raise OSError(error, os.strerror(error))
    memory = (ctypes.c_ubyte * size_bytes).from_address(address)
    weakref.finalize(memory, _libc.shmdt, address).atexit = False
    return shmid, memory


class SegmentRing:
    """The free and the lent segments. `take` on the source's thread, `give_back` on any."""

    def __init__(self, server: XServer, width_px: int, height_px: int) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._size = (height_px, width_px, 4)
        self.is_shared = server.has_shm
        self._all = [self._segment() for _ in range(SEGMENTS)]
        self._free = list(self._all)

    def _segment(self) -> Segment:
        if self.is_shared:
            segment = self._shared_segment()
            if segment is not None:
                return segment
            self.is_shared = False  # a server on another machine has the extension but no way in
        return Segment(np.empty(self._size, dtype=np.uint8), 0)

    def _shared_segment(self) -> Segment | None:
        try:
            shmid, memory = _shared_memory(int(np.prod(self._size)))
        except OSError as exc:
            raise DeviceUnavailable(
                f"no shared memory for the screen: {exc.strerror}", hint="raise kernel.shmall"
            ) from exc
        server: Any = self._server
        try:
            xid = server.connection.generate_id()
            is_attached = server.check(server.shm.Attach(xid, shmid, False, is_checked=True))
        finally:
            _libc.shmctl(shmid, _IPC_RMID, None)
        if not is_attached:
            return None
        return Segment(
            np.frombuffer(memoryview(memory).cast("B"), np.uint8).reshape(self._size), xid
        )

    def mark_stale(self, first_row: int, end_row: int) -> None:
        """Say that rows [first_row, end_row) of the screen changed. Source's thread."""
        stale = b"\1" * (end_row - first_row)
        for segment in self._all:
            segment.stale_rows[first_row:end_row] = stale

    def take(self) -> Segment | None:
        """Return a free segment, the warmest first, or None when all are lent."""
        with self._lock:
            return self._free.pop() if self._free else None

    def take_other_than(self, segment: Segment | None) -> Segment | None:
        """Return a free segment that is not `segment`, or None."""
        with self._lock:
            for index, other in enumerate(self._free):
                if other is not segment:
                    return self._free.pop(index)
        return None

    def give_back(self, segment: Segment) -> None:
        """Make a lent segment free again. Any thread; once for each `take`."""
        with self._lock:
            self._free.append(segment)

    def close(self) -> None:
        """Let the server forget the segments. Never raises; lent images stay readable."""
        for segment in self._all:
            if segment.xid:
                with contextlib.suppress(Exception):
                    self._server.shm.Detach(segment.xid)
