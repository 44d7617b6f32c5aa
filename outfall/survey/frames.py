"""Which finds on overlapping photos are one thing: a flight sees each thing once, however many frames show it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.coordinates import choose_crs
from outfall.errors import TableError
from outfall.survey.ellipses import read_covariance, sigma_of
from outfall.survey.same_thing import Fact, group_marks
from outfall.survey.score_fits import combine_shares
from outfall.tables import attach_issues, issue, join_ids, split_ids

__all__ = ["merge_frames"]


def merge_frames(
    sightings: gpd.GeoDataFrame,
    *,
    most_sigmas: float = 3.0,
    base_share: float | None = None,
    dependence_share: float = 1.0,
) -> gpd.GeoDataFrame:
    """Return one sighting per thing and flight, for finds that were marked on every photo that shows them.

    Two finds are one thing when they are on different photos of one flight, have the same class where both have one
    and the same thermal sign, and lie within ``most_sigmas`` of their joint error ellipse. Two finds on one photo are
    never one thing. The closest pairs are joined first; a group is joined only if all its members agree.

    Parameters
    ----------
    sightings : GeoDataFrame, n rows, Point, any CRS
        The contract ``sightings`` from ``read_drone`` or ``read_thermal_flight``. Not changed.
    most_sigmas : float, default 3
        Largest distance in joint standard deviations (our default: 1.1 % of true pairs lie farther apart), once the
        error that all finds of a frame share is taken off.
    base_share : float, optional
        How many checked boxes were real (``Calibration.base_share`` of the basin); needed where frames count more
        than once.
    dependence_share : float, default 1
        How far frames repeat each other (``Calibration.dependence_share``): 1 adds nothing for being seen again.

    Returns
    -------
    GeoDataFrame, m rows
        The surest member of each group, in the order given, with the photos of all and the highest confidence; where
        all are probabilities (``score_is``), the combined one by ``combine_shares`` in its place. Its position is not averaged, as frames of one flight share their errors. ``source_ref`` names all members, and
        each joined group is an issue of level note.

    Raises
    ------
    TableError
        Frames shall count more than once, but nobody says how many boxes are real.

    Examples
    --------
    >>> photos = ["p1", "p2"]
    >>> seen = gpd.GeoDataFrame({"sighting_id": ["a", "b"], "survey_id": "f", "photo_ids": photos, "sigma_m": [3.0, 2.0],
    ...     "source_ref": ["f#1", "f#2"]}, geometry=gpd.points_from_xy([114.3, 114.30001], [30.6, 30.6]), crs=4490)
    >>> merge_frames(seen)[["sighting_id", "photo_ids", "source_ref"]].to_dict("records")
    [{'sighting_id': 'b', 'photo_ids': 'p1;p2', 'source_ref': 'merge_frames(f#1;f#2)'}]
    """
    if base_share is None and dependence_share < 1:
        msg = "base_share: missing; independent frames need the share of real boxes (Calibration.base_share)"
        raise TableError(msg)
    if len(sightings) < 2:
        return sightings.copy()
    groups = _groups(sightings, most_sigmas)
    kept, issues, changes = [], list(sightings.attrs.get("issues", [])), {}
    for members in groups:
        if len(members) == 1:
            kept.append(members[0])
            continue
        part = sightings.iloc[members]
        best = min(zip(sigma_of(part), part["sighting_id"].astype(str), members, strict=True))[2]
        kept.append(best)
        changes[best] = _together(part, 0.5 if base_share is None else base_share, dependence_share)
        name = str(sightings["sighting_id"].iloc[best])
        reason, reason_zh = (
            f"{name}: seen on {len(members)} photos of one flight",
            f"{name}: 同一航次 {len(members)} 张照片可见",
        )
        refs = part["source_ref"]
        issues.append(
            issue("duplicate", "sightings", reason, reason_zh=reason_zh, rows=refs, level="note", decision="joined")
        )
    merged = sightings.iloc[sorted(kept)].copy()
    for best, values in changes.items():
        for column, value in values.items():
            merged.loc[sightings.index[best], column] = value
    merged = merged.reset_index(drop=True)
    return gpd.GeoDataFrame(attach_issues(merged, issues) if issues else merged)


def _together(part: gpd.GeoDataFrame, base_share: float, dependence_share: float) -> dict[str, object]:
    photos = [name for held in part["photo_ids"].dropna() for name in split_ids(held)]
    values: dict[str, object] = {
        "photo_ids": join_ids(sorted(set(photos))),
        "source_ref": f"merge_frames({';'.join(sorted(part['source_ref'].astype(str)))})",
    }
    if "confidence_share" in part.columns and part["confidence_share"].notna().any():
        shares = part["confidence_share"].dropna().to_numpy(dtype=float)
        is_probability = "score_is" in part.columns and part["score_is"].eq("probability").all()
        values["confidence_share"] = (
            combine_shares(shares, base_share=base_share, dependence_share=dependence_share)
            if is_probability
            else float(shares.max())
        )
    return values


def _groups(sightings: gpd.GeoDataFrame, most_sigmas: float) -> list[list[int]]:
    """Return the rows of each thing."""
    points = sightings.to_crs(choose_crs(sightings)).geometry
    places = np.column_stack([points.x, points.y])
    names = (sightings["sighting_id"].astype(str) + " " + sightings["source_ref"].astype(str)).tolist()
    return group_marks(places, read_covariance(sightings), _facts(sightings), names, most_sigmas=most_sigmas)


def _facts(sightings: gpd.GeoDataFrame) -> list[Fact]:
    empty = pd.Series(None, index=sightings.index, dtype=object)
    classes = sightings.get("outfall_class", empty)
    signs = np.sign(pd.to_numeric(sightings.get("thermal_z", empty)).fillna(0.0)).astype(float)
    photos = [frozenset(split_ids(held)) if pd.notna(held) else frozenset[str]() for held in sightings["photo_ids"]]
    names = [None if pd.isna(name) else str(name) for name in classes]
    surveys = sightings["survey_id"].astype(str)
    return [Fact(*parts) for parts in zip(surveys, photos, names, signs, strict=True)]
