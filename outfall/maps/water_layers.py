"""What the water said: samples with their results, clues and plumes as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.maps.layers import Kind, Layer
from outfall.maps.placing import as_places, place_along, place_at, present, require
from outfall.tables import contract
from outfall.vocabulary import parameters

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.network import Network

__all__ = ["clue_layer", "plume_layer", "sample_layer"]

_MOST_PARAMETERS = 8
_TIMES = (1.0, 2.0, 5.0)
_GRADES = ("met", "over1", "over2", "over5")


def sample_layer(
    samples: gpd.GeoDataFrame | pd.DataFrame,
    results: pd.DataFrame | None = None,
    *,
    network: Network | None = None,
    outfalls: gpd.GeoDataFrame | None = None,
    sources: gpd.GeoDataFrame | None = None,
) -> Layer:
    """Return samples with their results, coloured by how far they exceed a limit or by a parameter.

    Parameters
    ----------
    samples : GeoDataFrame or DataFrame, n rows, Point or none
        Contract ``samples``. Not changed.
    results : DataFrame, optional
        Contract ``results``; from find_exceedances it has the limits with it, and the samples are graded: met, above
        the limit, above twice, above five times. A non-detect is never 0: it stands in ``measured`` with its limit.
    network : Network, optional
        Places samples known by reach and distance.
    outfalls, sources : GeoDataFrame, optional
        Place samples known by the outfall or source they were taken at.

    Returns
    -------
    Layer
        ``samples``, one point per sample; one column for each of the 8 parameters measured most.

    Raises
    ------
    MapError
        A column is missing.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> sample_layer(empty("samples"))
    <Layer samples: 0 points>
    >>> import geopandas as gpd
    >>> from shapely import Point
    >>> water = gpd.GeoDataFrame({"sample_id": ["W1"]}, geometry=[Point(120.1, 30.2)], crs=4490)
    >>> found = pd.DataFrame({"sample_id": ["W1"], "parameter": ["ammonia"], "qualifier": ["="], "value": [3.0],
    ...     "unit": ["mg/L"], "multiple_share": [3.0], "verdict": ["exceeded"]})
    >>> sample_layer(water, found).table[["ammonia", "grade", "worst"]].values.tolist()
    [[3.0, 'over2', 'ammonia']]
    """
    require("samples", samples, "sample_id")
    known = [
        table for table in (outfalls, sources, network.reaches if network is not None else None) if table is not None
    ]
    table = as_places(samples, crs=known[0].crs if known else "EPSG:4490")
    if network is not None:
        table = place_along(table, network.reaches)
    table = place_at(table, [("outfall_id", outfalls), ("source_id", sources)])
    measured: list[str] = []
    if results is not None:
        require("results", results, "sample_id", "parameter", "qualifier", "value")
        wide = _wide(results)
        measured = [str(name) for name in wide.columns]
        table = table.join(_written(results).to_frame().join(wide), on="sample_id")
        if "multiple_share" in results:
            table = table.join(_graded(results), on="sample_id")
    graded = present(table, "grade", "multiple_share", "worst")
    first = (*graded, *present(table, "measured"), *measured)
    declared = tuple(name for name in contract("samples").columns if name in table)
    return Layer(
        "samples",
        "points",
        table,
        contract="samples",
        group="water",
        style=next(iter((*present(table, "grade"), *measured, *present(table, "kind"))), ""),
        styles=(*graded, *measured, *present(table, "kind")),
        popup=(*first, *declared),
        label="sample_id",
        search=present(table, "sample_id", "point_name", "outfall_id", "source_id"),
        time="taken_at" if "taken_at" in table else "",
    )


def clue_layer(clues: gpd.GeoDataFrame, *, network: Network | None = None) -> Layer:
    """Return clues as a layer of points, or of lines or areas where all of them are.

    Parameters
    ----------
    clues : GeoDataFrame, n rows, any geometry or none
        Contract ``clues``. Of mixed kinds, each is drawn as a point on it. Not changed.
    network : Network, optional
        Places clues known by reach and distance.

    Returns
    -------
    Layer
        ``clues``, coloured by kind or by strength; the time is when they began.

    Raises
    ------
    MapError
        A column is missing.

    Examples
    --------
    >>> from outfall.tables import empty
    >>> clue_layer(empty("clues"))
    <Layer clues: 0 points>
    """
    require("clues", clues, "clue_id")
    table = as_places(clues, crs=network.crs if network is not None else "EPSG:4490")
    if network is not None:
        table = place_along(table, network.reaches)
    kind = _kind_of(table)
    if kind == "points":
        table = table.set_geometry(table.geometry.representative_point()) if len(table) else table
    return Layer(
        "clues",
        kind,
        table,
        contract="clues",
        group="water",
        style="kind" if "kind" in table else "",
        styles=present(table, "log_lr"),
        popup=tuple(name for name in contract("clues").columns if name in table),
        search=present(table, "clue_id", "outfall_id", "source_id"),
        time="from_at" if "from_at" in table else "",
    )


def plume_layer(polygons: gpd.GeoDataFrame, *, style: str = "", time: str = "") -> Layer:
    """Return plumes, footprints or other areas as a layer under the waters.

    Parameters
    ----------
    polygons : GeoDataFrame, n rows, Polygon or MultiPolygon, any CRS
        Any columns. Not changed.
    style : str, optional
        Column that picks the colour; the first column of numbers with a fraction by default.
    time : str, optional
        Column of moments; ``seen_at``, ``taken_at``, ``from_at`` or ``date`` by default.

    Returns
    -------
    Layer
        ``plumes``.

    Raises
    ------
    MapError
        A geometry is not an area, or a column is missing.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import box
    >>> areas = gpd.GeoDataFrame({"contrast_share": [0.2]}, geometry=[box(120, 30, 120.1, 30.1)], crs=4326)
    >>> plume_layer(areas).style
    'contrast_share'
    """
    numbers = [str(name) for name in polygons.columns if pd.api.types.is_float_dtype(polygons[name].dtype)]
    moments = present(polygons, "seen_at", "taken_at", "from_at", "date")
    first = style or next(iter(numbers), "")
    return Layer(
        "plumes",
        "polygons",
        polygons,
        group="water",
        style=first,
        styles=tuple(name for name in numbers if name != first),
        time=time or next(iter(moments), ""),
        opacity=0.5,
    )


def _wide(results: pd.DataFrame) -> pd.DataFrame:
    """Return one column of values per parameter, in the canonical unit; a non-detect has none."""
    most = results["parameter"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    kept = [name for name in most.index[:_MOST_PARAMETERS] if name not in ("sample_id", "geometry")]
    rows = results[results["parameter"].isin(kept) & (results["qualifier"] != "<")]
    wide = rows.groupby(["sample_id", "parameter"])["value"].last().unstack("parameter")  # noqa: PD010
    return wide.reindex(columns=kept).astype("float64").rename_axis(columns=None)


def _written(results: pd.DataFrame) -> pd.Series:
    """Return every result of a sample as one line of text, non-detects with their limit."""
    words = {name: word.en for name, word in parameters().items()}
    limit = results["detection_limit"] if "detection_limit" in results else pd.Series(np.nan, index=results.index)
    is_below = results["qualifier"] == "<"
    sign = results["qualifier"].map({"<": "<", ">": ">"}).fillna("")
    number = results["value"].where(~is_below, limit).map(lambda value: f"{value:g}" if pd.notna(value) else "?")
    unit = results["unit"].fillna("").replace("1", "") if "unit" in results else ""
    text = results["parameter"].map(words).fillna(results["parameter"]) + " " + sign + number + (" " + unit)
    return text.str.strip().groupby(results["sample_id"]).agg("; ".join).rename("measured")


def _graded(results: pd.DataFrame) -> pd.DataFrame:
    """Return the worst multiple of a limit in each sample, its parameter and a grade; undecided where nothing is sure."""
    known = results[results["multiple_share"].notna()]
    worst = known.loc[known.groupby("sample_id")["multiple_share"].idxmax()].set_index("sample_id")
    verdict = results["verdict"] if "verdict" in results else pd.Series(None, index=results.index, dtype="str")
    grade = pd.Series(
        np.array(_GRADES, dtype=object)[np.searchsorted(_TIMES, worst["multiple_share"])], index=worst.index
    )
    unsure = set(results.loc[verdict == "undecided", "sample_id"])
    names = [name for name in worst.index if name in unsure and grade[name] == "met"]
    grade[names] = "undecided"
    found = pd.DataFrame({"multiple_share": worst["multiple_share"], "worst": worst["parameter"], "grade": grade})
    only = sorted(unsure - set(found.index))
    more = pd.DataFrame(
        {"multiple_share": np.nan, "worst": None, "grade": "undecided"}, index=pd.Index(only, dtype="str")
    )
    return (pd.concat([found, more]) if only else found).astype({"worst": "str", "grade": "str"})


def _kind_of(table: gpd.GeoDataFrame) -> Kind:
    kinds = set(table.geometry[table.geometry.notna()].geom_type)
    if kinds and kinds <= {"LineString", "MultiLineString"}:
        return "lines"
    return "polygons" if kinds and kinds <= {"Polygon", "MultiPolygon"} else "points"
