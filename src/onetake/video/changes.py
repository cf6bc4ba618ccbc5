"""What of a picture was changed since it was last encoded, told to the encoder by the picture.

x264 need not look at blocks it is told are constant. FFmpeg has that as `AVVideoHint`, side data of
a frame (libavutil/video_hint.h), and PyAV hands it on, but makes none: it is made here, once for
each picture, by FFmpeg's own function, and written in place from then on.

    written to: `add` ──▶ encoded: x264 reads it ──▶ `settle`: nothing has changed since

Invariant: whatever was written to the picture since it was last encoded lies within what it names.
A picture that could not be given side data is encoded as if everything had changed.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import av
import av.frame
from av.sidedata.sidedata import Type

from onetake.model.geometry import Rect, union

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BLOCK_PX", "Changes", "Settler"]

BLOCK_PX = 16
"""Side of a macroblock (ISO/IEC 14496-10): encoders know no smaller part of a picture."""

_CAPACITY = 64
"""Rectangles held apart; more are taken together as one that holds them all. A frame has up to 32
of the screen's and some of the overlay's. Fewer: many small changes become one large one. More:
x264 is handed longer lists."""

_CHANGED = 1
"""AV_VIDEO_HINT_TYPE_CHANGED: the rectangles are what has changed, the rest is constant."""

_HEADER_BYTES, _POINTER_BYTES = 16, 8
"""Of CPython's objects on 64 bit machines: reference count and type; then, of a PyAV frame, the
table of its methods and the address of the AVFrame."""


class _Hint(ctypes.Structure):
    """AVVideoHint of libavutil 60; public and fixed by its version."""

    _fields_ = (
        ("count", ctypes.c_size_t),
        ("offset", ctypes.c_size_t),
        ("size", ctypes.c_size_t),
        ("type", ctypes.c_int),
    )

    def rect(self, number: int) -> ctypes.Array[ctypes.c_uint32]:
        """Return the rectangle of that number as (x, y, width, height), to be read or written."""
        address = ctypes.addressof(self) + self.offset + number * self.size
        return (ctypes.c_uint32 * 4).from_address(address)

    def rects(self) -> Iterator[Rect]:
        """Yield the rectangles there are."""
        return (Rect(*self.rect(number)) for number in range(self.count))


class Changes:
    """The changes of one picture. The thread that writes to the picture and encodes it.

    Keeps the frame alive, whose side data it writes; everything has changed at first.
    """

    def __init__(self, frame: av.VideoFrame) -> None:
        self._frame = frame
        self._all = Rect(0, 0, frame.width, frame.height)
        self._hint = _new_hint(frame)
        hint = self._hint
        self._places = [hint.rect(number) for number in range(_CAPACITY)] if hint else []
        self._last = (0, 0, 0, 0)
        """The rectangle named last, as (x, y, width, height)."""
        self.add(self._all)

    def add(self, rect: Rect) -> None:
        """Name `rect`, which lies inside the picture."""
        hint = self._hint
        if hint is None:
            return
        blocks, count = _in_blocks(rect), hint.count
        if count and blocks == self._last:
            return
        if count == _CAPACITY:
            blocks = _in_blocks(union([*hint.rects(), Rect(*blocks)]))
            count = 0
        self._places[count][:] = self._last = blocks
        hint.count = count + 1

    def rects(self) -> list[Rect]:
        """Return what has changed since the picture was encoded, in whole blocks, which may reach
        beyond its edges; everything, where it cannot be told."""
        return [self._all] if self._hint is None else list(self._hint.rects())


class Settler:
    """Settles pictures, most often the same one again: what was found of it is kept. One thread."""

    def __init__(self) -> None:
        self._frame: av.VideoFrame | None = None
        self._hint: _Hint | None = None

    def settle(self, frame: av.VideoFrame) -> None:
        """Note that `frame` was encoded as it is now; nothing, if it does not name its changes."""
        if frame is not self._frame or self._hint is None:
            # Held, it keeps its side data, and no other picture can come to be taken for it.
            self._frame, self._hint = frame, _hint_of(frame)
        if self._hint is not None:
            self._hint.count = 0


def _hint_of(frame: av.VideoFrame) -> _Hint | None:
    """Return what `frame` names as changed, in place; None if it does not."""
    if not _is_layout_known():
        return None
    address = _library().av_frame_get_side_data(_av_frame(frame), Type.VIDEO_HINT.value)
    if not address:
        return None
    # AVFrameSideData begins with its type and the address of the data.
    data = ctypes.c_void_p.from_address(address + _POINTER_BYTES).value
    assert data is not None
    return _Hint.from_address(data)


def _new_hint(frame: av.VideoFrame) -> _Hint | None:
    """Give `frame` side data of its own; None where that cannot be done."""
    if not _is_layout_known():
        return None
    address = _library().av_video_hint_create_side_data(_av_frame(frame), _CAPACITY)
    if not address:
        return None
    hint = _Hint.from_address(address)
    hint.type, hint.count = _CHANGED, 0
    return hint


@cache
def _library() -> Any:
    """Return libavutil as PyAV itself uses it, found through the module that is linked to it.
    Raises OSError or AttributeError where it is not to be had that way."""
    library = ctypes.CDLL(av.frame.__file__)
    create, get = library.av_video_hint_create_side_data, library.av_frame_get_side_data
    create.argtypes, create.restype = (ctypes.c_void_p, ctypes.c_size_t), ctypes.c_void_p
    get.argtypes, get.restype = (ctypes.c_void_p, ctypes.c_int), ctypes.c_void_p
    return library


def _av_frame(frame: av.VideoFrame) -> int | None:
    """Return the address of FFmpeg's AVFrame, the first thing PyAV declares of its frames
    (av/frame.pxd, which it installs for those who compile against it)."""
    address = id(frame) + _HEADER_BYTES + _POINTER_BYTES
    return ctypes.c_void_p.from_address(address).value


@cache
def _is_layout_known() -> bool:
    """Whether PyAV's frames look in memory as they are expected to, tried with one."""
    if ctypes.sizeof(ctypes.c_void_p) != _POINTER_BYTES or object.__basicsize__ != _HEADER_BYTES:
        return False
    frame = av.VideoFrame(32, 16, "nv12")
    try:
        _library()
        table = _address_in(vars(av.VideoFrame)["__pyx_vtable__"])
    except (OSError, AttributeError, KeyError, ValueError):
        return False
    if ctypes.c_void_p.from_address(id(frame) + _HEADER_BYTES).value != table:
        return False
    inside = _av_frame(frame)
    if not inside:
        return False
    # An AVFrame begins with the addresses of eight planes, and goes on with their line sizes.
    planes = (ctypes.c_void_p * 8).from_address(inside)
    line_sizes = (ctypes.c_int * 8).from_address(inside + ctypes.sizeof(planes))
    return all(
        (planes[number], line_sizes[number]) == (plane.buffer_ptr, plane.line_size)
        for number, plane in enumerate(frame.planes)
    )


def _address_in(capsule: object) -> int | None:
    """Return what a capsule of Python's C interface holds. Raises ValueError."""
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.argtypes, name_of.restype = (ctypes.py_object,), ctypes.c_char_p
    pointer_of.argtypes = (ctypes.py_object, ctypes.c_char_p)
    pointer_of.restype = ctypes.c_void_p
    address = pointer_of(capsule, name_of(capsule))
    return address if isinstance(address, int) else None


def _in_blocks(rect: Rect) -> tuple[int, int, int, int]:
    """Return the smallest rectangle of whole blocks that holds `rect`: (x, y, width, height)."""
    x_px, y_px = rect.x_px & -BLOCK_PX, rect.y_px & -BLOCK_PX
    right_px = rect.right_px + BLOCK_PX - 1 & -BLOCK_PX
    bottom_px = rect.bottom_px + BLOCK_PX - 1 & -BLOCK_PX
    return x_px, y_px, right_px - x_px, bottom_px - y_px
