"""Which formats a pack is written in, and what each of them cannot hold."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from outfall.reports.field_pack.marks import write_gpx, write_kmz, write_ovital
from outfall.reports.field_pack.odk import write_form
from outfall.reports.field_pack.packages import write_package
from outfall.reports.field_pack.qfield import write_qfield
from outfall.reports.field_pack.sheets import write_geojson, write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd

    from outfall.reports.field_pack.packed import Packed

__all__ = ["FORMATS", "Format", "list_losses"]

_PLACELESS = ("(no position)", "无坐标的行", "rows without a position")
_CONTROL = ("(control characters)", "控制字符", "control characters, which XML does not have")
_SUB_MS = ("(below a millisecond)", "毫秒以下的时间", "times below a millisecond")
_LONG = ("(long text)", "超过 32767 字的文本", "texts of more than 32,767 characters")


@dataclass(frozen=True, slots=True)
class Format:
    """One format of a pack.

    Parameters
    ----------
    name : str
        Identifier.
    file : str
        The file in the pack that comes back; ``read_returned`` reads it.
    zh, en : str
        What it is for.
    write : callable
        Writes the rows into a path that does not exist yet.
    has_photos : bool
        Whether the photos of the rows come back with it.
    losses : tuple of (str, str, str)
        What it cannot hold: a column, ``*`` for all that are not in ``held``, or a kind of value in brackets; and
        that in Chinese and English.
    held : tuple of str
        Columns it holds where ``*`` is lost; all otherwise.
    """

    name: str
    file: str
    zh: str
    en: str
    write: Callable[[Packed, Path], None]
    has_photos: bool = True
    losses: tuple[tuple[str, str, str], ...] = ()
    held: tuple[str, ...] = ()


_ALL = (
    Format("kmz", "outfalls.kmz", "奥维、谷歌地球", "Google Earth, OVITAL", write_kmz, losses=(_CONTROL,)),
    Format(
        "gpx", "outfalls.gpx", "手持机航点与路线", "Way-points and a route for handsets", write_gpx,
        losses=(_PLACELESS, _CONTROL, ("(column names)", "不能作 XML 元素名的自带列", "columns whose name no element can have")),
    ),
    Format(
        "ovital", "outfalls_ovital.txt", "奥维文本（格式未经厂商确认）", "List for OVITAL (layout not confirmed by the vendor)",
        write_ovital, has_photos=False, held=("outfall_id", "pack_id"),
        losses=(("*", "除编号与坐标外的全部字段", "every field but id and position"), _PLACELESS),
    ),
    Format("geojson", "outfalls.geojson", "网页与程序", "Web pages and programs", write_geojson),
    Format("xlsx", "outfalls.xlsx", "表格填报", "A sheet to fill in", write_workbook, losses=(_CONTROL, _LONG)),
    Format("gpkg", "outfalls.gpkg", "QGIS（内含样式）", "QGIS, with its style", write_package, losses=(_SUB_MS,)),
    Format("qfield", "qfield/outfalls.gpkg", "QField 外业工程", "Project for QField", write_qfield, losses=(_SUB_MS,)),
    Format(
        "odk", "odk/form.xlsx", "ODK、Kobo 表单", "Form for ODK and Kobo", write_form, has_photos=False,
        losses=(("*", "表单未问的字段", "fields the form does not ask"),
            ("(position)", "口门坐标（定位是人站的位置，作为疑似点读回）", "the position: it is where a person stood, and read as a sighting"), _PLACELESS, _CONTROL),
        held=("outfall_id", "uuid", "name", "status", "outfall_class", "outfall_shape", "is_discharging", "diameter_mm",
              "side", "note", "pack_id", "pack_day", "pack_team", "pack_register"),
    ),
)  # fmt: skip

FORMATS: Mapping[str, Format] = MappingProxyType({one.name: one for one in _ALL})


def list_losses() -> pd.DataFrame:
    """Return what each format cannot hold, one row per loss.

    Returns
    -------
    DataFrame
        ``format``, ``what``, ``zh`` and ``en``.

    Examples
    --------
    >>> set(list_losses()["format"]) <= set(FORMATS)
    True
    """
    import pandas as pd

    rows = [(one.name, *loss) for one in FORMATS.values() for loss in one.losses]
    return pd.DataFrame(rows, columns=["format", "what", "zh", "en"])
