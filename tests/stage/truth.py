"""What pictures and sounds say about the instant they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onetake.model.media import AudioBlock
from onetake.model.pattern import EventSchedule, PictureCode, cell_rects, code_from_bits

__all__ = ["chirp_times", "read_picture", "sound_of", "stamp_times_ns"]


def read_picture(image: NDArray[np.uint8]) -> PictureCode | None:
    """Return what the block of a BGRX picture says; None when it is torn or not there."""
    bits = []
    for upper, lower in cell_rects(image.shape[1], image.shape[0]):
        above, below = (
            int(image[rect.y_px + rect.height_px // 2, rect.x_px + rect.width_px // 2, 1])
            for rect in (upper, lower)
        )
        bits.append(above > below)
    return code_from_bits(bits)


def sound_of(blocks: Sequence[AudioBlock]) -> NDArray[np.float32]:
    """Return the first channel of all blocks in a row, as the device counts its samples."""
    return np.concatenate([block.samples[:, 0] for block in blocks])


def chirp_times(samples: NDArray[np.float32], template: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the (fractional) sample indices at which `template` begins, ascending."""
    size = 1 << int(np.ceil(np.log2(len(samples) + len(template))))
    spectrum = np.fft.rfft(samples, size) * np.conj(np.fft.rfft(template, size))
    # The envelope (analytic signal) has one clear peak, the correlation itself one a cycle.
    analytic = np.zeros(size, dtype=np.complex128)
    analytic[: len(spectrum)] = 2 * spectrum
    envelope = np.abs(np.fft.ifft(analytic))[: len(samples)]
    threshold = 0.5 * float(np.dot(template, template))
    peaks = []
    index = 0
    while index < len(envelope):
        if envelope[index] < threshold:
            index += 1
            continue
        end = min(len(envelope), index + len(template))
        peaks.append(_refined(envelope, index + int(np.argmax(envelope[index:end]))))
        index = end + len(template)
    return np.array(peaks)


def _refined(envelope: NDArray[np.float64], peak: int) -> float:
    """Return the top of the parabola through the highest value and its neighbours."""
    if not 0 < peak < len(envelope) - 1:
        return float(peak)
    left, middle, right = envelope[peak - 1 : peak + 2]
    return peak + float(0.5 * (left - right) / (left - 2 * middle + right))


def stamp_times_ns(
    blocks: Sequence[AudioBlock], indices: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the host times that the blocks' own stamps give to sample indices, in ns."""
    firsts = np.cumsum([0, *(len(block.samples) for block in blocks[:-1])])
    stamps = np.array([block.stamp_ns for block in blocks], dtype=np.float64)
    holder = np.searchsorted(firsts, indices, side="right") - 1
    rate_hz = blocks[0].rate_hz
    times: NDArray[np.float64] = stamps[holder] + (indices - firsts[holder]) * 1e9 / rate_hz
    return times


def nearest_errors_ns(
    times_ns: NDArray[np.float64], schedule_id: int, start_ns: int
) -> NDArray[np.float64]:
    """Return time minus truth for each event time: + = stamped too late."""
    schedule = EventSchedule(schedule_id)
    return np.array([t - start_ns - schedule.nearest(int(t) - start_ns)[1] for t in times_ns])
