"""How is one layer drawn on axes: lines, points and areas in the looks of the page, pictures where they lie."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from outfall.coordinates import to_lonlat
from outfall.maps.classes import breaks_of, classify
from outfall.maps.header import name_layer
from outfall.maps.styles import list_looks

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from outfall.maps.layers import Layer
    from outfall.vocabulary import Lang

__all__ = ["Entry", "draw_raster", "draw_table", "mercator", "plain"]

_RADIUS_M = 6_378_137.0
_MARKERS = {"circle": "o", "diamond": "D", "square": "s", "triangle": "^"}
_PLAIN: dict[str, object] = {
    "value": "",
    "zh": "",
    "en": "",
    "colour": "#0072B2",
    "edge": "#ffffff",
    "shape": "circle",
    "letter": "",
}
_PT_PER_PX = 0.6
_MOST_LETTERS = 400
_MOST_LABELS = 60
_MOST_CHARACTERS = 24
_LABEL_PT = 6.0


class Entry(NamedTuple):
    """One row of the legend: what stands beside the word, the word, and whether it is a heading."""

    handle: Any
    text: str
    is_heading: bool = False


def mercator(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Web Mercator metres of degrees.

    Parameters
    ----------
    lon, lat : float arrays
        Degrees.

    Returns
    -------
    (float array, float array)
        East and north in metres, EPSG:3857.

    Examples
    --------
    >>> east, north = mercator(np.array([180.0]), np.array([0.0]))
    >>> round(float(east[0]), 1), round(float(north[0]), 6)
    (20037508.3, -0.0)
    """
    return np.radians(lon) * _RADIUS_M, np.log(np.tan(np.pi / 4 + np.radians(lat) / 2)) * _RADIUS_M


def plain(value: object) -> str:
    r"""Return text that a font can be asked for: what has no sign becomes a space.

    Examples
    --------
    >>> plain("a\u2029b\x00")
    'a b '
    """
    return "".join(sign if sign.isprintable() else " " for sign in str(value))


def draw_raster(ax: Axes, layer: Layer, order: int) -> None:
    """Draw the picture of a raster layer where it lies."""
    from PIL import Image

    assert layer.bounds_deg is not None
    west, south, east, north = layer.bounds_deg
    (left, right), (bottom, top) = mercator(np.array([west, east]), np.array([south, north]))
    with Image.open(io.BytesIO(layer.image)) as opened:
        picture = np.asarray(opened.convert("RGBA"))
    view = ax.get_xlim(), ax.get_ylim()
    ax.imshow(picture, extent=(left, right, bottom, top), alpha=layer.opacity, zorder=order, interpolation="nearest")
    ax.set_xlim(view[0])
    ax.set_ylim(view[1])


def draw_table(ax: Axes, layer: Layer, order: int, *, lang: Lang, family: str | None) -> list[Entry]:
    """Draw the rows of a layer, each in the look of its class, and return its part of the legend."""
    assert layer.table is not None
    table = layer.table[layer.table.geometry.notna() & ~layer.table.geometry.is_empty]
    looks = list_looks(layer) or [{**_PLAIN, "shape": "circle" if layer.kind == "points" else "line"}]
    number = _classes(table, layer, looks)
    entries = []
    for at, look in enumerate(looks):
        rows = np.flatnonzero(number == at)
        if not len(rows):
            continue
        handle = _DRAWERS[layer.kind](ax, table.iloc[rows], look, order + 1)
        word = str(look["zh"] if lang == "zh" else look["en"]) or name_layer(layer, lang)
        entries.append(Entry(handle, f"{plain(word)}  {len(rows):,}"))
        _letters(ax, table.iloc[rows], look, order + 1, lang, family)
    _labels(ax, layer, table, family)
    if len(entries) > 1:
        entries.insert(0, Entry(None, plain(name_layer(layer, lang)), is_heading=True))
    return entries


def _classes(table: gpd.GeoDataFrame, layer: Layer, looks: list[dict[str, object]]) -> NDArray[np.int64]:
    """Return the number of the look of each row; a value nobody has a look for takes that of the missing."""
    if not layer.style:
        return np.zeros(len(table), dtype=np.int64)
    values = table[layer.style]
    if "from" in looks[0]:
        assert layer.table is not None
        return classify(values, breaks_of(layer.table[layer.style]))
    if pd.api.types.is_bool_dtype(values.dtype):
        values = values.map({True: "yes", False: "no"}, na_action="ignore")
    place = {str(look["value"]): at for at, look in enumerate(looks)}
    missing = place.get("", len(looks) - 1)
    return np.array([missing if pd.isna(value) else place.get(str(value), missing) for value in values], dtype=np.int64)


