"""Which files of strangers are safe to open: every reader goes through here, and nothing else opens them.

GDAL, zip, XML and SQLite each have ways to make a reader open another file, run for ever or fill the memory. Here is
one door per kind of file; each says what it refuses in an ``UnsafeInputError`` before a library sees the content.
"""

from outfall.tables.safe.archives import Archive, open_archive, safe_name
from outfall.tables.safe.features import read_features
from outfall.tables.safe.geojson import read_geojson, read_json
from outfall.tables.safe.geopackage import list_geopackage, read_geopackage
from outfall.tables.safe.markup import parse_xml
from outfall.tables.safe.start import file_bytes, neighbours, raster_driver, refuse_virtual, require_file
from outfall.tables.safe.tarballs import Tarball, read_tarball
from outfall.tables.safe.text import decode, read_text
from outfall.tables.safe.tiles import TileFile, describe_tiles, read_tiles
from outfall.tables.safe.workbook import list_sheets, read_sheet

__all__ = [
    "Archive",
    "Tarball",
    "TileFile",
    "decode",
    "describe_tiles",
    "file_bytes",
    "list_geopackage",
    "list_sheets",
    "neighbours",
    "open_archive",
    "parse_xml",
    "raster_driver",
    "read_features",
    "read_geojson",
    "read_geopackage",
    "read_json",
    "read_sheet",
    "read_tarball",
    "read_text",
    "read_tiles",
    "refuse_virtual",
    "require_file",
    "safe_name",
]
