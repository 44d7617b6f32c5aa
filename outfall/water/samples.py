"""Which water was taken where and when: one row per sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.coordinates import has_coordinates, to_points
from outfall.errors import UnitError
from outfall.tables import check, contract
from outfall.units import convert
from outfall.water.notes import Note, attach_notes
from outfall.water.sheets import Sheet, fill_sample_ids, open_sheet, split_rows
from outfall.water.values import parse_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

__all__ = ["read_samples"]


def read_samples(
    path: Path | str,
    *,
    crs: object = None,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> pd.DataFrame:
    r"""Return the samples of a file: a list of samples, or a laboratory sheet that holds their results too.

    A sample that stands in several rows (one per parameter) becomes one row with what the rows say; where they differ
    the first in the file counts and an issue says so.

    Parameters
    ----------
    path : path
        Any file that tables.read_frame reads.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What lon and lat columns are; needed only where the file has them.
    tz : str, optional
        Zone of times that do not say theirs.
    rename : mapping of str to str, optional
        The file's heading to our column.
    constants : mapping of str to object, optional
        Values for columns the file lacks.
    layer : str, optional
        Layer or sheet.

    Returns
    -------
    GeoDataFrame, n rows
        Contract ``samples``, in the order of the file; columns that are no results are kept at the end.
        tables.list_issues says what was
        assumed.

    Raises
    ------
    ReadError
        The file cannot be read.
    CoordinateError
        The coordinates cannot be what is said.
    TableError
        The table does not meet its contract.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "lab.csv"
    >>> _ = file.write_text("样品编号,排口编号,采样时间,氨氮(mg/L)\nW1,E1,2026-04-12 08:30,<0.025\n", encoding="utf-8")
    >>> read_samples(file, tz="Asia/Shanghai")[["sample_id", "outfall_id"]].values.tolist()
    [['W1', 'E1']]
    """
    sheet = open_sheet(path, "samples", rename=rename, constants=constants, layer=layer)
    rows, _ = split_rows(sheet)
    named = fill_sample_ids(_with_flow(sheet, rows), sheet.notes, is_long=_is_long(rows))
    once = _one_per_sample(named, sheet.notes)
    if has_coordinates(once):
        once = to_points(once, crs=crs, where=sheet.name)
    checked = check(once, "samples", tz=tz, where=sheet.name)
    return attach_notes(checked, sheet.notes, about=sheet.name)


def _with_flow(sheet: Sheet, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without result columns; a flow in another unit (m3/d is common) becomes flow_m3s."""
    out = rows.drop(columns=list(sheet.headings))
    flows = [name for name, found in sheet.headings.items() if found.parameter == "flow" and found.role == "value"]
    if flows and "flow_m3s" not in out.columns:
        found = sheet.headings[flows[0]]
        unit = found.unit or found.shared_unit or "m3/s"
        try:
            factor = convert(1.0, unit, "m3/s")
        except UnitError:  # a shared unit that is meant for its neighbours
            factor = 1.0
        out["flow_m3s"] = [parse_value(text).value * factor for text in rows[flows[0]]]
    results = {"parameter", "value", "unit", "detection_limit", "qualifier", "result_id", "sigma_share", "value_text"}
    return out.drop(columns=[name for name in out.columns if _result_column(name) in results])


def _is_long(rows: pd.DataFrame) -> bool:
    return {"parameter", "value"} <= {_result_column(name) for name in rows.columns}


def _result_column(heading: object) -> str | None:
    bare = str(heading).replace("（", "(").partition("(")[0]
    return contract("results").find_column(heading) or contract("results").find_column(bare)


def _one_per_sample(rows: pd.DataFrame, notes: list[Note]) -> pd.DataFrame:
    ids = rows["sample_id"].astype("object").astype(str).str.strip()
    if not ids.duplicated().any():
        return rows
    filled = rows.astype("object").where(rows.notna() & (rows != ""), None)
    groups = filled.groupby(ids.to_numpy(), sort=False)
    once = groups.first()
    for name in once.columns:
        if name in ("source_ref", "geometry") or name not in contract("samples").columns:
            continue
        differing = groups[name].agg(lambda cells: len(set(cells.dropna())) > 1).astype(bool)
        for sample in once.index[differing.to_numpy()]:
            reason = f"rows of sample {sample} differ in {name}; the first counts: {once.loc[sample, name]}"
            reason_zh = f"样品 {sample} 各行的 {name} 不一致, 取第一行"
            notes.append(Note("duplicate", reason, reason_zh, rows=[sample], decision="first row kept"))
    first = ~ids.duplicated()
    once = once.set_index(rows.index[first.to_numpy()])
    return (
        once
        if not hasattr(rows, "crs")
        else rows.loc[first.to_numpy(), ["geometry"]].join(once.drop(columns="geometry"))
    )
