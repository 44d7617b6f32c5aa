"""Where did a towed sensor see something enter the water: one sighting per place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.errors import TableError
from outfall.survey.passes import Met, meet_plumes
from outfall.survey.runs import Pass, cut_passes
from outfall.survey.track import NOT_SENSORS, read_track
from outfall.tables import check, empty
from outfall.vocabulary import parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.survey.noise import Noise

__all__ = ["read_boat"]

# Our defaults (no standard): how long a sonde takes to answer where the rig does not say, and how much of the distance
# between entry and highest excess the shape of a real plume leaves open.
_RESPONSE_S = 5.0
_SHAPE_SHARE = 0.1
_RANGE_SIGMAS = 1.96
# What discharges lower, or may do either to; they raise all else.
_ADDS = {"dissolved_oxygen": -1, "transparency": -1, "temperature": 0, "ph": 0, "orp": 0}


def read_boat(
    path: Path | str,
    *,
    track: Path | str | pd.DataFrame | None = None,
    tz: str | None = None,
    crs: object = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    rig: Mapping[str, object] | None = None,
    false_per_10km: float = 1.0,
) -> gpd.GeoDataFrame:
    r"""Return the places where something enters the water along a boat's track, as sightings.

    Every pass is searched for plumes: a sharp rise at the entry that thins as it mixes downstream, whichever way the
    boat went. All sensors speak together, against the noise and the slow wandering each of them shows itself; what
    several passes see at one place is one sighting. A sighting says that the water changes here; whether a known
    outfall explains it is for ``register`` to say.

    Parameters
    ----------
    path : path
        Log of the sonde; see ``survey.read_track``.
    track : path or DataFrame, optional
        Where the boat was, if the log does not say: NMEA 0183 or any track; see ``survey.read_track``.
    tz : str, optional
        Zone of times that do not say theirs.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What the coordinates are.
    rename : mapping of str to str, optional
        The file's heading to ``seen_at``, ``lon``, ``lat`` or the name of a parameter.
    constants : mapping of str to object, optional
        Values for columns the log lacks: ``date``, or columns of ``sightings``.
    rig : mapping of str to object, optional
        How the sonde was carried, and its clock and calibration; see ``survey.read_track``.
    false_per_10km : float, default 1
        Sightings to accept per 10 km of track from noise alone. The threshold follows from it and from the noise the
        log itself shows.

    Returns
    -------
    GeoDataFrame, n rows, Point, EPSG:4490
        The contract ``sightings`` in the order of the track. ``step_value`` is the highest excess of the plume over
        the water above it in ``step_parameter``, the clearest sensor, with ``step_low`` and ``step_high`` (95 %);
        ``sigma_m`` joins the readings, the receiver, the answer of the sensor and the shape of the plume; ``side`` is
        given where another pass beside it saw less. ``.attrs["noise"]`` has the noise of each sensor.

    Raises
    ------
    ReadError
        A file cannot be read.
    CoordinateError
        The log has no coordinates, or they cannot be what is said.
    TableError
        The log has no time or no sensor, or the rig is not understood.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(0, 1, 60)
    >>> rows = [f"2026-04-13 08:{n // 60:02d}:{n % 60:02d}+08:00,{114.3 + n * 6e-5:.6f},30.6,"
    ...         f"{400 + noise[n] + (30 if n >= 40 else 0):.2f}" for n in range(60)]
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "tow.csv"
    >>> _ = file.write_text("\n".join(["time,lon,lat,spcond [uS/cm]", *rows]), encoding="utf-8")
    >>> seen = read_boat(file, crs=4326)
    >>> seen[["sighting_id", "step_parameter"]].values.tolist(), bool(seen["step_low"].iloc[0] > 20)
    ([['tow-step1', 'conductivity']], True)
    """
    if not 0 < false_per_10km <= 1000:
        msg = f"false_per_10km: {false_per_10km!r} was given; expected a number above 0, at most 1000"
        raise TableError(msg)
    log = read_track(path, track=track, tz=tz, crs=crs, rename=rename, constants=constants, rig=rig)
    given = {name: value for name, value in (constants or {}).items() if name not in ("date", "sigma_m")}
    survey = str(given.get("survey_id", Path(path).stem))
    names = [str(name) for name in log.columns if name not in NOT_SENSORS]
    passes = cut_passes(log, names) if len(log) else []
    places, noises = meet_plumes(passes, [_ADDS.get(name, 1) for name in names], false_per_10km=false_per_10km)
    response_s = float(log.attrs.get("response_s", 0.0)) or None
    rows = [_row(one, passes, log, names, response_s) for one in places]
    attrs = log.attrs | {"noise": _noise_table(noises, names)}
    if not rows:
        nothing = empty("sightings", crs=4490)
        nothing.attrs.update(attrs)
        return gpd.GeoDataFrame(nothing)
    table = pd.DataFrame(rows).sort_values(["track_m", "step_parameter"], kind="stable").reset_index(drop=True)
    table["sighting_id"] = [f"{survey}-step{number}" for number in range(1, len(table) + 1)]
    for column, value in {"platform": "boat", "survey_id": survey, **given}.items():
        if column not in table.columns:
            table[column] = value
    points = gpd.GeoSeries(shapely.points(table["lon"], table["lat"]), crs=4490)
    sightings = check(gpd.GeoDataFrame(table.drop(columns=["lon", "lat"]), geometry=points), "sightings", where=survey)
    sightings.attrs.update(attrs)
    return gpd.GeoDataFrame(sightings)


def _row(
    one: Met, passes: list[Pass], log: gpd.GeoDataFrame, names: list[str], response_s: float | None
) -> dict[str, object]:
    """Return one place as a sighting: where, when, how sure, what and how much."""
    mine = passes[one.number]
    at = mine.place(one.plume.at_m)[2]
    before, after = (int(mine.rows[int(step)]) for step in (np.floor(at), np.ceil(at)))
    share = at - np.floor(at)
    first, second = log.iloc[before], log.iloc[after]
    speed = np.nanmedian(log["speed_ms"].to_numpy(dtype=float)[mine.rows])
    answer = min(float(speed), 5.0) * (_RESPONSE_S if response_s is None else 0.3 * response_s)
    parts = (one.sigma_m, float(first["sigma_m"]), answer, _SHAPE_SHARE * 2 * one.plume.scale_m)
    clearest = int(np.argmax(np.abs(one.plume.size / one.plume.error)))
    size, error = float(one.plume.size[clearest]), float(one.plume.error[clearest])
    return {
        "lon": (1 - share) * first.geometry.x + share * second.geometry.x,
        "lat": (1 - share) * first.geometry.y + share * second.geometry.y,
        "seen_at": second["seen_at"],
        "track_m": (1 - share) * float(first["track_m"]) + share * float(second["track_m"]),
        "sigma_m": float(np.sqrt(np.sum(np.square(parts)))),
        "side": one.side,
        "step_parameter": names[one.sensors[clearest]],
        "step_value": size,
        "step_low": size - _RANGE_SIGMAS * error,
        "step_high": size + _RANGE_SIGMAS * error,
        "step_sigmas": abs(size) / error,
        "note": "; ".join(_words(row, names) for row in (one, *one.others)),
        "source_ref": second["source_ref"],
    }


def _words(one: Met, names: list[str]) -> str:
    """Return what the sensors of one pass said, clearest first, in both languages."""
    said: list[str] = []
    sigmas = np.abs(one.plume.size / one.plume.error)
    for at in np.argsort(-sigmas, kind="stable"):
        if sigmas[at] < 3.0 and said:
            break
        found = parameters()[names[one.sensors[at]]]
        unit = "" if found.unit == "1" else f" {found.unit}"
        said.append(f"{found.zh} {found.en} {one.plume.size[at]:+.3g}{unit} ({sigmas[at]:.1f}σ)")
    return ", ".join(said)


def _noise_table(noises: list[dict[int, Noise]], names: list[str]) -> dict[str, float]:
    """Return the median noise of one reading of each sensor over the passes, in its canonical unit."""
    found: dict[str, list[float]] = {}
    for row in noises:
        for at, one in row.items():
            found.setdefault(names[at], []).append(one.white)
    return {name: float(np.median(values)) for name, values in found.items()}
