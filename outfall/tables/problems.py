"""Does a table meet its contract: every problem at once, with row, value and fix."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.tables.contract import Column, Table, contract
from outfall.vocabulary import find_parameter, find_word, parameters, plain, words

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check", "empty", "find_problems", "join_ids", "label_columns", "name_columns", "split_ids"]

_TRUE = {"true", "yes", "y", "1", "1.0", "是", "有", "t"}
_FALSE = {"false", "no", "n", "0", "0.0", "否", "无", "f"}
_MISSING = {"", "/", "-", "--", "—", "nan", "none", "null", "n/a", "na", "<na>", "nat"}
_DTYPE = {"text": "str", "ids": "str", "real": "float64", "integer": "Int64", "flag": "boolean"}


def check(
    frame: pd.DataFrame,
    table: str,
    *,
    rename: Mapping[str, str] | None = None,
    tz: str | None = None,
    where: str | None = None,
) -> pd.DataFrame:
    """Return a table that meets its contract, or raise one error with every problem.

    Headings in either language are recognised, words of a vocabulary become its values, missing optional columns are
    added empty, and columns the contract does not know are kept at the end. The rows keep their order and index.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame, n rows
        Not changed. A geometry must carry its CRS.
    table : str
        Name of the contract.
    rename : mapping of str to str, optional
        The file's heading to our column, where we cannot know.
    tz : str, optional
        Zone of times that do not say theirs, such as ``"Asia/Shanghai"``. Without it they are refused.
    where : str, optional
        What the error calls the input; the name of the table by default.

    Returns
    -------
    DataFrame or GeoDataFrame, n rows
        Columns of the contract in order, then the others. Times are UTC.

    Raises
    ------
    TableError
        The table does not meet its contract; the message lists all problems.

    Examples
    --------
    >>> import pandas as pd
    >>> table = check(pd.DataFrame({"编号": ["E1"], "调查方式": ["无人机"], "批次": ["f1"], "source_ref": ["a.csv#2"]}),
    ...               "sightings")
    >>> table["platform"].tolist()
    ['drone']
    >>> len(check(pd.DataFrame(), "sightings"))
    0
    """
    checked, problems = _checked(frame, table, rename=rename, tz=tz)
    if problems:
        rows = {row for problem in problems for row in problem.rows}
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        inside = f" in {len(rows)} row{'s' if len(rows) != 1 else ''}" if rows else ""
        fix = "Correct the file, or name its columns with rename={'heading in the file': 'column'}."
        raise TableError(f"{where or table}: {count}{inside}", problems, fix=fix)
    return checked


def find_problems(
    frame: pd.DataFrame, table: str, *, rename: Mapping[str, str] | None = None, tz: str | None = None
) -> list[Problem]:
    """Return every problem of a table, as a list that is empty for a good one.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame, n rows
        Not changed.
    table : str
        Name of the contract.
    rename : mapping of str to str, optional
        The file's heading to our column.
    tz : str, optional
        Zone of times that do not say theirs.

    Returns
    -------
    list of Problem
        In the order of the contract.

    Examples
    --------
    >>> import pandas as pd
    >>> print(find_problems(pd.DataFrame({"sighting_id": ["E1"], "platform": ["kite"]}), "sightings")[0])
    platform (调查方式): 'kite' is not one of drone, boat, crawler, foot, radar, tracer, satellite, document (row 0)
    """
    return _checked(frame, table, rename=rename, tz=tz)[1]


def empty(table: str, *, crs: object = None) -> pd.DataFrame:
    """Return a table without rows that meets its contract.

    Parameters
    ----------
    table : str
        Name of the contract.
    crs : anything pyproj understands, optional
        CRS of its geometry, where it has one.

    Returns
    -------
    DataFrame or GeoDataFrame, 0 rows
        Every column of the contract.

    Examples
    --------
    >>> len(empty("places", crs=4490)), "along_m" in empty("places")
    (0, True)
    """
    declared = contract(table)
    columns = {name: pd.Series(dtype=_pandas_dtype(column)) for name, column in declared.columns.items()}
    frame = pd.DataFrame(columns)
    if declared.geometry == "none":
        return frame
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([], crs=crs), crs=crs)


def name_columns(frame: pd.DataFrame, table: str, *, rename: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return the frame with every recognised heading replaced by the name of its column.

    A heading that is a column name wins over one that is only a label or an alias of the same column.

    Parameters
    ----------
    frame : DataFrame, n rows
        Not changed.
    table : str
        Name of the contract.
    rename : mapping of str to str, optional
        The file's heading to our column; wins over everything.

    Returns
    -------
    DataFrame, n rows
        Renamed columns; no other change.

    Examples
    --------
    >>> import pandas as pd
    >>> list(name_columns(pd.DataFrame(columns=["样品编号", "采样时间", "天气"]), "samples"))
    ['sample_id', 'taken_at', '天气']
    """
    declared, given = contract(table), dict(rename or {})
    new: dict[str, str] = {old: name for old, name in given.items() if old in frame.columns}
    taken = set(new.values()) | {str(name) for name in frame.columns if name in declared.columns and name not in new}
    for heading in frame.columns:
        if heading in new or heading in declared.columns or heading == "geometry":
            continue
        name = declared.find_column(str(heading).split("|")[-1])
        if name is not None and name not in taken:
            new[heading] = name
            taken.add(name)
    return frame.rename(columns=new)


