"""Which features does a GeoJSON file hold; nothing it names is opened or fetched."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from outfall.errors import ReadError
from outfall.tables.safe.start import refuse_virtual
from outfall.tables.safe.text import decode

if TYPE_CHECKING:
    from pathlib import Path

    import pyproj

__all__ = ["read_geojson", "read_json"]

_AUTHORITY = re.compile(
    r"^(?:urn:(?:x-)?ogc:def:crs:)?(EPSG|ESRI|OGC|CRS)::?(?:[\d.]*:)?([A-Za-z0-9]+)$", re.IGNORECASE
)


def read_json(path: Path, raw: bytes | None = None) -> object:
    """Return what a JSON file says.

    Raises
    ------
    ReadError
        Not JSON, or nested too deep.

    Examples
    --------
    >>> import pathlib
    >>> read_json(pathlib.Path("a.json"), b'{"a": [1]}')
    {'a': [1]}
    """
    if raw is None:
        refuse_virtual(path)
    try:
        return json.loads(decode(path, raw)[0])
    except (ValueError, RecursionError) as error:
        msg = f"{path}: is not JSON that can be read ({error}); export it again"
        raise ReadError(msg) from error


def read_geojson(path: Path) -> gpd.GeoDataFrame:
    """Return the features of a GeoJSON file.

    Parameters
    ----------
    path : path
        A feature collection or one feature.

    Returns
    -------
    GeoDataFrame, n rows
        A column per property; nested ones as JSON text. The CRS is WGS 84 unless the file names another.

    Raises
    ------
    ReadError
        Not GeoJSON, or a geometry that cannot be one.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.geojson"
    >>> _ = file.write_text('{"type": "Feature", "properties": {"a": 1}, "geometry": null}', encoding="utf-8")
    >>> read_geojson(file)["a"].tolist()
    [1]
    """
    found = read_json(path)
    given: dict[str, object] = found if isinstance(found, dict) else {}
    kind = given.get("type")
    items = given.get("features") if kind == "FeatureCollection" else [given] if kind == "Feature" else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        msg = (
            f"{path}: cannot be read as GeoJSON (it is no feature collection); open it in QGIS and export it as GeoJSON"
        )
        raise ReadError(msg)
    rows = [_flat(item.get("properties")) for item in items]
    shapes = [_shape(path, number, item.get("geometry")) for number, item in enumerate(items, start=1)]
    frame = pd.DataFrame(rows, index=pd.RangeIndex(len(rows))).drop(columns="geometry", errors="ignore")
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=_crs(path, given.get("crs"))))


def _flat(properties: object) -> dict[str, object]:
    given = properties if isinstance(properties, dict) else {}
    return {
        str(name): json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
        for name, value in given.items()
    }


def _shape(path: Path, number: int, geometry: object) -> object:
    if geometry is None:
        return None
    try:
        return shapely.from_geojson(json.dumps(geometry, allow_nan=False))
    except (shapely.errors.ShapelyError, ValueError, TypeError, RecursionError) as error:
        msg = f"{path}: feature {number} has a geometry that cannot be read ({error}); draw it again, or leave it out"
        raise ReadError(msg) from error


def _crs(path: Path, declared: object) -> pyproj.CRS:
    import pyproj

    name = declared.get("properties", {}) if isinstance(declared, dict) else {}
    text = str(name.get("name", "")) if isinstance(name, dict) else ""
    if not text and declared is None:
        return pyproj.CRS(4326)
    match = _AUTHORITY.match(text.strip())
    if match is not None and match.group(2).casefold() in ("crs84", "crs84h"):
        return pyproj.CRS(4326)
    try:
        if match is not None:
            return pyproj.CRS.from_authority(match.group(1).upper(), match.group(2))
    except pyproj.exceptions.CRSError:
        pass
    msg = f"{path}: its CRS {text or declared!r} is not known; write it as EPSG:4490"
    raise ReadError(msg)
