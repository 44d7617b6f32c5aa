"""What do the scenes of a project show at its outfalls: contrasts and clues, or why nobody can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
from shapely import box

from outfall.chain.state import State
from outfall.errors import OutfallError, SceneError
from outfall.tables import empty, issue, list_issues

if TYPE_CHECKING:
    import xarray as xr

    from outfall.network import Network
    from outfall.project import Input

__all__ = ["count_unseen", "open_scenes", "see_outfalls"]

# Layers by what the scene's bands allow, best first: our default.
_LAYERS = ("turbidity_red", "red", "green")
_AROUND_M = 3000.0


def see_outfalls(state: State) -> State:
    """Compare the water below and above each outfall in every scene; what shows becomes clues for the trace."""
    from outfall.scenes import find_water
    from outfall.scenes.contrast_clues import contrast_clues

    network, outfalls = state["network"], state["outfalls"]
    scenes, doubts = open_scenes(state["scenes"], outfalls, network)
    tables, waters = [], {}
    for name, scene in scenes.items():
        try:
            waters[name] = find_water(scene, network)
            tables.append(_compare(outfalls, scene, waters[name], network))
        except OutfallError as error:
            doubts.append(_doubt(name, error))
    contrasts = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(empty("contrasts"))
    seen = State(contrasts=contrasts, seen_scenes=scenes, seen_water=waters)
    if doubts:
        seen["issues"] = _with(state.get("issues"), list_issues(doubts))
    seen["clues"] = pd.DataFrame(contrast_clues(contrasts))
    return seen


def open_scenes(
    items: list[Input], outfalls: gpd.GeoDataFrame, network: Network
) -> tuple[dict[str, xr.Dataset], list[dict[str, object]]]:
    """Return the scenes that can be opened, by file, cut to the surroundings of the outfalls; and doubts about the others.

    Parameters
    ----------
    items : list of Input
        Of the role scene.
    outfalls : GeoDataFrame
        Contract ``outfalls``.
    network : Network
        Gives a metric CRS.

    Returns
    -------
    dict of str to Dataset, list of dict
        Scenes by the name of their file; issues about files that are pictures and no scenes.
    """
    from outfall.scenes import open_scene

    points = outfalls.to_crs(network.crs).geometry
    points = points[points.notna() & ~points.is_empty]
    if points.empty:
        return {}, []
    around = gpd.GeoSeries([box(*points.total_bounds).buffer(_AROUND_M)], crs=network.crs)
    scenes: dict[str, xr.Dataset] = {}
    doubts = []
    for item in items:
        given: dict[str, Any] = {name: value for name, value in item.options.items() if value != ""}
        if item.tz is not None and item.path.suffix.casefold() in (".tif", ".tiff"):
            given.setdefault("taken_at", item.tz)
        try:
            scene = open_scene(item.path, window=around, **given)
            scenes[item.path.name] = scene.assign_attrs(source_ref=item.path.name)
        except (OutfallError, OSError) as error:
            doubts.append(_doubt(item.path.name, error))
    return scenes, doubts


def count_unseen(contrasts: pd.DataFrame | None) -> dict[str, dict[str, int]]:
    """Return per day and sensor how many outfalls can be seen, and why the others cannot.

    Parameters
    ----------
    contrasts : DataFrame or None
        Contract ``contrasts``.

    Returns
    -------
    dict of str to dict
        Scene, then ``observable`` or a code of the list ``unseen_reason``, then outfalls.

    Examples
    --------
    >>> count_unseen(None)
    {}
    """
    if contrasts is None or not len(contrasts):
        return {}
    scene = contrasts["source_ref"].str.extract(r"\((.*);", expand=False).fillna("scene")
    code = (
        contrasts["code"]
        .astype("object")
        .where(~contrasts["is_observable"].astype(bool), "observable")
        .fillna("no_data")
    )
    counted = contrasts.groupby([scene.to_numpy(), code.to_numpy()])["outfall_id"].nunique()
    return {
        str(name): {str(word): int(count) for (_, word), count in part.items()}
        for name, part in counted.groupby(level=0)
    }


def _compare(outfalls: gpd.GeoDataFrame, scene: xr.Dataset, water: xr.Dataset, network: Network) -> pd.DataFrame:
    """Return the contrasts in the first layer that the bands of a scene allow."""
    from outfall.scenes.contrasts import find_contrasts

    for name in _LAYERS[:-1]:
        try:
            return find_contrasts(outfalls, scene, network, water=water, layers=name)
        except SceneError:
            continue
    return find_contrasts(outfalls, scene, network, water=water, layers=_LAYERS[-1])


def _doubt(name: str, error: Exception) -> dict[str, object]:
    said = str(error).splitlines()[0]
    return issue(
        "skipped_file", name, said, reason_zh=f"影像无法用于排口判读：{said}",
        decision="drawn under the map only", level="note",
    )  # fmt: skip


def _with(known: gpd.GeoDataFrame | None, more: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if known is None or not len(known):
        return more
    joined = pd.concat([known, more.to_crs(known.crs) if more.crs is not None and known.crs is not None else more])
    return gpd.GeoDataFrame(joined.drop_duplicates("issue_id").reset_index(drop=True), crs=known.crs)
