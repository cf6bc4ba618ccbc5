"""libpulse by ctypes: the few structures and functions we use, as pulse/*.h of 16.1 declare them.

Its ABI is stable since 0.9.16 (2009) and pipewire-pulse is used through the same library. The
asynchronous API is needed for `pa_timing_info`: a monitor hands samples over before they are heard,
by the whole buffer of the sink, and the simple API clamps that negative latency to 0 (a constant
70 ms error).
"""

from __future__ import annotations

import ctypes
import functools
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_int64,
    c_long,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)

from onetake.errors import DeviceUnavailable

__all__ = [
    "CONTEXT_NOAUTOSPAWN",
    "INVALID_INDEX",
    "SAMPLE_FLOAT32LE",
    "BufferAttr",
    "ChannelMap",
    "OperationState",
    "SampleSpec",
    "ServerInfo",
    "ServerInfoCallback",
    "SourceInfo",
    "SourceInfoCallback",
    "State",
    "StreamFlags",
    "SubscribeCallback",
    "SuccessCallback",
    "TimingInfo",
    "library",
]

CONTEXT_NOAUTOSPAWN = 1
"""pa_context_flags: do not start a daemon behind the user's back."""

INVALID_INDEX = 0xFFFFFFFF
SAMPLE_FLOAT32LE = 5
CHANNELS_MAX = 32


class State:
    """pa_context_state and pa_stream_state, as far as they share meaning."""

    CONTEXT_READY = 4
    CONTEXT_FAILED = 5
    CONTEXT_TERMINATED = 6
    STREAM_READY = 2
    STREAM_FAILED = 3
    STREAM_TERMINATED = 4


class OperationState:
    """pa_operation_state."""

    RUNNING = 0
    DONE = 1


class StreamFlags:
    """pa_stream_flags."""

    DONT_MOVE = 0x0200
    ADJUST_LATENCY = 0x2000


class SampleSpec(Structure):
    """pa_sample_spec."""

    _fields_ = [("format", c_int), ("rate", c_uint32), ("channels", c_uint8)]


class ChannelMap(Structure):
    """pa_channel_map."""

    _fields_ = [("channels", c_uint8), ("map", c_int * CHANNELS_MAX)]


class _Volume(Structure):
    _fields_ = [("channels", c_uint8), ("values", c_uint32 * CHANNELS_MAX)]


class BufferAttr(Structure):
    """pa_buffer_attr; 0xFFFFFFFF = the server's choice."""

    _fields_ = [
        ("maxlength", c_uint32),
        ("tlength", c_uint32),
        ("prebuf", c_uint32),
        ("minreq", c_uint32),
        ("fragsize", c_uint32),
    ]


class SourceInfo(Structure):
    """The beginning of pa_source_info; only ever read through a pointer."""

    _fields_ = [
        ("name", c_char_p),
        ("index", c_uint32),
        ("description", c_char_p),
        ("sample_spec", SampleSpec),
        ("channel_map", ChannelMap),
        ("owner_module", c_uint32),
        ("volume", _Volume),
        ("mute", c_int),
        ("monitor_of_sink", c_uint32),
        ("monitor_of_sink_name", c_char_p),
    ]


class ServerInfo(Structure):
    """The beginning of pa_server_info; only ever read through a pointer."""

    _fields_ = [
        ("user_name", c_char_p),
        ("host_name", c_char_p),
        ("server_version", c_char_p),
        ("server_name", c_char_p),
        ("sample_spec", SampleSpec),
        ("default_sink_name", c_char_p),
        ("default_source_name", c_char_p),
    ]


class TimingInfo(Structure):
    """The beginning of pa_timing_info; only ever read through a pointer."""

    _fields_ = [
        ("timestamp_s", c_long),
        ("timestamp_us", c_long),
        ("has_synchronized_clocks", c_int),
        ("sink_us", c_uint64),
        ("source_us", c_uint64),
        ("transport_us", c_uint64),
        ("is_playing", c_int),
        ("is_write_index_corrupt", c_int),
        ("write_index", c_int64),
        ("is_read_index_corrupt", c_int),
        ("read_index", c_int64),
    ]


