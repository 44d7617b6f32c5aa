"""Who made this outfall rise and fall: meters of several suspects, a sensor at the outfall, and which of them it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from outfall.errors import TableError
from outfall.simulate._survey import START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Suspects", "make_suspects"]

_SIZES = {
    "noise_ar1": 0.95,  # of the sensor's slow wander, from step to step of 5 minutes
    "noise_share": 1.0,  # its size, against the signal of the source
    "daily_share": 1.5,  # the daily cycle of everybody, against the signal
    "meter_cv": 0.05,
    "travel_cv": 0.30,  # the delay a team would compute, against the true one
    "missing_share": 0.03,
}


@dataclass(frozen=True, slots=True)
class Suspects:
    """Series of one outfall and of those who may be behind it.

    Parameters
    ----------
    readings : DataFrame
        Contract ``readings``: flow meters of the suspects, conductivity at the outfall.
    candidates : DataFrame
        ``source_id`` and ``travel_h``, the delay a team would compute.
    truth : mapping
        ``source_id`` (empty where it is nobody on the list), ``lag_h``, ``kernel_h``.
    settings : mapping of str to float
        Sizes of the errors made on purpose.
    """

    readings: pd.DataFrame
    candidates: pd.DataFrame
    truth: Mapping[str, object]
    settings: Mapping[str, float]


def make_suspects(seed: int = 0, *, count: int = 6, days: int = 7, unregistered_share: float = 0.0) -> Suspects:
    """Draw schedules of several suspects and what a sensor at the outfall of one of them saw.

    All of them keep working hours, so their meters resemble one another and the daily cycle of the outfall; what tells
    them apart are batches and stops. The signal is delayed and smeared on its way, and the sensor wanders.

    Parameters
    ----------
    seed : int, default 0
        Not negative.
    count : int, default 6
        Suspects, 1 or more.
    days : int, default 7
        Length, 1 or more; a reading every 5 minutes.
    unregistered_share : float, default 0
        How often the true source has no meter.

    Returns
    -------
    Suspects
        The truth and the observations.

    Raises
    ------
    TableError
        An option is out of range.

    Examples
    --------
    >>> drawn = make_suspects(1)
    >>> len(drawn.candidates), drawn.truth["source_id"] in set(drawn.candidates["source_id"])
    (6, True)
    """
    if seed < 0 or count < 1 or days < 1 or not 0.0 <= unregistered_share <= 1.0:
        msg = (
            f"make_suspects: seed {seed}, count {count}, days {days}, unregistered_share {unregistered_share}; expected "
            "a seed of 0 or more, 1 or more suspects and days, and a share from 0 to 1"
        )
        raise TableError(msg)
    rng = np.random.default_rng([seed, 815])
    steps = days * 288
    flows = [_schedule(rng, days) for _ in range(count + 1)]
    who = count if rng.random() < unregistered_share else int(rng.integers(count))
    lag_h, kernel_h = rng.uniform(0.25, 4.0, count + 1), float(rng.uniform(0.1, 0.8))
    seen = _seen(rng, flows[who], lag_h[who], kernel_h)
    ids = [f"S{number + 1}" for number in range(count)]
    times = (START + pd.to_timedelta(np.arange(steps) * 5, unit="min")).tz_convert("UTC")
    parts = [_meter(rng, times, f"LL-{name}", name, flow) for name, flow in zip(ids, flows, strict=False)]
    sensor = _rows(rng, times, "DO-1", ("conductivity", "µS/cm"), 800.0 + 120.0 * seen)
    told = lag_h[:count] * np.exp(rng.normal(0, _SIZES["travel_cv"], count))
    return Suspects(
        readings=pd.concat([*parts, sensor.assign(source_id=None, outfall_id="P1")], ignore_index=True),
        candidates=pd.DataFrame({"source_id": ids, "travel_h": np.round(told, 2)}),
        truth={"source_id": ids[who] if who < count else "", "lag_h": float(lag_h[who]), "kernel_h": kernel_h},
        settings=dict(_SIZES),
    )


def _schedule(rng: np.random.Generator, days: int) -> NDArray[np.float64]:
    """Return the flow of a works: working hours, batches within them, a day off now and then; mean about 1."""
    begin, end = rng.uniform(6, 9), rng.uniform(16, 21)
    hour = np.arange(days * 288) % 288 / 12.0
    works = np.repeat(rng.random(days) > 0.1, 288) & (hour >= begin) & (hour <= end)
    on = np.zeros(days * 288, dtype=bool)
    at = 0
    while at < len(on):
        run, rest = int(rng.integers(6, 36)), int(rng.integers(3, 24))
        on[at : at + run] = True
        at += run + rest
    return np.asarray(0.05 + 2.5 * (works & on), dtype=float)


def _seen(rng: np.random.Generator, flow: NDArray[np.float64], lag_h: float, kernel_h: float) -> NDArray[np.float64]:
    """Return the signal of a source at the outfall: delayed, smeared, on a daily cycle, under a slow wander."""
    keep = np.exp(-1.0 / (12.0 * kernel_h))
    smeared = lfilter([1.0 - keep], [1.0, -keep], flow)
    late = np.concatenate([np.full(round(lag_h * 12), smeared[0]), smeared])[: len(flow)]
    signal = (late - late.mean()) / max(float(late.std()), 1e-9)
    hour = np.arange(len(flow)) % 288 / 12.0
    cycle = _SIZES["daily_share"] * np.sqrt(2.0) * np.cos(2 * np.pi * (hour - 13.0) / 24.0)
    shock = rng.normal(0, np.sqrt(1 - _SIZES["noise_ar1"] ** 2), len(flow))
    return np.asarray(signal + cycle + _SIZES["noise_share"] * lfilter([1.0], [1.0, -_SIZES["noise_ar1"]], shock))


def _meter(
    rng: np.random.Generator, times: pd.DatetimeIndex, meter: str, source_id: str, flow: NDArray[np.float64]
) -> pd.DataFrame:
    noisy = 0.003 * flow * np.exp(rng.normal(0, _SIZES["meter_cv"], len(flow)))
    return _rows(rng, times, meter, ("flow", "m3/s"), noisy).assign(source_id=source_id, outfall_id=None)


def _rows(
    rng: np.random.Generator,
    times: pd.DatetimeIndex,
    meter: str,
    what: tuple[str, str],
    value: NDArray[np.float64],
) -> pd.DataFrame:
    kept = rng.random(len(value)) >= _SIZES["missing_share"]
    frame = pd.DataFrame({"meter_id": meter, "parameter": what[0], "read_at": times, "value": value, "unit": what[1]})
    frame.insert(0, "reading_id", [f"{meter}/{number}" for number in range(len(frame))])
    return frame[kept]
