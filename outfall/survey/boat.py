"""Where did a towed sensor see the water change: one sighting per step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from outfall.survey.steps import find_steps
from outfall.survey.track import read_track
from outfall.tables import check, empty
from outfall.vocabulary import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["read_boat"]

# Our defaults (no standard): how long a sonde takes to answer, and how far below its mouth a bank plume meets a keel
# some metres off the bank.
_RESPONSE_S = 5.0
_PLUME_SIGMA_M = 40.0
_SAME_M = 30.0
_STANDING_M = 0.5
_GEOD = pyproj.Geod(ellps="WGS84")
_NOT_PARAMETERS = {"seen_at", "leg", "track_m", "speed_ms", "sigma_m", "source_ref", "geometry"}


def read_boat(
    path: Path | str,
    *,
    tz: str | None = None,
    crs: object = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    step_sigmas: float = 4.0,
) -> gpd.GeoDataFrame:
    r"""Return the places where the water changes along a boat's track, as sightings.

    Each sensor of each continuous leg is searched for sudden changes against its own noise and slow drift; a plume
    that rises and then decays is one step, at its rise. Steps of several sensors, or of several passes, within 30
    metres (or four fixes) are one sighting: the clearest one is named, the others stand in the note. A step says that water changes
    here; whether a known outfall explains it is for ``register`` to say.

    Parameters
    ----------
    path : path
        Log of the sonde; see ``survey.read_track``.
    tz : str, optional
        Zone of times that do not say theirs.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What the coordinates are.
    rename : mapping of str to str, optional
        The file's heading to ``seen_at``, ``lon``, ``lat`` or the name of a parameter.
    constants : mapping of str to object, optional
        Values for columns the log lacks: ``date``, or columns of ``sightings``.
    step_sigmas : float, default 4
        Standard errors by which the water before and behind a step must differ. At 4, fewer than one false step per
        10 km and sensor is to be expected from noise alone; see ``survey.steps``.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4490
        The contract ``sightings`` in the order of the track. ``step_value`` is after less before in the direction of
        travel; ``sigma_m`` joins the receiver, the distance between fixes, the answer of the sensor (5 s) and the
        way of the plume from the bank to the keel (40 m), the last two our defaults.

    Raises
    ------
    ReadError
        The file cannot be read.
    CoordinateError
        The log has no coordinates, or they cannot be what is said.
    TableError
        The log has no time or no sensor.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0, 1, 60)
    >>> rows = [f"2026-04-13 08:{n // 60:02d}:{n % 60:02d}+08:00,{114.3 + n * 2e-5:.6f},30.6,"
    ...         f"{400 + noise[n] + (30 if n >= 40 else 0):.2f}" for n in range(60)]
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "tow.csv"
    >>> _ = file.write_text("\n".join(["time,lon,lat,spcond [uS/cm]", *rows]), encoding="utf-8")
    >>> seen = read_boat(file, crs=4326)
    >>> seen[["sighting_id", "step_parameter"]].values.tolist(), float(seen["step_value"].iloc[0]) > 28
    ([['tow-step1', 'conductivity']], True)
    """
    track = read_track(path, tz=tz, crs=crs, rename=rename, constants=constants)
    given = {name: value for name, value in (constants or {}).items() if name not in ("date", "sigma_m")}
    survey = str(given.get("survey_id", Path(path).stem))
    steps = _merged(_steps(track, step_sigmas))
    if not steps:
        sightings: pd.DataFrame = empty("sightings", crs=4490)
        sightings.attrs.update(track.attrs)
        return gpd.GeoDataFrame(sightings)
    rows = pd.DataFrame(steps).sort_values("track_m", kind="stable").reset_index(drop=True)
    rows["sighting_id"] = [f"{survey}-step{number}" for number in range(1, len(rows) + 1)]
    for column, value in {"platform": "boat", "survey_id": survey, **given}.items():
        if column not in rows.columns:
            rows[column] = value
    points = gpd.GeoSeries(shapely.points(rows["lon"], rows["lat"]), crs=4490)
    table = gpd.GeoDataFrame(rows.drop(columns=["lon", "lat", "others"]), geometry=points)
    sightings = check(table, "sightings", where=survey)
    sightings.attrs.update(track.attrs)
    return gpd.GeoDataFrame(sightings)


def _steps(track: gpd.GeoDataFrame, step_sigmas: float) -> list[dict[str, object]]:
    """Return every step of every sensor on every leg, in the order of the track."""
    found: list[dict[str, object]] = []
    names = [name for name in track.columns if name not in _NOT_PARAMETERS]
    for _, leg in track.groupby("leg", sort=True):
        # Readings taken while the boat lies still are one reading.
        spot = np.floor((leg["track_m"] - leg["track_m"].iloc[0]) / _STANDING_M)
        moving = leg.groupby(spot.to_numpy(), sort=True)
        rows = leg.loc[moving["track_m"].idxmin()]
        along = rows["track_m"].to_numpy(dtype=float)
        for name in names:
            values = moving[name].median().to_numpy(dtype=float)
            found += [
                _row(rows, step.at, along)
                | {"step_parameter": name, "step_value": step.size, "step_sigmas": step.sigmas}
                for step in find_steps(along, values, step_sigmas=step_sigmas)
            ]
    return found


def _row(rows: gpd.GeoDataFrame, at: int, along: NDArray[np.float64]) -> dict[str, object]:
    """Return where and when between two fixes the water changed, and how sure that is."""
    before, after = rows.iloc[at - 1], rows.iloc[at]
    spacing = float(along[at] - along[at - 1])
    seconds = max((after["seen_at"] - before["seen_at"]).total_seconds(), 1e-3)
    response = min(spacing / seconds, 5.0) * _RESPONSE_S
    parts = (float(after["sigma_m"]), spacing, response, _PLUME_SIGMA_M)
    return {
        "lon": (before.geometry.x + after.geometry.x) / 2,
        "lat": (before.geometry.y + after.geometry.y) / 2,
        "seen_at": after["seen_at"],
        "track_m": float(along[at - 1] + along[at]) / 2,
        "sigma_m": float(np.sqrt(np.sum(np.square(parts)))),
        "same_m": max(_SAME_M, 4 * spacing),
        "source_ref": after["source_ref"],
    }


def _merged(steps: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return one row per place: the clearest step, and the others there in its note."""
    kept: list[dict[str, object]] = []
    for step in sorted(steps, key=lambda row: (-float(row["step_sigmas"]), row["track_m"], row["step_parameter"])):  # type: ignore[arg-type]
        near = [(_apart_m(step, other), number) for number, other in enumerate(kept)]
        near = [pair for pair in near if pair[0] <= max(_real(step["same_m"]), _real(kept[pair[1]]["same_m"]))]
        if near:
            others = kept[min(near)[1]]["others"]
            assert isinstance(others, list)
            others.append(step)
        else:
            kept.append({**step, "others": []})
    for row in kept:
        others = row["others"]
        assert isinstance(others, list)
        row["note"] = "; ".join(_words(step) for step in (row, *others))
        del row["same_m"]
    return kept


def _words(step: Mapping[str, object]) -> str:
    found = parameters()[str(step["step_parameter"])]
    unit = "" if found.unit == "1" else f" {found.unit}"
    return f"{found.zh} {found.en} {_real(step['step_value']):+.3g}{unit} ({_real(step['step_sigmas']):.1f}σ)"


def _apart_m(one: Mapping[str, object], two: Mapping[str, object]) -> float:
    return float(_GEOD.inv(_real(one["lon"]), _real(one["lat"]), _real(two["lon"]), _real(two["lat"]))[2])


def _real(value: object) -> float:
    return float(value)  # type: ignore[arg-type]
