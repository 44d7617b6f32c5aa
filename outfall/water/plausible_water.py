"""What water can hold and conduct: oxygen at its temperature, current through its ions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from outfall.water.checks import Check

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

__all__ = ["check_conductivity", "check_oxygen", "oxygen_saturation_mgl"]

# Algae bring water to twice saturation at noon; more than this is our default for impossible.
_MOST_SATURATION = 2.5
# Charge per mol, g/mol of the form we keep, and conductivity of the ion (uS/cm per meq/L, 25 °C, endless dilution).
_IONS = {
    "sodium": (1, 22.99, 50.1),
    "potassium": (1, 39.098, 73.5),
    "calcium": (2, 40.078, 59.5),
    "magnesium": (2, 24.305, 53.1),
    "ammonia": (1, 14.007, 73.5),
    "chloride": (-1, 35.45, 76.3),
    "sulphate": (-2, 96.06, 80.0),
    "nitrate": (-1, 14.007, 71.4),
    "alkalinity": (-2, 100.087, 44.5),
}
# The other half of the charge conducts at least as badly as this; real water at least this share of the ideal sum.
_LEAST_PARTNER, _LEAST_SHARE = 40.0, 0.65


def oxygen_saturation_mgl(temperature_degc: float) -> float:
    """Return how much oxygen fresh water takes up from air at sea level.

    Parameters
    ----------
    temperature_degc : float, degrees Celsius
        0 to 40.

    Returns
    -------
    float, mg/L
        Benson and Krause's equation.

    Examples
    --------
    >>> round(oxygen_saturation_mgl(20.0), 2), round(oxygen_saturation_mgl(0.0), 2)
    (9.09, 14.62)
    """
    kelvin = temperature_degc + 273.15
    terms = (-139.34411, 1.575701e5, -6.642308e7, 1.243800e10, -8.621949e11)
    return float(np.exp(sum(term / kelvin**power for power, term in enumerate(terms))))


def check_oxygen(rows: pd.DataFrame, least_z: float) -> Iterator[Check]:
    """Return whether oxygen is above what water of the sample's temperature can hold."""
    measured = rows[rows["qualifier"] == "="]
    warm = measured[measured["parameter"] == "temperature"].groupby("sample_id")["value"].median()
    for row in measured[measured["parameter"] == "dissolved_oxygen"].to_dict("records"):
        degrees = float(warm.get(row["sample_id"], np.nan))
        if not 0 <= degrees <= 40:
            continue
        limit = _MOST_SATURATION * oxygen_saturation_mgl(degrees)
        value, sigma = float(row["value"]), float(row["sigma_value"])
        z = (value - limit) / sigma if sigma > 0 else float("nan")
        passed = not (value > limit and not z <= least_z)
        reason = f"{row['sample_id']}: {value:g} mg/L oxygen at {degrees:g} °C, {value / limit * _MOST_SATURATION:.0%} of saturation"
        reason_zh = f"{row['sample_id']}: {degrees:g} ℃ 时溶解氧 {value:g} mg/L, 为饱和值的 {value / limit * _MOST_SATURATION:.0%}"
        ids, samples = [str(row["result_id"])], [str(row["sample_id"])]
        yield Check("oxygen_saturation", "dissolved_oxygen", ids, samples, passed, reason, reason_zh, value, limit, z)


def check_conductivity(rows: pd.DataFrame, least_z: float) -> Iterator[Check]:
    """Return whether the ions found in a sample would conduct more than the water does."""
    measured = rows[(rows["qualifier"] == "=") & rows["parameter"].isin((*_IONS, "conductivity"))]
    for sample, found in measured.groupby("sample_id", sort=True):
        wide = {row["parameter"]: row for row in reversed(found.to_dict("records"))}
        if "conductivity" not in wide or len(wide) < 2:
            continue
        least, sigma = _least_conductivity(wide)
        value, error = float(wide["conductivity"]["value"]), float(wide["conductivity"]["sigma_value"])
        spread = float(np.hypot(sigma, error))
        z = (least - value) / spread if spread > 0 else float("nan")
        passed = not (least > value and not z <= least_z)
        names = ", ".join(sorted(set(wide) - {"conductivity"}))
        reason = f"{sample}: {names} alone conduct at least {least:.0f} uS/cm; {value:g} was measured"
        reason_zh = f"{sample}: 按离子计算电导率不低于 {least:.0f} μS/cm, 实测 {value:g}"
        ids = [str(row["result_id"]) for row in wide.values()]
        yield Check(
            "conductivity_below_ions", "conductivity", ids, [str(sample)], passed, reason, reason_zh, value, least, z
        )


def _least_conductivity(wide: Mapping[str, Mapping[str, object]]) -> tuple[float, float]:
    charge, total, squares = {1: 0.0, -1: 0.0}, 0.0, 0.0
    for name, (valence, mass, conducts) in _IONS.items():
        if name in wide:
            each = abs(valence) / mass
            equivalents = float(str(wide[name]["value"])) * each
            charge[1 if valence > 0 else -1] += equivalents
            total += equivalents * conducts
            sigma = float(str(wide[name]["sigma_value"]))
            squares += ((sigma if np.isfinite(sigma) else 0.0) * each * conducts) ** 2
    total += abs(charge[1] - charge[-1]) * _LEAST_PARTNER
    return _LEAST_SHARE * total, _LEAST_SHARE * float(np.sqrt(squares))
