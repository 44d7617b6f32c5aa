"""What a number of results says together, non-detects included: mean, median, spread and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables import join_ids
from outfall.water.censored import Sample, fit_lognormal, kaplan_meier, order_statistics, possible_means

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["summarise_results", "to_sample"]

Method = Literal["auto", "kaplan_meier", "ros", "lognormal"]
# Our defaults, after the usual advice for censored data: up to half below limits, up to four fifths, many numbers.
_HALF, _MOST, _MANY, _LEAST = 0.5, 0.8, 50, 3
_Z95 = 1.959963984540054
_FIGURES = (
    *("n", "n_below", "n_above", "n_unknown", "mean", "mean_low", "mean_high", "mean_min", "mean_max", "sd"),
    *("median", "median_qualifier", "p90", "p90_qualifier", "method", "is_bound", "reason", "reason_zh", "source_ref"),
)
_NUMBERS = ("mean", "mean_low", "mean_high", "sd", "median", "p90")


def summarise_results(
    results: pd.DataFrame, *, by: Sequence[str] = ("parameter",), method: Method = "auto"
) -> pd.DataFrame:
    """Return statistics of results with non-detects taken for what they are: below their limit.

    No non-detect is replaced by a number. ``auto`` takes Kaplan-Meier where up to half are below limits, regression on
    order statistics where up to four fifths are (the lognormal likelihood from 50 numbers on, or where a value is
    only known to be above), and gives no mean where more are: only what it can be at least and at most.

    Parameters
    ----------
    results : DataFrame, n rows
        Contract ``results``. Not changed.
    by : sequence of str
        Columns that make a group, such as ``("outfall_id", "parameter")``; a column ``fraction`` always divides.
    method : {"auto", "kaplan_meier", "ros", "lognormal"}
        Which estimate.

    Returns
    -------
    DataFrame, one row per group
        The group, unit, counts (``n_unknown`` are non-detects without a limit: they are counted and cannot be used),
        ``mean`` with a 95 % interval (``mean_low``, ``mean_high``), ``mean_min`` and ``mean_max`` (whatever the
        non-detects were), ``sd``, ``median`` and ``p90`` with their qualifiers, ``method``, ``is_bound`` (the mean is
        an upper bound: some mass lies below every measured value), ``reason`` and ``reason_zh``.

    Raises
    ------
    TableError
        A column of ``by`` is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> nan = float("nan")
    >>> few = pd.DataFrame({"parameter": "lead", "unit": "mg/L", "qualifier": ["=", "=", "<"], "value": [1.0, 4.0, nan],
    ...                     "detection_limit": [nan, nan, 2.0], "source_ref": ["a#1", "a#2", "a#3"]})
    >>> summarise_results(few)[["n", "n_below", "mean", "mean_min", "mean_max", "method"]].round(3).values.tolist()
    [[3, 1, 2.0, 1.667, 2.333, 'kaplan_meier']]
    """
    missing = [name for name in by if name not in results.columns]
    if missing:
        known = ", ".join(map(str, results.columns))
        problems = [Problem(name, "is not a column of the results", f"write some of {known}") for name in missing]
        msg = f"results: {len(missing)} column{'s' if len(missing) > 1 else ''} to group by {'are' if len(missing) > 1 else 'is'} missing"
        raise TableError(msg, problems)
    keys = [*dict.fromkeys(by), *(name for name in ("fraction",) if name in results.columns and name not in by)]
    keys += [name for name in ("parameter", "unit") if name in results.columns and name not in keys]
    rows = [
        {**dict(zip(keys, group, strict=True)), **_figures(found, method)}
        for group, found in results.groupby(keys, sort=True, dropna=False)
    ]
    return pd.DataFrame(rows, columns=[*keys, *_FIGURES])


def to_sample(results: pd.DataFrame) -> tuple[Sample, int]:
    """Return the numbers of results and how many say nothing at all.

    Parameters
    ----------
    results : DataFrame, n rows
        qualifier, value and detection_limit.

    Returns
    -------
    Sample
        In rising order, so that the order of rows changes no digit.
    int
        Rows without a number.

    Examples
    --------
    >>> import pandas as pd
    >>> to_sample(pd.DataFrame({"qualifier": ["<"], "value": [None], "detection_limit": [None]}))[1]
    1
    """
    qualifier = results["qualifier"].to_numpy(dtype=object)
    side = np.where(qualifier == "<", -1, np.where(qualifier == ">", 1, 0)).astype(np.int8)
    value, limit = (pd.to_numeric(results[name]).to_numpy(dtype=float) for name in ("value", "detection_limit"))
    number = np.where(side == -1, limit, value)
    known = np.isfinite(number)
    order = np.lexsort((side[known], number[known]))
    return Sample(number[known][order], side[known][order]), int((~known).sum())


def _figures(results: pd.DataFrame, method: Method) -> dict[str, object]:
    sample, unknown = to_sample(results)
    below, above = int((sample.side == -1).sum()), int((sample.side == 1).sum())
    out: dict[str, object] = dict.fromkeys(_FIGURES, np.nan)
    out |= {"n": len(results), "n_below": below + unknown, "n_above": above, "n_unknown": unknown}
    out |= {"median_qualifier": "=", "p90_qualifier": "=", "is_bound": False}
    refs = results["source_ref"].astype(str) if "source_ref" in results.columns else results.index.astype(str)
    out["source_ref"] = f"summarise_results({join_ids(sorted(set(refs)))})"
    if not len(sample.number):
        return out | _said("none", "no number is known", "没有可用数值", unknown)
    out["mean_min"], out["mean_max"] = possible_means(sample)
    chosen = _choose(sample) if method == "auto" else method
    if chosen in ("ros", "lognormal") and (sample.number <= 0).any():
        return out | _said("none", "a lognormal estimate needs positive numbers", "对数正态估计要求正值", unknown)
    if chosen in ("ros", "kaplan_meier") and above:
        return out | _said(
            "none", "values known only to be above need the lognormal estimate", "含大于号的值须用对数正态", unknown
        )
    if chosen == "none":
        share = f"{below} of {len(sample.number)} are below their limits"
        return out | _said(
            "none", f"{share}: too few measured for a mean", f"{below}/{len(sample.number)} 未检出, 不给均值", unknown
        )
    found = {"kaplan_meier": _by_steps, "ros": _by_order, "lognormal": _by_likelihood}[chosen](sample)
    if found is None:
        return out | _said("none", "fewer than two different values were measured", "不同的检出值少于两个", unknown)
    reason = f"{below} of {len(sample.number)} are below their limits"
    return out | found | _said(chosen, reason, f"{below}/{len(sample.number)} 未检出", unknown)


def _choose(sample: Sample) -> str:
    count, detected = len(sample.number), int((sample.side == 0).sum())
    share = 1 - detected / count
    if (sample.side == 1).any():
        return "lognormal" if detected >= _LEAST else "none"
    if share <= _HALF:
        return "kaplan_meier"
    if share > _MOST or detected < _LEAST:
        return "none"
    return "lognormal" if count >= _MANY else "ros"


def _said(method: str, reason: str, reason_zh: str, unknown: int) -> dict[str, object]:
    if unknown:
        reason, reason_zh = (
            f"{reason}; {unknown} without a limit are not used",
            f"{reason_zh}; {unknown} 个无检出限, 未使用",
        )
    return {"method": method, "reason": reason, "reason_zh": reason_zh}


def _by_steps(sample: Sample) -> dict[str, object]:
    places, masses, left = kaplan_meier(sample)
    mean = float((places * masses).sum())
    detected = int((sample.side == 0).sum())
    sd = float(np.sqrt((masses * (places - mean) ** 2).sum() * detected / max(detected - 1, 1)))
    out: dict[str, object] = {"mean": mean, "sd": sd if detected > 1 else np.nan, "is_bound": left > 0}
    out |= _interval(mean, sd / np.sqrt(max(detected, 1)) if detected > 1 else np.nan)
    below = np.cumsum(masses)
    for name, share in (("median", 0.5), ("p90", 0.9)):
        out[name] = float(places[min(int(np.searchsorted(below, share - 1e-12)), len(places) - 1)])
        out[f"{name}_qualifier"] = "<" if share <= left else "="
    return out


def _by_order(sample: Sample) -> dict[str, object] | None:
    made = order_statistics(sample)
    if made is None:
        return None
    mean, sd, detected = float(made.mean()), float(made.std(ddof=1)), int((sample.side == 0).sum())
    median, p90 = (float(number) for number in np.quantile(made, [0.5, 0.9]))
    return {"mean": mean, "sd": sd, "median": median, "p90": p90, **_interval(mean, sd / np.sqrt(detected))}


def _by_likelihood(sample: Sample) -> dict[str, object] | None:
    fit = fit_lognormal(sample)
    if fit is None:
        return None
    mean = float(np.exp(fit.mu + fit.sigma**2 / 2))
    error = np.sqrt(fit.mu_error**2 + (fit.sigma * fit.sigma_error) ** 2 + 2 * fit.sigma * fit.covariance)
    low, high = (float(mean * np.exp(sign * _Z95 * error)) for sign in (-1, 1))
    sd = float(mean * np.sqrt(np.expm1(fit.sigma**2)))
    p90 = float(np.exp(fit.mu + 1.2815515655446004 * fit.sigma))
    return {"mean": mean, "mean_low": low, "mean_high": high, "sd": sd, "median": float(np.exp(fit.mu)), "p90": p90}


def _interval(mean: float, error: float) -> dict[str, object]:
    """Return a 95 % interval that keeps a positive mean positive."""
    if mean > 0:
        return {"mean_low": mean * np.exp(-_Z95 * error / mean), "mean_high": mean * np.exp(_Z95 * error / mean)}
    return {"mean_low": mean - _Z95 * error, "mean_high": mean + _Z95 * error}
