"""Is an outfall's contrast unusual for the season, and did it change after a day: many scenes of one outfall."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import SceneError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["before_after", "season_anomalies"]

# Our defaults (no standard).
_SEASON_DAYS = 46.0
_LEAST_SCENES = 5
_DRAWS = 4999


def season_anomalies(
    contrasts: pd.DataFrame, *, season_days: float = _SEASON_DAYS, least_scenes: int = _LEAST_SCENES
) -> pd.DataFrame:
    """Return how unusual each contrast is for its outfall, its layer and its time of the year.

    Parameters
    ----------
    contrasts : DataFrame, n rows
        Contract ``contrasts``, of many scenes.
    season_days : float, default 46
        Scenes of any year so many days before or after in the year are the same season.
    least_scenes : int, default 5
        Fewest other scenes of the season.

    Returns
    -------
    DataFrame, n rows in the order given
        ``contrast_id``, ``outfall_id``, ``layer``, ``taken_at``, ``estimate``, ``usual`` (median of the other scenes),
        ``anomaly`` (difference in their robust standard deviations), ``season_n``, ``code`` (its own, or ``few_scenes``),
        ``source_ref``.
    """
    day = contrasts["taken_at"].dt.day_of_year.to_numpy(dtype=float)
    value = contrasts["estimate"].to_numpy(dtype=float)
    usual, anomaly, count = (
        np.full(len(contrasts), np.nan),
        np.full(len(contrasts), np.nan),
        np.zeros(len(contrasts), int),
    )
    for rows in contrasts.reset_index(drop=True).groupby(["outfall_id", "layer"], sort=False).indices.values():
        for row in rows:
            apart = np.abs(day[rows] - day[row])
            near = (np.minimum(apart, 365.25 - apart) <= season_days) & (rows != row) & np.isfinite(value[rows])
            others = value[rows[near]]
            count[row] = len(others)
            if len(others) >= least_scenes and np.isfinite(value[row]):
                usual[row] = np.median(others)
                # The own sd of the estimate keeps few like scenes from making everything unusual.
                wide = np.hypot(1.4826 * np.median(np.abs(others - usual[row])), _own_sd(contrasts, row))
                anomaly[row] = (value[row] - usual[row]) / (wide * np.sqrt(1 + 1 / len(others))) if wide > 0 else np.nan
    code = contrasts["code"].where(np.isnan(value) | np.isfinite(anomaly), "few_scenes").to_numpy(dtype=object)
    out = contrasts[["contrast_id", "outfall_id", "layer", "taken_at", "estimate"]].reset_index(drop=True)
    refs = [f"season_anomalies({one})" for one in contrasts["source_ref"]]
    return out.assign(
        usual=usual,
        anomaly=anomaly,
        season_n=count,
        code=pd.Series(code, dtype="str"),
        source_ref=pd.Series(refs, dtype="str"),
    )


def before_after(
    contrasts: pd.DataFrame, *, at: pd.Timestamp | Mapping[str, pd.Timestamp], least_scenes: int = 3, seed: int = 0
) -> pd.DataFrame:
    """Return how much each outfall's contrast changed at a moment (before, after, control, impact).

    Each contrast is already a difference from control places of the same scene and moment: what changed everywhere cancels.

    Parameters
    ----------
    contrasts : DataFrame
        Contract ``contrasts``, of many scenes.
    at : Timestamp with a zone, or mapping of outfall_id to Timestamp
        When something was done.
    least_scenes : int, default 3
        Fewest scenes on each side.
    seed : int
        Of the permutations.

    Returns
    -------
    DataFrame, one row per outfall and layer in the order they first stand
        ``outfall_id``, ``layer``, ``at``, ``change`` (Hodges–Lehmann shift), ``low``, ``high`` (95 %), ``p`` (by permuting
        scenes), ``before_n``, ``after_n``, ``code`` (``few_scenes``), ``source_ref``.

    Raises
    ------
    SceneError
        A moment has no time zone.
    """
    moments = {str(one): at for one in contrasts["outfall_id"].unique()} if isinstance(at, pd.Timestamp) else dict(at)
    naive = [one for one, moment in moments.items() if moment.tzinfo is None]
    if naive:
        msg = f"at: no time zone for {', '.join(naive[:3])}; say it with .tz_localize(...)"
        raise SceneError(msg)
    rows = []
    for (outfall_id, layer), group in contrasts.groupby(["outfall_id", "layer"], sort=False):
        known = group[group["estimate"].notna() & group["taken_at"].notna()].sort_values("taken_at")
        moment = moments.get(str(outfall_id))
        is_after = (known["taken_at"] >= moment).to_numpy() if moment is not None else np.zeros(len(known), bool)
        value = known["estimate"].to_numpy(dtype=float)
        found = {"change": np.nan, "low": np.nan, "high": np.nan, "p": np.nan}
        is_enough = min(is_after.sum(), (~is_after).sum()) >= least_scenes
        if is_enough:
            found = _shift(value[~is_after], value[is_after], seed)
        rows.append(
            {
                "outfall_id": outfall_id, "layer": layer, "at": moment, **found,
                "before_n": int((~is_after).sum()), "after_n": int(is_after.sum()),
                "code": None if is_enough else "few_scenes",
                "source_ref": f"before_after({outfall_id};{layer};{len(known)} scenes)",
            }
        )  # fmt: skip
    names = ["outfall_id", "layer", "at", "change", "low", "high", "p", "before_n", "after_n", "code", "source_ref"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.astype({"outfall_id": "str", "layer": "str", "code": "str", "source_ref": "str"})


def _own_sd(contrasts: pd.DataFrame, row: int) -> float:
    sd = float(contrasts["sd"].iloc[row])
    return sd if np.isfinite(sd) else 0.0


def _shift(before: NDArray[np.float64], after: NDArray[np.float64], seed: int) -> dict[str, float]:
    """Return the shift between two samples, its interval and the probability of as much by chance."""
    pairs = np.sort((after[:, None] - before).ravel())
    both, split = np.r_[before, after], len(before)
    rng = np.random.default_rng(seed)
    mixed = rng.permuted(np.broadcast_to(both, (_DRAWS, len(both))), axis=1)
    drawn = mixed[:, split:].mean(axis=1) - mixed[:, :split].mean(axis=1)
    as_far = np.abs(drawn) >= abs(float(after.mean() - before.mean())) * (1 - 1e-9)
    # Rank interval of Mann and Whitney, in the normal approximation.
    middle = len(pairs) / 2
    half = 1.96 * np.sqrt(len(before) * len(after) * (len(both) + 1) / 12)
    low, high = int(np.floor(max(middle - half, 0))), int(np.ceil(min(middle + half, len(pairs) - 1)))
    return {
        "change": float(np.median(pairs)),
        "low": float(pairs[low]),
        "high": float(pairs[high]),
        "p": float((1 + as_far.sum()) / (_DRAWS + 1)),
    }
