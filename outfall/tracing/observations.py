"""Which results speak of which outfall or source, as numbers a likelihood can use.

A non-detect stays what it is: a value somewhere below its detection limit. It never becomes a number.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.tables import empty, scale_to_canonical
from outfall.units import find_unit
from outfall.vocabulary import parameters, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Analyte", "analytes", "find_flows", "match_results"]

_NOT_WATER = {"field_blank", "trip_blank", "spike"}
_NEAR_M = 30.0
_COLUMNS = ["about", "about_id", "visit", "parameter", "value", "value_ln", "censored", "sigma", "taken_at", "refs"]


@dataclass(frozen=True, slots=True)
class Analyte:
    """How one parameter varies: between sources of one kind, and within one source; natural log unless linear."""

    name: str
    is_linear: bool
    between_sd: float
    within_sd: float
    is_verified: bool


@cache
def analytes() -> dict[str, Analyte]:
    """Return the parameters a signature can use; others (temperature, oxygen …) change on the way.

    Examples
    --------
    >>> analytes()["ph"].is_linear, "temperature" in analytes()
    (True, False)
    """
    text = files("outfall.tracing").joinpath("analytes.csv").read_text(encoding="utf-8")
    return {
        row["parameter"]: Analyte(
            row["parameter"],
            row["scale"] == "linear",
            float(row["between_sd"]),
            float(row["within_sd"]),
            row["is_verified"] == "yes",
        )
        for row in csv.DictReader(text.splitlines())
    }


def match_results(
    results: pd.DataFrame | None,
    samples: pd.DataFrame | None,
    outfalls: gpd.GeoDataFrame,
    sources: gpd.GeoDataFrame,
    *,
    laboratory_sd: float = 0.1,
    field_sd: float = 0.3,
    linear: Mapping[str, bool] | None = None,
) -> pd.DataFrame:
    """Return one row per outfall or source, visit (day) and parameter: what was measured there.

    A result finds its outfall by id, code, or name, then by the position of its sample; samples win over what the
    laboratory sheet says. Blanks and spikes are left out; duplicates of a day are averaged in the logarithm.

    Parameters
    ----------
    results : DataFrame or None
        Contract ``results``, checked. Units are brought to the canonical ones.
    samples : DataFrame or None
        Contract ``samples``, checked.
    outfalls, sources : GeoDataFrame
        In one metric CRS.
    laboratory_sd, field_sd : float
        Relative standard deviation where a result has none.
    linear : mapping of str to bool, optional
        Parameters wanted, and whether each is used as it is instead of its logarithm; those of `analytes` by default.

    Returns
    -------
    DataFrame
        ``about`` ("outfall" or "source"), ``about_id``, ``visit``, ``parameter``, ``value`` (canonical; the detection
        limit of a non-detect), ``value_ln`` (linear for pH), ``censored`` (-1 below, 0 measured, 1 above), ``sigma``,
        ``taken_at``, ``refs``; sorted, so that the order of the input does not matter.
    """
    if results is None or not len(results):
        return pd.DataFrame(columns=_COLUMNS)
    rows = _join_samples(results, samples)
    wanted = {name: known.is_linear for name, known in analytes().items()} if linear is None else dict(linear)
    rows = rows[~rows["sample_kind"].isin(_NOT_WATER) & rows["parameter"].isin(list(wanted))]
    rows = _name_places(rows, outfalls, sources)
    rows = _to_numbers(rows, laboratory_sd, field_sd, wanted)
    return _average(rows, wanted)


def find_flows(samples: pd.DataFrame | None, outfalls: gpd.GeoDataFrame, sources: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the flow measured at each outfall: geometric mean of its samples.

    Parameters
    ----------
    samples : DataFrame or None
        Contract ``samples``, checked.
    outfalls, sources : GeoDataFrame
        In one metric CRS.

    Returns
    -------
    DataFrame
        ``outfall_id``, ``flow_m3s``, ``refs``; outfalls without a positive flow have no row.
    """
    blank = pd.DataFrame({"outfall_id": [], "flow_m3s": [], "refs": []}).astype({"outfall_id": "str", "refs": "str"})
    if samples is None or not len(samples):
        return blank
    rows = _name_places(pd.DataFrame(samples).assign(position=_points(samples)), outfalls, sources)
    rows = rows[(rows["about"] == "outfall") & (rows["flow_m3s"] > 0)].sort_values("sample_id")
    if rows.empty:
        return blank
    groups = rows.assign(log=np.log(rows["flow_m3s"])).groupby("about_id", sort=True)
    flow = np.exp(groups["log"].mean())
    refs = groups["source_ref"].agg(lambda found: ";".join(sorted(set(found))))
    return pd.DataFrame({"outfall_id": flow.index, "flow_m3s": flow.to_numpy(), "refs": refs.to_numpy()})


