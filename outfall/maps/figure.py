"""What does a map look like on paper: the same layers, looks and legend through matplotlib, where there is no browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from outfall.errors import MapError
from outfall.maps.figure_frame import draw_frame, draw_legend, find_font
from outfall.maps.figure_layers import draw_raster, draw_table, mercator, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from outfall.maps.layers import Layer
    from outfall.maps.page import Map
    from outfall.vocabulary import Lang

__all__ = ["plot_map"]

_PAPERS_MM = {"a4": (297.0, 210.0), "a3": (420.0, 297.0), "column": (84.0, 84.0), "page": (174.0, 120.0)}
_MM = 1 / 25.4
_MARGIN_SHARE = 0.04
_LEAST_M = 200.0


class _Extent(NamedTuple):
    """What is in view, in metres of Web Mercator."""

    west: float
    south: float
    east: float
    north: float


def plot_map(
    drawn: Map,
    *,
    layers: Sequence[str] | None = None,
    bounds_deg: tuple[float, float, float, float] | None = None,
    paper: str = "a4",
    lang: Lang = "zh",
    font: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Return a static picture of a map, for papers and for machines without a browser.

    Parameters
    ----------
    drawn : Map
        From :func:`draw`.
    layers : sequence of str, optional
        Names of the layers drawn; by default those the page opens with.
    bounds_deg : (float, float, float, float), optional
        West, south, east, north in degrees; by default what the tables fill.
    paper : {"a4", "a3", "page", "column"}, default "a4"
        Size: sheets across, or the width of a page or a column of a journal (174 and 84 mm).
    lang : {"zh", "en"}, default "zh"
        Language of legend and labels.
    font : str, optional
        Name of an installed font. By default one with Chinese characters is looked for; where there is none a warning says
        how to get one.
    ax : matplotlib Axes, optional
        Drawn into, without legend, frame and title of its own; by default a new figure is made.

    Returns
    -------
    matplotlib Figure
        Save it with ``.savefig("map.pdf")``. Axes are Web Mercator, as on the page; ticks are degrees, the scale bar is true
        at the middle of the sheet.

    Raises
    ------
    MapError
        matplotlib is not installed, or a layer or paper is not known.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import Point
    >>> from outfall.maps import Layer, Map
    >>> wells = gpd.GeoDataFrame({"code": ["A1"]}, geometry=[Point(120.1, 30.2)], crs=4490)
    >>> figure = plot_map(Map((Layer("wells", "points", wells),)), lang="en")
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['wells  1']
    """
    figure_class = _matplotlib()
    chosen = _chosen(drawn, layers)
    if paper not in _PAPERS_MM:
        msg = f"paper: {paper!r} is not one of {', '.join(_PAPERS_MM)}"
        raise MapError(msg)
    family = find_font(font)
    extent = _extent(chosen, bounds_deg)
    own = ax is None
    if ax is None:
        width_mm, height_mm = _PAPERS_MM[paper]
        figure = figure_class(figsize=(width_mm * _MM, height_mm * _MM), layout="constrained")
        ax = figure.add_subplot()
        extent = _fitted(extent, width_mm / height_mm)
    ax.set_xlim(extent.west, extent.east)
    ax.set_ylim(extent.south, extent.north)
    ax.set_aspect("equal")
    ax.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    entries = []
    for order, layer in enumerate(chosen):
        if layer.kind == "raster":
            draw_raster(ax, layer, order)
        else:
            entries += draw_table(ax, layer, order, lang=lang, family=family)
    if own:
        draw_frame(ax, title=plain(drawn.title), lang=lang, family=family, is_small=paper == "column")
        draw_legend(ax, entries, family=family, is_small=paper == "column")
    return ax.get_figure(root=True)  # type: ignore[return-value]


def _matplotlib() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        msg = "figures need matplotlib; install it with: python -m pip install 'outfall[plot]'"
        raise MapError(msg) from error
    return Figure


def _chosen(drawn: Map, names: Sequence[str] | None) -> list[Layer]:
    known = {layer.name: layer for layer in drawn.layers}
    if names is None:
        return [
            layer
            for layer in drawn.layers
            if layer.is_shown and layer.kind in ("points", "lines", "polygons", "raster")
        ]
    missing = [name for name in names if name not in known]
    if missing:
        msg = f"layers: {', '.join(map(repr, missing))} not in this map; it has {', '.join(known)}"
        raise MapError(msg)
    return [known[name] for name in known if name in names]


def _extent(layers: Sequence[Layer], bounds_deg: tuple[float, float, float, float] | None) -> _Extent:
    if bounds_deg is not None:
        west, south, east, north = bounds_deg
        (left, right), (bottom, top) = mercator(np.array([west, east]), np.array([south, north]))
        return _Extent(float(left), float(bottom), float(right), float(top))
    corners: list[NDArray[np.float64]] = []
    for layer in layers:
        box = _box(layer)
        if box is not None and layer.kind != "raster":
            corners.append(box)
    if not corners:
        corners = [box for layer in layers if (box := _box(layer)) is not None]
    if not corners:
        corners = [np.array([73.0, 18.0, 135.0, 53.5])]
    boxes = np.vstack(corners)
    (west, east), (south, north) = mercator(
        np.array([boxes[:, 0].min(), boxes[:, 2].max()]), np.array([boxes[:, 1].min(), boxes[:, 3].max()])
    )
    pad = max(_LEAST_M, _MARGIN_SHARE * max(east - west, north - south))
    return _Extent(west - pad, south - pad, east + pad, north + pad)


def _box(layer: Layer) -> NDArray[np.float64] | None:
    from outfall.coordinates import to_lonlat

    if layer.bounds_deg is not None:
        return np.asarray(layer.bounds_deg, dtype=float)
    if layer.table is None:
        return None
    drawn = layer.table[layer.table.geometry.notna() & ~layer.table.geometry.is_empty]
    return np.asarray(to_lonlat(drawn[[drawn.geometry.name]]).total_bounds) if len(drawn) else None


def _fitted(extent: _Extent, shape: float) -> _Extent:
    """Return the extent widened on one side to the shape of the sheet."""
    width, height = extent.east - extent.west, extent.north - extent.south
    more_east = max(0.0, (height * shape - width) / 2)
    more_north = max(0.0, (width / shape - height) / 2)
    return _Extent(
        extent.west - more_east, extent.south - more_north, extent.east + more_east, extent.north + more_north
    )
