"""How do drives and observations look as rows: Chinese tables, PACP exchange tables, the text format of EN 13508-2."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from outfall.survey.inspection.emit import text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outfall.survey.inspection.model import Inspections

__all__ = ["as_csv", "as_en13508", "as_workbook", "cjj_rows", "pacp_rows"]

_CJJ_RUN = {
    "run_id": "检测编号",
    "pipe_id": "管段编号",
    "upper_manhole": "上游井号",
    "lower_manhole": "下游井号",
    "direction": "检测方向",
    "length_m": "管段长度(m)",
    "inspected_m": "检测长度(m)",
    "diameter_mm": "管径(mm)",
    "seen_at": "检测时间",
    "observer": "检测人员",
    "video": "视频文件",
    "note": "检测备注",
}
_CJJ_SEEN = {
    "distance_m": "距离(m)",
    "code": "缺陷代码",
    "char_1": "特征1",
    "char_2": "特征2",
    "quantity_1": "量化值1",
    "quantity_2": "量化值2",
    "clock": "环向位置",
    "clock_to": "终止钟点",
    "continuous": "连续缺陷",
    "is_joint": "是否接口",
    "grade": "缺陷等级",
    "video_counter": "视频时间",
    "photo_ids": "照片编号",
    "note": "备注",
}
_EN_RUN = ("ACB", "ABQ", "AAA", "AAB", "AAD", "AAF", "AAK", "ABF", "ABG", "ABH", "ABS", "ADE")
_EN_SEEN = {
    "I": "distance_m", "A": "code", "B": "char_1", "C": "char_2", "D": "quantity_1", "E": "quantity_2", "G": "clock_from",
    "H": "clock_to", "J": "continuous", "K": "is_joint", "M": "photo_ids", "N": "video_counter", "F": "note",
}  # fmt: skip
_RUNS = "InspectionID,Surveyed_By,Pipe_Segment_Reference,Inspection_Date,Inspection_Time,Upstream_MH,Downstream_MH,Direction"
_RUNS += ",Height,Total_Length,Length_Surveyed,Additional_Info,IsImperial"
_CONDITIONS = "ConditionID,InspectionID,Distance,PACP_Code,Continuous,Value_1st_Dimension,Value_2nd_Dimension,Joint"
_CONDITIONS += ",Clock_At_From,Clock_To,Remarks,VCR_Time"


def as_en13508(inspections: Inspections) -> bytes:
    """Return inspections in the text format of EN 13508-2, UTF-8."""
    lines = ["#A1=UTF-8", "#A2=en", "#A3=,", "#A4=.", '#A5="', "#A6=2010"]
    for run, rows in _drives(inspections):
        lines += [f"#B01={','.join(_EN_RUN)}", _line(_en_run(run)), f"#C={','.join(_EN_SEEN)}"]
        lines += [_line([_en_cell(row[column]) for column in _EN_SEEN.values()]) for row in rows]
        lines.append("#Z")
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")


def cjj_rows(inspections: Inspections) -> list[Sequence[str]]:
    """Return inspections as rows of a Chinese table, headings first; a drive without findings is one row."""
    rows: list[Sequence[str]] = [[*_CJJ_RUN.values(), *_CJJ_SEEN.values()]]
    for run, seen in _drives(inspections):
        about = [_cjj_run(name, run[name]) for name in _CJJ_RUN]
        rows += [[*about, *(_cjj_cell(name, row) for name in _CJJ_SEEN)] for row in seen]
        if not seen:
            rows.append([*about, *("" for _ in _CJJ_SEEN)])
    return rows


def pacp_rows(inspections: Inspections) -> dict[str, list[Sequence[str]]]:
    """Return the tables of a PACP exchange by name, headings first, in metres and millimetres."""
    runs, conditions = [_RUNS.split(",")], [_CONDITIONS.split(",")]
    films, photos = [["MediaID", "InspectionID", "Video_Name"]], [["MediaID", "ConditionID", "Image_Name"]]
    for number, (run, rows) in enumerate(_drives(inspections), start=1):
        date, _, time = text_of(run["seen_at"]).partition("T")
        side = {"with_flow": "D", "against_flow": "U"}.get(str(run["direction"]), "")
        names = ("diameter_mm", "length_m", "inspected_m", "note")
        ends = [text_of(run[name]) for name in ("upper_manhole", "lower_manhole")]
        about = [text_of(run["observer"]), text_of(run["pipe_id"]), date, time, *ends, side]
        runs.append([str(number), *about, *(text_of(run[name]) for name in names), "0"])
        if text_of(run["video"]):
            films.append([str(len(films)), str(number), text_of(run["video"])])
        for row in rows:
            said = text_of(row["continuous"])
            said = {"A": "S", "B": "F"}[said[0]] + said[1:].zfill(2) if said[:1] in ("A", "B") and said[1:] else said
            values = [text_of(row[name]) for name in ("distance_m", "code")], said
            joint = "J" if row["is_joint"] is True else ""
            rest = [text_of(row[name]) for name in ("clock_from", "clock_to", "note", "video_counter")]
            sizes = [text_of(row[name]) for name in ("quantity_1", "quantity_2")]
            key = str(len(conditions))
            conditions.append([key, str(number), *values[0], values[1], *sizes, joint, *rest])
            photos += [
                [str(len(photos) + at), key, name]
                for at, name in enumerate(text_of(row["photo_ids"]).split(";"))
                if name
            ]
    made: dict[str, list[Sequence[str]]] = {"PACP_Inspections": [*runs], "PACP_Conditions": [*conditions]}
    return made | {"PACP_Media_Inspections": [*films], "PACP_Media_Conditions": [*photos]}


def as_csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Return rows as CSV in UTF-8 with the mark that tells Excel so."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def as_workbook(rows: Sequence[Sequence[str]]) -> bytes:
    """Return rows as a workbook in which every cell is text."""
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}) as book:
        sheet = book.add_worksheet("检测记录")
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(at, column, cell)
    return out.getvalue()


def _drives(inspections: Inspections) -> list[tuple[dict[str, object], list[dict[str, object]]]]:
    rows: dict[object, list[dict[str, object]]] = {}
    for row in inspections.observations.to_dict("records"):
        rows.setdefault(row["run_id"], []).append({str(name): value for name, value in row.items()})
    runs = inspections.runs.to_dict("records")
    return [({str(name): value for name, value in run.items()}, rows.get(run["run_id"], [])) for run in runs]


def _en_run(run: Mapping[str, object]) -> list[str]:
    upper, lower = text_of(run["upper_manhole"]), text_of(run["lower_manhole"])
    direction = {"with_flow": "A", "against_flow": "B"}.get(str(run["direction"]), "")
    start = {"A": upper, "B": lower}.get(direction, "")
    date, _, time = text_of(run["seen_at"]).partition("T")
    size = [text_of(run["diameter_mm"]), text_of(run["length_m"]), text_of(run["pipe_id"])]
    return [
        *size,
        start,
        lower,
        upper,
        direction,
        date,
        time,
        *(text_of(run[name]) for name in ("observer", "video", "note")),
    ]


def _en_cell(value: object) -> str:
    return "A" if value is True else text_of(value)


def _cjj_run(name: str, value: object) -> str:
    return {"with_flow": "顺流", "against_flow": "逆流"}.get(str(value), "") if name == "direction" else text_of(value)


def _cjj_cell(name: str, row: Mapping[str, object]) -> str:
    if name == "clock":
        first, last = text_of(row["clock_from"]), text_of(row["clock_to"])
        return f"{first.zfill(2)}{last.zfill(2)}" if last and first else f"00{first.zfill(2)}" if first else ""
    if name == "clock_to" and text_of(row["clock_from"]):
        return ""
    return "是" if row[name] is True else text_of(row[name])


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    plain = [cell.replace("\r\n", " ").replace("\n", " ").replace("\r", " ") for cell in cells]
    csv.writer(out, lineterminator="").writerow(plain)
    return out.getvalue()
