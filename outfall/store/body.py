"""How a row becomes the body of an event, and comes back with every type as it was."""

from __future__ import annotations

import json
import math
from functools import cache
from itertools import repeat
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from outfall.errors import Problem, StoreError
from outfall.store.backend import RowNow
from outfall.tables import contract, empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from outfall.store.backend import Cell

__all__ = ["Encoded", "canonical", "decode", "decode_body", "encode", "encode_rows", "is_same_row", "to_frame"]

_dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), check_circular=False).encode
_EXACT = ("int", "uint", "float", "bool", "Int", "UInt", "Float", "boolean", "str", "datetime64")


def _number(value: float) -> str:
    if not math.isfinite(value):
        msg = f"{value} cannot be written as JSON"
        raise ValueError(msg)
    return repr(value)


_texts: dict[object, Callable[..., str]] = {str: encode_basestring, float: _number, int: repr}


class Encoded(NamedTuple):
    """A row of a table: the body its event will have, and what a projection holds of it."""

    body: str
    cells: tuple[Cell, ...]
    crs: str | None
    geometry: bytes | None
    extra: str | None


def encode(frame: pd.DataFrame, table: str) -> list[str]:
    """Return the body of every row of a table that met its contract."""
    return [row.body for row in encode_rows(frame, table)]


def decode(bodies: Sequence[str], table: str) -> pd.DataFrame:
    """Return the table whose rows have these bodies, in this order."""
    found = [decode_body(body, table) for body in bodies]
    rows = [RowNow("", at, at, one.cells, one.crs, one.geometry, one.extra) for at, one in enumerate(found)]
    return to_frame(rows, table)


def encode_rows(frame: pd.DataFrame, table: str) -> list[Encoded]:
    """Return the rows of a table that met its contract; a body is JSON without what is missing, geometry as WKB in hex."""
    declared = contract(table)
    geometry_name = frame.active_geometry_name if isinstance(frame, gpd.GeoDataFrame) else None
    others = [str(name) for name in frame.columns if name not in declared.columns and name != geometry_name]
    problems = [problem for name in others for problem in _refused(name, frame[name])]
    if problems:
        msg = f"{table}: {len(problems)} columns cannot be stored"
        raise StoreError(msg, problems, fix="Drop them, or turn them into text, numbers, flags or times.")
    columns = {name: _cells(frame[name]) for name in declared.columns}
    known = _joined([_written(name, cells) for name, cells in columns.items()])
    extra = _rows(others, [_cells(frame[name]) for name in others]) if others else repeat(None)
    geometry, crs = _geometry_cells(frame, geometry_name), _crs_text(frame)
    dtypes = {name: str(frame[name].dtype) for name in others}
    where = "" if geometry_name is None else f',"crs":{_dump(crs)},"geometry":'
    encoded = []
    for cells, text, other, shape in zip(zip(*columns.values(), strict=True), known, extra, geometry, strict=False):
        more = None if other is None else _dump({"extra": other, "dtypes": dtypes})
        end = "" if more is None else f",{more[1:-1]}"
        if geometry_name is not None:
            end += where + ("null" if shape is None else f'"{shape.hex().upper()}"')
        body = f'{{"columns":{{{text}}}{end}}}'
        encoded.append(Encoded(body, cells, crs, shape, more))
    return encoded


def decode_body(body: str, table: str) -> Encoded:
    """Return what a body says, column by column of the contract of today."""
    whole = json.loads(body)
    known, columns = contract(table).columns, whole["columns"]
    extra = {name: cell for name, cell in columns.items() if name not in known} | whole.get("extra", {})
    inside = {name: extra.pop(name) for name in [*extra] if name in known}  # a column the contract learned later
    cells = tuple(columns.get(name, inside.get(name)) for name in known)
    dtypes = {name: dtype for name, dtype in whole.get("dtypes", {}).items() if name in extra}
    shape = whole.get("geometry")
    more = _dump({"extra": extra, "dtypes": dtypes}) if extra else None
    return Encoded(body, cells, whole.get("crs"), None if shape is None else bytes.fromhex(shape), more)


