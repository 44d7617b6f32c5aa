"""Which bank to survey next, and by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.survey._capture import draw_capture, gain_share, seen_share
from outfall.survey._histories import histories, read_survey, set_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

__all__ = ["rank_banks"]

_DRAWS = 600
_COST_PER_KM = {"drone": 1.0, "boat": 1.5, "foot": 3.0, "crawler": 12.0, "radar": 8.0, "tracer": 10.0}


def rank_banks(
    outfalls: gpd.GeoDataFrame,
    segments: gpd.GeoDataFrame,
    coverage: pd.DataFrame,
    *,
    cost_per_km: Mapping[str, float] | None = None,
    count: int = 50,
    seed: int = 0,
) -> pd.DataFrame:
    """Return which bank to survey next and by what: the most outfalls found first for the cost.

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows
        Contract ``outfalls``. Not changed.
    segments, coverage : GeoDataFrame and DataFrame
        From bank_segments and find_coverage.
    cost_per_km : mapping of str to float, optional
        Cost of a kilometre of bank by platform, in any one currency; drone 1, boat 1.5, foot 3 by default (ours).
    count : int, default 50
        Rows wanted at most.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    DataFrame, at most count rows, best first
        ``segment_id``, ``platform``, ``expected_finds``, ``finds_per_km``, ``finds_per_cost``, ``looked_by``,
        ``reason``, ``reason_zh``. Every segment stands with its best platform only.

    Raises
    ------
    TableError
        As for estimate_unfound.

    Examples
    --------
    >>> import geopandas as gpd
    >>> banks = gpd.GeoDataFrame({"segment_id": ["A", "B"]}, crs=32650, geometry=gpd.GeoSeries.from_wkt(
    ...     ["LINESTRING (0 0, 1000 0)", "LINESTRING (5000 0, 6000 0)"]))
    >>> looks = pd.DataFrame({"segment_id": ["A", "A"], "platform": ["drone", "foot"], "seen_share": [1.0, 1.0]})
    >>> seen = ["drone;foot"] * 20 + ["foot"] * 10 + ["drone"] * 5
    >>> points = gpd.points_from_xy([10.0 * n for n in range(35)], [0.0] * 35)
    >>> outfalls = gpd.GeoDataFrame({"platforms": seen, "status": "confirmed"}, geometry=points, crs=32650)
    >>> rank_banks(outfalls, banks, looks)["segment_id"].tolist()
    ['B', 'A']
    """
    survey = read_survey(outfalls, segments, coverage, None)
    if survey.length is None:
        return pd.DataFrame()
    cost = {**_COST_PER_KM, **(cost_per_km or {})}
    draws = draw_capture(histories(survey, 0.5), _DRAWS, np.random.default_rng(seed))
    found = np.bincount(survey.kind[~survey.is_open], minlength=len(survey.cover)).astype(float)
    looked = np.maximum((seen_share(draws, survey.cover) @ survey.length), 1e-12)
    density = found.sum() / looked  # outfalls per km of bank, by draw
    per_km = (gain_share(draws, survey.cover) * density[:, None, None]).mean(axis=0)
    price = np.array([cost.get(name, 3.0) for name in survey.platforms])
    best = np.argmax(per_km / price, axis=1)
    rows = np.arange(len(best))
    kind = survey.segment_kind
    length_km = segments.geometry.length.to_numpy() / 1000
    value = (per_km / price)[rows, best][kind]
    order = np.lexsort((segments["segment_id"].astype("str").to_numpy(), -length_km, -value))[:count]
    sets = np.array(set_names(survey), dtype=object)
    gain = per_km[rows, best]
    chosen = [survey.platforms[at] for at in best]
    return pd.DataFrame(
        {
            "segment_id": segments["segment_id"].astype("str").to_numpy()[order],
            "platform": pd.Series([chosen[kind[at]] for at in order], dtype="str"),
            "expected_finds": gain[kind[order]] * length_km[order],
            "finds_per_km": gain[kind[order]],
            "finds_per_cost": value[order],
            "looked_by": pd.Series(sets[kind[order]], dtype="str"),
            "reason": pd.Series([_why(sets[kind[at]], gain[kind[at]]) for at in order], dtype="str"),
            "reason_zh": pd.Series([_why_zh(sets[kind[at]], gain[kind[at]]) for at in order], dtype="str"),
        }
    )


def _why(looked_by: str, per_km: float) -> str:
    before = "nobody looked here" if looked_by == "(none)" else f"seen by {looked_by}"
    return f"{before}; one more pass should find {per_km:.2g} new outfalls per km of bank"


def _why_zh(looked_by: str, per_km: float) -> str:
    before = "尚无人查看" if looked_by == "(none)" else f"已由 {looked_by} 查看"
    return f"{before}; 再查一次预计每公里岸线新发现 {per_km:.2g} 个排口"
