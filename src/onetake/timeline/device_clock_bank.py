"""Four Kalman filters that share one job: offset and skew of a device clock from noisy bins.

One filter cannot be calm for hours and quick after a temperature step; four, each believing in
another restlessness of the crystal, weighted by how well each foretold the bins, can. Invariant:
state and covariances refer to source time `time_s`; the combined state is always finite.

Model: x' = y, y' = white noise of density q. x = offset of the host stamp from nominal source time
in seconds, y = skew (dimensionless; positive = the device is slow).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["PRIOR_SKEW_SD", "ClockState", "KalmanBank"]

RESTLESSNESS = (0.005e-6, 0.05e-6, 0.5e-6, 3e-6)
"""Random walk of the skew in 1/sqrt(s). Crystals at rest wander 0.005 ppm/sqrt(s), warming up
0.05; 0.5 follows a fan that starts, 3 a step of 100 ppm. Without the last, such a step costs 1 ms
instead of 0.6 at 1 ms of jitter; with only the last, jitter gets through."""

PRIOR_SKEW_SD = 400e-6
"""What is known of the skew before the first bin: crystals lie within some hundred ppm."""

SPLICE_SKEW_SD = 5e-6
"""How far a device's skew may have moved over a discontinuity."""

MEMORY_S = 120.0
"""How long a filter's success counts. Shorter: weights flicker; longer: a step is seen late."""

HUBER_SIGMA = 4.0
"""Innovations beyond this many sigma are outliers; their pull is held at this many sigma."""

REACQUIRE_SIGMA = 5.0
"""Innovations beyond this, same sign, `REACQUIRE_BINS` times running: the skew is forgotten."""

REACQUIRE_BINS = 3

STARVED_WEIGHT = 1e-3
"""A filter weighted below this for `STARVED_BINS` bins has lost the clock; it is re-seeded."""

STARVED_BINS = 15


@dataclass(frozen=True, slots=True)
class ClockState:
    """Offset and skew of a device clock at `time_s` of source time."""

    time_s: float
    offset_s: float
    skew: float
    offset_sd_s: float
    skew_sd: float
    covariance_s: float = 0.0
    """Of offset and skew."""

    def offset_sd_at(self, time_s: float) -> float:
        """Return the standard deviation of `offset_at`, were the skew constant until then."""
        step_s = time_s - self.time_s
        drifted = 2 * step_s * self.covariance_s + (step_s * self.skew_sd) ** 2
        return math.sqrt(max(0.0, self.offset_sd_s**2 + drifted))

    def offset_at(self, time_s: float) -> float:
        """Return the offset in s extrapolated to `time_s` of source time."""
        return self.offset_s + self.skew * (time_s - self.time_s)


@dataclass(slots=True)
class _Member:
    """One filter: state (x, y), covariance, and how well it foretold."""

    q: float
    x: float
    y: float
    pxx: float
    pxy: float
    pyy: float
    log_likelihood: float = 0.0
    starved_bins: int = 0

    def twin(self) -> _Member:
        """Return one that knows the same and learns apart. Written out: `dataclasses.replace` takes
        four times as long, and a clock asks for four of them ten times a second."""
        return _Member(
            *(self.q, self.x, self.y, self.pxx, self.pxy, self.pyy),
            *(self.log_likelihood, self.starved_bins),
        )

    def predict(self, step_s: float) -> None:
        """Move `step_s` forward."""
        noise = self.q * self.q
        self.x += self.y * step_s
        self.pxx += step_s * (2 * self.pxy + step_s * self.pyy) + noise * step_s**3 / 3
        self.pxy += step_s * self.pyy + noise * step_s**2 / 2
        self.pyy += noise * step_s

    def update(self, measured_s: float, variance_s2: float) -> float:
        """Take a measurement in; return the innovation in sigmas."""
        spread = self.pxx + variance_s2
        innovation = measured_s - self.x
        sigmas = innovation / math.sqrt(spread)
        if abs(sigmas) > HUBER_SIGMA:
            spread *= abs(sigmas) / HUBER_SIGMA
        gain_x, gain_y = self.pxx / spread, self.pxy / spread
        self.x += gain_x * innovation
        self.y += gain_y * innovation
        self.pyy -= gain_y * self.pxy
        self.pxy -= gain_y * self.pxx
        self.pxx -= gain_x * self.pxx
        capped = min(abs(sigmas), HUBER_SIGMA)
        self.log_likelihood -= 0.5 * (math.log(spread) + capped * capped)
        return sigmas