def _metres(table: gpd.GeoDataFrame) -> NDArray[np.object_]:
    shapes = np.asarray(to_lonlat(table[[table.geometry.name]]).geometry)

    def turn(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(mercator(lonlat[:, 0], lonlat[:, 1]))

    turned: NDArray[np.object_] = shapely.transform(shapes, turn)
    return turned


def _draw_lines(ax: Axes, table: gpd.GeoDataFrame, look: Mapping[str, Any], order: float) -> Any:
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

    width = float(look.get("width") or 2.4) * _PT_PER_PX
    dash = [float(part) / max(width, 0.1) * _PT_PER_PX for part in look.get("dash") or []]
    style: Any = (0, dash) if dash else "solid"
    parts = [shapely.get_coordinates(part) for part in shapely.get_parts(_metres(table))]
    ax.add_collection(
        LineCollection(
            parts,
            colors=look["colour"],
            linewidths=width,
            linestyles=[style],
            zorder=order,
            capstyle="butt" if dash else "round",
        )
    )
    return Line2D([], [], color=look["colour"], linewidth=width, linestyle=style)


def _draw_points(ax: Axes, table: gpd.GeoDataFrame, look: Mapping[str, Any], order: float) -> Any:
    from matplotlib.lines import Line2D

    points = shapely.get_coordinates(_metres(table))
    size = 7.0 if len(table) < 300 else 4.5 if len(table) < 3000 else 2.0
    shown = {"marker": _MARKERS.get(str(look.get("shape")), "o"), "markersize": size, "color": look["colour"],
             "markeredgecolor": look.get("edge") or "#ffffff", "markeredgewidth": 0.7 if size > 3 else 0.0, "linestyle": "none"}  # fmt: skip
    ax.plot(points[:, 0], points[:, 1], zorder=order, rasterized=len(points) > 5000, **shown)
    return Line2D([], [], **{**shown, "markersize": 7.0})


def _draw_areas(ax: Axes, table: gpd.GeoDataFrame, look: Mapping[str, Any], order: float) -> Any:
    from matplotlib.collections import PathCollection
    from matplotlib.patches import Patch
    from matplotlib.path import Path

    paths = []
    for part in shapely.get_parts(_metres(table)):
        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(part)]
        paths.append(Path.make_compound_path(*(Path(ring, closed=True) for ring in rings)))
    look_of = {"facecolor": look["colour"], "edgecolor": look["colour"], "alpha": 0.45, "linewidth": 0.8}
    ax.add_collection(PathCollection(paths, zorder=order, **look_of))
    return Patch(**look_of)


_DRAWERS = {"lines": _draw_lines, "points": _draw_points, "polygons": _draw_areas}


def _letters(
    ax: Axes, table: gpd.GeoDataFrame, look: Mapping[str, Any], order: float, lang: Lang, family: str | None
) -> None:
    """Write the letter of a status into its sign, so that colour is never the only difference."""
    letter = str((look.get("letter_zh") if lang == "zh" else "") or look.get("letter") or "")
    if not letter or len(table) > _MOST_LETTERS:
        return
    for east, north in shapely.get_coordinates(_metres(table)):
        ax.text(
            east,
            north,
            letter,
            fontsize=4.6,
            color="#ffffff",
            ha="center",
            va="center_baseline",
            zorder=order + 0.5,
            family=family,
            clip_on=True,
            parse_math=False,
        )


def _labels(ax: Axes, layer: Layer, table: gpd.GeoDataFrame, family: str | None) -> None:
    """Write labels of points where they hide nothing: right, left, above or below; one that fits nowhere stays away."""
    if layer.kind != "points" or not layer.label or len(table) > _MOST_LABELS:
        return
    points = shapely.get_coordinates(_metres(table))
    spots = ax.transData.transform(points) * 72 / ax.figure.dpi
    taken = [(across - 4, down - 4, across + 4, down + 4) for across, down in spots]
    for (east, north), (across, up), value in zip(points, spots, table[layer.label], strict=True):
        if pd.isna(value):
            continue
        text = plain(value)[:_MOST_CHARACTERS]
        wide = sum(_LABEL_PT if ord(sign) > 0x2E7F else _LABEL_PT * 0.58 for sign in text)
        for beside, side, shift in (("left", 0, 5), ("right", -wide, -5), ("center", -wide / 2, 0)):
            rise = 0.0 if shift else _LABEL_PT * 1.2
            box = (
                across + shift + side,
                up + rise - _LABEL_PT / 2,
                across + shift + side + wide,
                up + rise + _LABEL_PT / 2,
            )
            if not any(_meet(box, other) for other in taken if other[:2] != (across - 4, up - 4)):
                taken.append(box)
                ax.annotate(
                    text, (east, north), xytext=(shift, rise), textcoords="offset points", fontsize=_LABEL_PT, color="#1d2b36",
                    zorder=90, ha=beside, va="center", family=family, annotation_clip=True, clip_on=True, parse_math=False,
                )  # fmt: skip
                break


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
