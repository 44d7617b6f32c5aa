"""Where did people walk: tracks as lines with the time they were walked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.errors import ReadError, TableError
from outfall.tables import attach_issues, issue, read_frame

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_track_lines"]

_LINES = {"LineString", "MultiLineString"}


def read_track_lines(path: Path, *, tz: str | None) -> gpd.GeoDataFrame:
    """Return the lines of a file as tracks (see ``read_tracks``).

    Raises
    ------
    ReadError
        No lines.
    TableError
        A time without a zone.
    """
    frame = read_frame(path, layer="tracks" if path.suffix.casefold() == ".gpx" else None)
    if not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
        msg = f"{path}: has no lines with a coordinate system; give the GPX, KML or GeoPackage of the track"
        raise ReadError(msg)
    is_line = frame.geometry.geom_type.isin(_LINES).to_numpy()
    lost = frame["source_ref"][~is_line]
    lines = frame[is_line].to_crs(4490)
    text = pd.Series(index=lines.index, dtype="str")
    tracks = gpd.GeoDataFrame(
        {
            "track_id": path.stem
            + "-"
            + lines["source_ref"].map(lambda ref: str(ref).rpartition("#")[2]).astype("str"),
            "name": lines["name"].astype("str") if "name" in lines.columns else text,
            "survey_id": path.stem,
            "platform": "foot",
            "started_at": _times(path, lines.get("start_time", text), tz),
            "ended_at": _times(path, lines.get("end_time", text), tz),
            "source_ref": lines["source_ref"],
        },
        geometry=lines.geometry,
        crs=4490,
    ).reset_index(drop=True)
    if not len(lost):
        return tracks
    short = issue(
        "skipped_row",
        path.name,
        f"{len(lost)} pieces are no lines",
        reason_zh=f"{len(lost)} 段不是线",
        rows=lost,
        decision="left out",
    )
    return gpd.GeoDataFrame(attach_issues(tracks, [short]))


def _times(path: Path, text: pd.Series, tz: str | None) -> pd.Series:
    try:
        times = pd.to_datetime(text, format="ISO8601")
        is_naive = times.dt.tz is None
        if not is_naive or times.isna().all():
            return times.dt.tz_localize("UTC") if is_naive else times.dt.tz_convert("UTC")
        local = times.dt.tz_localize(tz) if tz is not None else None
    except (ValueError, TypeError, OverflowError, KeyError, AttributeError, OSError) as error:
        msg = f"{path.name}: a time of the track, or the zone {tz!r}, cannot be read ({error}); export it again"
        raise TableError(msg) from error
    if local is None:
        msg = f"{path.name}: times have no zone; give tz= ('Asia/Shanghai')"
        raise TableError(msg)
    return local.dt.tz_convert("UTC")
