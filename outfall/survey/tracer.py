"""What does a tracer test say: dye or salt put in here, watched for there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.survey.headings import name_headings
from outfall.survey.tracer_curve import Arrival, judge_curve
from outfall.tables import attach_issues, check, empty, issue, read_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_tracer_links"]

_TIMES = ("first", "peak", "centroid")


def read_tracer_links(
    injections: Path | str,
    curves: Path | str,
    *,
    travel: Literal["first", "peak", "centroid"] = "peak",
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
) -> gpd.GeoDataFrame:
    r"""Return what tracer tests say as links from where the tracer was put in to where it was watched for.

    Parameters
    ----------
    injections : path
        CSV or workbook, one injection per row: test, place (投放点), time (投放时间).
    curves : path
        CSV or workbook, one reading per row: test, place (监测点), time, value in any unit.
    travel : {"first", "peak", "centroid"}, default "peak"
        Which of the three travel times is ``travel_h``.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        A heading of either file to our column.
    constants : mapping of str to object, optional
        Values for columns the files lack, such as ``to_table``.

    Returns
    -------
    GeoDataFrame, one row per test and watched place, EPSG:4490
        The contract ``links`` with ``first_h``, ``peak_h``, ``centroid_h``, their ``_sigma_h`` and
        ``signal_to_noise``. A tracer that never came is a row too, with a low ``exists_share`` and no time: the
        shorter the watch, the less that says. Curves without readings before the injection are listed.

    Raises
    ------
    ReadError
        A file cannot be read.
    TableError
        A column, a time or a number is missing, or a curve belongs to no injection.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "in.csv").write_text("试验编号,投放点,投放时间\nT1,W1,2026-04-12 08:00\n", encoding="utf-8")
    >>> rows = [f"T1,MX-0042,2026-04-12 {7 + at // 6:02d}:{at % 6 * 10:02d},{60 if 18 <= at <= 22 else 10 + at % 2}" for at in range(36)]
    >>> _ = (folder / "out.csv").write_text("试验编号,监测点,监测时间,荧光\n" + "\n".join(rows), encoding="utf-8")
    >>> links = read_tracer_links(folder / "in.csv", folder / "out.csv", tz="Asia/Shanghai")
    >>> links[["from_id", "to_id", "first_h"]].values.tolist(), bool(links["exists_share"].iloc[0] > 0.95)
    ([['W1', 'MX-0042', 2.0]], True)
    """
    started = _table(injections, ("test_id", "from_id", "at"), tz, rename)
    readings = _table(curves, ("test_id", "to_id", "at", "value"), tz, rename)
    if travel not in _TIMES:
        msg = f"travel: {travel!r} is not one of {', '.join(_TIMES)}; choose one"
        raise TableError(msg)
    _require_injections(started, readings, Path(curves).name)
    readings = readings.merge(
        started[["test_id", "from_id", "at", "source_ref"]], on="test_id", suffixes=("", "_in"), validate="many_to_one"
    )
    readings["hours"] = (readings["at"] - readings["at_in"]).dt.total_seconds() / 3600.0
    rows, bare = [], []
    for (test, place), group in readings.groupby(["test_id", "to_id"], sort=True):
        curve = (
            group.sort_values(["hours", "value"], kind="stable")
            .groupby("hours", as_index=False)
            .agg(
                {"value": "mean", "from_id": "first", "at_in": "first", "source_ref": "first", "source_ref_in": "first"}
            )
        )
        found = judge_curve(curve["hours"].to_numpy(dtype=float), curve["value"].to_numpy(dtype=float))
        rows.append(_row(str(test), str(place), curve, found, travel))
        bare += [] if found.has_background else [f"{test}@{place}"]
    if not rows:
        return gpd.GeoDataFrame(empty("links", crs=4490))
    named = pd.DataFrame(rows)
    for column, value in {"from_table": "sources", "to_table": "outfalls", **(constants or {})}.items():
        if column not in named.columns:
            named[column] = value
    frame = gpd.GeoDataFrame(named, geometry=gpd.GeoSeries([None] * len(named), crs=4490))
    links = gpd.GeoDataFrame(check(frame, "links", where=Path(curves).name))
    return gpd.GeoDataFrame(attach_issues(links, [_bare(Path(curves).name, bare)])) if bare else links


def _bare(where: str, rows: list[str]) -> dict[str, object]:
    return issue(
        "assumption",
        where,
        "fewer than five readings before the injection: the background is taken from the lowest half of the curve",
        reason_zh="投放前读数不足 5 个，背景取曲线较低一半",
        rows=rows,
        decision="judged with more noise",
    )


def _row(test: str, place: str, curve: pd.DataFrame, found: Arrival, travel: str) -> dict[str, object]:
    times = {f"{name}_h": getattr(found, f"{name}_h") for name in _TIMES}
    sigmas = {f"{name}_sigma_h": getattr(found, f"{name}_sigma_h") for name in _TIMES}
    ratio = found.signal_to_noise
    if found.is_detected:
        reason = f"tracer seen {ratio:.1f} times above noise; first {found.first_h:.2f} h, peak {found.peak_h:.2f} h, centroid {found.centroid_h:.2f} h"
        reason_zh = f"示踪剂检出，信噪比 {ratio:.1f}；初现 {found.first_h:.2f} h，峰值 {found.peak_h:.2f} h，质心 {found.centroid_h:.2f} h"
    else:
        watched = max(0.0, float(curve["hours"].max()))
        reason = f"tracer not seen in {watched:.1f} h (largest signal {ratio:.1f} times noise)"
        reason_zh = f"监测 {watched:.1f} h 未检出示踪剂（最大信噪比 {ratio:.1f}）"
    return {
        "link_id": f"tracer-{test}-{place}",
        "kind": "tracer",
        "from_id": curve["from_id"].iloc[0],
        "to_id": place,
        "exists_share": found.connection_share,
        "travel_h": times[f"{travel}_h"],
        "seen_at": curve["at_in"].iloc[0],
        "reason": reason,
        "reason_zh": reason_zh,
        "source_ref": f"{curve['source_ref_in'].iloc[0]};{curve['source_ref'].iloc[0]}",
        **times,
        **sigmas,
        "signal_to_noise": ratio,
    }


def _require_injections(started: pd.DataFrame, readings: pd.DataFrame, where: str) -> None:
    twice = started["test_id"].duplicated(keep=False)
    stray = ~readings["test_id"].isin(started["test_id"])
    problems = []
    if twice.any():
        rows = tuple(started["source_ref"][twice])
        problems.append(Problem("test_id", "one test has several injections", "give each injection its own test", rows))
    if stray.any():
        rows = tuple(readings["source_ref"][stray])
        value = readings["test_id"][stray].iloc[0]
        problems.append(Problem("test_id", f"{value!r} is no test of the injections", "write its injection down", rows))
    if problems:
        msg = f"{where}: {len(problems)} problems"
        raise TableError(msg, problems)


def _table(
    path: Path | str, columns: tuple[str, ...], tz: str | None, rename: Mapping[str, str] | None
) -> pd.DataFrame:
    where = Path(path).name
    named = pd.DataFrame(name_headings(read_frame(path, table="links"), "tracer", rename=rename))
    problems = [
        Problem(name, "no such column", f"the headings are {', '.join(map(str, named.columns))}; or give rename=")
        for name in columns
        if name not in named.columns
    ]
    if problems:
        msg = f"{where}: {len(problems)} problems"
        raise TableError(msg, problems)
    named = named[[*columns, "source_ref"]].copy()
    for name in ("test_id", "from_id", "to_id"):
        if name in columns:
            text = named[name].astype("str").fillna("").str.strip()
            problems += _problem(named, name, text.eq(""), "missing", "fill it in")
            named[name] = text
    if "value" in columns:
        named["value"] = pd.to_numeric(named["value"], errors="coerce").astype("float64")
        problems += _problem(named, "value", ~np.isfinite(named["value"]), "no number", "write a number")
    times, is_naive = _instants(named["at"], tz)
    problems += _problem(named, "at", times.isna(), "no time that is understood", "write 2026-04-12 08:00")
    problems += _problem(named, "at", is_naive, "no zone", "give tz= ('Asia/Shanghai')") if tz is None else []
    if problems:
        msg = f"{where}: {len(problems)} problems"
        raise TableError(msg, problems)
    return named.assign(at=times)


def _problem(named: pd.DataFrame, name: str, is_bad: pd.Series, what: str, fix: str) -> list[Problem]:
    return [Problem(name, what, fix, tuple(named["source_ref"][is_bad].astype(str)))] if is_bad.any() else []


def _instants(text: pd.Series, tz: str | None) -> tuple[pd.Series, pd.Series]:
    """Return times in UTC (missing where unreadable) and which of them say no zone."""
    probe = pd.DataFrame(
        {"sample_id": [str(at) for at in range(len(text))], "taken_at": text.to_numpy(), "source_ref": "t"}
    )
    is_naive = ~text.astype("str").str.contains(r"(?:[zZ]|[+-]\d\d:?\d\d)$", regex=True)
    try:
        times = check(probe, "samples", tz=tz or "UTC")["taken_at"]
    except TableError:
        times = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601")
    return pd.Series(times.to_numpy(), index=text.index).dt.tz_localize(
        "UTC"
    ) if times.dt.tz is None else times.set_axis(text.index), is_naive