def label_columns(frame: pd.DataFrame, table: str, *, lang: str = "zh") -> pd.DataFrame:
    """Return the frame as people read it: headings and vocabulary values in one language.

    Parameters
    ----------
    frame : DataFrame, n rows
        A table that meets its contract. Not changed.
    table : str
        Name of the contract.
    lang : {"zh", "en"}, default "zh"
        Language.

    Returns
    -------
    DataFrame, n rows
        Only the columns of the contract that the frame has; times and numbers stay what they are.

    Examples
    --------
    >>> import pandas as pd
    >>> list(label_columns(pd.DataFrame({"reach_id": ["a"], "kind": ["river"]}), "reaches"))
    ['河段编号', '类型']
    """
    declared = contract(table)
    shown: dict[str, pd.Series] = {}
    for name, column in declared.columns.items():
        if name not in frame.columns:
            continue
        values = frame[name]
        if column.allowed:
            known = parameters() if column.allowed == "parameter" else words(column.allowed)
            labels = {value: (word.zh if lang == "zh" else word.en) for value, word in known.items()}
            values = values.map(lambda value, labels=labels: labels.get(value, value), na_action="ignore")
        shown[column.heading("zh" if lang == "zh" else "en")] = values
    return pd.DataFrame(shown, index=frame.index)


def join_ids(ids: object) -> str:
    """Return ids as one text for a column of dtype ``ids``.

    Examples
    --------
    >>> join_ids(["a", "b"]), join_ids([])
    ('a;b', '')
    """
    return ";".join(str(item) for item in ids)  # type: ignore[attr-defined]


def split_ids(text: object) -> list[str]:
    """Return the ids in one cell of a column of dtype ``ids``; missing gives an empty list.

    Examples
    --------
    >>> split_ids("a;b"), split_ids(None)
    (['a', 'b'], [])
    """
    if text is None or (isinstance(text, float) and np.isnan(text)) or text is pd.NA:
        return []
    return [part for part in str(text).replace("；", ";").split(";") if part]


def _checked(
    frame: pd.DataFrame, table: str, *, rename: Mapping[str, str] | None, tz: str | None
) -> tuple[pd.DataFrame, list[Problem]]:
    declared = contract(table)
    named = name_columns(frame, table, rename=rename)
    if not len(named.columns):
        return empty(table), []
    problems = _unknown_rename(frame, declared, rename)
    rows = _row_names(named)
    columns: dict[str, pd.Series] = {}
    for name, column in declared.columns.items():
        values, found = _column(named, column, declared, rows, tz)
        columns[name] = values
        problems += found
    problems += _repeated_key(columns[declared.key], declared, rows)
    others = {str(name): named[name] for name in named.columns if name not in columns and name != _geometry_name(named)}
    out = pd.DataFrame({**columns, **others}, index=named.index)
    if declared.geometry == "none":
        return out, problems
    geometry, found = _geometry(named, declared, rows)
    return gpd.GeoDataFrame(out, geometry=geometry), problems + found


