"""The form for ODK and Kobo: questions in both languages, words from the vocabulary, outfalls to tap on the map."""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from typing import TYPE_CHECKING

from outfall.reports.field_pack.sheets import write_csv, write_geojson
from outfall.tables import contract
from outfall.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from outfall.reports.field_pack.packed import Packed

__all__ = ["write_form", "write_odk_list"]

_LANGS = {"zh": "中文 (zh)", "en": "English (en)"}
_TEXTS_ONLY = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_PLAIN = ("required", "relevant", "constraint", "calculation", "trigger", "appearance", "parameters")
_UNASKED = ("start", "end", "today", "deviceid", "calculate", "end group", "end repeat")
_YES_NO = (("yes", "是", "yes"), ("no", "否", "no"))
_WITHHELD = {"outfall_status": ("merged",)}  # the register merges, not a person on a bank


def write_form(packed: Packed, path: Path) -> None:
    """Write the XLSForm with, beside it, the outfalls it offers as GeoJSON (tapped on the map) and as CSV."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), _TEXTS_ONLY) as book:
        for name, rows in (
            ("survey", list(_survey(packed))),
            ("choices", list(_choices())),
            ("settings", _settings(packed)),
        ):
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                for column, text in enumerate(row):
                    sheet.write_string(at, column, text)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(rows[0]) - 1, 24)
    write_odk_list(packed, path.parent / "outfalls.geojson")
    write_csv(packed, path.parent / "outfalls.csv", more={"title": list(packed.labels)})


def write_odk_list(packed: Packed, path: Path) -> None:
    """Write the outfalls with a place, each with the title people see on the map."""
    write_geojson(packed, path)
    whole = json.loads(path.read_text(encoding="utf-8"))
    for feature, name in zip(whole["features"], packed.labels, strict=True):
        told = feature["properties"]
        flags = {key: "yes" if value else "no" for key, value in told.items() if isinstance(value, bool)}
        feature["properties"] = {**told, **flags, "title": name, "marker-color": "#0072B2"}
    whole["features"] = [one for one in whole["features"] if one["geometry"] is not None]
    path.write_text(json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=1), encoding="utf-8")


def _survey(packed: Packed) -> Iterator[Sequence[str]]:
    heads = [f"{kind}::{lang}" for kind in ("label", "hint", "constraint_message") for lang in _LANGS.values()]
    yield ["type", "name", *heads, *_PLAIN]
    settings = packed.settings
    known = {
        "pack_id": packed.pack_id,
        "pack_day": str(settings.day or ""),
        "pack_team": settings.team,
        "pack_register": settings.register,
    }
    for row in _questions():
        labels = _labels(row["name"], row["zh"], row["en"])
        calculation = row["calculation"]
        if calculation == "{known}":
            calculation = f"instance('outfalls')/root/item[outfall_id = ${{outfall_id}}]/{row['name']}"
        for name, value in known.items():
            calculation = _literal(value) if calculation == f"{{{name}}}" else calculation
        told = {**row, "calculation": calculation}
        if row["type"] in _UNASKED:
            labels = ("", "")
        yield [
            *(row["type"], row["name"], *labels, row["hint_zh"], row["hint_en"]),
            *(row["constraint_zh"], row["constraint_en"], *(told[name] for name in _PLAIN)),
        ]


def _choices() -> Iterator[Sequence[str]]:
    yield ["list_name", "name", *(f"label::{lang}" for lang in _LANGS.values())]
    for name, zh, en in _YES_NO:
        yield ["yes_no", name, zh, en]
    lists = dict.fromkeys(row["type"].split()[1] for row in _questions() if row["type"].startswith("select_one "))
    for one in (one for one in lists if one != "yes_no"):
        for value, word in words(one).items():
            if value not in _WITHHELD.get(one, ()):
                yield [one, value, word.zh, word.en]


def _settings(packed: Packed) -> list[list[str]]:
    day = str(packed.settings.day or "").replace("-", "")
    title = " ".join(part for part in ("排污口外业调查", packed.settings.team, day) if part)
    return [
        ["form_title", "form_id", "version", "default_language", "instance_name"],
        [
            *(title, f"outfall_field_{packed.pack_id}", day or packed.pack_id, _LANGS[packed.settings.lang]),
            "concat(if(${is_new} = 'no', ${outfall_id}, '+'), ' ', ${today})",
        ],
    ]


def _labels(name: str, zh: str, en: str) -> tuple[str, str]:
    """Return what a question is called: as the form says, or as the contract calls the column."""
    for table in ("sightings", "outfalls"):
        column = contract(table).columns.get(name)
        if column is not None and not zh:
            return column.heading("zh"), column.heading("en")
    return zh, en


def _literal(text: str) -> str:
    """Return a text as a literal of XPath, which has no escape for a quote."""
    return f"'{text}'" if "'" not in text else f'"{text.replace(chr(34), "”")}"'


def _questions() -> list[dict[str, str]]:
    text = files("outfall.reports.field_pack").joinpath("form.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
