"""What do the Chinese workbooks look like: titles, merged headings, units in headings, texts that stay texts."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd
import xlsxwriter

from outfall.simulate._data import tracers
from outfall.vocabulary import label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from outfall.simulate.town import Town

__all__ = ["write_lab", "write_permits", "write_walk"]

_TZ = "Asia/Shanghai"
_WRITTEN_AT = dt.datetime(2026, 4, 20)  # noqa: DTZ001  (workbooks know no zones)


def write_walk(town: Town, path: Path) -> None:
    """Write the walkover form."""
    frame = town.walk.assign(
        seen_at=_local(town.walk["seen_at"], "%Y-%m-%d %H:%M"),
        side=[label("bank_side", side, lang="zh") for side in town.walk["side"]],
        outfall_class=[label("outfall_class", name, lang="zh") for name in town.walk["outfall_class"]],
        outfall_shape=[label("outfall_shape", name, lang="zh") for name in town.walk["outfall_shape"]],
        is_discharging=town.walk["is_discharging"].map({True: "有水", False: "无水"}),
    )
    headings = {
        "sighting_id": "点位编号", "survey_id": "批次", "seen_at": "调查时间", "name": "排口名称", "code": "现场编码", "lon": "经度",
        "lat": "纬度",
        "sigma_m": "定位精度(m)", "side": "左右岸", "outfall_class": "排口类型", "outfall_shape": "口门形态",
        "is_discharging": "是否排水",
        "diameter_mm": "管径(mm)", "flow_m3s": "流量(m3/s)", "colour": "水色", "odour": "异味", "observer": "记录人",
        "note": "备注",
    }  # fmt: skip
    with _book(path) as book:
        sheet = book.add_worksheet("徒步排查记录")
        _title(book, sheet, "禾川河柳渡镇段入河排污口徒步排查记录表(虚构)", len(headings))
        _fill(sheet, 1, list(headings.values()), frame[list(headings)].to_numpy().tolist())
        sheet.set_column(0, len(headings) - 1, 13)


def write_permits(town: Town, path: Path) -> None:
    """Write the list of registered sources."""
    headings = {
        "source_id": "企业编号", "name": "企业名称", "kind": "行业类别", "credit_code": "统一社会信用代码", "permit_no": "排污许可证编号",
        "address": "生产经营场所地址",
        "lon": "经度", "lat": "纬度", "discharge_m3d": "许可排水量(m3/d)", "parameters": "主要污染物", "system": "排水去向",
        "note": "备注",
    }  # fmt: skip
    system = town.permits["system"].map({"foul": "进入城市污水处理厂", "river": "直接进入江河湖库等水环境"})
    frame = town.permits.assign(system=system, note="坐标来源:" + town.permits["note"])
    with _book(path) as book:
        sheet = book.add_worksheet("污染源清单")
        _title(book, sheet, "柳渡镇固定污染源清单(虚构)", len(headings))
        _fill(sheet, 1, list(headings.values()), frame[list(headings)].to_numpy().tolist())
        sheet.set_column(0, len(headings) - 1, 16)


def write_lab(town: Town, path: Path) -> None:
    """Write the laboratory's workbook: the wide report first, the sampling record second."""
    order = town.samples.sort_values("sample_id", kind="stable", ignore_index=True)
    wide = town.results.pivot_table(index="sample_id", columns="parameter", values="value_text", aggfunc="first")
    fixed = ["样品编号", "采样点位", "排口编号", "企业编号", "采样时间"]
    with _book(path) as book:
        sheet = book.add_worksheet("检测结果")
        _title(book, sheet, "水质检测报告 编号 LD-2026-041 (虚构)", len(fixed) + len(tracers()) + 1)
        _merged(book, sheet, fixed)
        limits = ["检出限", "", "", "", "", *(_limit(t["detection_limit"], t["heading"]) for t in tracers()), ""]
        rows: list[list[object]] = [limits]
        times = _local(order["taken_at"], "%Y-%m-%d %H:%M")
        for sample, at in zip(order.itertuples(), times, strict=True):
            values = wide.loc[sample.sample_id, [t["parameter"] for t in tracers()]].fillna("/").tolist()
            rows.append(
                [
                    sample.sample_id,
                    sample.point_name,
                    sample.outfall_id,
                    sample.source_id,
                    at,
                    *map(_number, values),
                    sample.note,
                ]
            )
        _fill(sheet, 3, [], rows)
        _write_record(book, order)


def _write_record(book: xlsxwriter.Workbook, order: pd.DataFrame) -> None:
    sheet = book.add_worksheet("采样记录")
    frame = order.assign(
        taken_at=_local(order["taken_at"], "%Y-%m-%d %H:%M"),
        kind=[label("sample_kind", kind, lang="zh") for kind in order["kind"]],
        method="实验室检测",
    )
    headings = {
        "sample_id": "样品编号", "kind": "样品类型", "method": "检测方式", "outfall_id": "排口编号", "source_id": "企业编号",
        "point_name": "采样点位",
        "taken_at": "采样时间", "lon": "经度", "lat": "纬度", "flow_m3s": "流量(m3/s)", "note": "备注",
    }  # fmt: skip
    _fill(sheet, 0, list(headings.values()), frame[list(headings)].to_numpy().tolist())
    sheet.set_column(0, len(headings) - 1, 15)


def _merged(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet, fixed: Sequence[str]) -> None:
    """Write two rows of headings: groups above, parameters with their units below."""
    style = book.add_format({"bold": True, "align": "center", "valign": "vcenter", "border": 1, "text_wrap": True})
    names = [*fixed, *(t["heading"] for t in tracers()), "备注"]
    groups = ["", *([""] * (len(fixed) - 1)), *(t["group"] for t in tracers()), ""]
    at = 0
    while at < len(names):
        if not groups[at]:
            sheet.merge_range(1, at, 2, at, names[at], style)
            at += 1
            continue
        end = at
        while end + 1 < len(names) and groups[end + 1] == groups[at]:
            end += 1
        sheet.merge_range(1, at, 1, end, groups[at], style)
        for column in range(at, end + 1):
            sheet.write_string(2, column, names[column], style)
        at = end + 1
    sheet.set_column(0, len(names) - 1, 14)


def _book(path: Path) -> xlsxwriter.Workbook:
    book = xlsxwriter.Workbook(
        str(path), {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    book.set_properties({"created": _WRITTEN_AT, "author": "", "comments": "invented"})
    return book


def _title(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet, text: str, width: int) -> None:
    sheet.merge_range(0, 0, 0, width - 1, text, book.add_format({"bold": True, "font_size": 14, "align": "center"}))


def _fill(
    sheet: xlsxwriter.worksheet.Worksheet, top: int, headings: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    if headings:
        sheet.write_row(top, 0, headings)
        top += 1
    for number, row in enumerate(rows, start=top):
        for column, value in enumerate(row):
            if isinstance(value, str):
                if value:
                    sheet.write_string(number, column, value)
            elif isinstance(value, int | float) and value == value:  # noqa: PLR0124  (missing numbers stay empty)
                sheet.write_number(number, column, value)


def _number(text: object) -> object:
    """Return numbers as numbers; ``<0.05``, ``未检出``, ``ND`` and ``/`` stay texts."""
    try:
        return float(str(text))
    except ValueError:
        return str(text)


def _limit(limit: str, heading: str) -> object:
    return float(limit) * (1000 if heading.endswith("(µg/L)") else 1) if limit else ""


def _local(times: pd.Series, pattern: str) -> pd.Series:
    return pd.to_datetime(times, utc=True).dt.tz_convert(_TZ).dt.strftime(pattern)