def _column(
    frame: pd.DataFrame, column: Column, declared: Table, rows: np.ndarray, tz: str | None
) -> tuple[pd.Series, list[Problem]]:
    where = f"{column.name} ({column.zh})"
    if column.name not in frame.columns:
        missing = pd.Series(_blank(column, len(frame)), index=frame.index)
        if not column.is_required or not len(frame):
            return missing, []
        guess = difflib.get_close_matches(column.name, [str(c) for c in frame.columns], n=1, cutoff=0.6)
        guess = guess or difflib.get_close_matches(column.zh, [str(c) for c in frame.columns], n=1, cutoff=0.5)
        fix = f"did you mean column {guess[0]!r}?" if guess else f"add it: {column.meaning or column.en}"
        return missing, [Problem(where, "missing", fix)]
    raw = frame[column.name]
    if isinstance(raw, pd.DataFrame):
        return raw.iloc[:, 0], [Problem(where, "stands twice in the table", "keep one of the two columns")]
    values, problems = _CONVERT[column.dtype](raw, column, where, rows, tz)
    problems += _bounds(values, column, where, rows)
    gone = values.isna().to_numpy()
    bad = {row for problem in problems for row in problem.rows}
    lost = [str(row) for row in rows[gone] if str(row) not in bad]
    if column.is_required and lost:
        problems.append(Problem(where, "empty", f"fill it in: {column.meaning or column.en}", tuple(lost)))
    return values, problems


def _text(raw: pd.Series, column: Column, where: str, rows: np.ndarray, tz: str | None) -> tuple[pd.Series, list[Problem]]:
    del tz
    text = _as_text(raw)
    if not column.allowed:
        return text, []
    unique = [str(value) for value in text.dropna().unique()]
    find = find_parameter if column.allowed == "parameter" else lambda value: find_word(column.allowed, value)
    meaning = {value: find(value) for value in unique}
    values = text.map(meaning, na_action="ignore").astype("str")
    wrong = [value for value, found in meaning.items() if found is None]
    known = list(parameters() if column.allowed == "parameter" else words(column.allowed))
    shown = ", ".join(known[:8]) + (f" … ({len(known)} in all)" if len(known) > 8 else "")
    problems = []
    for value in wrong[:_MANY]:
        near = difflib.get_close_matches(plain(value), known, n=1, cutoff=0.6)
        fix = f"did you mean {near[0]!r}?" if near else ""
        problems.append(Problem(where, f"{value!r} is not one of {shown}", fix, _rows_where(text == value, rows)))
    return values, problems


def _real(raw: pd.Series, column: Column, where: str, rows: np.ndarray, tz: str | None) -> tuple[pd.Series, list[Problem]]:
    del tz
    if pd.api.types.is_numeric_dtype(raw.dtype):
        values = raw.astype("float64" if column.dtype == "real" else "Float64").astype("float64")
        wrong = pd.Series(np.isinf(values.to_numpy()), index=raw.index)
    else:
        text = _as_text(raw)
        clean = text.str.normalize("NFKC").str.replace(",", "", regex=False).str.strip()
        values = pd.to_numeric(clean, errors="coerce").astype("float64")
        wrong = (values.isna() & text.notna()) | np.isinf(values)
    problems = _wrong(raw, wrong, where, rows, "is not a number", "write a number alone; leave the cell empty if unknown")
    if column.dtype == "integer":
        broken = values.notna() & (values != values.round())
        problems += _wrong(raw, broken, where, rows, "is not a whole number", "write a whole number")
        return values.where(~broken).astype("Int64"), problems
    return values.where(~wrong), problems


