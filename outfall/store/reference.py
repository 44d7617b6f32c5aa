"""Which number a reference system has in a GeoPackage, and back to what a body writes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pyproj

if TYPE_CHECKING:
    import apsw

__all__ = ["UNDEFINED", "crs_of", "srs_of"]

UNDEFINED = {-1: "Undefined cartesian", 0: "Undefined geographic"}
_OWN = 1_000_000  # numbers of systems that are not EPSG's


def srs_of(connection: apsw.Connection, table: str, crs: str | None) -> int:
    """Return the number of a reference system, and make it the one of the table."""
    if crs is None:
        return 0
    authority, _, code = crs.partition(":")
    is_epsg = authority == "EPSG" and code.isdigit()
    number = int(code) if is_epsg else _OWN + zlib.crc32(crs.encode()) % _OWN
    if not connection.execute("SELECT 1 FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (number,)).fetchall():
        system = pyproj.CRS.from_user_input(crs)
        row = (system.name, number, "EPSG" if is_epsg else "NONE", number, _definition(system), crs)
        connection.execute("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", row).fetchall()
    for name in ("gpkg_contents", "gpkg_geometry_columns"):
        sql = f"UPDATE {name} SET srs_id = ?1 WHERE table_name = ?2 AND srs_id <> ?1"  # noqa: S608
        connection.execute(sql, (number, table)).fetchall()
    return number


def crs_of(connection: apsw.Connection, table: str, number: int | None) -> str | None:
    """Return a reference system as a body writes it; the one of the table where no number is given."""
    if number is None:
        found = connection.execute("SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (table,)).fetchall()
        number = int(str(found[0][0])) if found else 0
    if number in UNDEFINED:
        return None
    found = connection.execute("SELECT description FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (number,)).fetchall()
    return str(found[0][0]) if found else None


def _definition(system: pyproj.CRS) -> str:
    try:
        return str(system.to_wkt("WKT1_GDAL"))
    except pyproj.exceptions.CRSError:  # newer than WKT 1 can say
        return "undefined"
