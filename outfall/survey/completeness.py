"""How many outfalls are still unfound, with an interval; how well each platform sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.survey._capture import Draws, draw_capture, draw_unfound, mean_share
from outfall.survey._histories import Survey, histories, read_survey, set_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    from numpy.typing import NDArray

__all__ = ["detection_shares", "estimate_unfound"]

_DRAWS = 3000
_REAL_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)


def estimate_unfound(
    outfalls: gpd.GeoDataFrame,
    *,
    segments: gpd.GeoDataFrame | None = None,
    coverage: pd.DataFrame | None = None,
    platforms: Sequence[str] | None = None,
    real_share: float | None = None,
    level_share: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how many outfalls nobody has found yet, by what was looked at, with an interval.

    Capture and recapture: outfalls that one platform saw and another missed say how many both missed. Outfalls differ
    in how visible they are; how much they differ is a doubt that is carried into the interval (prior: logit spread 0.7,
    our default). The platforms must not have told each other where to look: a crew sent to the finds of a drone is no
    second look. With banks and coverage, banks nobody saw are filled at the density of the others (within a factor, our
    default) and the answer says how much rests on that; without them the estimate speaks only of the banks surveyed.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        Contract ``outfalls``: ``platforms`` and ``status``. Rejected and merged ones do not count; a suspected one
        counts with ``real_share``. Not changed.
    segments, coverage : GeoDataFrame and DataFrame, optional
        From bank_segments and find_coverage; both or none.
    platforms : sequence of str, optional
        Platforms that looked independently; all that found something by default.
    real_share : float, optional
        Share of the unsettled suspicions that are outfalls. Unknown by default: anything is thought possible.
    level_share : float, default 0.95
        Probability of the interval.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    DataFrame
        One row per set of platforms that looked (``looked_by``) and one, the first, for all: ``found``, ``suspected``,
        ``unfound`` (median), ``unfound_low``, ``unfound_high``, ``total``, ``total_low``, ``total_high``,
        ``found_share`` (of the total), ``bank_km``, ``reason``, ``reason_zh``.

    Raises
    ------
    TableError
        Segments without coverage, a column that is missing, or fewer than two platforms.

    Examples
    --------
    >>> seen = ["drone;foot"] * 40 + ["foot"] * 20 + ["drone"] * 10
    >>> outfalls = pd.DataFrame({"outfall_id": [f"P{n}" for n in range(70)], "platforms": seen, "status": "confirmed"})
    >>> answer = estimate_unfound(outfalls).iloc[0]
    >>> int(answer["found"]), bool(answer["unfound_low"] <= 5 <= answer["unfound_high"])
    (70, True)
    """
    survey = read_survey(outfalls, segments, coverage, platforms)
    rng = np.random.default_rng(seed)
    settled, unfound = _draw_all(survey, real_share, rng)
    sets = set_names(survey)
    rows = [_row("(all)", slice(None), survey, settled, unfound, level_share)]
    if len(sets) > 1:
        rows += [_row(name, [at], survey, settled, unfound, level_share) for at, name in enumerate(sets)]
    return pd.DataFrame(rows).astype({"looked_by": "str", "reason": "str", "reason_zh": "str"})


