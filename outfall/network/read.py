"""Files of rivers and pipes into a Network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import geopandas as gpd

from outfall.errors import CoordinateError, NetworkError, Problem, ReadError
from outfall.network.build import build_network
from outfall.network.columns import name_lines
from outfall.network.inp import read_inp
from outfall.tables import read_frame
from outfall.tables.safe import list_geopackage

if TYPE_CHECKING:
    from outfall.network.graph import Network
    from outfall.network.overrides import Undo

__all__ = ["read_network"]

Input: TypeAlias = gpd.GeoDataFrame | Path | str
Inputs: TypeAlias = Input | Sequence[Input] | None

_LAYER = "|layername="


def read_network(
    rivers: Inputs,
    *,
    pipes: Inputs = None,
    crs: object = None,
    tolerance_m: float = 0.5,
    join_m: float = 30.0,
    rename: Mapping[str, str] | None = None,
    pipes_rename: Mapping[str, str] | None = None,
    undo: Undo = None,
) -> Network:
    """Return the network of river and pipe files; `build_network` says how lines are joined.

    Headings of NHDPlus, HydroRIVERS, OSM, utility layers, 水系 and 排水管线 are known; others are named by ``rename``.

    Parameters
    ----------
    rivers : path, GeoDataFrame, a list of them, or None
        Any line file GDAL reads that `outfall.tables.read_frame` allows; ``file.gpkg|layername=name`` chooses a layer,
        else the first with lines is taken.
    pipes : path, GeoDataFrame or a list of them, optional
        Sewers, pumps, gates; a SWMM ``.inp`` file too, whose coordinates are then taken to be in crs.
    crs : anything pyproj understands, optional
        Metric CRS of the network; chosen from the data by default.
    tolerance_m : float, metres, default 0.5
        Largest gap between ends that are one node; an end within 1 mm of the middle of a line always touches it.
    join_m : float, metres, default 30
        Distance within which a pipe that ends discharges to a river.
    rename, pipes_rename : mapping of str to str, optional
        The file's heading to our column.
    undo : sequence of str, or DataFrame, optional
        Ids of issues whose decision is reversed, or rows as `outfall.network.list_overrides` makes them.

    Returns
    -------
    Network
        Rivers, pipes and the discharge interfaces between them.

    Raises
    ------
    ReadError
        A file cannot be read, or has no lines.
    NetworkError
        A heading of ``rename`` is in none of the files, or there is nothing to read.
    CoordinateError
        A file does not say its CRS, or a SWMM file comes without crs.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import geopandas as gpd
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "水系.geojson"
    >>> lines = gpd.GeoDataFrame({"河段编号": ["A", "B"], "河流名称": ["清河", "清河"]}, crs=4490,
    ...     geometry=gpd.GeoSeries.from_wkt(["LINESTRING (120 31, 120.01 31)", "LINESTRING (120.01 31, 120.02 31)"]))
    >>> lines.to_crs(4326).to_file(file, driver="GeoJSON")
    >>> read_network(file)
    Network: 2 reaches (2 river), 1.9 km, 3 nodes, 1 mouth, 1 piece, 0 loops, EPSG:4549
    """
    return build_network(
        _read_all(rivers, rename, "rename", crs),
        pipes=_read_all(pipes, pipes_rename, "pipes_rename", crs),
        crs=crs,
        tolerance_m=tolerance_m,
        join_m=join_m,
        undo=undo,
    )


def _read_all(inputs: Inputs, rename: Mapping[str, str] | None, where: str, crs: object) -> list[gpd.GeoDataFrame]:
    if inputs is None:
        return []
    items: Sequence[Input] = [inputs] if isinstance(inputs, str | Path | gpd.GeoDataFrame) else list(inputs)
    frames = [item if isinstance(item, gpd.GeoDataFrame) else _read_lines(item, crs) for item in items]
    headings = {str(name) for frame in frames for name in frame.columns}
    lost = [old for old in rename or {} if old not in headings]
    if lost:
        fix = f"the headings are {', '.join(sorted(headings)[:20])}"
        msg = "read_network"
        raise NetworkError(msg, [Problem(where, f"no column {old!r} in the file", fix) for old in lost])
    return [name_lines(frame, rename=rename) for frame in frames]


def _read_lines(item: Path | str, crs: object) -> gpd.GeoDataFrame:
    text, _, layer = str(item).partition(_LAYER)
    path = Path(text)
    if path.suffix.casefold() == ".inp":
        if crs is None:
            msg = f"{path}: a SWMM file does not say what its coordinates are; give crs= (EPSG:4547), or draw it alone with read_inp"
            raise CoordinateError(msg)
        return read_inp(path, crs=crs)
    frame = read_frame(path, layer=layer or _first_line_layer(path))
    if not isinstance(frame, gpd.GeoDataFrame):
        msg = f"{path}: has no lines, only a table; read a file of lines (GeoPackage, Shapefile, GeoJSON)"
        raise ReadError(msg)
    return frame


def _first_line_layer(path: Path) -> str | None:
    """Return the first layer with lines of a file with several; None leaves the choice to the reader."""
    if path.suffix.casefold() != ".gpkg" or not path.exists() or path.stat().st_size == 0:
        return None
    try:
        layers = list_geopackage(path)
    except ReadError:
        return None  # read_frame says what is wrong with the file
    lines = [name for name, kind in layers if "LINESTRING" in kind.upper()]
    return lines[0] if lines else None
