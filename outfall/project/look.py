"""What lies in a folder: each file, sheet and layer, its columns and its shapes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd

from outfall.errors import OutfallError, ReadError
from outfall.tables import read_frame
from outfall.tables.safe import list_geopackage, list_sheets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

__all__ = ["Look", "look_at"]

_PHOTOS = {".jpg", ".jpeg"}
_RASTERS = {".tif", ".tiff"}
_LAYERED = {".gpkg"}
_BOOKS = {".xlsx", ".xls", ".xlsm", ".ods"}
_TABLES = {".csv", ".txt", ".tsv", *_BOOKS}
_VECTORS = {".shp", ".geojson", ".json", ".fgb", ".kml", ".kmz", ".gpx", ".gml", ".dxf", *_LAYERED}
_BESIDE = {".dbf", ".shx", ".prj", ".cpg", ".sbn", ".sbx", ".qpj", ".qmd", ".tfw", ".ovr", ".xml"}
_DEPTH = 3
_SHAPES = {"Point": "point", "MultiPoint": "point", "LineString": "line", "MultiLineString": "line"}
_SAMPLES_PER_PIXEL = 277


@dataclass(frozen=True, slots=True)
class Look:
    """One file, sheet, layer or folder of photos.

    Parameters
    ----------
    name : str
        Relative to the folder, with /.
    layer : str or None
        Layer or sheet where the file has several.
    kind : {"photos", "raster", "table", "other", "broken"}
        What it is.
    count : int
        Photos or bands.
    frame : DataFrame or None
        What a table holds, as text.
    shape : str
        ``point``, ``line``, ``area`` or empty.
    detail : str
        Why a broken one cannot be read.
    """

    name: str
    layer: str | None
    kind: str
    count: int = 0
    frame: pd.DataFrame | None = None
    shape: str = ""
    detail: str = ""

    @property
    def headings(self) -> list[str]:
        """Headings without ours and the geometry."""
        if self.frame is None:
            return []
        return [str(name) for name in self.frame.columns if name not in ("source_ref", "geometry")]


def look_at(folder: Path) -> list[Look]:
    """Return what lies in a folder and below, in the order of the names; hidden files and earlier outputs are left out.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    list of Look
        A folder of photos is one look; the files among its photos belong to it.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> look_at(pathlib.Path(tempfile.mkdtemp()))
    []
    """
    return [look for path in _paths(folder, folder, _DEPTH) for look in _look(path, folder)]


def _paths(folder: Path, top: Path, depth: int) -> Iterator[Path]:
    items = sorted(item for item in folder.iterdir() if not item.name.startswith((".", "~$")))
    photos = [item for item in items if item.suffix.casefold() in _PHOTOS]
    if photos and folder != top:
        yield folder
        return
    if any(item.suffix == ".outfalldb" for item in items) and folder != top:
        return
    for item in items:
        if item.is_file() and not _belongs(item):
            yield item
        elif item.is_dir() and depth > 1:
            yield from _paths(item, top, depth - 1)


def _belongs(item: Path) -> bool:
    """Return whether a file is ours or a part of the one beside it."""
    if item.name == "outfall.toml" or ".outfalldb" in item.suffix:
        return True
    stem = item.name.split(".")[0]
    beside = (item.with_name(f"{stem}{ending}") for ending in (".shp", ".tif", ".tiff", ".TIF"))
    return item.suffix.casefold() in _BESIDE and any(other.exists() for other in beside)


def _look(path: Path, folder: Path) -> list[Look]:
    name, suffix = path.relative_to(folder).as_posix(), path.suffix.casefold()
    if path.is_dir():
        return [Look(name, None, "photos", sum(item.suffix.casefold() in _PHOTOS for item in path.iterdir()))]
    if suffix in _RASTERS:
        return [_raster(path, name)]
    if suffix not in _TABLES | _VECTORS:
        return [Look(name, None, "photo" if suffix in _PHOTOS else "other")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # measures that a format holds beside its coordinates
            layers = _layers(path)
            return [_table(path, name, layer) for layer in layers] if len(layers) > 1 else [_table(path, name, None)]
    except OutfallError as error:
        return [Look(name, None, "broken", detail=error.message.removeprefix(f"{path}: ").replace(str(path), name))]


def _table(path: Path, name: str, layer: str | None) -> Look:
    frame = read_frame(path, layer=layer)
    if not isinstance(frame, gpd.GeoDataFrame):
        return Look(name, layer, "table", frame=frame)
    kinds = frame.geometry.geom_type.dropna().map(lambda kind: _SHAPES.get(kind, "area"))
    return Look(name, layer, "table", frame=frame, shape="" if kinds.empty else str(kinds.mode().iloc[0]))


def _layers(path: Path) -> list[str]:
    """Return the layers or sheets that hold something; what is not plainly of its format is left to read_frame."""
    suffix = path.suffix.casefold()
    try:
        if suffix in _LAYERED and _starts_with(path, b"SQLite format 3\0"):
            return [name for name, _ in list_geopackage(path)]
        if suffix in _BOOKS:
            return list_sheets(path)
    except ReadError:  # read_frame says it better
        return []
    return []


def _starts_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(mark)) == mark


def _raster(path: Path, name: str) -> Look:
    """Return the number of bands from the header alone; no pixel is read."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    with path.open("rb") as stream:
        head = stream.read(8)
        try:
            head += stream.read(8) if head[2:3] == b"\x2b" or head[3:4] == b"\x2b" else b""
            directory = ImageFileDirectory_v2(head)
            stream.seek(directory.next)
            directory.load(stream)
            bands = int(directory.get(_SAMPLES_PER_PIXEL, 1))
        except (SyntaxError, OSError, ValueError, TypeError) as error:
            return Look(name, None, "broken", detail=f"not a TIFF ({error})")
    return Look(name, None, "raster", bands)
