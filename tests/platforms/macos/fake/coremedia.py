"""CoreMedia: times, clocks, sample and block buffers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.platforms.macos.fake.runtime import NULL, Outs, Unmodelled
from tests.platforms.macos.fake.world import NS_PER_S, Mac

HOST_SCALE = NS_PER_S


class CMTime(NamedTuple):
    """A time."""

    value: int
    timescale: int
    flags: int
    epoch: int


INVALID = CMTime(0, 0, 0, 0)


class Clock:
    """A CMClock that runs at `ppm` against the host clock, `offset_ns` away from it."""

    def __init__(self, *, ppm: float = 0.0, offset_ns: int = 0) -> None:
        self.ppm = ppm
        self.offset_ns = offset_ns
        self._epoch_ns = time.monotonic_ns()

    def from_host(self, host_ns: int) -> int:
        """Return this clock's time at `host_ns`."""
        gone_ns = host_ns - self._epoch_ns
        return host_ns + self.offset_ns + round(gone_ns * self.ppm * 1e-6)

    def to_host(self, own_ns: int) -> int:
        """Return the host time at this clock's `own_ns`."""
        gone_ns = own_ns - self.offset_ns - self._epoch_ns
        return self._epoch_ns + round(gone_ns / (1 + self.ppm * 1e-6))

    def stamp(self, host_ns: int) -> CMTime:
        """Return `host_ns` as a time of this clock."""
        return CMTime(self.from_host(host_ns), HOST_SCALE, 1, 0)


HOST_CLOCK = Clock()


class Block:
    """A CMBlockBuffer."""

    def __init__(self, data: bytearray) -> None:
        self.data = data


@dataclass
class AudioFormat:
    """A CMAudioFormatDescription."""

    asbd: tuple[float, int, int, int, int, int, int, int, int]


@dataclass
class Sample:
    """A CMSampleBuffer."""

    pts: CMTime
    attachments: list[dict[str, Any]] | None = None
    image: Any = None
    block: Block | None = None
    format: AudioFormat | None = None
    count: int = 1
    extra: dict[str, Any] = field(default_factory=dict)


def pcm(stamp: CMTime, samples: Any, rate_hz: float, *, is_planar: bool, flags: int = 1) -> Sample:
    """Return float32 samples (frames, channels) as a sample buffer."""
    frames, channels = samples.shape
    data = samples.T.tobytes() if is_planar else samples.tobytes()
    size = 4 if is_planar else 4 * channels
    flags |= 32 if is_planar else 8
    asbd = (rate_hz, 0x6C70636D, flags, size, 1, size, channels, 32, 0)
    return Sample(stamp, block=Block(bytearray(data)), format=AudioFormat(asbd), count=frames)


def make(mac: Mac) -> dict[str, Any]:
    """Return what the `CoreMedia` module exports."""

    def time_make(value: int, timescale: int) -> CMTime:
        if not isinstance(value, int) or not isinstance(timescale, int):
            raise TypeError("CMTimeMake takes integers")
        return CMTime(value, timescale, 1, 0)

    def convert(moment: CMTime, source: Clock, target: Clock) -> CMTime:
        if moment.timescale != HOST_SCALE:
            raise Unmodelled("a clock time of another scale")
        return target.stamp(source.to_host(moment.value))

    def copy_bytes(block: Block, offset: int, length: int, destination: Any) -> Outs:
        if destination is not None:
            raise Unmodelled("copying into a given buffer")
        if offset + length > len(block.data):
            return Outs((-12704, None))
        return Outs((0, bytes(block.data[offset : offset + length])))

    def create_block(
        allocator: Any,
        memory: Any,
        length: int,
        block_allocator: Any,
        source: Any,
        offset: int,
        data_length: int,
        flags: int,
        out: Any,
    ) -> Outs:
        if memory is not NULL:
            raise Unmodelled("the framework would keep a pointer into Python's memory")
        if flags != 1 or (allocator, block_allocator, source, offset, out) != (
            None,
            None,
            None,
            0,
            None,
        ):
            raise Unmodelled("block buffer arguments")
        return Outs((0, Block(bytearray(data_length))))

    def replace_bytes(data: bytes, block: Block, offset: int, length: int) -> int:
        if len(data) < length:
            raise ValueError("too few bytes for a counted array")
        if offset + length > len(block.data):
            return -12704
        block.data[offset : offset + length] = data[:length]
        return 0

    def create_format(
        allocator: Any,
        asbd: Any,
        layout_size: int,
        layout: Any,
        cookie_size: int,
        cookie: Any,
        extensions: Any,
        out: Any,
    ) -> Outs:
        if len(asbd) != 9 or layout_size or cookie_size or out is not None:
            raise Unmodelled("audio format arguments")
        return Outs((0, AudioFormat(tuple(asbd))))

    def create_sample(
        allocator: Any,
        block: Block,
        audio_format: AudioFormat,
        count: int,
        pts: CMTime,
        packets: Any,
        out: Any,
    ) -> Outs:
        if packets is not NULL:
            raise ValueError("None is no array for `packetDescriptions`; NULL is")
        if len(block.data) != count * audio_format.asbd[5]:
            return Outs((-12735, None))
        return Outs((0, Sample(pts, block=block, format=audio_format, count=count)))

    def attachments(sample: Sample, create: Any) -> Any:
        if create is not False:
            raise Unmodelled("creating attachments")
        return sample.attachments

    return {
        "CMTimeMake": time_make,
        "CMClockGetHostTimeClock": lambda: HOST_CLOCK,
        "CMClockGetTime": lambda clock: clock.stamp(time.monotonic_ns()),
        "CMClockMakeHostTimeFromSystemUnits": lambda units: CMTime(units, HOST_SCALE, 1, 0),
        "CMSyncConvertTime": convert,
        "CMSampleBufferGetSampleAttachmentsArray": attachments,
        "CMSampleBufferGetImageBuffer": lambda sample: sample.image,
        "CMSampleBufferGetPresentationTimeStamp": lambda sample: sample.pts,
        "CMSampleBufferGetDataBuffer": lambda sample: sample.block,
        "CMSampleBufferGetNumSamples": lambda sample: sample.count,
        "CMSampleBufferGetFormatDescription": lambda sample: sample.format,
        "CMAudioFormatDescriptionGetStreamBasicDescription": lambda fmt: fmt.asbd if fmt else None,
        "CMAudioFormatDescriptionCreate": create_format,
        "CMBlockBufferGetDataLength": lambda block: len(block.data),
        "CMBlockBufferCopyDataBytes": copy_bytes,
        "CMBlockBufferCreateWithMemoryBlock": create_block,
        "CMBlockBufferReplaceDataBytes": replace_bytes,
        "CMAudioSampleBufferCreateReadyWithPacketDescriptions": create_sample,
    }
