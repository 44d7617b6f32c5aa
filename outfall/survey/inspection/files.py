"""Which format is a file of pipe inspections, and what does it hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import ReadError
from outfall.survey.inspection.coded import is_coded, read_coded
from outfall.survey.inspection.exchange import exchange_files, read_database, read_exchange
from outfall.survey.inspection.isybau import ASSETS, read_isybau
from outfall.survey.inspection.m150 import read_m150
from outfall.survey.inspection.markup import descendants, open_markup
from outfall.survey.inspection.model import Inspections, columns_of
from outfall.survey.inspection.sheet import read_sheet

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_inspections"]

_TABLES = {".csv", ".tsv", ".xlsx", ".xls", ".xlsm", ".ods"}
_DATABASES = {".mdb", ".accdb"}
_READ = {*_TABLES, *_DATABASES, ".xml", ".txt"}


def read_inspections(
    path: Path | str,
    *,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> Inspections:
    r"""Return the pipe inspections in a file or folder, whatever their format.

    ISYBAU XML, DWA-M 150 XML, the text format of EN 13508-2, PACP exchange tables (CSV, or Access through mdbtools) and
    flat tables in the style of CJJ 181 are told apart by their content. Nothing is interpreted here: codes and
    distances are as the file has them.

    Parameters
    ----------
    path : path
        A file, or a folder that holds one hand-over in any number of files.
    rename : mapping of str to str, optional
        For flat tables: the file's heading to our column.
    constants : mapping of str to object, optional
        For flat tables: values for columns the table lacks.
    layer : str, optional
        For workbooks: the sheet.

    Returns
    -------
    Inspections
        In the order of the names of the files; ``run_id`` is unique in the result.

    Raises
    ------
    ReadError
        A file cannot be read, is unsafe, or no file of the folder is one we know.
    TableError
        A column is missing, or a distance is no number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.xml"
    >>> _ = file.write_text("<DATA><HG><HG001>Y12</HG001><HI><HI101>O</HI101>"
    ...                     "<HZ><HZ001>12,5</HZ001><HZ002>BCA</HZ002></HZ></HI></HG></DATA>")
    >>> read_inspections(file).observations[["run_id", "distance_m", "code"]].values.tolist()
    [['1', 12.5, 'BCA']]
    """
    place = Path(path)
    if place.is_dir():
        return _read_folder(place, rename, constants, layer)
    return _read_file(place, rename, constants, layer)


def _read_folder(
    folder: Path, rename: Mapping[str, str] | None, constants: Mapping[str, object] | None, layer: str | None
) -> Inspections:
    exchange = exchange_files(folder)
    taken = set(exchange.values())
    files = sorted(file for file in folder.rglob("*") if file.suffix.casefold() in _READ and file.is_file())
    files = [file for file in files if file not in taken and not _is_exchange(file, taken)]
    if not files and not exchange:
        msg = f"{folder}: no table of observations in the folder; expected {', '.join(sorted(_READ))}"
        raise ReadError(msg)
    parts = [read_exchange(exchange, issues=[])] if exchange else []
    parts += [_read_file(file, rename, constants, layer) for file in files]
    if len(parts) == 1:
        return parts[0]
    runs: list[pd.DataFrame] = []
    observations: list[pd.DataFrame] = []
    for number, part in enumerate(parts, start=1):
        for tables, table in ((runs, part.runs), (observations, part.observations)):
            tables.append(table.assign(run_id=f"{number}." + table["run_id"]))
    issues = tuple(row for part in parts for row in part.issues)
    return Inspections(_stack(runs, "runs"), _stack(observations, "observations"), issues)


def _is_exchange(file: Path, taken: set[Path]) -> bool:
    return bool(taken) and file.stem.casefold().startswith(("pacp_", "pacp ", "lacp_", "lacp "))


def _stack(tables: list[pd.DataFrame], name: str) -> pd.DataFrame:
    filled = [table for table in tables if len(table)] or tables[:1]
    return pd.concat(filled, ignore_index=True)[list(columns_of(name))]


def _read_file(
    file: Path, rename: Mapping[str, str] | None, constants: Mapping[str, object] | None, layer: str | None
) -> Inspections:
    issues: list[dict[str, object]] = []
    suffix = file.suffix.casefold()
    if not file.is_file() or suffix not in _READ or (suffix in _TABLES and not _starts_coded(file)):
        return read_sheet(file, rename=rename, constants=constants, layer=layer, issues=issues)
    if file.stat().st_size == 0:
        msg = f"{file}: the file is empty (0 bytes); export it again"
        raise ReadError(msg)
    if suffix in _DATABASES:
        return read_database(file, issues=issues)
    if suffix == ".xml":
        root = open_markup(file, issues=issues)
        if root.tag == "DATA" or root.find("HG") is not None:
            return read_m150(root, file, issues=issues)
        if any(descendants(root, name) for name in ASSETS):
            return read_isybau(root, file, issues=issues)
        msg = f"{file}: neither DWA-M 150 (root DATA) nor ISYBAU with inspected pipes ({ASSETS[0]}); the root is {root.tag[:60]}. Export one of them"
        raise ReadError(msg)
    if _starts_coded(file):
        return read_coded(file, issues=issues)
    return read_sheet(file, rename=rename, constants=constants, layer=layer, issues=issues)


def _starts_coded(file: Path) -> bool:
    with file.open("rb") as stream:
        return is_coded(stream.read(200))
