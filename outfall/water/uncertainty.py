"""How far a result may be from the truth: what the laboratory says, else our default for field and laboratory."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd

__all__ = ["default_uncertainty", "with_sigma"]


def default_uncertainty() -> pd.DataFrame:
    """Return the standard deviations assumed where a result says none.

    Returns
    -------
    DataFrame
        ``parameter`` (``*`` for every other one), ``method``, ``sigma_share`` (relative), ``sigma_least`` (absolute, in
        the canonical unit) and ``is_verified``: none is; they are our default and no standard's rule. Change rows and
        pass the table on.

    Examples
    --------
    >>> default_uncertainty().query("parameter == '*'")[["method", "sigma_share"]].values.tolist()
    [['laboratory', 0.08], ['field', 0.2]]
    """
    return _shipped().copy()


def with_sigma(results: pd.DataFrame, *, defaults: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return results with the standard deviation of each value, its own where it has one.

    Parameters
    ----------
    results : DataFrame, n rows
        Contract ``results``; a row without method counts as laboratory. Not changed.
    defaults : DataFrame, optional
        Like default_uncertainty(); ours by default.

    Returns
    -------
    DataFrame, n rows
        With ``sigma_value`` (in unit; of a non-detect at its limit), ``sigma_share`` filled and ``is_sigma_assumed``.

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"parameter": ["cod"], "method": ["field"], "value": [50.0], "detection_limit": [None]})
    >>> with_sigma(one)[["sigma_value", "is_sigma_assumed"]].values.tolist()
    [[10.0, True]]
    """
    table = _shipped() if defaults is None else defaults
    known = {
        (str(row["parameter"]), str(row["method"])): (float(row["sigma_share"]), float(row["sigma_least"]))
        for row in table.to_dict("records")
    }
    method = results["method"].astype("object").fillna("laboratory") if "method" in results.columns else "laboratory"
    keys = list(zip(results["parameter"], pd.Series(method, index=results.index), strict=True))
    found = [known.get((name, how)) or known.get(("*", how)) or known["*", "laboratory"] for name, how in keys]
    share, least = (np.array([pair[at] for pair in found], dtype=float) for at in (0, 1))
    own = pd.to_numeric(results["sigma_share"]).to_numpy(dtype=float) if "sigma_share" in results.columns else np.nan
    own = np.broadcast_to(own, len(results))
    number = pd.to_numeric(results["value"]).fillna(pd.to_numeric(results["detection_limit"])).to_numpy(dtype=float)
    assumed = np.isnan(own)
    sigma = np.where(assumed, np.maximum(share * np.abs(number), least), own * np.abs(number))
    with np.errstate(divide="ignore", invalid="ignore"):
        filled = np.where(assumed, np.where(number != 0, sigma / np.abs(number), np.nan), own)
    return results.assign(sigma_value=sigma, sigma_share=filled, is_sigma_assumed=assumed)


@cache
def _shipped() -> pd.DataFrame:
    with files(__package__).joinpath("uncertainty.csv").open(encoding="utf-8") as stream:
        frame = pd.read_csv(stream, dtype={"parameter": "str", "method": "str"}, keep_default_na=False)
    return frame.assign(is_verified=frame["is_verified"] == "yes")
