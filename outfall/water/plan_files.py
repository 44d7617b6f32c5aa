"""What a crew takes along: a workbook with rounds, labels and bottles, or a route for the phone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import TableError
from outfall.store import write_aside
from outfall.water.plan_bottles import list_bottles

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["write_plan"]

_GPX = "http://www.topografix.com/GPX/1/1"
_ROUND = {
    "stop": "序号",
    "planned_at": "计划时间",
    "sample_id": "样品编号",
    "kind": "样品类型",
    "point_name": "点位名称",
    "outfall_id": "排污口编号",
    "lon": "经度",
    "lat": "纬度",
    "side": "岸别",
    "parameters": "检测项目",
    "reason_zh": "说明",
    "taken_at": "实际采样时间",
    "note": "备注",
}
_BOTTLES = {
    "bottle_id": "瓶号",
    "sample_id": "样品编号",
    "parameters": "检测项目",
    "container": "容器",
    "agent_zh": "固定剂与保存",
    "volume_ml": "采样量(mL)",
    "hold_h": "保存时间(h)",
    "reason_zh": "依据",
}
_CGCS2000, _WGS84 = 4490, 4326


def write_plan(
    plan: gpd.GeoDataFrame, path: Path | str, *, tz: str = "Asia/Shanghai", rules: pd.DataFrame | None = None
) -> Path:
    """Write a sampling plan as a workbook for the office or a route for the phone.

    Parameters
    ----------
    plan : GeoDataFrame, n samples
        From plan_sampling. Not changed.
    path : path
        ``.xlsx``: a sheet per crew and day with empty columns to fill in, and the bottles with what goes in first;
        every text is a text cell. ``.gpx``: a route per crew and day, WGS 84. Replaced if it exists.
    tz : str, default "Asia/Shanghai"
        Zone of the times in the workbook.
    rules : DataFrame, optional
        Like bottle_rules().

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    TableError
        The ending is neither of the two.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.water import plan_rules
    >>> import geopandas as gpd
    >>> plan = gpd.GeoDataFrame({"sample_id": ["W1"], "kind": "routine", "point_name": ["东沟"], "outfall_id": ["P1"],
    ...     "side": ["left"], "parameters": ["ammonia"], "planned_at": pd.to_datetime(["2026-04-12T00:00Z"]), "day": [1],
    ...     "crew": [1], "stop": [1], "reason_zh": [""]}, geometry=gpd.points_from_xy([114.3], [30.6]), crs=4490)
    >>> write_plan(plan, Path(tempfile.mkdtemp()) / "plan.gpx").read_text(encoding="utf-8").count("<rtept")
    1
    """
    target = Path(path)
    writers = {
        ".xlsx": lambda aside: _write_book(plan, aside, tz, rules),
        ".gpx": lambda aside: _write_route(plan, aside),
    }
    writer = writers.get(target.suffix.casefold())
    if writer is None:
        msg = f"{target}: a plan is written as .xlsx or .gpx"
        raise TableError(msg)
    return write_aside(target, writer)


def _write_book(plan: gpd.GeoDataFrame, path: Path, tz: str, rules: pd.DataFrame | None) -> None:
    import xlsxwriter

    points = plan.geometry.to_crs(_CGCS2000)
    table = pd.DataFrame(plan.drop(columns="geometry")).assign(
        lon=points.x.round(6),
        lat=points.y.round(6),
        planned_at=plan["planned_at"].dt.tz_convert(tz).dt.strftime("%Y-%m-%d %H:%M"),
        taken_at=None,
        note=None,
    )
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        for (day, crew), rows in table.groupby(["day", "crew"], sort=True):
            _sheet(book, f"第{day}天 {crew}组", rows, _ROUND)
        _sheet(book, "采样瓶", list_bottles(table, rules=rules), _BOTTLES)


def _sheet(book: object, name: str, rows: pd.DataFrame, columns: dict[str, str]) -> None:
    sheet = book.add_worksheet(name)  # type: ignore[attr-defined]
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    for at, (column, heading) in enumerate(columns.items()):
        sheet.write_string(0, at, heading)
        cells = rows[column] if column in rows else pd.Series([None] * len(rows))
        sheet.set_column(at, at, min(max([len(str(cell)) * 1.6 for cell in cells.dropna()] + [len(heading) * 2.2]), 48))
        for row, cell in enumerate(cells, start=1):
            if pd.isna(cell):
                sheet.write_blank(row, at, None)
            elif isinstance(cell, int | float):
                sheet.write_number(row, at, cell)
            else:
                sheet.write_string(row, at, str(cell)[:32_767])


def _write_route(plan: gpd.GeoDataFrame, path: Path) -> None:
    ET.register_namespace("", _GPX)
    root = ET.Element(f"{{{_GPX}}}gpx", {"version": "1.1", "creator": "outfall"})
    points = plan.geometry.to_crs(_WGS84)
    table = pd.DataFrame(plan.drop(columns="geometry")).assign(lon=points.x, lat=points.y)
    for (day, crew), rows in table.groupby(["day", "crew"], sort=True):
        route = ET.SubElement(root, f"{{{_GPX}}}rte")
        ET.SubElement(route, f"{{{_GPX}}}name").text = f"第{day}天 {crew}组"
        for row in rows.itertuples():
            point = ET.SubElement(route, f"{{{_GPX}}}rtept", {"lat": f"{row.lat:.7f}", "lon": f"{row.lon:.7f}"})
            ET.SubElement(point, f"{{{_GPX}}}time").text = (
                pd.Timestamp(row.planned_at).tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
            )
            ET.SubElement(point, f"{{{_GPX}}}name").text = _plain(row.sample_id)
            ET.SubElement(point, f"{{{_GPX}}}desc").text = _plain(f"{row.point_name} {row.parameters}")
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _plain(text: object) -> str:
    """Return a text without the characters that XML has no place for."""
    return "".join(
        sign for sign in str(text) if sign in "\t\n\r" or (ord(sign) >= 32 and not 0xD800 <= ord(sign) <= 0xDFFF)
    )