SourceInfoCallback = CFUNCTYPE(None, c_void_p, POINTER(SourceInfo), c_int, c_void_p)
ServerInfoCallback = CFUNCTYPE(None, c_void_p, POINTER(ServerInfo), c_void_p)
SubscribeCallback = CFUNCTYPE(None, c_void_p, c_int, c_uint32, c_void_p)
SuccessCallback = CFUNCTYPE(None, c_void_p, c_int, c_void_p)

_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "pa_mainloop_new": (c_void_p, ()),
    "pa_mainloop_free": (None, (c_void_p,)),
    "pa_mainloop_get_api": (c_void_p, (c_void_p,)),
    "pa_mainloop_prepare": (c_int, (c_void_p, c_int)),
    "pa_mainloop_poll": (c_int, (c_void_p,)),
    "pa_mainloop_dispatch": (c_int, (c_void_p,)),
    "pa_mainloop_iterate": (c_int, (c_void_p, c_int, c_void_p)),
    "pa_context_new": (c_void_p, (c_void_p, c_char_p)),
    "pa_context_connect": (c_int, (c_void_p, c_char_p, c_int, c_void_p)),
    "pa_context_disconnect": (None, (c_void_p,)),
    "pa_context_unref": (None, (c_void_p,)),
    "pa_context_get_state": (c_int, (c_void_p,)),
    "pa_context_errno": (c_int, (c_void_p,)),
    "pa_context_subscribe": (c_void_p, (c_void_p, c_int, c_void_p, c_void_p)),
    "pa_context_set_subscribe_callback": (None, (c_void_p, SubscribeCallback, c_void_p)),
    "pa_context_get_server_info": (c_void_p, (c_void_p, ServerInfoCallback, c_void_p)),
    "pa_context_get_source_info_list": (c_void_p, (c_void_p, SourceInfoCallback, c_void_p)),
    "pa_context_get_source_info_by_name": (
        c_void_p,
        (c_void_p, c_char_p, SourceInfoCallback, c_void_p),
    ),
    "pa_operation_get_state": (c_int, (c_void_p,)),
    "pa_operation_cancel": (None, (c_void_p,)),
    "pa_operation_unref": (None, (c_void_p,)),
    "pa_strerror": (c_char_p, (c_int,)),
    "pa_stream_new": (
        c_void_p,
        (c_void_p, c_char_p, POINTER(SampleSpec), POINTER(ChannelMap)),
    ),
    "pa_stream_connect_record": (c_int, (c_void_p, c_char_p, POINTER(BufferAttr), c_int)),
    "pa_stream_disconnect": (c_int, (c_void_p,)),
    "pa_stream_unref": (None, (c_void_p,)),
    "pa_stream_get_state": (c_int, (c_void_p,)),
    "pa_stream_get_device_name": (c_char_p, (c_void_p,)),
    "pa_stream_readable_size": (c_size_t, (c_void_p,)),
    "pa_stream_peek": (c_int, (c_void_p, POINTER(c_void_p), POINTER(c_size_t))),
    "pa_stream_drop": (c_int, (c_void_p,)),
    "pa_stream_update_timing_info": (c_void_p, (c_void_p, SuccessCallback, c_void_p)),
    "pa_stream_get_timing_info": (POINTER(TimingInfo), (c_void_p,)),
}


@functools.cache
def library() -> ctypes.CDLL:
    """Load libpulse with its signatures. Raises DeviceUnavailable when it is not installed."""
    try:
        pulse = ctypes.CDLL("libpulse.so.0")
    except OSError as exc:
        raise DeviceUnavailable(
            "no sound: libpulse is not installed", hint="install libpulse0 (Debian) or libpulse"
        ) from exc
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(pulse, name)
        function.restype = result
        function.argtypes = arguments
    return pulse
