"""The line that judges by fluorescence and isotopes: how near is this water to a source's own, against how near sources are.

Likeness alone is no identification: different sources can be alike, and one source differs from day to day. Both are
learned from the samples given; where there are too few, the line says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from outfall.tracing.lines.registry import Context, as_rows, no_rows
from outfall.tracing.texts import say

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["FINGERPRINTS", "judge_fingerprint"]

# whether a parameter is used as it is; peaks are compared as shares of their sum, so dilution and units do not matter
FINGERPRINTS = {
    "fluorescence_b": False,
    "fluorescence_t": False,
    "fluorescence_a": False,
    "fluorescence_c": False,
    "fluorescence_m": False,
    "d15n_nitrate": True,
    "d18o_nitrate": True,
    "d34s_sulphate": True,
}
_LINEAR = np.array(list(FINGERPRINTS.values()))
_LEAST_PEAKS = 3
_FLOOR = 0.02  # two samples are never nearer than laboratories are


def judge_fingerprint(context: Context) -> pd.DataFrame:
    """Judge by LR = f(distance | same source) / f(distance | other source), both learned from the sources' samples."""
    seen, rows = context.spectra, context.candidates.reset_index(drop=True)
    if seen.empty or rows.empty:
        return no_rows()
    part = context.settings["fingerprint"]
    whose, prints, refs = _prints(seen)
    is_source = whose["about"].to_numpy() == "source"
    spread = _spread(prints, is_source)
    own = np.flatnonzero(is_source)
    gaps = _gaps(prints[own][:, None], prints[own][None, :], spread)
    ids = whose["about_id"].to_numpy(dtype=object)
    pairs = np.triu(np.ones(gaps.shape, dtype=bool), k=1) & np.isfinite(gaps)
    is_same = ids[own][:, None] == ids[own][None, :]
    same, other = gaps[pairs & is_same], gaps[pairs & ~is_same]
    if len(same) < part["least_same_count"] or len(other) < part["least_other_count"]:
        return no_rows()
    at = {key: np.asarray(value) for key, value in whose.groupby(["about", "about_id"], sort=True).indices.items()}
    out, texts, cited, log_lr = [], [], [], []
    for row, (outfall_id, source_id) in enumerate(rows[["outfall_id", "source_id"]].itertuples(index=False)):
        here, there = at.get(("outfall", outfall_id)), at.get(("source", source_id))
        if here is None or there is None:
            continue
        far = _gaps(prints[here][:, None], prints[there][None, :], spread)
        if not np.isfinite(far).any():
            continue
        gap = float(np.exp(np.nanmean(np.log(far))))
        out.append(row)
        log_lr.append(_log_ratio(gap, same, other, part["tail_df"]))
        count = int((np.isfinite(prints[here]).any(axis=0) & np.isfinite(prints[there]).any(axis=0)).sum())
        figures = {"count": count, "gap": gap, "same": np.median(same), "other": np.median(other)}
        texts.append(say("fingerprint", "spectrum", {**figures, "pairs": len(same) + len(other)}))
        cited.append(";".join([refs[i] for i in here] + [refs[i] for i in there]))
    return as_rows(rows.iloc[out], log_lr, texts, cited) if out else no_rows()


def _prints(seen: pd.DataFrame) -> tuple[pd.DataFrame, NDArray[np.float64], list[str]]:
    """Return one row per sample: whose it is, its numbers free of dilution, and the rows it rests on."""
    measured = seen[seen["censored"] == 0]
    keys = ["about", "about_id", "visit"]
    wide = measured.pivot_table(index=keys, columns="parameter", values="value_ln", aggfunc="mean", sort=True)
    numbers = wide.reindex(columns=list(FINGERPRINTS)).to_numpy(dtype=float)
    peaks = numbers[:, ~_LINEAR]
    enough = np.isfinite(peaks).sum(axis=1) >= _LEAST_PEAKS
    peaks = np.where(enough[:, None], peaks, np.nan)
    level = np.where(enough, np.nansum(peaks, axis=1) / np.maximum(np.isfinite(peaks).sum(axis=1), 1), 0.0)
    prints = numbers.copy()
    prints[:, ~_LINEAR] = peaks - level[:, None]
    joined = measured.groupby(keys, sort=True)["refs"].agg(";".join)
    return wide.index.to_frame(index=False), prints, joined.tolist()


def _spread(prints: NDArray[np.float64], is_source: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how much each number varies over all sources, to weigh isotopes beside peaks."""
    known = prints[is_source] if is_source.any() else prints
    filled = np.isfinite(known).sum(axis=0)
    mean = np.nansum(known, axis=0) / np.maximum(filled, 1)
    variance = np.nansum((known - mean) ** 2, axis=0) / np.maximum(filled - 1, 1)
    return np.asarray(np.where(variance > 0, np.sqrt(variance), 1.0))


def _gaps(left: NDArray[np.float64], right: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the root mean square difference over the numbers both have; NaN where there are fewer than two."""
    off = (left - right) / spread
    count = np.isfinite(off).sum(axis=-1)
    mean = np.nansum(off**2, axis=-1) / np.maximum(count, 1)
    return np.asarray(np.where(count >= 2, np.hypot(np.sqrt(mean), _FLOOR), np.nan))


def _log_ratio(gap: float, same: NDArray[np.float64], other: NDArray[np.float64], tail_df: float) -> float:
    """Return the log ratio of both densities of the log distance; it never rises again far out."""
    logs = [np.log(same), np.log(other)]
    # few pairs know their spread badly: it is drawn towards 0.5 as if by two more pairs
    sd = [np.sqrt((np.sum((part - part.mean()) ** 2) + 2 * 0.25) / (len(part) + 1)) for part in logs]
    low, high = min(logs[0].mean(), logs[1].mean()), max(logs[0].mean(), logs[1].mean())
    at = float(np.clip(np.log(gap), low, high))
    density = [
        stats.t.logpdf((at - part.mean()) / spread, tail_df) - np.log(spread)
        for part, spread in zip(logs, sd, strict=True)
    ]
    return float(density[0] - density[1])
