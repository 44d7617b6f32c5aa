"""Which points does an OVITAL text file list: longitude before latitude, in degrees or degrees, minutes and seconds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.coordinates import bd09_to_wgs84, gcj02_to_wgs84
from outfall.tables.safe import decode

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_ovital"]

_MARK = re.compile(r"[\t,，;；]")
_NUMBER = r"\d+(?:\.\d+)?"
_ANGLE = re.compile(
    rf"""^([EWNS东西南北]?)\s*(-?)({_NUMBER})(?:[°度d:]\s*(?:({_NUMBER})(?:['′分:]\s*(?:({_NUMBER})(?:["″秒]|''|$))?|$))?)?\s*([EWNS东西南北]?)$"""
)
_SHIFTED = {"g": gcj02_to_wgs84, "b": bd09_to_wgs84}


def read_ovital(path: Path) -> pd.DataFrame | None:
    r"""Return the points of an OVITAL text file, or None where it is another kind of text.

    The layout is as users describe it and not confirmed by the vendor (``is_verified=False``): an optional flag
    (``g`` for GCJ-02, ``b`` for BD-09), longitude, latitude, then name and notes; commas, tabs or semicolons between.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    DataFrame, n rows, or None
        ``lon`` and ``lat`` as text in CGCS2000 (shifted rows moved back), ``name``, ``note``, ``source_ref``.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "奥维.txt"
    >>> _ = file.write_text("114°18′00″,30°36′36″,3号口,有水\n114.3,30.6,4号口\n", encoding="utf-8")
    >>> read_ovital(file)[["lon", "lat", "name", "note"]].values.tolist()
    [['114.3', '30.61', '3号口', '有水'], ['114.3', '30.6', '4号口', '']]
    """
    text, _ = decode(path)
    rows: list[dict[str, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        row = _row([cell.strip() for cell in _MARK.split(line.strip())])
        if row is None:
            return None
        rows.append({**row, "source_ref": f"{path.name}#{number}"})
    return pd.DataFrame(rows, dtype="str") if rows else None


def _row(cells: list[str]) -> dict[str, str] | None:
    flag = cells[0].casefold() if cells[0].casefold() in _SHIFTED else ""
    lon, lat, *rest = [*(cells[1:] if flag else cells), "", ""]
    east, north = _degrees(lon), _degrees(lat)
    if east is None or north is None or abs(east) > 180 or abs(north) > 90:
        return None
    if flag:
        moved = _SHIFTED[flag](np.array([east]), np.array([north]))
        east, north = float(moved[0][0]), float(moved[1][0])
    return {
        "lon": f"{round(east, 9):.12g}",
        "lat": f"{round(north, 9):.12g}",
        "name": rest[0],
        "note": " ".join(cell for cell in rest[1:] if cell),
    }


def _degrees(text: str) -> float | None:
    found = _ANGLE.match(text.strip().upper().replace("D", "d") if text else "")
    if found is None:
        return None
    before, minus, degrees, minutes, seconds, after = found.groups()
    value = float(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return -value if minus or (before or after) in ("W", "S", "西", "南") else value
