"""Which marks did somebody set on a map: placemarks of KML and KMZ, way-points and tracks of GPX, one row each."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from outfall.errors import ReadError
from outfall.tables.safe import open_archive, parse_xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from xml.etree.ElementTree import Element

__all__ = ["read_gpx", "read_kml"]

_TAGS = re.compile(r"<[^>]*>")
_PICTURES = re.compile(r"""<img[^>]+src\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
_WAYPOINT_SKIPPED = {"link", "extensions"}


def read_kml(path: Path, layer: str | None = None) -> gpd.GeoDataFrame:
    """Return the placemarks of a KML or KMZ file.

    Parameters
    ----------
    path : path
        The file; a KMZ is read member by member, nothing is unpacked to disk.
    layer : str, optional
        Name of a folder; only placemarks in it or below.

    Returns
    -------
    GeoDataFrame, n rows, EPSG:4326
        ``name``, ``description`` (without its markup), ``folder``, ``time``, ``pictures`` (as the file names them,
        separated by semicolons), and a column per name of its extended data. Without geometry where none is drawn.

    Raises
    ------
    ReadError
        Not KML.
    UnsafeInputError
        It declares entities, or unpacks to too much.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.kml"
    >>> _ = file.write_text("<kml><Placemark><name>3号口</name><Point><coordinates>114.3,30.6</coordinates></Point>"
    ...                     "</Placemark></kml>", encoding="utf-8")
    >>> read_kml(file)[["name", "geometry"]].astype(str).values.tolist()
    [['3号口', 'POINT (114.3 30.6)']]
    """
    if path.suffix.casefold() == ".kmz":
        with open_archive(path) as archive:
            names = [name for name in archive.names if name.casefold().endswith(".kml")]
            roots = [parse_xml(path, archive.read(name)) for name in names]
    else:
        roots = [parse_xml(path)]
    if not roots or any(_local(root) not in ("kml", "Document", "Folder", "Placemark") for root in roots):
        msg = f"{path}: holds no KML; export it again"
        raise ReadError(msg)
    marks = [(mark, folders) for root in roots for mark, folders in _placemarks(root, ())]
    if layer is not None:
        marks = [(mark, folders) for mark, folders in marks if layer in folders]
    rows = [_placemark(mark, folders) for mark, folders in marks]
    columns = list(dict.fromkeys(["name", "description", "folder", *(key for row in rows for key in row)]))
    shapes = [_drawn(path, mark) for mark, _ in marks]
    frame = pd.DataFrame(rows, columns=columns, index=pd.RangeIndex(len(rows)), dtype="str")
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=4326))


def read_gpx(path: Path, layer: str | None = None) -> gpd.GeoDataFrame:
    """Return the way-points of a GPX file, or its tracks or routes.

    Parameters
    ----------
    path : path
        The file.
    layer : {"waypoints", "tracks", "routes"}, default "waypoints"
        What is read.

    Returns
    -------
    GeoDataFrame, n rows, EPSG:4326
        Way-points: a column per element and per extension (its last name). Tracks: ``name``, ``start_time``,
        ``end_time``, ``points`` and a line per segment; segments of fewer than two points have no line.

    Raises
    ------
    ReadError
        Not GPX, or no such layer.
    UnsafeInputError
        It declares entities.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.gpx"
    >>> _ = file.write_text('<gpx><wpt lat="30.6" lon="114.3"><name>3</name><desc>有水</desc></wpt></gpx>', encoding="utf-8")
    >>> read_gpx(file)[["name", "desc"]].values.tolist()
    [['3', '有水']]
    """
    root = parse_xml(path)
    if _local(root) != "gpx":
        msg = f"{path}: holds no GPX; export it again"
        raise ReadError(msg)
    if layer in ("tracks", "routes"):
        return _tracks(path, root, "trk" if layer == "tracks" else "rte")
    if layer not in (None, "waypoints"):
        msg = f"{path}: no layer {layer!r}; the layers are waypoints, tracks, routes"
        raise ReadError(msg)
    points = [item for item in root if _local(item) == "wpt"]
    rows = [_waypoint(item) for item in points]
    columns = list(dict.fromkeys(["name", "desc", "time", *(key for row in rows for key in row)]))
    frame = pd.DataFrame(rows, columns=columns, index=pd.RangeIndex(len(rows)), dtype="str")
    shapes = [shapely.Point(_position(path, item)) for item in points]
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=4326))