def to_frame(rows: Sequence[RowNow], table: str) -> pd.DataFrame:
    """Return rows as the table they are, every type as it was saved."""
    declared = contract(table)
    if not rows:
        return empty(table)
    dtypes = _dtypes(table)
    cells = zip(*[row.cells for row in rows], strict=True)
    columns = {name: _series(values, dtypes[name]) for name, values in zip(declared.columns, cells, strict=True)}
    if any(row.extra for row in rows):
        extras = [json.loads(row.extra) if row.extra else {} for row in rows]
        for name, dtype in _other_columns(extras).items():
            columns[name] = _series([one.get("extra", {}).get(name) for one in extras], dtype)
    frame = pd.DataFrame(columns)
    if declared.geometry == "none":
        return frame
    systems = {row.crs for row in rows if row.crs is not None}
    if len(systems) > 1:
        msg = (
            f"{table}: this moment lies in the middle of a save that changed the CRS from one to another of "
            f"{', '.join(sorted(systems))}; ask for a time, or for the last seq of a save (read_events shows them)"
        )
        raise StoreError(msg)
    shapes = shapely.from_wkb(np.array([row.geometry for row in rows], dtype=object))
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, crs=systems.pop() if systems else None))


@cache
def _dtypes(table: str) -> dict[str, object]:
    return dict(empty(table).dtypes)


