"""Which finds on overlapping photos are one thing: a flight sees each thing once, however many frames show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from outfall.coordinates import choose_crs
from outfall.tables import attach_issues, issue, join_ids, split_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["merge_frames"]


def merge_frames(sightings: gpd.GeoDataFrame, *, most_sigmas: float = 3.0) -> gpd.GeoDataFrame:
    """Return one sighting per thing and flight, for finds that were marked on every photo that shows them.

    Two finds are one thing when they are on different photos of one flight, have the same class where both have one
    and the same thermal sign, and lie within ``most_sigmas`` of their joint error ellipse. Two finds on one photo are
    never one thing. The closest pairs are joined first; a group is joined only if all its members agree.

    Parameters
    ----------
    sightings : GeoDataFrame, n rows, Point, any CRS
        The contract ``sightings`` from ``read_drone`` or ``read_thermal_flight``. Not changed.
    most_sigmas : float, default 3
        Largest distance in joint standard deviations (our default: 1.1 % of true pairs lie farther apart).

    Returns
    -------
    GeoDataFrame, m rows
        The surest member of each group, in the order given, with the photos of all and the highest confidence; its
        position is not averaged, as frames of one flight share their errors. ``source_ref`` names all members, and
        each joined group is an issue of level note.

    Examples
    --------
    >>> photos = ["p1", "p2"]
    >>> seen = gpd.GeoDataFrame({"sighting_id": ["a", "b"], "survey_id": "f", "photo_ids": photos, "sigma_m": [3.0, 2.0],
    ...     "source_ref": ["f#1", "f#2"]}, geometry=gpd.points_from_xy([114.3, 114.30001], [30.6, 30.6]), crs=4490)
    >>> merge_frames(seen)[["sighting_id", "photo_ids", "source_ref"]].to_dict("records")
    [{'sighting_id': 'b', 'photo_ids': 'p1;p2', 'source_ref': 'merge_frames(f#1;f#2)'}]
    """
    if len(sightings) < 2:
        return sightings.copy()
    groups = _groups(sightings, most_sigmas)
    kept, issues, changes = [], list(sightings.attrs.get("issues", [])), {}
    for members in groups:
        if len(members) == 1:
            kept.append(members[0])
            continue
        part = sightings.iloc[members]
        best = min(zip(_sigma(part), part["sighting_id"].astype(str), members, strict=True))[2]
        kept.append(best)
        changes[best] = _together(part)
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


def _together(part: gpd.GeoDataFrame) -> dict[str, object]:
    photos = [name for held in part["photo_ids"].dropna() for name in split_ids(held)]
    values: dict[str, object] = {
        "photo_ids": join_ids(sorted(set(photos))),
        "source_ref": f"merge_frames({';'.join(sorted(part['source_ref'].astype(str)))})",
    }
    if "confidence_share" in part.columns and part["confidence_share"].notna().any():
        values["confidence_share"] = float(part["confidence_share"].max())
    return values


def _groups(sightings: gpd.GeoDataFrame, most_sigmas: float) -> list[list[int]]:
    """Return the rows of each thing; the closest pairs first, every member agreeing with every other."""
    points = sightings.to_crs(choose_crs(sightings)).geometry
    places = np.column_stack([points.x, points.y])
    covariance = _covariance(sightings)
    widest = float(np.sqrt(2 * np.nanmax(np.trace(covariance, axis1=1, axis2=2))))
    pairs = cKDTree(places).query_pairs(most_sigmas * widest, output_type="ndarray")
    apart = places[pairs[:, 0]] - places[pairs[:, 1]]
    joint = covariance[pairs[:, 0]] + covariance[pairs[:, 1]]
    away = np.sqrt(np.einsum("ni,ni->n", apart, np.linalg.solve(joint, apart[..., None])[..., 0]))
    facts = _facts(sightings)
    good = {
        (int(a), int(b)): float(value)
        for (a, b), value in zip(pairs, away, strict=True)
        if value <= most_sigmas and _may_be_one(facts[a], facts[b])
    }
    ids = sightings["sighting_id"].astype(str).tolist()
    home = {row: [row] for row in range(len(sightings))}
    for a, b in sorted(good, key=lambda pair: (round(good[pair], 9), *sorted((ids[pair[0]], ids[pair[1]])))):
        one, other = home[a], home[b]
        if one is not other and all((min(i, j), max(i, j)) in good for i in one for j in other):
            one.extend(other)
            for row in other:
                home[row] = one
    return [sorted(members) for members in {id(held): held for held in home.values()}.values()]


def _facts(sightings: gpd.GeoDataFrame) -> list[tuple[str, frozenset[str], str | None, float]]:
    empty = pd.Series(None, index=sightings.index, dtype=object)
    classes = sightings.get("outfall_class", empty)
    signs = np.sign(pd.to_numeric(sightings.get("thermal_z", empty)).fillna(0.0))
    photos = [frozenset(split_ids(held)) if pd.notna(held) else frozenset[str]() for held in sightings["photo_ids"]]
    names = [None if pd.isna(name) else str(name) for name in classes]
    return list(zip(sightings["survey_id"].astype(str), photos, names, signs.astype(float), strict=True))


def _may_be_one(
    one: tuple[str, frozenset[str], str | None, float], other: tuple[str, frozenset[str], str | None, float]
) -> bool:
    is_same_class = one[2] is None or other[2] is None or one[2] == other[2]
    has_photos = bool(one[1]) and bool(other[1]) and not one[1] & other[1]
    return one[0] == other[0] and has_photos and is_same_class and one[3] == other[3]


def _sigma(sightings: gpd.GeoDataFrame) -> NDArray[np.float64]:
    return pd.to_numeric(sightings["sigma_m"]).fillna(10.0).clip(lower=0.02).to_numpy(dtype=float)


def _covariance(sightings: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Return the covariance of each position (east, north) in square metres: its ellipse, else a circle."""
    empty = pd.Series(np.nan, index=sightings.index)
    sigma = _sigma(sightings)
    names = ("sigma_major_m", "sigma_minor_m", "major_azimuth_deg")
    major, minor, azimuth = (pd.to_numeric(sightings.get(name, empty)).to_numpy(dtype=float) for name in names)
    is_round = ~np.isfinite(major) | ~np.isfinite(minor) | ~np.isfinite(azimuth)
    major, minor = (np.where(is_round, sigma, np.maximum(part, 0.02)) for part in (major, minor))
    turn = np.radians(np.where(is_round, 0.0, azimuth))
    along = np.column_stack([np.sin(turn), np.cos(turn)])
    across = np.column_stack([np.cos(turn), -np.sin(turn)])
    return (
        along[:, :, None] * along[:, None, :] * (major**2)[:, None, None]
        + across[:, :, None] * across[:, None, :] * (minor**2)[:, None, None]
    )
