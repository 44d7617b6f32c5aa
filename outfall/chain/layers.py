"""What a project's map shows beside outfalls and sources: which banks were seen, what the water said, what was reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
import shapely

from outfall.chain.inputs import read_with
from outfall.errors import OutfallError

if TYPE_CHECKING:
    from outfall.chain.state import State
    from outfall.maps import Map

__all__ = ["add_layers", "list_looks"]


def add_layers(page: Map, state: State) -> Map:
    """Return the map with the banks and the samples a project has, below its outfalls and sources."""
    from outfall.maps import bank_layer, sample_layer

    names = [layer.name for layer in page.layers]
    looks = list_looks(state)
    if looks is not None:
        from outfall.survey import bank_segments, find_coverage

        banks = bank_segments(state["network"])
        if len(banks):
            page = page.add(
                bank_layer(banks, find_coverage(banks, looks)), below=_first(names, "sightings", "sources", "outfalls")
            )
    samples = state.get("samples")
    if samples is not None and len(samples):
        layer = sample_layer(
            samples,
            state.get("results"),
            network=state["network"],
            outfalls=state.get("outfalls"),
            sources=state.get("sources"),
        )
        page = page.add(layer, below=_first(names, "sources", "outfalls"))
    return page


def list_looks(state: State) -> gpd.GeoDataFrame | None:
    """Return where somebody looked: the ground photos show, the way boats went, the places people stood; None if nobody did."""
    from outfall.survey import photo_footprints

    looks = []
    photos = state.get("photos")
    if photos is not None and len(photos):
        looks.append(photo_footprints(photos))
    looks += _tows(state)
    seen = state.get("sightings")
    if seen is not None and "platform" in seen:
        looks.append(seen.loc[(seen["platform"] == "foot") & seen.geometry.notna()])
    columns = ["platform", "survey_id", "seen_at", "gsd_m", "geometry"]
    filled = [table.reindex(columns=columns).to_crs(4490) for table in looks if len(table)]
    if not filled:
        return None
    joined = pd.concat([table.dropna(axis=1, how="all") for table in filled], ignore_index=True)
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=4490)


def _tows(state: State) -> list[gpd.GeoDataFrame]:
    """Return the way of every tow as lines, one per leg; a log that says no way gives none."""
    from outfall.survey import read_track

    tows = []
    for item in state["project"].inputs:
        if item.role != "boat":
            continue
        try:
            track = read_with(read_track, item, state["project"].folder)
        except OutfallError:
            continue
        survey = str(dict(item.constants or {}).get("survey_id", item.path.stem))
        for _, leg in track.groupby("leg", sort=True):
            if len(leg) > 1:
                line = shapely.LineString(shapely.get_coordinates(leg.geometry))
                row = {"platform": ["boat"], "survey_id": [survey], "seen_at": [leg["seen_at"].min()]}
                tows.append(gpd.GeoDataFrame(row, geometry=[line], crs=track.crs))
    return tows


def _first(names: list[str], *wanted: str) -> str:
    return next((name for name in wanted if name in names), "")