def canonical(row: RowNow, table: str) -> str:
    """Return a row as one text that is the same in every store that holds the same row."""
    whole: dict[str, object] = {
        "columns": {
            name: cell for name, cell in zip(contract(table).columns, row.cells, strict=True) if cell is not None
        }
    }
    if row.geometry is not None:
        whole |= {"crs": row.crs, "geometry": row.geometry.hex()}
    if row.extra is not None:
        whole |= json.loads(row.extra)
    return json.dumps(whole, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def is_same_row(one: str, other: str) -> bool:
    """Return whether two bodies say the same, whatever the order of their columns; a missing cell may be left out."""
    return one == other or _bare(one) == _bare(other)


def _bare(body: str) -> dict[str, object]:
    whole: dict[str, object] = json.loads(body)
    columns = whole["columns"]
    if isinstance(columns, dict):
        whole["columns"] = {name: cell for name, cell in columns.items() if cell is not None}
    whole.pop("resolved", None)
    return whole


def _rows(names: Sequence[str], columns: Sequence[list[Cell]]) -> list[dict[str, Cell]]:
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _joined(columns: Iterable[Sequence[str | None]]) -> Iterable[str]:
    """Return the written cells row by row, without what is missing."""
    filled = [cells for cells in columns if len(cells)]
    if not filled:
        return repeat("")
    lines = zip(*filled, strict=True)
    if any(None in cells for cells in filled):
        return (",".join(filter(None, line)) for line in lines)
    return map(",".join, lines)


def _written(name: str, cells: Sequence[Cell]) -> Sequence[str | None]:
    """Return the cells of a column as they stand in a body, None where they are missing; nothing where all are."""
    head, kinds = f"{_dump(name)}:", set(map(type, cells))
    if kinds == {type(None)}:
        return ()
    if kinds == {str}:
        return [head + text for text in map(encode_basestring, cells)]  # type: ignore[arg-type]
    if kinds == {float} and np.isfinite(np.array(cells, dtype=float)).all():
        return [head + text for text in map(repr, cells)]
    return [None if cell is None else head + _texts.get(type(cell), _dump)(cell) for cell in cells]  # type: ignore[no-untyped-call]


def _cells(values: pd.Series) -> list[Cell]:
    """Return a column as what JSON can hold; None where it is missing."""
    missing = values.isna().to_numpy()
    if missing.all():
        return [None] * len(values)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _time_cells(values)
    if values.dtype == np.float64 and not missing.any():
        return values.to_numpy().tolist()
    if isinstance(values.dtype, pd.StringDtype):
        return values.to_numpy(dtype=object, na_value=None).tolist()
    cells = values.astype("object").where(~missing, None).tolist()
    if isinstance(values.dtype, pd.CategoricalDtype) or values.dtype == object:
        return [cell.item() if isinstance(cell, np.generic) else cell for cell in cells]
    return cells


def _time_cells(values: pd.Series) -> list[Cell]:
    zoned = isinstance(values.dtype, pd.DatetimeTZDtype)
    stamps = (values.dt.tz_convert("UTC").dt.tz_localize(None) if zoned else values).to_numpy()
    texts = np.datetime_as_string(stamps).astype(object)
    return [None if text == "NaT" else text + ("+00:00" if zoned else "") for text in texts]


def _geometry_cells(frame: pd.DataFrame, name: str | None) -> Iterable[bytes | None]:
    if name is None:
        return repeat(None)
    shapes = shapely.to_wkb(np.asarray(frame[name].array, dtype=object), flavor="iso", byte_order=1)
    return [None if shape is None else bytes(shape) for shape in shapes]


def _crs_text(frame: pd.DataFrame) -> str | None:
    crs = frame.crs if isinstance(frame, gpd.GeoDataFrame) else None
    if crs is None:
        return None
    authority = crs.to_authority()
    if authority is not None and pyproj.CRS.from_authority(*authority) == crs:
        return ":".join(authority)
    return str(crs.to_wkt())


def _refused(name: str, values: pd.Series | pd.DataFrame) -> list[Problem]:
    if isinstance(values, pd.DataFrame):
        return [Problem(name, "stands twice in the table", "keep one of the two columns")]
    if pd.api.types.is_float_dtype(values.dtype) and np.isinf(values.to_numpy(dtype=float, na_value=np.nan)).any():
        return [Problem(name, "holds an infinite number", "write the number, or leave the cell empty")]
    if str(values.dtype).startswith(_EXACT) or isinstance(values.dtype, pd.CategoricalDtype):
        return []
    plain = (str, int, float, bool, np.integer, np.floating, np.bool_)
    wrong = (
        [cell for cell in values.dropna().tolist() if not isinstance(cell, plain)]
        if values.dtype == object
        else [values.dtype]
    )
    if wrong:
        return [Problem(name, f"{wrong[0]!r} is neither text, a number, a flag nor a time", "write it as text")]
    return []


def _other_columns(rows: Sequence[dict[str, dict[str, object]]]) -> dict[str, object]:
    """Return the columns the contract does not know, in the order met, with the dtype each was saved with."""
    dtypes: dict[str, set[str]] = {}
    filled: dict[str, int] = {}
    for row in rows:
        for name in row.get("extra", ()):
            dtypes.setdefault(name, set()).add(str(row.get("dtypes", {}).get(name, "object")))
            filled[name] = filled.get(name, 0) + 1
    return {name: _dtype(found, is_whole=filled[name] == len(rows)) for name, found in dtypes.items()}


def _dtype(found: set[str], *, is_whole: bool) -> object:
    dtype = next(iter(found)) if len(found) == 1 else "object"
    if dtype == "category":
        return "str"
    if is_whole or not dtype.startswith(("int", "uint", "bool")):
        return dtype
    return "boolean" if dtype.startswith("bool") else "Int64"


def _series(values: Sequence[Cell], dtype: object) -> pd.Series:
    text = str(dtype)
    if not text.startswith("datetime64"):
        return (
            pd.Series(pd.array(list(values), dtype=dtype))
            if text != "object"
            else pd.Series(list(values), dtype="object")
        )
    unit = text.removeprefix("datetime64[").split(",")[0].rstrip("]")
    stamps = np.array(
        ["NaT" if value is None else str(value).removesuffix("+00:00") for value in values], dtype=f"M8[{unit}]"
    )
    zone = text.split(",")[1].strip(" ]") if "," in text else None
    naive = pd.Series(stamps)
    return naive if zone is None else naive.dt.tz_localize("UTC").dt.tz_convert(zone)
