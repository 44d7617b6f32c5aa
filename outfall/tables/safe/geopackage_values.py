"""How the values of a GeoPackage become columns, and which could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from outfall.tables.issues import attach_issues, issue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyproj

__all__ = ["to_frame"]

_ENVELOPES = (0, 32, 48, 48, 64)
_LAST_PLAIN_TYPE = 7
_WHOLE = {"INT", "INTEGER", "TINYINT", "SMALLINT", "MEDIUMINT"}


def to_frame(
    path: Path,
    declared: Sequence[tuple[str, str]],
    rows: Sequence[tuple[object, ...]],
    *,
    geometry: str | None,
    crs: tuple[str, int, str] | None,
) -> pd.DataFrame:
    """Return rows of SQLite as a frame with the types the file declares.

    Parameters
    ----------
    path : path
        For messages.
    declared : sequence of (name, type)
        As ``PRAGMA table_info`` says, without the row number.
    rows : sequence of tuples
        A value per declared column.
    geometry : str or None
        Which column holds the geometry.
    crs : tuple of authority, code and definition, or None
        As the file says.

    Returns
    -------
    DataFrame or GeoDataFrame, n rows
        The geometry is called ``geometry`` and stands last.
    """
    index = pd.RangeIndex(len(rows))
    lists = list(zip(*rows, strict=True)) if rows else [() for _ in declared]
    doubts: list[dict[str, object]] = []
    columns: dict[str, pd.Series] = {}
    shapes: np.ndarray | None = None
    for (name, kind), values in zip(declared, lists, strict=True):
        if name == geometry:
            shapes = _shapes(path, values, doubts)
        else:
            columns[name] = _column(path, name, kind, values, doubts)
    frame = pd.DataFrame(columns, index=index)
    if shapes is not None:
        frame = gpd.GeoDataFrame(
            frame.drop(columns="geometry", errors="ignore"), geometry=gpd.GeoSeries(shapes, index=index, crs=_crs(crs))
        )
    return attach_issues(frame, doubts) if doubts else frame


def _crs(declared: tuple[str, int, str] | None) -> pyproj.CRS | None:
    import pyproj

    if declared is None:
        return None
    authority, code, definition = declared
    for is_code in (True, False):
        try:
            found = pyproj.CRS.from_authority(authority.upper(), code) if is_code else pyproj.CRS.from_wkt(definition)
        except (pyproj.exceptions.CRSError, ValueError, TypeError):
            continue
        return None if found.name.casefold().startswith("undefined") else found
    return None


def _shapes(path: Path, values: Sequence[object], doubts: list[dict[str, object]]) -> np.ndarray:
    raw = np.array([_wkb(value) for value in values], dtype=object)
    if not len(raw):
        return raw
    shapes = shapely.from_wkb(raw, on_invalid="ignore")
    shapes[shapely.get_type_id(shapes) > _LAST_PLAIN_TYPE] = None
    measured = shapely.has_m(shapes)
    if measured.any():  # nothing here uses M, and no format we write holds it
        shapes[measured] = shapely.from_wkb(shapely.to_wkb(shapes[measured], output_dimension=3))
    lost = [number for number, value in enumerate(values) if value is not None and shapes[number] is None]
    if lost:
        doubts.append(
            issue(
                "no_geometry",
                path.name,
                f"{len(lost)} geometries cannot be read (damaged, or curves)",
                reason_zh=f"{len(lost)} 个几何无法读取（损坏或曲线）",
                rows=[f"{path.name}#{number + 1}" for number in lost],
                decision="kept without geometry",
            )
        )
    return shapes


def _wkb(value: object) -> bytes | None:
    if not isinstance(value, bytes) or len(value) < 8 or value[:2] != b"GP":
        return None
    envelope = (value[3] >> 1) & 7
    return value[8 + _ENVELOPES[envelope] :] if envelope < len(_ENVELOPES) else b""


def _column(
    path: Path, name: str, declared: str, values: Sequence[object], doubts: list[dict[str, object]]
) -> pd.Series:
    kind = declared.upper().partition("(")[0].strip()
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    if kinds <= {int} and kind == "BOOLEAN":
        return pd.Series(
            [None if value is None else bool(value) for value in values], dtype=None if present else "object"
        )
    if kinds <= {int} and kind in _WHOLE and len(present) == len(values):
        return pd.Series(values, dtype="int64")
    if kinds <= {int, float} and (kinds or kind in _WHOLE | {"REAL", "DOUBLE", "FLOAT"}):
        return pd.Series([np.nan if value is None else float(value) for value in values], dtype="float64")  # type: ignore[arg-type]
    if kind == "BLOB":
        return pd.Series(list(values), dtype="object")
    texts = [None if value is None else _text(value) for value in values]
    spoiled = [
        f"{path.name}#{number + 1}" for number, text in enumerate(texts) if text is not None and "\ufffd" in text
    ]
    if spoiled:
        doubts.append(
            issue(
                "unread_value",
                path.name,
                f"{name}: {len(spoiled)} texts hold bytes that are no characters",
                reason_zh=f"{name}：{len(spoiled)} 条文本含无法识别的字节",
                rows=spoiled,
                decision="kept with a mark in their place",
            )
        )
    text = pd.Series(texts, dtype="str")
    return _times(text) if kind in ("DATE", "DATETIME") else text


def _text(value: object) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _times(text: pd.Series) -> pd.Series:
    """Return texts as times where every one is a time; as written otherwise, for the contract to judge."""
    is_zoned = text.dropna().str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True)
    try:
        return pd.to_datetime(text, format="ISO8601", utc=bool(len(is_zoned) and is_zoned.all()))
    except (ValueError, TypeError, OverflowError):
        return text
