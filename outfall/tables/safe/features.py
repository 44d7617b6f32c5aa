"""Which features does a Shapefile, FlatGeobuf, GML or DXF hold: the only formats left to GDAL.

GDAL looks at the content and not at the name, and some of its drivers open other files. So a file reaches it only when
its first bytes are those of the format its ending says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.errors import ReadError, UnsafeInputError
from outfall.tables.safe.start import refuse_virtual, require_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ENDINGS", "read_features"]

ENDINGS = {".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf", ".gml": "GML", ".dxf": "DXF"}
_LEAST_FEATURE_BYTES = 8
_OPTIONS = {".gml": {"DOWNLOAD_SCHEMA": "NO", "WRITE_GFS": "NO"}}


def read_features(path: Path, layer: str | None = None) -> pd.DataFrame:
    """Return the features of one file.

    Parameters
    ----------
    path : path
        Shapefile, FlatGeobuf, GML or DXF.
    layer : str, optional
        The layer; the first by default.

    Returns
    -------
    DataFrame or GeoDataFrame, n rows
        Typed as the file says; no ``source_ref`` yet.

    Raises
    ------
    ReadError
        The file is damaged or of another format.
    UnsafeInputError
        The content is not what the ending says, or would open other files.
    """
    import pyogrio

    file = require_file(path)
    suffix = file.suffix.casefold()
    _require_start(file, suffix, refuse_virtual(file, is_for_gdal=True))
    options = dict(_OPTIONS.get(suffix, {}))
    try:
        _refuse_count(file, pyogrio.read_info(file, layer=layer, **options)["features"])
        frame = pyogrio.read_dataframe(file, layer=layer, fid_as_index=False, **_encoding(file), **options)
    except UnsafeInputError:
        raise
    except Exception as error:  # pyogrio raises several unrelated classes for one situation: GDAL cannot read it
        msg = f"{file}: cannot be read as {ENDINGS[suffix]} ({error}); open it in QGIS and export it again"
        raise ReadError(msg) from error
    return frame if isinstance(frame, gpd.GeoDataFrame) else pd.DataFrame(frame)


def _require_start(file: Path, suffix: str, head: bytes) -> None:
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_right = {
        ".shp": head.startswith((b"\x00\x00\x27\x0a", b"\x00\x00\x27\x0d")),
        ".fgb": head.startswith(b"fgb"),
        ".gml": plain.startswith(b"<") and b"FeatureCollection" in plain,
        ".dxf": plain.startswith((b"0", b"999", b"AutoCAD Binary DXF")),
    }[suffix]
    if suffix == ".gml" and (b"<!DOCTYPE" in plain or b"<!ENTITY" in plain):
        msg = f"{file}: the file declares a DTD or entities, which may open other files or grow without end; refused as unsafe. Export it again"
        raise UnsafeInputError(msg)
    if not is_right:
        msg = f"{file}: cannot be read as {ENDINGS[suffix]} (the content is of another format); open it in QGIS and export it again"
        raise ReadError(msg)


def _refuse_count(file: Path, features: int) -> None:
    if features > file.stat().st_size / _LEAST_FEATURE_BYTES:
        msg = f"{file}: says it holds more features than fit into its bytes; export it again"
        raise UnsafeInputError(msg)


def _encoding(file: Path) -> dict[str, str]:
    """Return GB 18030 for a shapefile without a .cpg whose texts are not UTF-8; Chinese offices write many."""
    dbf = file.with_suffix(".dbf")
    if file.suffix.casefold() != ".shp" or file.with_suffix(".cpg").exists() or not dbf.exists():
        return {}
    try:
        dbf.read_bytes()[32:].decode("utf-8")
    except UnicodeDecodeError:
        return {"encoding": "gb18030"}
    return {}