def _join_samples(results: pd.DataFrame, samples: pd.DataFrame | None) -> pd.DataFrame:
    """Return the results with what their samples say about place, time and kind; the sample wins."""
    taken = samples if samples is not None and len(samples) else empty("samples")
    own = pd.DataFrame(taken)[
        ["sample_id", "kind", "method", "outfall_id", "source_id", "point_name", "taken_at", "source_ref"]
    ]
    own = own.assign(position=_points(taken))
    both = pd.DataFrame(results).merge(own, on="sample_id", how="left", suffixes=("", "_sample"))
    has_place = both[["outfall_id_sample", "source_id_sample", "point_name_sample"]].notna().any(axis=1)
    for name in ("outfall_id", "source_id", "point_name"):
        both[name] = both[f"{name}_sample"].where(has_place, both[name])
    for name in ("method", "taken_at"):
        both[name] = both[f"{name}_sample"].where(both[f"{name}_sample"].notna(), both[name])
    return both.rename(columns={"kind": "sample_kind"})


def _points(frame: pd.DataFrame) -> pd.Series:
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None:
        return pd.Series(list(frame.geometry), index=frame.index, dtype=object)
    return pd.Series([None] * len(frame), index=frame.index, dtype=object)


def _name_places(rows: pd.DataFrame, outfalls: gpd.GeoDataFrame, sources: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the rows that speak of an outfall or source, with which; the first name that is known decides."""
    at_outfall = _index(outfalls, "outfall_id", ("outfall_id", "code_national", "code_local", "name"))
    at_source = _index(sources, "source_id", ("source_id", "permit_no", "credit_code", "name"))
    about = pd.Series(pd.NA, index=rows.index, dtype="object")
    about_id = about.copy()
    tries = [("outfall_id", at_outfall, "outfall"), ("source_id", at_source, "source")]
    tries += [(name, at_outfall, "outfall") for name in ("point_name", "source_id")]
    tries += [(name, at_source, "source") for name in ("point_name", "outfall_id")]
    for column, index, what in tries:
        found = rows[column].map(lambda text, index=index: index.get(plain(text)), na_action="ignore")
        new = about_id.isna() & found.notna()
        about_id[new], about[new] = found[new], what
    lost = about_id.isna() & rows["position"].notna()
    if lost.any() and len(outfalls):
        near = _nearest(rows.loc[lost, "position"], outfalls)
        about_id[near.index], about[near.index] = near, "outfall"
    return rows.assign(about=about, about_id=about_id)[about_id.notna().to_numpy()]


def _index(frame: pd.DataFrame, key: str, columns: tuple[str, ...]) -> dict[str, str]:
    """Return the key of every text that names exactly one row; a text of two rows names none."""
    index: dict[str, str] = {}
    for column in columns:
        if column not in frame.columns:
            continue
        found = frame[[key]].assign(text=frame[column].map(plain, na_action="ignore")).dropna()
        found = found[~found["text"].duplicated(keep=False)]
        for text, value in zip(found["text"], found[key], strict=True):
            index.setdefault(str(text), str(value))
    return index


def _nearest(points: pd.Series, outfalls: gpd.GeoDataFrame) -> pd.Series:
    """Return the id of the outfall a sample was taken at, where exactly one is near. Points are in outfalls' CRS."""
    ordered = outfalls.sort_values("outfall_id")
    tree = ordered.sindex
    at, found = tree.nearest(list(points), max_distance=_NEAR_M, return_all=False)
    return pd.Series(ordered["outfall_id"].to_numpy()[found], index=points.index[at], dtype=object)


def _to_numbers(rows: pd.DataFrame, laboratory_sd: float, field_sd: float, wanted: Mapping[str, bool]) -> pd.DataFrame:
    """Return the rows with canonical numbers; rows without any (no value and no limit) are left out."""
    factor, offset = np.ones(len(rows)), np.zeros(len(rows))
    pairs = rows[["parameter", "unit"]].drop_duplicates()
    for parameter, unit in pairs.itertuples(index=False):
        if find_unit(unit) is not None and unit != parameters()[parameter].unit:
            mask = ((rows["parameter"] == parameter) & (rows["unit"] == unit)).to_numpy()
            factor[mask], offset[mask] = scale_to_canonical(parameter, unit)
    linear = rows["parameter"].map(wanted).to_numpy(dtype=bool)
    measured = rows["value"].to_numpy(dtype=float) * factor + offset
    limit = rows["detection_limit"].to_numpy(dtype=float) * factor
    below = (rows["qualifier"] == "<").to_numpy() | (~linear & ~(measured > 0))
    censored = np.where(below, -1, np.where((rows["qualifier"] == ">").to_numpy(), 1, 0))
    value = np.where(below, np.where(limit > 0, limit, np.where(measured > 0, measured, np.nan)), measured)
    with np.errstate(invalid="ignore", divide="ignore"):
        value_ln = np.where(linear, value, np.log(value))
    default = np.where((rows["method"] == "field").to_numpy(), field_sd, laboratory_sd)
    sigma = np.where(rows["sigma_share"].notna().to_numpy(), rows["sigma_share"].to_numpy(dtype=float), default)
    visit = rows["taken_at"].dt.strftime("%Y-%m-%d").fillna("")
    numbers = rows.assign(value=value, value_ln=value_ln, censored=censored, sigma=np.maximum(sigma, 0.02), visit=visit)
    return numbers[np.isfinite(value_ln)]


def _average(rows: pd.DataFrame, wanted: Mapping[str, bool]) -> pd.DataFrame:
    """Return one row per place, visit and parameter: measured values averaged, else the lowest limit below."""
    rows = rows.sort_values(["about", "about_id", "visit", "parameter", "result_id"])
    keys = ["about", "about_id", "visit", "parameter"]
    measured = rows.assign(is_measured=rows["censored"] == 0)
    any_measured = measured.groupby(keys)["is_measured"].transform("any")
    kept = measured[~any_measured | measured["is_measured"]]
    below = kept["censored"] == -1
    lowest = kept.assign(low=kept["value_ln"].where(below, -kept["value_ln"])).groupby(keys)["low"].transform("min")
    limits = kept.assign(value_ln=np.where(below, lowest, -lowest))
    kept = kept.assign(value_ln=kept["value_ln"].where(kept["is_measured"], limits["value_ln"]))
    out = kept.groupby(keys, sort=True, as_index=False).agg(
        value_ln=("value_ln", "mean"),
        censored=("censored", "first"),
        sigma=("sigma", "mean"),
        taken_at=("taken_at", "min"),
        refs=("source_ref", lambda found: ";".join(sorted(set(found)))),
    )
    linear = out["parameter"].map(wanted).to_numpy(dtype=bool)
    value = np.where(linear, out["value_ln"], np.exp(np.where(linear, 0.0, out["value_ln"])))
    return out.assign(value=value)[_COLUMNS]
