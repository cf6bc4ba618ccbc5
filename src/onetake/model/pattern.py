"""The sync test pattern: what is flashed, beeped and written on the screen, and when.

The synthetic devices and the self-test produce it, `onetake.proof` measures it in finished files;
both sides take every number from here, so they cannot drift apart.

Invariant: a picture drawn for position p and a sound rendered for position p belong to the same
instant, to the nanosecond. At each event the whole picture turns white for 100 ms and both chirps
begin. A block in the middle of the picture always says, to 0.1 ms, for which position the picture
was drawn, so that a frame is worth a tenth of a millisecond and not a frame interval. On a real
screen "drawn for" means: when it was drawn; draw at 200 Hz or more and in one go (a pixmap that is
copied), since what a frame shows is as old as the last drawing.

    ┌──────────────────────────────┐  background  dark (luma <= BACKGROUND_MAX_LUMA), flash white
    │        ┌────────────┐        │  block       own black margin, untouched by the flash
    │        │▐▌▐▐▌▌▐▌▐▌▌▐│ bits   │              2 x 21 cells, each above its own complement:
    │        │▌▐▌▌▐▐▌▐▌▐▐▌│ bits'  │              30 bits Gray-coded time, 4 bits schedule, 8 CRC
    │        │▐▐▌▐▌▌▐▐▌▐▌▐│ bits   │
    │        │▌▌▐▌▐▐▌▌▐▌▐▌│ bits'  │  the corners stay free for a camera overlay
    │        └────────────┘        │
    └──────────────────────────────┘
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onetake.model.geometry import Rect
from onetake.model.units import NS_PER_MS, NS_PER_S

__all__ = [
    "BACKGROUND_GREY",
    "BACKGROUND_MAX_LUMA",
    "CHIRP_AMPLITUDE",
    "CHIRP_NS",
    "CODE_BITS",
    "CODE_UNIT_NS",
    "FLASH_MIN_LUMA",
    "FLASH_NS",
    "IRREGULAR_IDS",
    "MIC_BAND_HZ",
    "REGULAR_ID",
    "SYSTEM_BAND_HZ",
    "EventSchedule",
    "PictureCode",
    "block_rect",
    "cell_rects",
    "code_bits",
    "code_from_bits",
    "draw",
    "draw_block",
    "mic_chirp",
    "mic_sound",
    "system_chirp",
    "system_sound",
]

FLASH_NS = 100 * NS_PER_MS
"""Length of a flash in ns. Shorter than one frame at 24 fps it could be missed; longer than the
shortest interval between events two flashes would melt."""

CHIRP_NS = 50 * NS_PER_MS
"""Length of a chirp in ns. Shorter = less energy and bandwidth-time product, so noisier peaks;
longer = codecs and limiters have more to spoil and muted spans are harder to probe."""

SYSTEM_BAND_HZ = (800.0, 1600.0)
"""First and last frequency of the system sound's chirp. Low enough for a 16 kHz headset and any
codec; no overlap with MIC_BAND_HZ, so that one mixed track tells both apart."""

MIC_BAND_HZ = (2400.0, 3600.0)
"""First and last frequency of the microphone's chirp; below the 4 kHz edge of telephone codecs."""

CHIRP_AMPLITUDE = 0.25
"""Peak of a chirp, full scale 1 (-12 dBFS). Both together must stay under the limiter's ceiling
(-1 dBFS), else the limiter is measured; much lower they drown in a room's noise."""

_EDGE_NS = 5 * NS_PER_MS
"""Raised-cosine rise and fall of a chirp: without it the edges click into the other's band."""

BACKGROUND_GREY = 64
"""RGB value of the plain background: dark against the flash, but no black picture."""

BACKGROUND_MAX_LUMA = 110
"""Whoever draws something else behind the block must stay below this (8-bit limited range)."""

FLASH_MIN_LUMA = 170
"""Median luma (8-bit limited range) from which a picture counts as flash: half way between
BACKGROUND_MAX_LUMA and white (235)."""

REGULAR_ID = 0
"""Schedule of the synthetic devices: event k at position k s."""

