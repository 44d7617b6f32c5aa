"""How the rows of a pack become tables: GeoJSON, a workbook people fill in, and a CSV."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from outfall.survey.packed import guard
from outfall.tables import split_ids
from outfall.vocabulary import label, words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from outfall.reports.field_pack.packed import Packed

__all__ = ["write_csv", "write_geojson", "write_workbook"]

_DATUM = "CGCS2000 (EPSG:4490), longitude before latitude; within decimetres of WGS 84"
_TZ = "Asia/Shanghai"  # our default; each cell says its offset
_CELL_CHARS = 32_767
_TEXTS_ONLY = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_CUT = " …(cut)"
_WIDE = {"name": 30, "outfall_id": 16, "note": 30, "reason": 30, "reason_zh": 30, "photo_ids": 26, "address": 26}
_HIDDEN = ("reason", "sighting_ids", "pack_photos", "register_ref", "uuid")
_PLACES = {"zh": ("经度(°)", "纬度(°)"), "en": ("lon", "lat")}
_PHOTO_SHEET = {"zh": ("照片", ("排污口内部编号", "照片")), "en": ("Photos", ("Outfall id", "Photo"))}
_MOST_LISTED = 255  # characters of a list a spreadsheet offers in a cell


def write_geojson(packed: Packed, path: Path) -> None:
    """Write a feature per row as RFC 7946 asks: longitude before latitude, no CRS member; the datum is said beside."""
    features = []
    photos = packed.photo_cells("DCIM")
    columns = {name: [_json(value) for value in packed.rows[name]] for name in packed.columns} | {"photo_ids": photos}
    for at, point in enumerate(packed.rows.geometry):
        place = None if point is None else {"type": "Point", "coordinates": [round(point.x, 10), round(point.y, 10)]}
        cells = {name: values[at] for name, values in columns.items()}
        features.append({"type": "Feature", "id": cells["uuid"], "geometry": place, "properties": cells})
    whole = {"type": "FeatureCollection", "datum": _DATUM, "features": features}
    path.write_text(json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1), encoding="utf-8")


def write_csv(packed: Packed, path: Path, *, more: Mapping[str, list[str]] | None = None) -> None:
    """Write every field as text, with longitude and latitude in degrees; formulas are guarded by an apostrophe."""
    texts = packed.texts().assign(**dict(zip(("lon", "lat"), _places(packed), strict=True)), **(more or {}))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(texts.columns)
        for row in texts.itertuples(index=False):
            writer.writerow("" if value is None else guard(str(value)) for value in row)


def write_workbook(packed: Packed, path: Path) -> None:
    """Write a sheet with the register's headings and order, lists to choose words from, and links to the photos."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), _TEXTS_ONLY) as book:
        book.set_properties({"title": packed.pack_id, "comments": f"{packed.settings.register} · {_DATUM}"})
        edge = {"border": 1, "border_color": "#C8D2DA", "valign": "top"}
        head = book.add_format({**edge, "bold": True, "text_wrap": True, "align": "center", "bg_color": "#DCE9F2"})
        formats = {
            "text": book.add_format({**edge, "num_format": "@", "text_wrap": True}),
            "number": book.add_format(edge),
            "degree": book.add_format({**edge, "num_format": "0.0000000"}),
        }
        sheet = book.add_worksheet("排污口" if packed.settings.lang == "zh" else "Outfalls")
        columns = _sheet_columns(packed)
        for at, (name, heading, values) in enumerate(columns):
            options = {"hidden": 1} if name in _HIDDEN else {}
            sheet.set_column(at, at, _WIDE.get(name, 13), None, options)
            sheet.write_string(0, at, heading, head)
            for row, value in enumerate(values, start=1):
                _write_cell(sheet, (row, at), value, formats, name)
            _offer_words(sheet, packed, name, (1, at, max(len(packed.rows), 1) + 200, at))
        _set_page(sheet, len(packed.rows), len(columns))
        _write_photos(book, packed, head, formats["text"])


def _sheet_columns(packed: Packed) -> list[tuple[str, str, list[object]]]:
    lang = packed.settings.lang
    columns: list[tuple[str, str, list[object]]] = []
    front = [name for name in packed.columns if name != "uuid" and not name.startswith(("pack_", "register_"))]
    back = [name for name in packed.columns if name not in front]
    for name in [*front, *back]:
        columns.append((name, packed.heading(name), _sheet_cells(packed, name)))
        if name == "outfall_id":
            lon, lat = _places(packed)
            for key, heading, texts in zip(("lon", "lat"), _PLACES[lang], (lon, lat), strict=True):
                columns.append((key, heading, [None if text is None else float(text) for text in texts]))
    return columns


