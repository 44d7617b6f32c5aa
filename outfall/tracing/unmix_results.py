"""Which results speak of which site, as logarithms with an error, in one unit per parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, TraceError
from outfall.tables import scale_to_canonical
from outfall.tracing.unmix_model import Data
from outfall.units import find_unit
from outfall.vocabulary import parameters as known_parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["pick_parameters", "site_data"]

_NEEDED = ("sample_id", "parameter", "qualifier", "value")
_NOT_WATER = ("field_blank", "trip_blank", "spike")


def pick_parameters(results: pd.DataFrame, parameters: Sequence[str] | None) -> list[str]:
    """Return the parameters to unmix, in the order asked for, else by name.

    Raises
    ------
    TraceError
        A column is missing, or nothing was measured of a parameter asked for.
    """
    lacking = [name for name in _NEEDED if name not in results.columns]
    if lacking:
        msg = "unmix: results"
        raise TraceError(msg, [Problem(name, "is not a column", "read them with read_results") for name in lacking])
    measured = sorted({str(name) for name in results["parameter"]})
    if parameters is None:
        return measured
    unknown = [str(name) for name in parameters if name not in measured]
    if unknown:
        msg = "unmix: parameters"
        raise TraceError(
            msg, [Problem("parameters", f"nothing was measured of {', '.join(unknown)}", f"measured: {measured}")]
        )
    return [str(name) for name in parameters]


def site_data(
    results: pd.DataFrame,
    samples: pd.DataFrame,
    site: NDArray[np.int64],
    parameter: str,
    *,
    sigma_ln: float,
) -> tuple[Data, str, dict[int, list[str]]]:
    """Return the results of one parameter as data, their unit, and the rows each site's results came from.

    Parameters
    ----------
    results, samples : DataFrame
        Contracts; results of other samples, of blanks and spikes are left out.
    site : ndarray of int
        Site of each sample.
    parameter : str
        Which.
    sigma_ln : float
        Relative error of a result that has none.

    Returns
    -------
    Data, str, dict
        Sorted, so that the order of rows does not matter.

    Raises
    ------
    TraceError
        A measured value is not above 0, or a non-detect has no limit.
    """
    water = samples if "kind" not in samples.columns else samples[~samples["kind"].isin(_NOT_WATER)]
    number = pd.Series(site, index=samples["sample_id"].astype(str).to_numpy())
    number = number[number.index.isin(water["sample_id"].astype(str))]
    rows = pd.DataFrame(results)[(results["parameter"] == parameter).to_numpy()]
    rows = rows.assign(_site=rows["sample_id"].astype(str).map(number)).dropna(subset=["_site"])
    factor, unit = _factors(rows, parameter)
    value = pd.to_numeric(rows["value"]).to_numpy(dtype=float) * factor
    below, above = (rows["qualifier"] == "<").to_numpy(), (rows["qualifier"] == ">").to_numpy()
    limit = value.copy()
    if "detection_limit" in rows.columns:
        written = pd.to_numeric(rows["detection_limit"]).to_numpy(dtype=float) * factor
        limit = np.where(np.isfinite(written), written, value)
    number_of = np.where(below, limit, value)
    _check(rows, number_of, parameter)
    sigma = np.full(len(rows), sigma_ln)
    if "sigma_share" in rows.columns:
        own = pd.to_numeric(rows["sigma_share"]).to_numpy(dtype=float)
        sigma = np.where(np.isfinite(own), own, sigma_ln)
    refs = (rows["source_ref"] if "source_ref" in rows.columns else rows["sample_id"]).astype(str).to_numpy()
    sites = rows["_site"].to_numpy(dtype=np.int64)
    with np.errstate(divide="ignore"):
        logs = np.log(number_of)
    order = np.lexsort((refs, sigma, logs, sites))
    censored = np.where(below, -1, np.where(above, 1, 0)).astype(np.int64)
    found: dict[int, list[str]] = {}
    for at in order.tolist():
        found.setdefault(int(sites[at]), []).append(refs[at])
    return Data(sites[order], logs[order], censored[order], sigma[order]), unit, found


def _factors(rows: pd.DataFrame, parameter: str) -> tuple[NDArray[np.float64], str]:
    """Return what brings each row to one unit, and that unit."""
    if "unit" not in rows.columns or rows.empty:
        return np.ones(len(rows)), ""
    units = rows["unit"].fillna("").astype(str)
    known = known_parameters().get(parameter)
    target = known.unit if known is not None else min(units)
    factor = np.ones(len(rows))
    problems = []
    for unit in sorted(set(units)):
        if unit == target:
            continue
        if known is not None and find_unit(unit) is not None:
            scale, _ = scale_to_canonical(parameter, unit)
            factor[(units == unit).to_numpy()] = scale
        else:
            problems.append(Problem("unit", f"{unit!r} is not {target!r}", "bring the results to one unit"))
    if problems:
        msg = f"unmix: {parameter}"
        raise TraceError(msg, problems)
    return factor, str(target)


def _check(rows: pd.DataFrame, value: NDArray[np.float64], parameter: str) -> None:
    bad = ~(value > 0) | ~np.isfinite(value)
    if bad.any():
        ids = tuple(rows["sample_id"].astype(str)[bad])
        fix = "give a value above 0, or qualifier '<' with a detection limit"
        msg = f"unmix: {parameter}"
        raise TraceError(msg, [Problem("value", "is missing or not above 0", fix, ids)])