IRREGULAR_IDS = range(1, 16)
"""Schedules of real stages: intervals of 0.9-1.3 s, so that a lag of a whole interval shows."""

CODE_UNIT_NS = 100_000
"""What the last bit of the block is worth: 0.1 ms, the resolution of the measurement."""

_TIME_BITS = 30
"""0.1 ms units up to 29.8 h; then the block starts again at 0."""
_SCHEDULE_BITS = 4
_CRC_BITS = 8
"""A torn picture (two positions in one frame) passes once in 256."""
_CRC_POLYNOMIAL = 0x07
"""x^8 + x^2 + x + 1 (CRC-8 of ITU-T I.432.1): finds every one or two wrong bits in 127."""
CODE_BITS = _TIME_BITS + _SCHEDULE_BITS + _CRC_BITS
_COLUMNS = CODE_BITS // 2

# The block as shares of the picture. 60 % of the width in the middle leaves overlays of up to 40 %
# of the height free in every corner; cells of 1/35 width x 3 % height are 18 x 14 px at 640 x 480,
# which survives H.264 at crf 35.
_BLOCK_X, _BLOCK_WIDTH = 0.2, 0.6
_BLOCK_Y, _BLOCK_HEIGHT = 0.43, 0.14
_MARGIN = 0.01
"""Black margin above and below the cells, as a share of the height."""
_ROW_HEIGHT = (_BLOCK_HEIGHT - 2 * _MARGIN) / 4


class EventSchedule:
    """When the events of one pattern happen.

    The times are a pure function of the id; an instance only remembers those already computed.
    Not to be shared between threads.

    Args:
        schedule_id: REGULAR_ID or one of IRREGULAR_IDS.
    """

    def __init__(self, schedule_id: int = REGULAR_ID) -> None:
        if schedule_id != REGULAR_ID and schedule_id not in IRREGULAR_IDS:
            msg = f"no such schedule: {schedule_id}"
            raise ValueError(msg)
        self.schedule_id = schedule_id
        self._times_ns = [0]

    def times_ns(self, start_ns: int, end_ns: int) -> list[int]:
        """Return the positions of all events in start_ns <= event < end_ns, ascending, in ns."""
        self._extend(end_ns)
        first = bisect_right(self._times_ns, start_ns - 1)
        return self._times_ns[first : bisect_right(self._times_ns, end_ns - 1)]

    def event_at_or_before(self, position_ns: int) -> tuple[int, int] | None:
        """Return (number, position in ns) of the latest event so far; None before the first."""
        self._extend(position_ns)
        number = bisect_right(self._times_ns, position_ns) - 1
        return (number, self._times_ns[number]) if number >= 0 else None

    def nearest(self, position_ns: int) -> tuple[int, int]:
        """Return (number, position in ns) of the event nearest to `position_ns`."""
        self._extend(position_ns)
        after = bisect_right(self._times_ns, position_ns)
        candidates = range(max(0, after - 1), after + 1)
        number = min(candidates, key=lambda index: abs(self._times_ns[index] - position_ns))
        return number, self._times_ns[number]

    def is_flash(self, position_ns: int) -> bool:
        """Say whether the picture is white at this position."""
        latest = self.event_at_or_before(position_ns)
        return latest is not None and position_ns < latest[1] + FLASH_NS

    def _extend(self, position_ns: int) -> None:
        """Make sure that there is an event after `position_ns` in the list."""
        while self._times_ns[-1] <= position_ns:
            number = len(self._times_ns)
            self._times_ns.append(self._times_ns[-1] + self._interval_ns(number))

    def _interval_ns(self, number: int) -> int:
        """Return the time from event `number - 1` to event `number`: whole milliseconds."""
        if self.schedule_id == REGULAR_ID:
            return NS_PER_S
        return (900 + _mix64(self.schedule_id << 32 | number) % 401) * NS_PER_MS


def _mix64(value: int) -> int:
    """Return 64 well-mixed bits of `value` (the finaliser of splitmix64): the same everywhere."""
    mask = (1 << 64) - 1
    value = (value + 0x9E3779B97F4A7C15) & mask
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & mask
    return value ^ value >> 31