def detection_shares(
    outfalls: gpd.GeoDataFrame,
    *,
    segments: gpd.GeoDataFrame | None = None,
    coverage: pd.DataFrame | None = None,
    platforms: Sequence[str] | None = None,
    level_share: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the share of the outfalls each platform sees where it looks.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        As for estimate_unfound; suspected outfalls are left out. Not changed.
    segments, coverage : GeoDataFrame and DataFrame, optional
        As for estimate_unfound.
    platforms : sequence of str, optional
        As for estimate_unfound.
    level_share : float, default 0.95
        Probability of the intervals.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    DataFrame, one row per platform
        ``platform``, ``found``, ``seen_share``, ``seen_share_low``, ``seen_share_high``.

    Raises
    ------
    TableError
        As for estimate_unfound.

    Examples
    --------
    >>> seen = ["drone;foot"] * 40 + ["foot"] * 20 + ["drone"] * 10
    >>> outfalls = pd.DataFrame({"outfall_id": [f"P{n}" for n in range(70)], "platforms": seen, "status": "confirmed"})
    >>> detection_shares(outfalls)["seen_share"].round(1).tolist()
    [0.6, 0.8]
    """
    survey = read_survey(outfalls, segments, coverage, platforms)
    draws = draw_capture(histories(survey, 0.0), _DRAWS, np.random.default_rng(seed))
    shares = mean_share(draws)
    low, middle, high = np.quantile(shares, [(1 - level_share) / 2, 0.5, (1 + level_share) / 2], axis=0)
    return pd.DataFrame(
        {
            "platform": pd.Series(survey.platforms, dtype="str"),
            "found": survey.seen[~survey.is_open].sum(axis=0),
            "seen_share": middle,
            "seen_share_low": low,
            "seen_share_high": high,
        }
    )


def _draw_all(
    survey: Survey, real_share: float | None, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return draws of the outfalls found (suspicions settled) and unfound on each kind of bank."""
    shares = (real_share,) if real_share is not None else _REAL_SHARES if survey.is_open.any() else (1.0,)
    kinds = len(survey.cover)
    sure = np.bincount(survey.kind[~survey.is_open], minlength=kinds)
    doubt = np.bincount(survey.kind[survey.is_open], minlength=kinds)
    settled, unfound = [], []
    for share in shares:
        draws: Draws = draw_capture(histories(survey, share), _DRAWS // len(shares), rng)
        real = rng.binomial(doubt, share, size=(len(draws.spread), kinds))
        settled.append(sure + real)
        unfound.append(draw_unfound(draws, survey.cover, sure + share * doubt, survey.length, rng))
    return np.concatenate(settled), np.concatenate(unfound)


def _row(
    name: str,
    kinds: slice | list[int],
    survey: Survey,
    settled: NDArray[np.int64],
    unfound: NDArray[np.int64],
    level_share: float,
) -> dict[str, object]:
    wanted = np.arange(len(survey.cover))[kinds]
    mine = np.isin(survey.kind, wanted)
    found, suspected = int((mine & ~survey.is_open).sum()), int((mine & survey.is_open).sum())
    low, middle, high = _shortest(unfound[:, wanted].sum(axis=1), level_share)
    every = (settled + unfound)[:, wanted].sum(axis=1)
    total_low, total, total_high = _shortest(every, level_share)
    km = None if survey.length is None else float(survey.length[wanted].sum())
    kept = f"{found} found" + (f", {suspected} suspected" if suspected else "")
    kept_zh = f"已发现 {found} 个" + (f", 疑似 {suspected} 个" if suspected else "")
    return {
        "looked_by": name,
        "found": found,
        "suspected": suspected,
        "unfound": middle,
        "unfound_low": low,
        "unfound_high": high,
        "total": total,
        "total_low": total_low,
        "total_high": total_high,
        "found_share": found / total if total else np.nan,
        "bank_km": np.nan if km is None else km,
        "reason": f"{kept}; {low} to {high} still unfound, where the platforms looked independently",
        "reason_zh": f"{kept_zh}; 估计仍有 {low} 至 {high} 个未发现 (前提: 各调查方式相互独立)",
    }


def _shortest(draws: NDArray[np.int64], level_share: float) -> tuple[int, int, int]:
    """Return the shortest interval of whole numbers with at least this probability, and the median between its ends.

    Numbers unfound are small and skewed: equal tails would never leave out 0 and always reach too high.
    """
    ordered = np.sort(draws)
    held = min(int(np.ceil(level_share * len(ordered))), len(ordered))
    width = ordered[held - 1 :] - ordered[: len(ordered) - held + 1]
    at = int(np.argmin(width))
    return int(ordered[at]), int(ordered[len(ordered) // 2]), int(ordered[at + held - 1])