def _flag(raw: pd.Series, column: Column, where: str, rows: np.ndarray, tz: str | None) -> tuple[pd.Series, list[Problem]]:
    del column, tz
    if pd.api.types.is_bool_dtype(raw.dtype):
        return raw.astype("boolean"), []
    text = _as_text(raw, keep_missing_words=True)
    folded = text.map(plain, na_action="ignore")
    values = folded.map({**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}).astype("boolean")
    wrong = values.isna() & text.notna() & ~folded.isin(_MISSING)
    return values, _wrong(raw, wrong, where, rows, "is neither yes nor no", "write 是 or 否, yes or no")


def _time(raw: pd.Series, column: Column, where: str, rows: np.ndarray, tz: str | None) -> tuple[pd.Series, list[Problem]]:
    del column
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        return raw.dt.tz_convert("UTC").dt.as_unit("us"), []
    text = _as_text(raw)
    unique = pd.Series(text.dropna().unique(), dtype="object")
    clean = unique.str.replace(r"[年月]", "-", regex=True).str.replace("日", " ", regex=False).str.strip()
    stamps = {value: _stamp(text_value, tz) for value, text_value in zip(unique, clean, strict=True)}
    values = pd.Series(pd.DatetimeIndex([stamps.get(value, pd.NaT) for value in text], tz="UTC"), index=raw.index)
    naive = text.map({value: stamp is _NAIVE for value, stamp in stamps.items()}, na_action="ignore").eq(True)  # noqa: FBT003
    wrong = text.notna() & values.isna() & ~naive
    problems = _wrong(raw, wrong, where, rows, "is not a time", "write 2026-04-12 08:30:00 or 2026-04-12T08:30:00+08:00")
    problems += _wrong(raw, naive, where, rows, "has no time zone", "pass tz='Asia/Shanghai' or write +08:00 behind it")
    return values.dt.as_unit("us"), problems


_NAIVE = pd.NaT
_MANY = 20


def _stamp(text: str, tz: str | None) -> pd.Timestamp | None:
    try:
        stamp = pd.Timestamp(text)
    except (ValueError, TypeError):
        return None
    if stamp is pd.NaT:
        return None
    if stamp.tzinfo is None:
        return stamp.tz_localize(tz, ambiguous=True, nonexistent="shift_forward").tz_convert("UTC") if tz else _NAIVE
    return stamp.tz_convert("UTC")


_CONVERT = {"text": _text, "ids": _text, "real": _real, "integer": _real, "flag": _flag, "time": _time}


def _bounds(values: pd.Series, column: Column, where: str, rows: np.ndarray) -> list[Problem]:
    problems = []
    unit = "" if column.unit in ("", "share") else f" {column.unit}"
    if column.minimum is not None:
        fix = "a share runs from 0 to 1" if column.unit == "share" else "correct the sign or the unit"
        what = f"is below {column.minimum:g}{unit}"
        problems += _wrong(values, (values < column.minimum).fillna(False), where, rows, what, fix)
    if column.maximum is not None:
        fix = "a share runs from 0 to 1; divide percentages by 100" if column.unit == "share" else "correct the value"
        what = f"is above {column.maximum:g}{unit}"
        problems += _wrong(values, (values > column.maximum).fillna(False), where, rows, what, fix)
    return problems


def _wrong(raw: pd.Series, wrong: pd.Series, where: str, rows: np.ndarray, what: str, fix: str) -> list[Problem]:
    mask = wrong.to_numpy(dtype=bool)
    if not mask.any():
        return []
    examples = list(dict.fromkeys(repr(_native(value)) for value in raw.to_numpy(dtype=object)[mask]))
    shown = ", ".join(examples[:3]) + (" …" if len(examples) > 3 else "")
    return [Problem(where, f"{shown} {what}", fix, _rows_where(wrong, rows))]