# --- picture ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PictureCode:
    """What the block of a picture says."""

    position_ns: int
    """For which position the picture was drawn, rounded down to CODE_UNIT_NS, modulo 29.8 h."""
    schedule_id: int


def code_bits(position_ns: int, schedule_id: int) -> tuple[bool, ...]:
    """Return the CODE_BITS bits of the block, in reading order (two rows of cells)."""
    units = (position_ns // CODE_UNIT_NS) % (1 << _TIME_BITS)
    gray = units ^ units >> 1
    payload = gray << _SCHEDULE_BITS | schedule_id
    word = payload << _CRC_BITS | _crc(payload)
    return tuple(bool(word >> shift & 1) for shift in reversed(range(CODE_BITS)))


def code_from_bits(bits: Sequence[bool]) -> PictureCode | None:
    """Return what the bits say, or None when the check sum does not fit."""
    word = 0
    for bit in bits:
        word = word << 1 | bool(bit)
    payload = word >> _CRC_BITS
    if word & ((1 << _CRC_BITS) - 1) != _crc(payload):
        return None
    units = gray = payload >> _SCHEDULE_BITS
    while gray:
        gray >>= 1
        units ^= gray
    return PictureCode(units * CODE_UNIT_NS, payload & ((1 << _SCHEDULE_BITS) - 1))


def _crc(payload: int) -> int:
    """Return the CRC-8 of the payload. It starts from all ones: a black block must not pass."""
    crc = (1 << _CRC_BITS) - 1
    for shift in reversed(range(_TIME_BITS + _SCHEDULE_BITS)):
        feedback = (crc >> _CRC_BITS - 1 ^ payload >> shift) & 1
        crc = (crc << 1 & (1 << _CRC_BITS) - 1) ^ (_CRC_POLYNOMIAL if feedback else 0)
    return crc


def block_rect(width_px: int, height_px: int) -> Rect:
    """Return the rectangle of the block, margin included: the damage of an ordinary frame."""
    left, right = round(_BLOCK_X * width_px), round((_BLOCK_X + _BLOCK_WIDTH) * width_px)
    top, bottom = round(_BLOCK_Y * height_px), round((_BLOCK_Y + _BLOCK_HEIGHT) * height_px)
    return Rect(left, top, right - left, bottom - top)


def cell_rects(width_px: int, height_px: int) -> list[tuple[Rect, Rect]]:
    """Return for each bit, in reading order, its cell and the cell of its complement below it.

    A 1 is a white cell above a black one, a 0 the other way round.
    """

    def cell(column: int, row: int) -> Rect:
        left = round((_BLOCK_X + _BLOCK_WIDTH * column / _COLUMNS) * width_px)
        right = round((_BLOCK_X + _BLOCK_WIDTH * (column + 1) / _COLUMNS) * width_px)
        top = round((_BLOCK_Y + _MARGIN + _ROW_HEIGHT * row) * height_px)
        bottom = round((_BLOCK_Y + _MARGIN + _ROW_HEIGHT * (row + 1)) * height_px)
        return Rect(left, top, right - left, bottom - top)

    return [
        (cell(index % _COLUMNS, row), cell(index % _COLUMNS, row + 1))
        for index in range(CODE_BITS)
        for row in (2 * (index // _COLUMNS),)
    ]


def draw(image: NDArray[np.uint8], position_ns: int, schedule: EventSchedule) -> None:
    """Draw the whole picture of a position: background or flash, and the block.

    Args:
        image: uint8, shape (height, width, channels), any order of colours (all is grey),
            overwritten; a fourth channel becomes 255.
        position_ns: position in the pattern.
        schedule: when the flashes are.
    """
    image[..., :3] = 255 if schedule.is_flash(position_ns) else BACKGROUND_GREY
    image[..., 3:] = 255
    draw_block(image, position_ns, schedule.schedule_id)


def draw_block(image: NDArray[np.uint8], position_ns: int, schedule_id: int) -> None:
    """Draw only the block (`block_rect`); the flash may stand or not. See `draw`."""
    height_px, width_px = image.shape[:2]
    block = block_rect(width_px, height_px)
    image[block.y_px : block.bottom_px, block.x_px : block.right_px, :3] = 0
    rects = cell_rects(width_px, height_px)
    for bit, (upper, lower) in zip(code_bits(position_ns, schedule_id), rects, strict=True):
        rect = upper if bit else lower
        image[rect.y_px : rect.bottom_px, rect.x_px : rect.right_px, :3] = 255


# --- sound --------------------------------------------------------------------------------------


def system_chirp(rate_hz: float) -> NDArray[np.float32]:
    """Return the system sound's chirp, float32, shape (n,), first sample = instant of the event."""
    return _chirp_at(_sample_times_s(CHIRP_NS / NS_PER_S, rate_hz), SYSTEM_BAND_HZ)


def mic_chirp(rate_hz: float) -> NDArray[np.float32]:
    """Return the microphone's chirp, float32, shape (n,), first sample = instant of the event."""
    return _chirp_at(_sample_times_s(CHIRP_NS / NS_PER_S, rate_hz), MIC_BAND_HZ)


def system_sound(
    schedule: EventSchedule, start_ns: float, frame_count: int, rate_hz: float
) -> NDArray[np.float32]:
    """Return what the system plays from `start_ns` on: silence and chirps, exact between samples.

    Args:
        schedule: when the events are.
        start_ns: position of the first sample.
        frame_count: number of samples.
        rate_hz: true rate; a device that runs 208 ppm fast is 48000 * 1.000208.

    Returns:
        float32, shape (frame_count,), owned by the caller.
    """
    return _sound(schedule, start_ns, frame_count, rate_hz=rate_hz, band_hz=SYSTEM_BAND_HZ)


def mic_sound(
    schedule: EventSchedule, start_ns: float, frame_count: int, rate_hz: float
) -> NDArray[np.float32]:
    """Return what the microphone hears from `start_ns` on. See `system_sound`."""
    return _sound(schedule, start_ns, frame_count, rate_hz=rate_hz, band_hz=MIC_BAND_HZ)


def _sound(
    schedule: EventSchedule,
    start_ns: float,
    frame_count: int,
    *,
    rate_hz: float,
    band_hz: tuple[float, float],
) -> NDArray[np.float32]:
    samples = np.zeros(frame_count, dtype=np.float32)
    ns_per_sample = NS_PER_S / rate_hz
    end_ns = start_ns + frame_count * ns_per_sample
    for event_ns in schedule.times_ns(int(start_ns) - CHIRP_NS, int(end_ns) + 1):
        first = max(0, int(np.ceil((event_ns - start_ns) / ns_per_sample)))
        last = min(frame_count, int(np.ceil((event_ns + CHIRP_NS - start_ns) / ns_per_sample)))
        if last > first:
            times_ns = start_ns - event_ns + np.arange(first, last) * ns_per_sample
            samples[first:last] += _chirp_at(times_ns / NS_PER_S, band_hz)
    return samples


def _sample_times_s(duration_s: float, rate_hz: float) -> NDArray[np.float64]:
    return np.arange(int(np.ceil(duration_s * rate_hz))) / rate_hz


def _chirp_at(times_s: NDArray[np.float64], band_hz: tuple[float, float]) -> NDArray[np.float32]:
    """Evaluate a linear chirp at seconds after its event; all times must lie inside the chirp."""
    duration_s = CHIRP_NS / NS_PER_S
    edge_s = _EDGE_NS / NS_PER_S
    low_hz, high_hz = band_hz
    phase = 2 * np.pi * (low_hz * times_s + (high_hz - low_hz) / (2 * duration_s) * times_s**2)
    to_edge = np.clip(np.minimum(times_s, duration_s - times_s) / edge_s, 0.0, 1.0)
    window = 0.5 - 0.5 * np.cos(np.pi * to_edge)
    return (CHIRP_AMPLITUDE * window * np.sin(phase)).astype(np.float32)