class KalmanBank:
    """Offset and skew from bins of (time, offset, variance). One thread."""

    def __init__(self, time_s: float, offset_s: float, variance_s2: float) -> None:
        self._time_s = time_s
        self._surprised_bins = 0
        prior = PRIOR_SKEW_SD**2
        self._members = [_Member(q, offset_s, 0.0, variance_s2, 0.0, prior) for q in RESTLESSNESS]

    @property
    def time_s(self) -> float:
        """Source time of the newest bin."""
        return self._time_s

    def state(self) -> ClockState:
        """Return the weighted state at the newest bin."""
        members, weights = self._members, self._weights()
        pairs = list(zip(members, weights, strict=True))
        x = sum(w * m.x for m, w in pairs)
        y = sum(w * m.y for m, w in pairs)
        variance_x = sum(w * (m.pxx + (m.x - x) ** 2) for m, w in pairs)
        variance_y = sum(w * (m.pyy + (m.y - y) ** 2) for m, w in pairs)
        covariance = sum(w * (m.pxy + (m.x - x) * (m.y - y)) for m, w in pairs)
        return ClockState(
            self._time_s, x, y, math.sqrt(variance_x), math.sqrt(variance_y), covariance
        )

    def update(self, time_s: float, offset_s: float, variance_s2: float) -> None:
        """Take the next bin in; `time_s` does not go back."""
        step_s = time_s - self._time_s
        self._time_s = time_s
        fade = math.exp(-step_s / MEMORY_S)
        surprises = []
        for member in self._members:
            member.predict(step_s)
            member.log_likelihood *= fade
            surprises.append(member.update(offset_s, variance_s2))
        self._reacquire_if_lost(surprises, offset_s)
        self._reseed_the_starved()

    def forked(self, time_s: float) -> KalmanBank:
        """Return a bank of its own that has gone on to `time_s` (not back)."""
        bank = KalmanBank.__new__(KalmanBank)
        bank._surprised_bins = 0
        bank._members = [member.twin() for member in self._members]
        bank._time_s = max(time_s, self._time_s)
        for member in bank._members:
            member.predict(bank._time_s - self._time_s)
        return bank

    def shift(self, shift_s: float, shift_sd_s: float) -> None:
        """Move the offset over a discontinuity, and open it as far as that is uncertain."""
        for member in self._members:
            member.x += shift_s
            member.pxx += shift_sd_s**2
            member.pyy += SPLICE_SKEW_SD**2

    def _weights(self) -> list[float]:
        best = max(member.log_likelihood for member in self._members)
        raw = [math.exp(member.log_likelihood - best) for member in self._members]
        total = sum(raw)
        return [weight / total for weight in raw]

    def _reacquire_if_lost(self, surprises: list[float], offset_s: float) -> None:
        lowest, highest = min(surprises), max(surprises)
        is_late, is_early = lowest > REACQUIRE_SIGMA, highest < -REACQUIRE_SIGMA
        if is_late:
            self._surprised_bins = max(1, self._surprised_bins + 1)
        elif is_early:
            self._surprised_bins = min(-1, self._surprised_bins - 1)
        else:
            self._surprised_bins = 0
        if abs(self._surprised_bins) < REACQUIRE_BINS:
            return
        self._surprised_bins = 0
        for member in self._members:
            member.pxx += (offset_s - member.x) ** 2
            member.pxy = 0.0
            member.pyy = PRIOR_SKEW_SD**2

    def _reseed_the_starved(self) -> None:
        weights = self._weights()
        best = self._members[weights.index(max(weights))]
        for member, weight in zip(self._members, weights, strict=True):
            member.starved_bins = member.starved_bins + 1 if weight < STARVED_WEIGHT else 0
            if member.starved_bins >= STARVED_BINS:
                member.starved_bins = 0
                member.x, member.y = best.x, best.y
                member.pxx, member.pxy, member.pyy = best.pxx, best.pxy, best.pyy
                member.log_likelihood = best.log_likelihood + math.log(STARVED_WEIGHT)
