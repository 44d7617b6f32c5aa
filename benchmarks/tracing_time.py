"""Measure how often the right one of six meters is found behind a week of readings at an outfall, and how sure we are.

Each case is a week of 5-minute readings: six plants with shifts, batches and stops, a common daily cycle, noise with a
memory, gaps. The planted source arrives through an inverse Gaussian kernel (our method assumes an exponential one after
a delay) and the daily cycle has corners our harmonics do not have. Hydraulics tells the delay with an error. Stated
beside it: the highest cross-correlation over all delays, raw and prewhitened.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

from outfall.tracing.time_line import compare_series

STEPS, PER_DAY, SUSPECTS, MOST = 2016, 288, 6, 144
FIRST_SEED, CASES, QUICK = 1, 120, 40
KEYS = ("meter_top1", "meter_stated", "raw_ccf_top1", "prewhitened_top1", "meter_ms", "meter_cpu_ms")


def plant(rng, clock):
    """Return what the meter of one plant reads: shifts, days off, batches and noise."""
    opens, closes = rng.normal(8.0, 0.7), rng.normal(18.0, 1.0)
    hour, day = clock % 24.0, (clock // 24.0).astype(int)
    jitter = rng.normal(0.0, 0.4, (9, 2))
    off = rng.random(9) < 0.12
    on = (hour > opens + jitter[day, 0]) & (hour < closes + jitter[day, 1]) & ~off[day]
    level = np.where(on, 1.0, 0.15)
    at = 0.0
    while at < clock[-1]:
        at += rng.exponential(4.0)
        stop = at + rng.exponential(0.8)
        level = np.where((clock >= at) & (clock < stop), level * rng.choice([0.3, 1.6]), level)
        at = stop
    return level * np.exp(rng.normal(0.0, 0.04, len(clock)))


def noise(rng, memory, count):
    """Return AR(1) noise of variance 1."""
    shock = rng.normal(0.0, np.sqrt(1.0 - memory**2), count)
    out = np.empty(count)
    last = rng.normal()
    for at, value in enumerate(shock):
        last = memory * last + value
        out[at] = last
    return out


def late(series, mean, spread):
    """Return a series through an inverse Gaussian kernel, steps."""
    lag = np.arange(1.0, 6.0 * mean + 10.0)
    kernel = np.sqrt(spread / lag**3) * np.exp(-spread * (lag - mean) ** 2 / (2.0 * mean**2 * lag))
    return np.convolve(series - series.mean(), kernel / kernel.sum())[: len(series)]


def case(seed):
    """Return the signal, the meters, the delays of hydraulics and the planted source."""
    rng = np.random.default_rng(seed)
    before = PER_DAY
    clock = np.arange(STEPS + before) * 24.0 / PER_DAY
    meters = np.stack([plant(rng, clock) for _ in range(SUSPECTS)])
    truth = int(rng.integers(SUSPECTS))
    delay = rng.uniform(8.0, 60.0, SUSPECTS)
    pulse = late(meters[truth], delay[truth], delay[truth] * rng.uniform(20.0, 80.0))
    hour = clock % 24.0
    cycle = np.sin(2 * np.pi * (hour - rng.uniform(6, 11)) / 24.0) + 0.5 * np.clip(
        np.sin(4 * np.pi * hour / 24.0), 0, 1
    )
    strength = rng.uniform(0.35, 0.8)
    raw = 3.0 + 2.5 * cycle + strength * pulse / pulse.std() + noise(rng, rng.uniform(0.85, 0.97), len(clock)) * 0.5
    signal = raw[before:]
    start = int(rng.integers(STEPS - 100))
    signal[start : start + int(rng.integers(0, 100))] = np.nan
    signal[rng.random(STEPS) < 0.02] = np.nan
    told = delay * np.exp(rng.normal(0.0, 0.3, SUSPECTS)) * 24.0 / PER_DAY
    return signal, meters[:, before:], told, truth


def correlate(signal, meter):
    """Return the highest correlation over all delays."""
    filled = pd.Series(signal).interpolate(limit_direction="both").to_numpy()
    left, right = filled - filled.mean(), meter - meter.mean()
    size = 2 * STEPS
    found = np.fft.irfft(np.fft.rfft(left, size) * np.conj(np.fft.rfft(right, size)), size)[:MOST]
    return found.max() / (np.linalg.norm(left) * np.linalg.norm(right))


def prewhiten(signal, meter):
    """Return both series through the autoregression of the signal (order 2), the kinder of the two usual choices here."""
    filled = pd.Series(signal).interpolate(limit_direction="both").to_numpy()
    centred = filled - filled.mean()
    past = np.stack([centred[1:-1], centred[:-2]], axis=1)
    weights = np.linalg.lstsq(past, centred[2:], rcond=None)[0]
    return [
        np.concatenate([np.zeros(2), row[2:] - weights[0] * row[1:-1] - weights[1] * row[:-2]])
        for row in (centred, meter - meter.mean())
    ]


def judge(seed):
    """Return what each method says of one case: right or not, the stated probability, and milliseconds."""
    signal, meters, told, truth = case(seed)
    index = pd.date_range("2026-04-06", periods=STEPS, freq="5min", tz="UTC")
    names = [f"S{at}" for at in range(SUSPECTS)]
    series = {name: pd.Series(row, index=index) for name, row in zip(names, meters, strict=True)}
    start, busy = time.perf_counter(), time.process_time()
    found = compare_series(pd.Series(signal, index=index), series, travel_h=dict(zip(names, told, strict=True)))
    spent = [1000.0 * (time.perf_counter() - start), 1000.0 * (time.process_time() - busy)]
    share = found["posterior_share"].to_numpy()
    raw = np.argmax([correlate(signal, row) for row in meters])
    white = np.argmax([correlate(*prewhiten(signal, row)) for row in meters])
    return int(np.argmax(share) == truth), share.max(), int(raw == truth), int(white == truth), *spent


def measure(*, quick, first=FIRST_SEED, cases=None):
    """Return the figures of the JSON."""
    judge(first + 5000)
    rows = np.array([judge(seed) for seed in range(first, first + (cases or (QUICK if quick else CASES)))], dtype=float)
    means, middles = rows.mean(axis=0), np.median(rows, axis=0)
    return {key: float((middles if key.endswith("_ms") else means)[at]) for at, key in enumerate(KEYS)}


if __name__ == "__main__":
    print(measure(quick="--quick" in sys.argv))