def _native(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _geometry(frame: pd.DataFrame, declared: Table, rows: np.ndarray) -> tuple[gpd.GeoSeries, list[Problem]]:
    kind, optional = declared.geometry.rstrip("?"), declared.geometry.endswith("?")
    name = _geometry_name(frame)
    if name is None:
        gone = gpd.GeoSeries([None] * len(frame), index=frame.index)
        fix = "give a GeoDataFrame, or lon and lat columns to a reader"
        return gone, [] if optional or not len(frame) else [Problem("geometry", f"missing; a {kind} was expected", fix)]
    geometry = gpd.GeoSeries(frame[name])
    problems = []
    if geometry.crs is None and geometry.notna().any():
        problems.append(Problem("geometry", "no CRS", "say which with frame.set_crs(...)"))
    lost = pd.Series((geometry.isna() | geometry.is_empty).to_numpy(), index=frame.index)
    if lost.any() and not optional:
        problems.append(Problem("geometry", f"missing; a {kind} was expected", "draw it, or leave the row out", _rows_where(lost, rows)))
    types = {"point": {"Point"}, "line": {"LineString"}}.get(kind)
    if types is not None:
        other = pd.Series((~geometry.geom_type.isin(types)).to_numpy() & ~lost.to_numpy(), index=frame.index)
        problems += _wrong(geometry.geom_type, other, "geometry", rows, f"is not a {kind}", f"give one {kind} per row")
    return geometry, problems


def _geometry_name(frame: pd.DataFrame) -> str | None:
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None:
        return str(frame.active_geometry_name)
    return "geometry" if "geometry" in frame.columns else None


def _repeated_key(key: pd.Series, declared: Table, rows: np.ndarray) -> list[Problem]:
    twice = key.duplicated(keep=False) & key.notna()
    column = declared.columns[declared.key]
    where = f"{column.name} ({column.zh})"
    return _wrong(key, twice, where, rows, "stands more than once", "give every row its own id")


def _unknown_rename(frame: pd.DataFrame, declared: Table, rename: Mapping[str, str] | None) -> list[Problem]:
    problems = []
    for old, name in (rename or {}).items():
        if old not in frame.columns:
            near = difflib.get_close_matches(old, [str(c) for c in frame.columns], n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"the headings are {', '.join(map(str, frame.columns[:12]))}"
            problems.append(Problem("rename", f"no column {old!r} in the table", fix))
        elif name not in declared.columns and name not in ("lon", "lat", "east", "north"):
            near = difflib.get_close_matches(name, list(declared.columns), n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(declared.columns)}"
            problems.append(Problem("rename", f"{name!r} is not a column of {declared.name}", fix))
    return problems


def _row_names(frame: pd.DataFrame) -> np.ndarray:
    if "source_ref" in frame.columns and not isinstance(frame["source_ref"], pd.DataFrame):
        return frame["source_ref"].astype("object").fillna("?").to_numpy()
    return frame.index.astype("object").to_numpy()


def _rows_where(mask: pd.Series, rows: np.ndarray) -> tuple[str, ...]:
    return tuple(str(row) for row in rows[mask.fillna(False).to_numpy(dtype=bool)])


def _as_text(raw: pd.Series, *, keep_missing_words: bool = False) -> pd.Series:
    if pd.api.types.is_float_dtype(raw.dtype) and raw.dropna().mod(1).eq(0).all():
        text = raw.astype("Int64").astype("str").where(raw.notna())
    else:
        text = raw.astype("object").map(lambda value: str(value).strip(), na_action="ignore").astype("str")
    if keep_missing_words:
        return text
    return text.mask(text.str.casefold().isin(_MISSING))


def _blank(column: Column, count: int) -> pd.api.extensions.ExtensionArray | np.ndarray:
    return pd.array([None] * count, dtype=_pandas_dtype(column)) if column.dtype != "real" else np.full(count, np.nan)


def _pandas_dtype(column: Column) -> object:
    return pd.DatetimeTZDtype("us", "UTC") if column.dtype == "time" else _DTYPE[column.dtype]
