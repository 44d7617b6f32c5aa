"""Which ratio of bands follows a measured property in this basin, and how wrong it is out of sample: fitted, never assumed.

Coloured organic matter, and the more so oxygen demand or nutrients, have no formula that travels: there are no default
coefficients here, only a fit to one's own samples with its leave-one-out error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from outfall.errors import Problem, SceneError
from outfall.scenes.flag_field import is_usable
from outfall.scenes.scene import ROLES, grid_of, taken_at

if TYPE_CHECKING:
    import geopandas as gpd
    from numpy.typing import NDArray

__all__ = ["Calibration", "fit_ratio", "match_pixels"]

_LEAST_SAMPLES = 8
_WITHIN_H = 24.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """A ratio of two bands fitted to samples: value = factor x ratio ** power.

    Parameters
    ----------
    top, below : str
        Roles of the two bands.
    value : str
        Name of what was measured.
    factor, power : float
        Coefficients, in units of the samples.
    samples : int
        How many were used.
    error : float
        Root mean square error out of sample, each sample predicted from the others, in units of the samples.
    skill_share : float
        Share of the variance explained out of sample; 0 or less says the mean of the samples is as good.
    ratio_range : (float, float)
        Ratios seen; beyond them there is no value.
    quantity : str
        Quantity of the bands it was fitted on.
    """

    top: str
    below: str
    value: str
    factor: float
    power: float
    samples: int
    error: float
    skill_share: float
    ratio_range: tuple[float, float]
    quantity: str

    def apply(self, scene: xr.Dataset, *, anyway: bool = False) -> xr.DataArray:
        """Return the fitted property over a scene.

        Parameters
        ----------
        scene : Dataset
            With both bands, of the quantity it was fitted on.
        anyway : bool, default False
            Apply a fit that is no better than the mean of its samples.

        Returns
        -------
        DataArray
            ``float32``; NaN where the ratio was never seen in the samples.

        Raises
        ------
        SceneError
            A band is missing, the quantity differs, or the fit has no skill.
        """
        problems = [Problem(role, "no such band in the scene") for role in (self.top, self.below) if role not in scene]
        if scene.attrs.get("quantity") != self.quantity:
            problems.append(Problem("quantity", f"{scene.attrs.get('quantity')!r}; fitted on {self.quantity!r}"))
        if self.skill_share <= 0 and not anyway:
            problems.append(
                Problem(
                    "skill",
                    f"{self.skill_share:.2f}: no better out of sample than the mean",
                    "take other bands or more samples, or pass anyway=True",
                )
            )
        if problems:
            msg = f"{self.value} cannot be computed from this scene"
            raise SceneError(msg, problems)
        above = np.asarray(scene[self.below].to_numpy(), float)
        ratio = np.divide(
            np.asarray(scene[self.top].to_numpy(), float), above, out=np.full(above.shape, np.nan), where=above > 0
        )
        seen = (ratio >= self.ratio_range[0]) & (ratio <= self.ratio_range[1])
        values = np.where(seen, self.factor * np.power(np.where(seen, ratio, 1.0), self.power), np.nan)
        attrs = {
            "long_name": self.value,
            "cite": f"fitted to {self.samples} samples of this basin",
            "error": self.error,
            "is_verified": 0,
        }
        return xr.DataArray(
            values.astype(np.float32),
            coords={key: scene.coords[key] for key in ("y", "x")},
            dims=("y", "x"),
            attrs=attrs,
        )


def match_pixels(
    samples: gpd.GeoDataFrame, scene: xr.Dataset, *, water: object = None, side_px: int = 3, within_h: float = _WITHIN_H
) -> pd.DataFrame:
    """Return what each band says at each sample: the mean of usable water pixels about it, near in time.

    Parameters
    ----------
    samples : GeoDataFrame, n rows, Point, any CRS
        With ``taken_at`` where the scene knows its moment.
    scene : Dataset
        A scene.
    water : bool array, rows x columns, optional
        Pure water; all usable pixels by default.
    side_px : int, default 3
        Side of the window.
    within_h : float, default 24
        A sample farther from the scene in time is not matched.

    Returns
    -------
    DataFrame, n rows
        One column per band role, ``pixels``, ``away_h`` and ``reason`` (empty where matched); the index of the samples.

    Raises
    ------
    SceneError
        ``taken_at`` of a sample has no time zone.
    """
    grid = grid_of(scene)
    moment = taken_at(scene)
    times = samples["taken_at"] if "taken_at" in samples else pd.Series(pd.NaT, index=samples.index)
    if times.notna().any() and not isinstance(times.dtype, pd.DatetimeTZDtype):
        msg = "samples: taken_at has no time zone; say it with .dt.tz_localize(...)"
        raise SceneError(msg)
    away_h = (
        (times - moment).abs().dt.total_seconds() / 3600
        if times.notna().any() and pd.notna(moment)
        else pd.Series(np.nan, index=samples.index)
    )
    usable = is_usable(np.asarray(scene["flags"].to_numpy())) & (True if water is None else np.asarray(water, bool))
    bands = [str(role) for role in scene.data_vars if str(role) in ROLES]
    points = samples.geometry.to_crs(grid.crs)
    back, half = ~grid.transform, side_px // 2
    rows = []
    for point, hours in zip(points, away_h, strict=True):
        row: dict[str, float | str] = {
            **dict.fromkeys(bands, np.nan),
            "pixels": 0,
            "away_h": float(hours),
            "reason": "",
        }
        rows.append(row)
        column, line = (back.a * point.x + back.b * point.y + back.c, back.d * point.x + back.e * point.y + back.f)
        part = (
            slice(max(0, int(line) - half), max(0, int(line) + half + 1)),
            slice(max(0, int(column) - half), max(0, int(column) + half + 1)),
        )
        here = usable[part]
        if hours > within_h:
            row["reason"] = f"{hours:.0f} h from the scene"
        elif not here.any():
            row["reason"] = "no usable water pixel"
        else:
            row |= {band: float(np.nanmean(scene[band].to_numpy()[part][here])) for band in bands} | {
                "pixels": int(here.sum())
            }
    return pd.DataFrame(rows, index=samples.index).astype({"reason": "str"})


def fit_ratio(matched: pd.DataFrame, values: pd.Series, *, top: str, below: str, quantity: str) -> Calibration:
    """Return a power law of a band ratio fitted to samples, with its error out of sample.

    Parameters
    ----------
    matched : DataFrame, n rows
        Bands by role, as from :func:`match_pixels`.
    values : Series, n rows
        What was measured, above 0. A non-detect has no value and is left out: a fit to detected values alone is biased where
        many are missing, so at most a third may be.
    top, below : str
        Roles of the bands.
    quantity : str
        Quantity of the bands.

    Returns
    -------
    Calibration
        Fitted on logarithms; the factor holds Duan's correction for turning back.

    Raises
    ------
    SceneError
        Fewer than eight usable samples, too many non-detects, or ratios that are all alike.

    Examples
    --------
    >>> bands = pd.DataFrame({"green": np.linspace(0.02, 0.08, 12), "red": 0.03})
    >>> fit = fit_ratio(bands, 2.0 * (bands["green"] / bands["red"]) ** 1.5, top="green", below="red", quantity="rho_w")
    >>> round(fit.factor, 3), round(fit.power, 3), fit.samples
    (2.0, 1.5, 12)
    """
    ratio = matched[top].to_numpy(float) / np.where(matched[below] > 0, matched[below], np.nan)
    known = np.isfinite(ratio) & (ratio > 0)
    measured = values.to_numpy(dtype=float, na_value=np.nan)
    used = known & np.isfinite(measured) & (measured > 0)
    missing = int((known & ~used).sum())
    if used.sum() < _LEAST_SAMPLES or np.ptp(np.log(ratio[used])) < 1e-9:
        msg = f"{values.name}: {int(used.sum())} usable samples with different ratios; at least {_LEAST_SAMPLES} are needed"
        raise SceneError(msg)
    if missing > used.sum() / 2:
        msg = f"{values.name}: {missing} of {missing + int(used.sum())} matched samples are below detection; a fit to the others would be biased"
        raise SceneError(msg)
    across, up = np.log(ratio[used]), np.log(measured[used])
    power, level, smear = _fit(across, up)
    error, skill = _out_of_sample(across, measured[used])
    seen = (float(ratio[used].min()), float(ratio[used].max()))
    return Calibration(
        top,
        below,
        str(values.name or "value"),
        float(np.exp(level) * smear),
        power,
        int(used.sum()),
        error,
        skill,
        seen,
        quantity,
    )


def _fit(across: NDArray[np.float64], up: NDArray[np.float64]) -> tuple[float, float, float]:
    power, level = np.polyfit(across, up, 1)
    return float(power), float(level), float(np.mean(np.exp(up - level - power * across)))


def _out_of_sample(across: NDArray[np.float64], measured: NDArray[np.float64]) -> tuple[float, float]:
    """Return the error and the skill when each sample is predicted from the others, against the mean of the others."""
    told, plain = np.empty(len(measured)), np.empty(len(measured))
    for number in range(len(measured)):
        others = np.arange(len(measured)) != number
        power, level, smear = _fit(across[others], np.log(measured[others]))
        told[number] = np.exp(level + power * across[number]) * smear
        plain[number] = measured[others].mean()
    error = float(np.sqrt(np.mean((told - measured) ** 2)))
    return error, float(1 - error**2 / np.mean((plain - measured) ** 2))