def _tracks(path: Path, root: Element, tag: str) -> gpd.GeoDataFrame:
    rows: list[dict[str, object]] = []
    shapes: list[object] = []
    for track in (item for item in root if _local(item) == tag):
        parts = [item for item in track if _local(item) == "trkseg"] if tag == "trk" else [track]
        for part in parts:
            points = [item for item in part if _local(item) in ("trkpt", "rtept")]
            times = [text for point in points if (text := _child(point, "time"))]
            rows.append(
                {
                    "name": _child(track, "name"),
                    "start_time": times[0] if times else None,
                    "end_time": times[-1] if times else None,
                    "points": str(len(points)),
                }
            )
            places = [_position(path, point) for point in points]
            shapes.append(shapely.LineString(places) if len(places) > 1 else None)
    frame = pd.DataFrame(
        rows, columns=["name", "start_time", "end_time", "points"], index=pd.RangeIndex(len(rows)), dtype="str"
    )
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=4326))


def _position(path: Path, item: Element) -> tuple[float, float]:
    try:
        return float(item.attrib["lon"]), float(item.attrib["lat"])
    except (KeyError, ValueError) as error:
        msg = f"{path}: a point has no lon and lat that are numbers ({dict(item.attrib)}); export it again"
        raise ReadError(msg) from error


def _waypoint(item: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in item:
        if _local(child) not in _WAYPOINT_SKIPPED and (child.text or "").strip():
            found[_local(child)] = str(child.text).strip()
    for extension in (child for child in item if _local(child) == "extensions"):
        for part in extension.iter():
            if part is not extension and not len(part) and (part.text or "").strip():
                found.setdefault(_local(part), str(part.text).strip())
    links = [child.attrib.get("href", "") for child in item if _local(child) == "link"]
    if any(links):
        found["pictures"] = ";".join(link for link in links if link)
    return found


def _placemarks(item: Element, folders: tuple[str, ...]) -> Iterator[tuple[Element, tuple[str, ...]]]:
    for child in item:
        kind = _local(child)
        if kind == "Placemark":
            yield child, folders
        elif kind in ("Document", "Folder"):
            yield from _placemarks(
                child, (*folders, name) if kind == "Folder" and (name := _child(child, "name")) else folders
            )
    if _local(item) == "Placemark":
        yield item, folders


def _placemark(mark: Element, folders: tuple[str, ...]) -> dict[str, str]:
    described = _child(mark, "description") or ""
    found = {"name": _child(mark, "name") or "", "description": _plain(described), "folder": "/".join(folders)}
    time = next((_child(item, "when") for item in mark if _local(item) == "TimeStamp"), None)
    if time:
        found["time"] = time
    pictures = [*_PICTURES.findall(unescape(described))]
    for item in mark.iter():
        if _local(item) == "Data" and item.attrib.get("name"):
            found[item.attrib["name"]] = _child(item, "value") or ""
        elif _local(item) == "SimpleData" and item.attrib.get("name"):
            found[item.attrib["name"]] = (item.text or "").strip()
    if pictures:
        found["pictures"] = ";".join(pictures)
    return found


def _plain(markup: str) -> str:
    """Return the words of a description; KML writes them as HTML."""
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    return " ".join(unescape(_TAGS.sub(" ", markup)).split())


def _drawn(path: Path, mark: Element) -> object:
    shapes = [shape for item in mark for shape in _shapes(path, item)]
    if len(shapes) < 2:
        return shapes[0] if shapes else None
    return shapely.GeometryCollection(shapes)


def _shapes(path: Path, item: Element) -> Iterator[object]:
    kind = _local(item)
    if kind == "MultiGeometry":
        for child in item:
            yield from _shapes(path, child)
        return
    makers: Mapping[str, tuple[int, type]] = {
        "Point": (1, shapely.Point),
        "LineString": (2, shapely.LineString),
        "Polygon": (3, shapely.Polygon),
    }
    if kind not in makers:
        return
    text = next((str(part.text or "") for part in item.iter() if _local(part) == "coordinates"), "")
    try:
        places = [tuple(float(number) for number in triple.split(",")[:2]) for triple in text.split()]
        least, make = makers[kind]
        if len(places) >= least and all(len(place) == 2 for place in places):
            yield make(places[0] if kind == "Point" else places)
    except (ValueError, shapely.errors.ShapelyError) as error:
        msg = f"{path}: {text[:60]!r} are no coordinates; write lon,lat"
        raise ReadError(msg) from error


def _child(item: Element, name: str) -> str | None:
    return next((str(child.text).strip() for child in item if _local(child) == name and child.text), None)


def _local(item: Element) -> str:
    return str(item.tag).rpartition("}")[2]
