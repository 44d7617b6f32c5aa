"""How are pipe inspections handed over in the format somebody else asks for, and what would get lost on the way."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from outfall.errors import ReadError
from outfall.survey.inspection.emit import NAMESPACES, as_isybau, as_m150
from outfall.survey.inspection.emit_rows import as_csv, as_en13508, as_workbook, cjj_rows, pacp_rows
from outfall.survey.inspection.files import read_inspections
from outfall.survey.inspection.model import compare_inspections
from outfall.tables import check, empty, issue

if TYPE_CHECKING:
    from collections.abc import Mapping

    import geopandas as gpd

    from outfall.survey.inspection.model import Inspections

__all__ = ["write_cjj", "write_en13508", "write_isybau", "write_m150", "write_pacp"]


def write_isybau(
    inspections: Inspections, path: Path | str, *, version: Literal["2013", "2017"] = "2013"
) -> gpd.GeoDataFrame:
    """Write pipe inspections as ISYBAU XML, read them back and return what got lost.

    Parameters
    ----------
    inspections : Inspections
        From ``read_inspections``. Not changed.
    path : path
        The file; replaced whole or not at all.
    version : {"2013", "2017"}, default "2013"
        Namespace and version written. The element names are those of 2013-02.

    Returns
    -------
    GeoDataFrame
        Contract ``issues``: one row per column that does not come back as it was, with the rows concerned. Empty when
        nothing got lost.

    Raises
    ------
    ReadError
        The file cannot be written, or the version is unknown.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.survey.inspection.model import Inspections, build
    >>> tables = build([{"run_id": "1", "pipe_id": "Y12"}], [{"run_id": "1", "distance_m": 3, "code": "BCA"}], where="a")
    >>> len(write_isybau(Inspections(*tables, ()), pathlib.Path(tempfile.mkdtemp()) / "a.xml"))
    0
    """
    if version not in NAMESPACES:
        msg = f"version {version!r} is unknown; choose one of {', '.join(NAMESPACES)}"
        raise ReadError(msg)
    return _handed_over(inspections, {Path(path): as_isybau(inspections, version=version)}, Path(path))


def write_m150(inspections: Inspections, path: Path | str) -> gpd.GeoDataFrame:
    """Write pipe inspections as DWA-M 150 XML, read them back and return what got lost.

    Parameters
    ----------
    inspections : Inspections
        Not changed.
    path : path
        The file; replaced whole or not at all.

    Returns
    -------
    GeoDataFrame
        Contract ``issues``, as for ``write_isybau``. The format has no field for the length that was driven.

    Raises
    ------
    ReadError
        The file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.survey.inspection.model import Inspections, build
    >>> tables = build([{"run_id": "1", "pipe_id": "Y12", "inspected_m": 7}], [], where="a")
    >>> write_m150(Inspections(*tables, ()), pathlib.Path(tempfile.mkdtemp()) / "a.xml")["reason"].tolist()
    ['runs.inspected_m does not come back from this format in 1 row, such as 7.0 as None']
    """
    return _handed_over(inspections, {Path(path): as_m150(inspections)}, Path(path))


def write_en13508(inspections: Inspections, path: Path | str) -> gpd.GeoDataFrame:
    """Write pipe inspections in the text format of EN 13508-2, read them back and return what got lost.

    Parameters
    ----------
    inspections : Inspections
        Not changed.
    path : path
        The file, ``.txt``; replaced whole or not at all.

    Returns
    -------
    GeoDataFrame
        Contract ``issues``, as for ``write_isybau``. The format has no field for grades and driven lengths.

    Raises
    ------
    ReadError
        The file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.survey.inspection.model import Inspections, build
    >>> tables = build([{"run_id": "1", "pipe_id": "Y12"}], [{"run_id": "1", "distance_m": 3, "code": "BCA"}], where="a")
    >>> len(write_en13508(Inspections(*tables, ()), pathlib.Path(tempfile.mkdtemp()) / "a.txt"))
    0
    """
    raw = as_en13508(inspections)
    return _handed_over(inspections, {Path(path): raw}, Path(path))


def write_cjj(inspections: Inspections, path: Path | str) -> gpd.GeoDataFrame:
    """Write pipe inspections as a Chinese table in the style of CJJ 181 logs, read it back and return what got lost.

    Parameters
    ----------
    inspections : Inspections
        Not changed.
    path : path
        ``.xlsx`` (every cell is text, none becomes a formula) or ``.csv`` (UTF-8); replaced whole or not at all.

    Returns
    -------
    GeoDataFrame
        Contract ``issues``, as for ``write_isybau``.

    Raises
    ------
    ReadError
        The file cannot be written, or has another ending.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.survey.inspection.model import Inspections, build
    >>> tables = build([{"run_id": "1", "pipe_id": "Y12"}], [{"run_id": "1", "distance_m": 3, "code": "AJ"}], where="a")
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "检测.csv"
    >>> len(write_cjj(Inspections(*tables, ()), file)), file.read_text(encoding="utf-8-sig").split(",")[1]
    (0, '管段编号')
    """
    file = Path(path)
    if file.suffix.casefold() == ".csv":
        raw = as_csv(cjj_rows(inspections))
    elif file.suffix.casefold() == ".xlsx":
        raw = as_workbook(cjj_rows(inspections))
    else:
        msg = f"{file}: {file.suffix or 'no ending'} is not written; expected .xlsx or .csv"
        raise ReadError(msg)
    return _handed_over(inspections, {file: raw}, file)


def write_pacp(inspections: Inspections, folder: Path | str) -> gpd.GeoDataFrame:
    """Write pipe inspections as the CSV tables of a PACP exchange (metric), read them back and return what got lost.

    Parameters
    ----------
    inspections : Inspections
        Not changed. Codes are written as they are; they are not translated between code systems.
    folder : path
        Made if missing; holds ``PACP_Inspections.csv``, ``PACP_Conditions.csv`` and the two media tables.

    Returns
    -------
    GeoDataFrame
        Contract ``issues``, as for ``write_isybau``. The tables have no field for characterisations and grades.

    Raises
    ------
    ReadError
        A file cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from outfall.survey.inspection.model import Inspections, build
    >>> tables = build([{"run_id": "1", "pipe_id": "Y12"}], [{"run_id": "1", "distance_m": 3, "code": "TBI"}], where="a")
    >>> len(write_pacp(Inspections(*tables, ()), pathlib.Path(tempfile.mkdtemp()) / "out"))
    0
    """
    place = Path(folder)
    tables = pacp_rows(inspections)
    return _handed_over(inspections, {place / f"{name}.csv": as_csv(rows) for name, rows in tables.items()}, place)


def _handed_over(inspections: Inspections, made: Mapping[Path, bytes], path: Path) -> gpd.GeoDataFrame:
    """Put files in place, read them back and return every column that changed as an issue."""
    for file, raw in made.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle, aside = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".part")
            with os.fdopen(handle, "wb") as stream:
                stream.write(raw)
            Path(aside).replace(file)
        except OSError as error:
            msg = f"{file}: cannot be written ({error.strerror or type(error).__name__}); choose another place"
            raise ReadError(msg) from error
    back = read_inspections(path)
    rows = []
    for (table, column), cells in compare_inspections(inspections, back).groupby(["table", "column"], sort=True):
        first = cells.iloc[0]
        what = f"{table}.{column}" if column else f"the number of {table}"
        rows_said = "1 row" if len(cells) == 1 else f"{len(cells)} rows"
        reason = (
            f"{what} does not come back from this format in {rows_said}, such as {first['one']} as {first['other']}"
        )
        zh = f"{what} 在此格式中不能原样保存 ({len(cells)} 行), 如 {first['one']} 变为 {first['other']}"
        refs = getattr(inspections, str(table))["source_ref"].astype("str")
        named = [refs.iloc[at] for at in cells["row"] if at >= 0]
        rows.append(issue("unread_value", path.name, reason, reason_zh=zh, rows=named, decision="written without it"))
    return check(pd.DataFrame(rows), "issues") if rows else empty("issues")
