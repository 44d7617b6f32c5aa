"""What one drawable thing is: a table or a raster with its style, legend and labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import shapely

from outfall.errors import MapError, Problem
from outfall.tables import contracts

if TYPE_CHECKING:
    import pandas as pd

    from outfall.maps.raster_paint import Plane

__all__ = ["Kind", "Layer"]

Kind = Literal["points", "lines", "polygons", "raster"]

_TYPES = {"points": {"Point"}, "lines": {"LineString", "MultiLineString"}, "polygons": {"Polygon", "MultiPolygon"}}


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One drawable thing: a table of points or lines, or a picture that lies on the ground.

    A layer knows columns, not meanings: headings and words come from the contract it names.

    Parameters
    ----------
    name : str
        Identifier, unique in a map.
    kind : {"points", "lines", "polygons", "raster"}
        What is drawn.
    table : GeoDataFrame, n rows, Point or LineString, any CRS; None for a raster
        One row per feature. Rows without a geometry are kept in searches and left off the map.
    zh, en : str
        What people call it.
    contract : str
        Table contract that labels its columns and words; empty for a table of your own.
    style : str
        Column whose value picks the look: words pick colour and shape, numbers pick one of a few classes in colours
        of viridis; empty draws all alike.
    styles : tuple of str
        Columns the reader may colour by instead.
    popup : tuple of str
        Columns shown when a feature is clicked, in order; empty shows all.
    label : str
        Column written beside the feature at large scale.
    search : tuple of str
        Columns that are searched.
    ring : str
        Column of flags; a true one gets a dashed ring.
    is_shown : bool
        Whether the layer is on when the page opens.
    image : bytes
        A raster's picture as WebP or PNG, in Web Mercator (EPSG:3857).
    bounds_deg : tuple of float
        A raster's west, south, east, north in degrees (EPSG:4326).
    note : str
        One line for the legend.
    group : str
        Key of the group it stands under in the layer tree; groups inside groups are written ``"survey/boat"``.
    time : str
        Column of moments (or of dates) the time slider filters by; empty takes no part.
    total : str
        Column of numbers whose sums stand in the legend beside the counts, such as ``length_m``: kilometres of bank.
    unit : str
        Unit of a raster's values, for its legend.
    classes : tuple of tuples of str
        A raster's legend: label and colour, or Chinese label, English label and colour, from low to high.
    plane : Plane, optional
        The numbers behind a raster's picture, read by the pointer.
    opacity : float
        Of a raster, or of the filling of polygons, when the page opens.

    Raises
    ------
    MapError
        A column, geometry or CRS is missing or of the wrong kind.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import Point
    >>> table = gpd.GeoDataFrame({"code": ["A1"]}, geometry=[Point(120.1, 30.2)], crs=4490)
    >>> Layer("wells", "points", table, zh="井", en="Wells", label="code")
    <Layer wells: 1 points>
    """

    name: str
    kind: Kind
    table: gpd.GeoDataFrame | None = None
    zh: str = ""
    en: str = ""
    contract: str = ""
    style: str = ""
    styles: tuple[str, ...] = ()
    popup: tuple[str, ...] = ()
    label: str = ""
    search: tuple[str, ...] = ()
    ring: str = ""
    is_shown: bool = True
    image: bytes = b""
    bounds_deg: tuple[float, float, float, float] | None = None
    note: str = ""
    group: str = ""
    time: str = ""
    total: str = ""
    unit: str = ""
    classes: tuple[tuple[str, ...], ...] = ()
    plane: Plane | None = None
    opacity: float = 0.6

    def __post_init__(self) -> None:
        """Refuse a layer that cannot be drawn, with every reason at once."""
        problems = _raster_problems(self) if self.kind == "raster" else _table_problems(self)
        if problems:
            msg = f"layer {self.name!r} cannot be drawn"
            raise MapError(msg, problems)

    def __repr__(self) -> str:
        """Return the name, the count and the kind."""
        if self.table is None:
            return f"<Layer {self.name}: raster, {len(self.image) / 1e6:.1f} MB>"
        return f"<Layer {self.name}: {len(self.table):,} {self.kind}>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<code>{escape(repr(self))}</code>"


def _raster_problems(layer: Layer) -> list[Problem]:
    problems = []
    if not layer.image:
        problems.append(Problem("image", "empty; a raster needs its picture", "make one with draw(..., under=path)"))
    if layer.bounds_deg is None:
        problems.append(Problem("bounds_deg", "missing; expected west, south, east, north in degrees"))
    return problems


def _table_problems(layer: Layer) -> list[Problem]:
    if layer.kind not in _TYPES:
        return [Problem("kind", f"{layer.kind!r} is not one of points, lines, polygons, raster")]
    table = layer.table
    if not isinstance(table, gpd.GeoDataFrame) or table._geometry_column_name not in table.columns:  # noqa: SLF001
        return [Problem("table", f"{type(table).__name__} without a geometry; expected a GeoDataFrame")]
    problems = []
    if layer.contract and layer.contract not in contracts():
        problems.append(Problem("contract", f"{layer.contract!r} is not one of {', '.join(contracts())}"))
    if len(table) and table.crs is None:
        problems.append(Problem("geometry", "no CRS", "say which with frame.set_crs(...)"))
    asked = (layer.style, *layer.styles, *layer.popup, layer.label, *layer.search, layer.ring, layer.time, layer.total)
    missing = dict.fromkeys(name for name in asked if name and name not in table.columns)
    problems += [Problem(name, f"no such column; the table has {_some(table)}") for name in missing]
    for name in dict.fromkeys((layer.style, *layer.styles)):
        if name in table.columns and table[name].dtype.kind == "M":
            fix = "make words with .dt.strftime"
            problems.append(Problem(name, f"{table[name].dtype} picks no colour; expected words or numbers", fix))
    if layer.time in table.columns and not _is_moments(table[layer.time]):
        fix = "turn it into moments with pandas.to_datetime"
        problems.append(Problem(layer.time, f"{table[layer.time].dtype} says no time; expected moments or dates", fix))
    kinds = np.asarray(table.geometry.geom_type)
    is_drawn = ~(table.geometry.isna() | table.geometry.is_empty).to_numpy(bool)
    wrong = is_drawn & ~np.isin(kinds, sorted(_TYPES[layer.kind]))
    if wrong.any():
        rows = tuple(str(row) for row in table.index[wrong])
        expected = " or ".join(sorted(_TYPES[layer.kind]))
        problems.append(
            Problem("geometry", f"{kinds[wrong][0]} in a layer of {layer.kind}; expected {expected}", "", rows)
        )
    return problems + _number_problems(table)


def _is_moments(values: pd.Series) -> bool:
    return values.dtype.kind == "M" or all(isinstance(value, date) for value in values.dropna())


def _number_problems(table: gpd.GeoDataFrame) -> list[Problem]:
    geometry = np.asarray(table.geometry)
    coordinates, row = shapely.get_coordinates(geometry, return_index=True)
    bad = np.unique(row[~np.isfinite(coordinates).all(axis=1)])
    if not len(bad):
        return []
    rows = tuple(str(table.index[position]) for position in bad)
    return [Problem("geometry", "a coordinate that is not a finite number", "correct or drop these rows", rows)]


def _some(table: pd.DataFrame) -> str:
    names = [str(name) for name in table.columns]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