def _sheet_cells(packed: Packed, name: str) -> list[object]:
    if name == "photo_ids":
        return list(packed.photo_cells("DCIM"))
    declared, lang = packed.declared(name), packed.settings.lang
    values = [None if pd.isna(value) else value for value in packed.rows[name]]
    if declared is not None and declared.allowed:
        return [None if value is None else label(declared.allowed, value, lang=lang) for value in values]
    if declared is not None and declared.dtype == "flag":
        yes, no = ("是", "否") if lang == "zh" else ("yes", "no")
        return [None if value is None else yes if value else no for value in values]
    if declared is not None and declared.dtype == "time":
        return [None if value is None else value.tz_convert(_TZ).isoformat(" ") for value in values]
    return values


def _write_cell(sheet: object, at: tuple[int, int], value: object, formats: Mapping[str, object], name: str) -> None:
    if value is None:
        sheet.write_blank(*at, None, formats["text"])  # type: ignore[attr-defined]
    elif isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        style = "degree" if name in ("lon", "lat") else "number"
        sheet.write_number(*at, float(value), formats[style])  # type: ignore[attr-defined]
    else:
        text = str(value)
        text = text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - len(_CUT)] + _CUT
        sheet.write_string(*at, text, formats["text"])  # type: ignore[attr-defined]


def _offer_words(sheet: object, packed: Packed, name: str, box: tuple[int, int, int, int]) -> None:
    """Let people choose the words of a vocabulary from a list, where a spreadsheet can hold it."""
    declared, lang = packed.declared(name), packed.settings.lang
    if declared is None or not (declared.allowed or declared.dtype == "flag"):
        return
    offered = [word.zh if lang == "zh" else word.en for word in words(declared.allowed).values()] if declared.allowed else (["是", "否"] if lang == "zh" else ["yes", "no"])  # fmt: skip
    if len(",".join(offered)) <= _MOST_LISTED and not any("," in one for one in offered):
        sheet.data_validation(*box, {"validate": "list", "source": offered, "error_type": "warning"})  # type: ignore[attr-defined]


def _set_page(sheet: object, rows: int, columns: int) -> None:
    sheet.set_row(0, 32)  # type: ignore[attr-defined]
    sheet.freeze_panes(1, 3)  # type: ignore[attr-defined]
    sheet.autofilter(0, 0, max(rows, 1), columns - 1)  # type: ignore[attr-defined]
    sheet.set_landscape()  # type: ignore[attr-defined]
    sheet.set_paper(8)  # type: ignore[attr-defined]
    sheet.fit_to_pages(1, 0)  # type: ignore[attr-defined]
    sheet.repeat_rows(0)  # type: ignore[attr-defined]


def _write_photos(book: object, packed: Packed, head: object, text: object) -> None:
    """Write a second sheet with one photo per row, linked by its path beside the workbook."""
    title, headings = _PHOTO_SHEET[packed.settings.lang]
    sheet = book.add_worksheet(title)  # type: ignore[attr-defined]
    sheet.set_column(0, 1, 30)
    for at, heading in enumerate(headings):
        sheet.write_string(0, at, heading, head)
    sheet.freeze_panes(1, 0)
    row = 0
    for name, cell in zip(packed.rows["outfall_id"], packed.rows["photo_ids"], strict=True):
        for photo in (one for one in split_ids(cell) if one in packed.photos):
            row += 1
            sheet.write_string(row, 0, str(name), text)
            sheet.write_url(row, 1, f"external:DCIM/{photo}", string=f"DCIM/{photo}")


def _places(packed: Packed) -> tuple[list[str | None], list[str | None]]:
    points = np.asarray(packed.rows.geometry)
    lon, lat = shapely.get_x(points), shapely.get_y(points)
    return tuple([None if np.isnan(value) else f"{value:.10f}" for value in values] for values in (lon, lat))  # type: ignore[return-value]


def _json(value: object) -> object:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat().replace("+00:00", "Z")
    return value.item() if isinstance(value, np.generic) else value
