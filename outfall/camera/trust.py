"""Which of the things a photo says can be believed: position, heights, angles, time; and what is said about the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pyproj

from outfall.tables import contract, issue

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Doubts", "check_flight", "trust_shot"]

# Our defaults (no standard): sigma in metres by RTK flag, horizontal and vertical. Only a fixed solution earns
# centimetres: what a float or single solution writes as its own accuracy is not believed below these.
_RTK_SIGMA_M = {50: 0.05, 34: 0.5, 16: 3.0}
_RTK_HEIGHT_SIGMA_M = {50: 0.1, 34: 1.0, 16: 10.0}
_GNSS_SIGMA_M, _GNSS_HEIGHT_SIGMA_M = 5.0, 10.0
_LEAST_SIGMA_M, _MOST_SIGMA_M = 0.02, 10_000.0
_ALTITUDES_M, _ABOVE_M = (-500.0, 9000.0), (-1000.0, 5000.0)
_APART_M, _FLIGHT_M, _CLOCK_S = 100.0, 100_000.0, 2.0
_MANY = 20
_GEOD = pyproj.Geod(ellps="WGS84")


class _Doubt(NamedTuple):
    name: str
    kind: str
    why: str
    why_zh: str
    decision: str


class Doubts:
    """What was doubtful about the photos of a folder; the same doubt about many photos becomes one issue.

    Examples
    --------
    >>> doubts = Doubts()
    >>> doubts.add("a.jpg", "no_geometry", ("it carries no position", "照片没有定位信息"), "kept without a position")
    >>> [row["reason"] for row in doubts.issues()]
    ['a.jpg: it carries no position']
    """

    def __init__(self) -> None:
        self._held: list[_Doubt] = []

    def add(self, name: str, kind: str, why: tuple[str, str], decision: str) -> None:
        """Keep one doubt about one photo, in both languages."""
        self._held.append(_Doubt(name, kind, *why, decision))

    def issues(self) -> list[dict[str, object]]:
        """Return one issue per doubt, or one for all photos that share it where they are more than twenty."""
        groups: dict[tuple[str, ...], list[_Doubt]] = {}
        for doubt in self._held:
            groups.setdefault(doubt[1:], []).append(doubt)
        rows: dict[int, dict[str, object]] = {}
        order = {id(doubt): at for at, doubt in enumerate(self._held)}
        for group in groups.values():
            parts = [group] if len(group) > _MANY else [[doubt] for doubt in group]
            for part in parts:
                rows[order[id(part[0])]] = _issue(part)
        return [rows[at] for at in sorted(rows)]


def _issue(doubts: list[_Doubt]) -> dict[str, object]:
    first, names = doubts[0], [doubt.name for doubt in doubts]
    about = first.name if len(names) == 1 else f"{len(names)} photos"
    about_zh = first.name if len(names) == 1 else f"{len(names)} 张照片"
    return issue(
        first.kind,
        about,
        f"{about}: {first.why}",
        reason_zh=f"{about_zh}: {first.why_zh}",
        rows=names,
        level="note" if first.kind == "duplicate" else "warning",
        decision=first.decision,
    )


def trust_shot(shot: Mapping[str, object], name: str, doubts: Doubts) -> dict[str, object]:
    """Return the row of the photo table that a shot earns; what is not believed is left out and said.

    Parameters
    ----------
    shot : mapping
        What ``read_shot`` returned.
    name : str
        The photo, as people call it.
    doubts : Doubts
        Gets what is not believed.

    Returns
    -------
    dict of str to object
        Columns of ``photos``, with ``lon``, ``lat`` and ``clock_ahead_s``.

    Examples
    --------
    >>> doubts = Doubts()
    >>> row = trust_shot({"lon": 0.0, "lat": 0.0, "rtk_flag": 50, "width_px": 9, "height_px": 9}, "a.jpg", doubts)
    >>> "lon" in row, len(doubts.issues())
    (False, 1)
    """
    row = {key: shot[key] for key in _PLAIN if key in shot}
    _trust_time(shot, row, name, doubts)
    _trust_position(shot, row, name, doubts)
    _trust_heights(shot, row, name, doubts)
    for column in ("yaw_deg", "pitch_deg", "roll_deg"):
        declared = contract("photos").columns[column]
        if column in row and not (declared.minimum or 0) <= _real(row[column]) <= (declared.maximum or 0):
            why = (f"its {column} {row.pop(column)} is impossible", "照片姿态角无效")
            doubts.add(name, "assumption", why, "ignored")
    if "yaw_deg" in row:
        row["yaw_by"] = "flight" if shot.get("is_flight_yaw") else "gimbal"
    if "xmp_damage" in shot:
        doubts.add(name, "doubtful_value", (f"{shot['xmp_damage']}", "XMP 元数据损坏"), "read without it")
    return row


_PLAIN = (
    "width_px", "height_px", "focal_px", "lens", "camera", "yaw_deg", "pitch_deg", "roll_deg", "rtk_flag", "taken_at",
    "clock_ahead_s", "relative_altitude_m", "altitude_m",
)  # fmt: skip


def _trust_time(shot: Mapping[str, object], row: dict[str, object], name: str, doubts: Doubts) -> None:
    clock = shot.get("clock")
    if clock == "naive":
        why = ("its clock has no time zone; pass tz='Asia/Shanghai'", "拍摄时间没有时区")
        doubts.add(name, "assumption", why, "kept without a time")
    elif clock == "unset":
        why = ("its clock was not set: the year is not between 2000 and 2037", "相机时钟未设置")
        doubts.add(name, "doubtful_value", why, "kept without a time")
    elif clock is not None:
        row["clock_by"] = clock


def _trust_position(shot: Mapping[str, object], row: dict[str, object], name: str, doubts: Doubts) -> None:
    by_exif = _place(shot.get("lon"), shot.get("lat"))
    by_xmp = _place(shot.get("xmp_lon"), shot.get("xmp_lat"))
    place = by_exif or by_xmp
    if place is None:
        lon, lat = (_either(shot, key) for key in ("lon", "lat"))
        why = ("it carries no position", "照片没有定位信息")
        if lon is not None and lat is not None:
            swapped = "; lon and lat look swapped" if abs(lat) > 90 >= abs(lon) else ""
            why = (f"its position {lon:g}, {lat:g} is no place on the earth{swapped}", "照片定位无效")
        elif shot.get("has_no_hemisphere"):
            why = ("its position does not say which hemisphere (no N/S or E/W)", "照片定位缺少南北纬或东西经标志")
        doubts.add(name, "no_geometry", why, "kept without a position")
        return
    row["lon"], row["lat"] = place
    row["sigma_m"] = _sigma_m(shot)
    if by_exif is not None and by_xmp is not None:
        apart_m = float(_GEOD.inv(*by_exif, *by_xmp)[2])
        if apart_m > _APART_M:
            why = (f"EXIF and XMP put it {apart_m:,.0f} m apart", f"EXIF 与 XMP 定位相差 {apart_m:,.0f} 米")
            doubts.add(name, "doubtful_value", why, "kept at the position in EXIF, as unsure as they differ")
            row["sigma_m"] = max(_real(row["sigma_m"]), apart_m)


def _place(lon: object, lat: object) -> tuple[float, float] | None:
    if lon is None or lat is None:
        return None
    east, north = _real(lon), _real(lat)
    is_earth = abs(east) <= 180 and abs(north) <= 90 and not (abs(east) < 1e-6 and abs(north) < 1e-6)
    return (east, north) if is_earth else None


def _either(shot: Mapping[str, object], key: str) -> float | None:
    value = shot.get(key, shot.get(f"xmp_{key}"))
    return None if value is None else _real(value)


def _sigma_m(shot: Mapping[str, object]) -> float:
    flag, rtk, accuracy = shot.get("rtk_flag"), shot.get("rtk_sigma_m"), shot.get("accuracy_m")
    default = _RTK_SIGMA_M.get(int(_real(flag)), _GNSS_SIGMA_M) if flag is not None else _GNSS_SIGMA_M
    if rtk is not None and flag is not None and 0 < _real(rtk) < _MOST_SIGMA_M:
        own = _real(rtk) if int(_real(flag)) == 50 else max(_real(rtk), default)
        return max(own, _LEAST_SIGMA_M)
    if accuracy is not None and 0 < _real(accuracy) < _MOST_SIGMA_M:
        return max(_real(accuracy), _LEAST_SIGMA_M)
    return default


def _trust_heights(shot: Mapping[str, object], row: dict[str, object], name: str, doubts: Doubts) -> None:
    for column, (least, most) in (("altitude_m", _ALTITUDES_M), ("relative_altitude_m", _ABOVE_M)):
        if column in row and not least <= _real(row[column]) <= most:
            why = (f"its {column} {_real(row.pop(column)):g} is no height a drone flies at", "照片高度无效")
            doubts.add(name, "doubtful_value", why, "ignored")
    if "altitude_m" not in row:
        return
    flag, own, accuracy = (shot.get(key) for key in ("rtk_flag", "rtk_height_sigma_m", "height_accuracy_m"))
    sigma = _RTK_HEIGHT_SIGMA_M.get(int(_real(flag)), _GNSS_HEIGHT_SIGMA_M) if flag is not None else None
    if sigma is not None and own is not None and 0 < _real(own) < _MOST_SIGMA_M:
        sigma = _real(own) if int(_real(flag)) == 50 else max(_real(own), sigma)
    elif sigma is None and accuracy is not None and 0 < _real(accuracy) < _MOST_SIGMA_M:
        sigma = _real(accuracy)
    row["altitude_sigma_m"] = max(_GNSS_HEIGHT_SIGMA_M if sigma is None else sigma, _LEAST_SIGMA_M)


def check_flight(frame: pd.DataFrame, doubts: Doubts, *, clock_offset_s: float = 0.0) -> pd.DataFrame:
    """Return the photos of a folder after each was compared with the others: copies, strays, and the common clock.

    Parameters
    ----------
    frame : DataFrame, n rows
        Rows of ``trust_shot`` with ``photo_id`` and ``file``, in the order of the files. Not changed.
    doubts : Doubts
        Gets what is not believed.
    clock_offset_s : float, seconds
        How far the camera's clock was ahead of the true time; taken off times that are from that clock.

    Returns
    -------
    DataFrame
        Without copies; a photo farther than 100 km (our default) from the middle of the others has no position.

    Examples
    --------
    >>> frame = pd.DataFrame({"photo_id": ["1", "1"], "file": ["a", "b"], "lon": 1.0, "lat": 2.0, "sigma_m": 5.0})
    >>> check_flight(frame, Doubts())["file"].tolist()
    ['a']
    """
    first = frame.groupby("photo_id", sort=False)["file"].transform("first")
    for name, same in zip(frame["file"], first, strict=True):
        if name != same:
            doubts.add(name, "duplicate", (f"it is the same file as {same}", f"与 {same} 相同"), "left out")
    kept = frame[first.eq(frame["file"])].reset_index(drop=True)
    if {"lon", "lat"} <= set(kept.columns):
        kept = _without_strays(kept, doubts)
    return _on_time(kept, doubts, clock_offset_s)


def _without_strays(frame: pd.DataFrame, doubts: Doubts) -> pd.DataFrame:
    lon, lat = (pd.to_numeric(frame[name]).to_numpy(dtype=float) for name in ("lon", "lat"))
    is_placed = np.isfinite(lon) & np.isfinite(lat)
    if is_placed.sum() < 3:
        return frame
    middle = (float(np.median(lon[is_placed])), float(np.median(lat[is_placed])))
    away = _GEOD.inv(lon, lat, np.full(len(lon), middle[0]), np.full(len(lon), middle[1]))[2]
    is_stray = is_placed & (np.asarray(away) > _FLIGHT_M)
    if is_stray.sum() * 3 > is_placed.sum():
        return frame
    for at in np.flatnonzero(is_stray):
        is_turned = abs(lon[at]) <= 90 and _GEOD.inv(lat[at], lon[at], *middle)[2] < _FLIGHT_M
        swapped = "; lon and lat look swapped" if is_turned else ""
        why = f"it lies {away[at] / 1000:,.0f} km from the other photos{swapped}"
        doubts.add(str(frame["file"].iloc[at]), "no_geometry", (why, "照片定位远离同批照片"), "kept without a position")
    columns = [name for name in ("lon", "lat", "sigma_m") if name in frame.columns]
    return frame.assign(**{name: pd.to_numeric(frame[name]).mask(is_stray) for name in columns})


def _on_time(frame: pd.DataFrame, doubts: Doubts, clock_offset_s: float) -> pd.DataFrame:
    """Take the given offset off the camera's clock; without one, say when satellites and camera disagree."""
    if "clock_ahead_s" not in frame.columns:
        ahead = pd.Series(dtype=float)
    else:
        ahead = pd.to_numeric(frame["clock_ahead_s"]).dropna() - clock_offset_s
    if len(ahead) and abs(float(ahead.median())) > _CLOCK_S:
        seconds = float(ahead.median())
        told = f"{abs(seconds):,.1f} s {'ahead of' if seconds > 0 else 'behind'} the satellites"
        why = f"the camera's clock is {told} ({len(ahead)} photos); pass clock_offset_s={seconds + clock_offset_s:.1f}"
        doubts.add("clock", "assumption", (why, f"相机时钟与卫星时间相差 {seconds:,.1f} 秒"), "times kept as written")
    if clock_offset_s and "taken_at" in frame.columns:
        by_camera = frame["clock_by"].isin(["offset", "zone"])
        taken = pd.to_datetime(frame["taken_at"], utc=True)
        frame = frame.assign(taken_at=taken.where(~by_camera, taken - pd.Timedelta(seconds=clock_offset_s)))
    return frame.drop(columns=["clock_ahead_s"], errors="ignore")


def _real(value: object) -> float:
    return float(value)  # type: ignore[arg-type]
