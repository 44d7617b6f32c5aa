"""Where did the boat go and what did it measure: tracks as coloured lines."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.maps.layers import Layer
from outfall.maps.placing import lengths_m, present, require

__all__ = ["track_layer"]

_NOT_MEASURED = ("leg", "track_m", "speed_ms", "sigma_m", "depth_m", "heading_deg", "piece", "length_m")


def track_layer(tracks: gpd.GeoDataFrame, *, piece_m: float = 50.0, group: str = "survey/boat") -> Layer:
    """Return tracks as lines that can be coloured by what was measured on the way, and played over time.

    Parameters
    ----------
    tracks : GeoDataFrame, n rows, Point, any CRS
        From read_track; ``survey_id`` or ``platform`` keep several tracks apart. Lines are taken as they are. Not
        changed.
    piece_m : float, default 50
        Length of a piece: what is coloured alike and filtered alike. A mean of the readings stands for it.
    group : str, default "survey/boat"
        Where it stands in the layer tree.

    Returns
    -------
    Layer
        ``tracks``, one line per piece in the order of time; coloured by the first parameter measured.

    Raises
    ------
    MapError
        Points without ``seen_at``.

    Examples
    --------
    >>> when = pd.date_range("2026-04-13", periods=3, freq="s", tz="UTC")
    >>> track = gpd.GeoDataFrame({"seen_at": when, "conductivity": [400.0, 410.0, 420.0]},
    ...     geometry=gpd.points_from_xy([0.0, 30.0, 60.0], [0.0] * 3), crs=32650)
    >>> layer = track_layer(track)
    >>> layer.table["conductivity"].tolist(), layer.total
    ([405.0], 'length_m')
    """
    is_line = bool(len(tracks)) and bool(np.isin(tracks.geometry.geom_type, ["LineString", "MultiLineString"]).all())
    if not is_line:
        require("tracks", tracks, "seen_at")
    table = tracks.assign(length_m=lengths_m(tracks)) if is_line else _pieces(tracks, piece_m)
    measured = [
        str(name)
        for name in table.columns
        if name not in _NOT_MEASURED and pd.api.types.is_float_dtype(table[name].dtype) and table[name].notna().any()
    ]
    words = present(table, "survey_id", "platform")
    return Layer(
        "tracks",
        "lines",
        table,
        group=group,
        style=next(iter((*measured, *words)), ""),
        styles=(*measured, *words),
        search=present(table, "survey_id"),
        time="seen_at" if "seen_at" in table else "",
        total="length_m",
    )


def _pieces(track: gpd.GeoDataFrame, piece_m: float) -> gpd.GeoDataFrame:
    """Return a track of points as lines of about one length; each reaches to the first point of the next."""
    keys = [name for name in ("survey_id", "platform", "leg") if name in track]
    flat = track.to_crs(track.estimate_utm_crs()) if len(track) and track.crs and track.crs.is_geographic else track
    ordered = flat[flat.geometry.notna() & flat["seen_at"].notna()].sort_values([*keys, "seen_at"], kind="stable")
    run = (
        ordered.groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
        if keys
        else np.zeros(len(ordered), dtype=int)
    )
    spot = shapely.get_coordinates(np.asarray(ordered.geometry)).reshape(-1, 2)
    is_next = np.append(False, run[1:] == run[:-1]) if len(run) else np.zeros(0, dtype=bool)
    step = np.where(is_next, np.hypot(*np.diff(spot, axis=0, prepend=spot[:1]).T), 0.0) if len(run) else np.zeros(0)
    along = np.cumsum(step) - np.maximum.accumulate(np.where(is_next, 0.0, np.cumsum(step))) if len(run) else step
    piece = pd.factorize(pd.MultiIndex.from_arrays([run, (along // piece_m).astype(int)]))[0] if len(run) else run
    rows = ordered.drop(columns=ordered.geometry.name).assign(piece=piece)
    numbers = [name for name in rows.columns if pd.api.types.is_float_dtype(rows[name].dtype)]
    rules = {name: "mean" if name in numbers else "first" for name in rows.columns if name != "piece"}
    found = rows.groupby("piece", sort=True).agg(rules)
    lines, lengths = [], []
    for first, last in zip(*_borders(piece), strict=True):
        end = last + 1 if last + 1 < len(run) and run[last + 1] == run[last] else last
        line = shapely.LineString(spot[first : end + 1]) if end > first else None
        lines.append(line)
        lengths.append(0.0 if line is None else line.length)
    table = gpd.GeoDataFrame(found, geometry=gpd.GeoSeries(lines, index=found.index, crs=flat.crs), crs=flat.crs)
    table = table.assign(length_m=lengths).drop(columns=["track_m"], errors="ignore").reset_index(drop=True)
    return table[table.geometry.notna()]


def _borders(piece: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first = np.flatnonzero(np.diff(piece, prepend=-1)) if len(piece) else np.zeros(0, dtype=int)
    return first, np.append(first[1:], len(piece)) - 1 if len(piece) else first
