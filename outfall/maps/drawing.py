"""What does a survey look like on a map: network, outfalls, sources, sightings and traces as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import MapError, Problem
from outfall.maps.answers import judge
from outfall.maps.basemap_pack import split_under
from outfall.maps.header import reach_looks
from outfall.maps.layers import Layer
from outfall.maps.page import Map
from outfall.maps.photos import find_photos, make_thumbnails
from outfall.maps.placing import place_along
from outfall.maps.raster import under_layers
from outfall.tables import contract, split_ids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import geopandas as gpd

    from outfall.maps.answers import Found
    from outfall.maps.basemap import BaseMap
    from outfall.network import Network

__all__ = ["draw"]

_DOUBT_SHARE = 0.8


def draw(
    network: Network,
    outfalls: gpd.GeoDataFrame | None = None,
    found: Found | None = None,
    *,
    sources: gpd.GeoDataFrame | None = None,
    sightings: gpd.GeoDataFrame | None = None,
    photos_folder: Path | str | Sequence[Path | str] | None = None,
    under: Path | str | Layer | BaseMap | Sequence[Path | str | Layer | BaseMap] | None = None,
    title: str = "",
) -> Map:
    """Draw a survey and its answers as a map that opens without a network.

    Parameters
    ----------
    network : Network
        Rivers and pipes.
    outfalls : GeoDataFrame, n rows, Point, any CRS, optional
        Contract ``outfalls``. Those of the trace by default.
    found : Trace, optional
        Answers: anything with the tables ``candidates`` and ``evidence``.
    sources : GeoDataFrame, m rows, Point, any CRS, optional
        Contract ``sources``. Those of the trace by default.
    sightings : GeoDataFrame, k rows, Point or none, any CRS, optional
        Contract ``sightings``; drawn but off when the page opens. One known only along a reach is placed on it.
    photos_folder : path or sequence of paths, optional
        Where the photos named in ``photo_ids`` lie; thumbnails of them travel inside the page.
    under : path, Layer, BaseMap, or a sequence of them, optional
        Rasters drawn below everything, the first one lowest; a path is drawn as ``raster_layer`` draws it. Base maps such
        as ``tianditu("vec")`` or ``open_basemap("town.pmtiles")`` lie lowest; the reader chooses among them.
    title : str, default ""
        Heading of the page.

    Returns
    -------
    Map
        Layers in drawing order: ``under``, ``reaches``, ``sightings``, ``sources``, ``outfalls``.

    Raises
    ------
    MapError
        A table lacks a column, a geometry or its CRS.

    Examples
    --------
    >>> from outfall.network import build_network
    >>> import geopandas as gpd
    >>> from shapely import LineString
    >>> lines = gpd.GeoDataFrame({"id": ["a"]}, geometry=[LineString([(120.1, 30.2), (120.2, 30.2)])], crs=4490)
    >>> draw(build_network(lines)).layers[0].name
    'reaches'
    """
    outfalls = outfalls if outfalls is not None else getattr(found, "outfalls", None)
    sources = sources if sources is not None else getattr(found, "sources", None)
    bases, pictures = split_under(under)
    layers = under_layers(pictures)
    layers.append(_reach_layer(_timed(network)))
    if sightings is not None:
        layers.append(_sighting_layer(sightings, network.reaches))
    if sources is not None:
        layers.append(_source_layer(sources))
    if outfalls is not None:
        layers.append(_outfall_layer(outfalls, found))
    photos = (
        {} if photos_folder is None else make_thumbnails(find_photos(_photo_ids(outfalls, sightings), photos_folder))
    )
    return Map(tuple(layers), title=title, found=found, photos=photos, bases=bases)


def _timed(network: Network) -> gpd.GeoDataFrame:
    """Return the reaches with the hours water takes through each, to the nearest few seconds."""
    from outfall.network import Network, travel_times

    if "travel_h" in network.reaches or not isinstance(network, Network):
        return network.reaches
    hours = network.reaches["reach_id"].map(travel_times(network)).astype("float64")
    return network.reaches.assign(travel_h=hours.round(3))


def _reach_layer(reaches: gpd.GeoDataFrame) -> Layer:
    table = reaches.assign(look=reach_looks(reaches))
    return Layer(
        "reaches",
        "lines",
        table,
        contract="reaches",
        group="base",
        style="look",
        popup=_shown(table, "reaches", ("look",)),
        label="name" if "name" in table else "",
        search=_present(table, "reach_id", "line_id", "name"),
    )


def _outfall_layer(outfalls: gpd.GeoDataFrame, found: Found | None) -> Layer:
    _require(outfalls, "outfalls", "outfall_id")
    table = outfalls.assign(is_doubtful=_is_doubtful(outfalls))
    styles = _present(table, "status", "outfall_class")
    extra: tuple[str, ...] = ("is_doubtful",)
    if found is not None:
        answers = judge(outfalls, found.candidates)
        table = table.assign(**{str(name): answers[name] for name in answers})
        styles, extra = ("answer", *styles), ("answer", "answer_source", "answer_share", *extra)
    return Layer(
        "outfalls",
        "points",
        table,
        contract="outfalls",
        group="trace",
        style=next(iter(styles), ""),
        styles=styles,
        popup=_shown(table, "outfalls", extra),
        label="outfall_id",
        search=_present(table, "outfall_id", "code_national", "code_local", "name", "receiving_water", "address"),
        ring="is_doubtful",
    )


def _source_layer(sources: gpd.GeoDataFrame) -> Layer:
    _require(sources, "sources", "source_id")
    return Layer(
        "sources",
        "points",
        sources,
        contract="sources",
        group="trace",
        style="kind" if "kind" in sources else "",
        popup=_shown(sources, "sources", ()),
        label="name" if "name" in sources else "source_id",
        search=_present(sources, "source_id", "name", "credit_code", "permit_no", "address"),
    )


def _sighting_layer(sightings: gpd.GeoDataFrame, reaches: gpd.GeoDataFrame) -> Layer:
    _require(sightings, "sightings", "sighting_id")
    table = place_along(sightings, reaches)
    return Layer(
        "sightings",
        "points",
        table,
        contract="sightings",
        group="survey",
        time="seen_at" if "seen_at" in table else "",
        style="platform" if "platform" in table else "",
        styles=_present(table, "survey_id"),
        popup=_shown(table, "sightings", ()),
        search=_present(table, "sighting_id", "code", "name"),
        is_shown=False,
    )


def _is_doubtful(outfalls: pd.DataFrame) -> pd.Series:
    shares = [outfalls[name].astype("float64") for name in ("match_share", "place_share") if name in outfalls]
    is_doubtful = pd.Series(data=False, index=outfalls.index)
    for share in shares:
        is_doubtful |= share.lt(_DOUBT_SHARE).fillna(value=False).astype(bool)
    return is_doubtful


def _photo_ids(*tables: pd.DataFrame | None) -> list[str]:
    cells = [cell for table in tables if table is not None and "photo_ids" in table for cell in table["photo_ids"]]
    return list(dict.fromkeys(photo for cell in cells for photo in split_ids(cell)))


def _shown(table: pd.DataFrame, name: str, first: tuple[str, ...]) -> tuple[str, ...]:
    """Return every column in the order a person reads: answers, the contract, what the user added."""
    declared = [column for column in contract(name).columns if column in table.columns and column != "photo_ids"]
    others = [str(column) for column in table.columns if column not in contract(name).columns and column not in first]
    return (*first, *declared, *(column for column in others if column != "geometry" and not column.startswith("_")))


def _present(table: pd.DataFrame, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name in table.columns)


def _require(table: pd.DataFrame, name: str, *columns: str) -> None:
    problems = [
        Problem(column, "missing", f"pass a table that meets the contract {name!r}")
        for column in columns
        if column not in table
    ]
    if problems:
        msg = f"{name} cannot be drawn"
        raise MapError(msg, problems)
