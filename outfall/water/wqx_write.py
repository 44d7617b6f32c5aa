"""How samples and results leave as a WQX 3.0 table that any reader of the Water Quality Portal understands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.coordinates import to_lonlat
from outfall.errors import Problem, TableError
from outfall.tables import contract
from outfall.water.wqx_names import ABOVE, ACTIVITY_TYPES, BELOW, EXTRA, characteristic_of, column_names

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["write_wqx"]

# A spreadsheet would run these; one apostrophe goes in front and comes off again on reading.
_LIVE = re.compile(r"^[\s']*[=+\-@\t\r＝＋－＠﹢﹣−]")
_UNITS = {"degC": "deg C", "1": "std units", "1/L": "#/L", "%": "% saturatn"}
_OF_SAMPLES = ("geometry", "sample_id", "taken_at", "point_name", "note", "source_ref")
_OF_RESULTS = (
    "result_id",
    "sample_id",
    "parameter",
    "qualifier",
    "value",
    "unit",
    "detection_limit",
    "quantitation_limit",
    "analysed_at",
    "source_ref",
)


def write_wqx(samples: gpd.GeoDataFrame, results: pd.DataFrame, path: Path | str) -> Path:
    """Write samples and results as a WQX 3.0 table (CSV), one row per result.

    Values are written in our canonical units, non-detects without a value and with their limit. What WQX has no column
    for (relative uncertainty, the outfall's own id …) travels in columns that begin with ``outfall_``, so that
    read_wqx gives the same tables back; other readers pass over them.

    Parameters
    ----------
    samples : GeoDataFrame, n rows
        Contract ``samples``. Not changed.
    results : DataFrame, m rows
        Contract ``results``. Not changed.
    path : path
        Where to; an existing file is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TableError
        Results of samples that are not in the samples.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.tables import empty
    >>> write_wqx(empty("samples"), empty("results"), pathlib.Path(tempfile.mkdtemp()) / "out.csv").name
    'out.csv'
    """
    strangers = sorted(set(results["sample_id"].astype(str)) - set(samples["sample_id"].astype(str)))
    if strangers:
        problem = Problem(
            "sample_id (样品编号)", f"{', '.join(strangers[:3])} not in the samples", "give their samples too"
        )
        msg = f"results: {len(strangers)} samples are missing"
        raise TableError(msg, [problem])
    left = _sample_cells(samples).set_index("Activity_ActivityIdentifier", drop=False)
    right = _result_cells(results)
    rest = [name for name in left["Activity_ActivityIdentifier"] if name not in set(right["sample"])]
    right = pd.concat([right, pd.DataFrame({"sample": rest}, dtype="object")], ignore_index=True)
    frame = pd.concat([left.loc[right["sample"]].reset_index(drop=True), right.drop(columns="sample")], axis=1)
    order = [wqx3 for wqx3, _ in column_names().values() if wqx3 in frame.columns]
    frame = frame[[*order, *sorted(column for column in frame.columns if column not in order)]]
    texts = frame.astype("object").where(frame.notna(), "")
    texts = texts.map(
        lambda cell: f"'{cell}" if isinstance(cell, str) and _LIVE.match(cell) and not _is_number(cell) else cell
    )
    target = Path(path)
    texts.to_csv(target, index=False, encoding="utf-8", lineterminator="\n")
    return target


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sample_cells(samples: gpd.GeoDataFrame) -> pd.DataFrame:
    out = pd.DataFrame({"Activity_ActivityIdentifier": samples["sample_id"].astype(str).to_numpy()}, dtype="object")
    kind = (
        samples["kind"].astype("object").fillna("routine")
        if "kind" in samples.columns
        else pd.Series("routine", index=samples.index)
    )
    out["Activity_TypeCode"] = kind.map(ACTIVITY_TYPES).to_numpy()
    out["Activity_Media"] = "Water"
    out["Activity_StartDate"], out["Activity_StartTime"], out["Activity_StartTimeZone"] = _day_and_clock(
        samples["taken_at"]
    )
    for heading, names in (
        ("Location_Identifier", ("outfall_id", "source_id", "reach_id", "point_name")),
        ("Location_Name", ("point_name",)),
        ("Activity_Comment", ("note",)),
    ):
        cells = pd.Series(None, index=samples.index, dtype="object")
        for name in names:
            cells = cells.fillna(samples[name].astype("object")) if name in samples.columns else cells
        out[heading] = cells.to_numpy()
    if "geometry" in samples.columns and not samples.geometry.isna().all():
        places = to_lonlat(samples).geometry
        out["Location_Longitude"], out["Location_Latitude"] = places.x.to_numpy(), places.y.to_numpy()
        out["Location_HorzCoordReferenceSystemDatum"] = "WGS84"
    return _with_extras(out, samples, "samples", _OF_SAMPLES)


def _result_cells(results: pd.DataFrame) -> pd.DataFrame:
    out = pd.DataFrame({"sample": results["sample_id"].astype(str).to_numpy()}, dtype="object")
    names = [characteristic_of(name) for name in results["parameter"]]
    out["Result_MeasureIdentifier"] = results["result_id"].to_numpy(dtype=object)
    out["Result_Characteristic"], out["Result_MethodSpeciation"] = (
        [name for name, _ in names],
        [said for _, said in names],
    )
    fraction = (
        results["fraction"].astype("object") if "fraction" in results.columns else pd.Series(None, index=results.index)
    )
    out["Result_SampleFraction"] = fraction.map(
        {"total": "Total", "dissolved": "Dissolved", "suspended": "Suspended"}
    ).to_numpy()
    out["Result_ResultDetectionCondition"] = results["qualifier"].map({"<": BELOW, ">": ABOVE}).to_numpy(dtype=object)
    units = results["unit"].map(lambda unit: _UNITS.get(unit, unit)).to_numpy(dtype=object)
    out["Result_Measure"], out["Result_MeasureUnit"] = _numbers(results["value"]), units
    for slot, column, kind in (
        ("A", "detection_limit", "Method Detection Level"),
        ("B", "quantitation_limit", "Lower Quantitation Limit"),
    ):
        limits = _numbers(results[column]) if column in results.columns else np.full(len(results), "", dtype=object)
        there = limits != ""
        out[f"DetectionLimit_Type{slot}"] = np.where(there, kind, "")
        out[f"DetectionLimit_Measure{slot}"] = limits
        out[f"DetectionLimit_MeasureUnit{slot}"] = np.where(there, units, "")
    if "analysed_at" in results.columns:
        moments = _day_and_clock(results["analysed_at"])
        for part, cells in zip(("Date", "Time", "TimeZone"), moments, strict=True):
            out[f"LabInfo_AnalysisStart{part}"] = cells
    return _with_extras(out, results, "results", _OF_RESULTS)


def _with_extras(out: pd.DataFrame, table: pd.DataFrame, name: str, own: tuple[str, ...]) -> pd.DataFrame:
    """Return the cells with columns of the table that WQX has none for; those of results win where both have one."""
    for column in table.columns:
        if column in own or table[column].isna().all():
            continue
        shown = "sample_method" if (name, column) == ("samples", "method") else column
        if name == "results" and column in contract("samples").columns and column != "method":
            continue
        cells = table[column]
        is_real = pd.api.types.is_float_dtype(cells)
        out[f"{EXTRA}{shown}"] = (
            _numbers(cells) if is_real else cells.astype("object").where(cells.notna(), "").astype(str).to_numpy()
        )
    return out


def _numbers(values: pd.Series) -> np.ndarray:
    return np.array(["" if np.isnan(number) else repr(float(number)) for number in pd.to_numeric(values)], dtype=object)


def _day_and_clock(times: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    stamps = pd.to_datetime(times, utc=True)
    there = stamps.notna()
    day = stamps.dt.strftime("%Y-%m-%d").where(there, "")
    clock = stamps.map(lambda stamp: stamp.time().isoformat() if pd.notna(stamp) else "")
    return day.to_numpy(dtype=object), clock.to_numpy(dtype=object), np.where(there, "UTC", "").astype(object)
