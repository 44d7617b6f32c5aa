"""Which rows of the register came home from the field, and what do they say now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from outfall.coordinates import has_coordinates, to_points
from outfall.errors import Problem, TableError
from outfall.survey.brought import resolve_photos
from outfall.survey.ground_files import read_brought
from outfall.tables import attach_issues, check, contract, empty, join_ids, split_ids

__all__ = ["read_returned"]

if TYPE_CHECKING:
    from collections.abc import Mapping

_CGCS2000 = 4490
_SHORT = 16
_FORMER = {"outfall_id": "(new)", "status": "suspected", "source_ref": "(file)"}
_SHOWN = ("name", "note")  # of a list whose names are only what people see
_BARE = ("source_ref", "sighting_id", "form_number", "geometry")


def read_returned(
    path: Path | str, *, crs: object = None, tz: str | None = None, layer: str | None = None
) -> gpd.GeoDataFrame:
    r"""Return the outfalls a field pack brought home, under the columns it carries, for ``compare_returned``.

    ``read_ground`` gives the same rows as sightings; here they are rows of the register, in its types and words.

    Parameters
    ----------
    path : path
        Any file of a pack, as it came home: KMZ, GPX, OVITAL text, GeoJSON, workbook, GeoPackage or CSV; or the
        submissions of its form.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What lon and lat columns are; EPSG:4490 by default, as packed.
    tz : str, optional
        Zone of times that do not say theirs.
    layer : str, optional
        Layer or sheet.

    Returns
    -------
    GeoDataFrame, n rows, Point or none, EPSG:4490
        Columns of the contract ``outfalls`` that the file carries, in its order; then ``uuid``, ``pack_id``,
        ``pack_day``, ``pack_team``, ``pack_register`` (``seq:hash`` of the event the pack was taken at) and columns of
        its own, as text. A row added on site has no ``outfall_id``. Photos are named as the register names them where
        their bytes are the same, and by their SHA-256 where they are new. A submission of our form has no position
        here: it says where a person stood, which ``read_ground`` gives as a sighting.

    Raises
    ------
    ReadError
        The file cannot be read.
    TableError
        The rows carry no ``outfall_id``, one stands twice, or a value does not meet the contract.
    CoordinateError
        The coordinates cannot be what is said.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "back.csv"
    >>> _ = file.write_text("uuid,outfall_id,pack_id,lon,lat,status\nu1,P-1,k,114.3,30.6,已核实\n", encoding="utf-8")
    >>> read_returned(file)[["outfall_id", "status"]].values.tolist()
    [['P-1', 'confirmed']]
    """
    where = Path(path).name
    brought = read_brought(Path(path), layer)
    frame, pending = resolve_photos(brought, where)
    if not len(frame):
        return gpd.GeoDataFrame(empty("outfalls", crs=_CGCS2000))
    if "outfall_id" not in frame.columns:
        msg = f"{where}: rows cannot be paired with the register"
        raise TableError(msg, [Problem("outfall_id", "missing", "give back a file of the pack, with its columns")])
    frame = _known_photos(frame).drop(columns=[name for name in _SHOWN if "field_name" in frame.columns])
    given = crs if crs is not None else brought.crs
    if has_coordinates(frame):
        frame = to_points(frame, crs=given, where=where)
        frame = frame.set_geometry(frame.geometry.force_2d()).to_crs(_CGCS2000)
        if "is_new" in frame.columns:
            frame = frame.set_geometry(gpd.GeoSeries([None] * len(frame), index=frame.index, crs=_CGCS2000))
    found = _typed(frame, where, tz)
    doubts = [*brought.issues, *pending]
    return gpd.GeoDataFrame(attach_issues(found, doubts)) if doubts else found


def _typed(frame: pd.DataFrame, where: str, tz: str | None) -> gpd.GeoDataFrame:
    """Return rows in the types of the contract; what they lack stays missing."""
    count = len(frame)
    points = frame.geometry if isinstance(frame, gpd.GeoDataFrame) else gpd.GeoSeries([None] * count, crs=_CGCS2000)
    points = gpd.GeoSeries(points.to_numpy(), index=frame.index, crs=_CGCS2000)
    lost = (points.isna() | points.is_empty).to_numpy()
    blank = {name: _blank(frame, name) for name in _FORMER}
    numbers = pd.Series([f"(new {number})" for number in range(count)], index=frame.index, dtype="str")
    filled = {
        name: (numbers if name == "outfall_id" else pd.Series(text, index=frame.index, dtype="str")).where(
            blank[name], frame[name] if name in frame.columns else None
        )
        for name, text in _FORMER.items()
    }
    bare = pd.DataFrame(frame.drop(columns="geometry", errors="ignore")).assign(**filled)
    standing = gpd.GeoSeries(
        [shapely.Point(0, 0) if gone else point for point, gone in zip(points, lost, strict=True)],
        index=frame.index,
        crs=_CGCS2000,
    )
    checked = check(gpd.GeoDataFrame(bare, geometry=standing), "outfalls", tz=tz, where=where)
    ours = [name for name in contract("outfalls").columns if name in frame.columns]
    others = [str(name) for name in frame.columns if name not in contract("outfalls").columns and name not in _BARE]
    columns: Mapping[str, pd.Series] = {
        name: checked[name].mask(blank[name]) if name in blank else checked[name] for name in ours
    } | {name: _own(checked[name]) for name in others}
    return gpd.GeoDataFrame(dict(columns), geometry=points, crs=_CGCS2000, index=frame.index)


def _own(values: pd.Series) -> pd.Series:
    """Return a column that is not of the register as text; an empty cell is missing."""
    return values.mask(values.astype("str").str.strip().eq("").fillna(value=False))


def _blank(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame.columns:
        return pd.Series(data=True, index=frame.index)
    return frame[name].isna() | frame[name].astype("str").str.strip().eq("")


def _known_photos(frame: pd.DataFrame) -> pd.DataFrame:
    """Return photos under the ids they had in the register where their bytes are those that were packed."""
    if "photo_ids" not in frame.columns or "pack_photos" not in frame.columns:
        return frame
    rows = []
    for ids, packed in zip(frame["photo_ids"], frame["pack_photos"], strict=True):
        known = dict(part.partition("=")[::2] for part in split_ids(packed))
        rows.append(join_ids(known.get(one[:_SHORT], one) for one in split_ids(ids)) or None)
    return frame.assign(photo_ids=pd.Series(rows, index=frame.index, dtype="str"))
