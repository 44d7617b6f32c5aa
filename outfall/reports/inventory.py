"""What the official table of these outfalls is: one row each, under the headings an inspector expects.

A view, never stored. Headings, order and widths are data (``inventory_columns.csv``); a heading left empty there is
the one of the contract. The three levels of HJ 1312 are data too (``classes.csv``); a row marked ``verified = no``
carries our wording and is not quoted from the standard.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import pandas as pd

from outfall.errors import Problem, TableError
from outfall.reports.reasons import basis, suspects
from outfall.tables import check, contract, split_ids
from outfall.vocabulary import Lang, label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import geopandas as gpd

    from outfall.tracing import Trace

__all__ = ["Heading", "headings", "inventory"]

Kind = Literal[
    "integer", "text", "district", "degree", "word", "chainage", "level_1", "level_2", "level_3", "flag", "real",
    "time", "suspected", "basis", "photos",
]  # fmt: skip

_CGCS2000 = 4490
_DIGITS = 6
_HASH_CHARS = 64
_SHOWN_CHARS = 12
_FLAGS: Mapping[Lang, tuple[str, str]] = MappingProxyType({"zh": ("是", "否"), "en": ("yes", "no")})


@dataclass(frozen=True, slots=True)
class Heading:
    """One column of the official table.

    Parameters
    ----------
    column : str
        Identifier.
    takes : str
        Column of ``outfalls`` it is made from; empty where it is made from several.
    kind : str
        How it is made and written; ``integer``, ``degree`` and ``real`` are numbers, all others text.
    zh, en : str
        Headings.
    width : float
        Of the column on a sheet, in characters.
    """

    column: str
    takes: str
    kind: str
    zh: str
    en: str
    width: float

    @property
    def is_number(self) -> bool:
        """Whether its cells are numbers."""
        return self.kind in ("integer", "degree", "real")


def inventory(
    outfalls: gpd.GeoDataFrame,
    found: Trace | None = None,
    *,
    sources: pd.DataFrame | None = None,
    photos: pd.DataFrame | None = None,
    tz: str = "Asia/Shanghai",
    lang: Lang = "zh",
) -> pd.DataFrame:
    """Return the official table: one row per outfall, in the order given.

    Suspected parties are the three most probable candidates of the trace, with the source nobody registered wherever
    it stands; they are never presented as responsible, which people decide (column ``responsible_party``).

    Parameters
    ----------
    outfalls : GeoDataFrame, n rows, Point, any CRS
        Contract ``outfalls``.
    found : Trace, optional
        Without it the two columns about the trace are empty.
    sources : DataFrame, optional
        Contract ``sources``, for their names; those of ``found`` by default.
    photos : DataFrame, optional
        Contract ``photos``, for their file names; without it ids are shown, a digest by its first 12 characters.
    tz : str, default "Asia/Shanghai"
        Zone the times are written in; each cell says its offset.
    lang : {"zh", "en"}, default "zh"
        Language of headings and words.

    Returns
    -------
    DataFrame, n rows
        Longitude and latitude in degrees of CGCS2000 to 6 decimals; chainage as ``K12+300``; missing text is empty.

    Raises
    ------
    TableError
        ``outfalls`` does not meet its contract, or the zone or the language is not known.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd
    >>> one = gpd.GeoDataFrame(
    ...     {"outfall_id": ["P-1"], "status": ["suspected"], "outfall_class": ["ind.mine"], "chainage_m": [12300.0],
    ...      "source_ref": ["register(E1)"]}, geometry=gpd.points_from_xy([120.1234567], [31.5]), crs=4490)
    >>> inventory(one)[["经度(CGCS2000)", "桩号(距河口)", "类型(一级)", "核实状态"]].to_dict("records")
    [{'经度(CGCS2000)': 120.123457, '桩号(距河口)': 'K12+300', '类型(一级)': '工业排污口', '核实状态': '疑似'}]
    >>> len(inventory(one.iloc[:0]))
    0
    """
    _refuse_unknown(tz, lang)
    table = check(outfalls, "outfalls")
    lonlat = table.geometry.to_crs(_CGCS2000)
    made: dict[str, pd.Series] = {
        "seq": pd.Series(range(1, len(table) + 1), index=table.index, dtype="int64"),
        "district": _district(table),
        "lon": lonlat.x.round(_DIGITS),
        "lat": lonlat.y.round(_DIGITS),
        "suspected": suspects(table["outfall_id"], found, sources, lang),
        "basis": basis(table["outfall_id"], found, lang),
        "photos": _photos(table["photo_ids"], photos),
    }
    columns = {}
    for heading in headings():
        values = made.get(heading.column)
        if values is None:
            values = _MAKE[heading.kind](table[heading.takes], heading, tz, lang)
        columns[heading.zh if lang == "zh" else heading.en] = values if heading.is_number else _as_text(values)
    return pd.DataFrame(columns).reset_index(drop=True)


@cache
def headings() -> tuple[Heading, ...]:
    """Return the columns of the official table, in order.

    Returns
    -------
    tuple of Heading
        As declared in ``inventory_columns.csv``; empty headings are taken from the contract.

    Examples
    --------
    >>> [heading.zh for heading in headings()][:4]
    ['序号', '排污口编码(国家)', '地方编码', '排污口名称']
    """
    declared = contract("outfalls").columns
    made = []
    for row in _rows("inventory_columns.csv"):
        takes = declared.get(row["from"])
        zh = row["zh"] or (takes.heading("zh") if takes else row["column"])
        en = row["en"] or (takes.heading("en") if takes else row["column"])
        made.append(Heading(row["column"], row["from"], row["kind"], zh, en, float(row["width"])))
    return tuple(made)


def _refuse_unknown(tz: str, lang: str) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    problems = []
    try:
        ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(Problem("tz", f"{tz!r} is not a time zone", "write one such as 'Asia/Shanghai'"))
    if lang not in _FLAGS:
        problems.append(Problem("lang", f"{lang!r} is not a language we write", "write 'zh' or 'en'"))
    if problems:
        msg = (
            f"inventory: {len(problems)} options cannot be used"
            if len(problems) > 1
            else "inventory: an option cannot be used"
        )
        raise TableError(msg, problems)


def _as_text(values: pd.Series) -> pd.Series:
    return values.astype("str").fillna("")


def _district(table: pd.DataFrame) -> pd.Series:
    parts = _as_text(table["county_code"]).str.cat(_as_text(table["address"]), sep=" ")
    return parts.str.strip()


def _photos(ids: pd.Series, photos: pd.DataFrame | None) -> pd.Series:
    names = {} if photos is None else dict(zip(photos["photo_id"].astype(str), photos["file"].astype(str), strict=True))

    def short(photo_id: str) -> str:
        return names.get(photo_id, photo_id[:_SHOWN_CHARS] if len(photo_id) == _HASH_CHARS else photo_id)

    return pd.Series(
        ["; ".join(short(photo) for photo in split_ids(cell)) for cell in ids], index=ids.index, dtype="str"
    )


def _text(values: pd.Series, heading: Heading, tz: str, lang: Lang) -> pd.Series:
    del heading, tz, lang
    return values


def _word(values: pd.Series, heading: Heading, tz: str, lang: Lang) -> pd.Series:
    del tz
    allowed = contract("outfalls").columns[heading.takes].allowed
    return values.map(lambda value: label(allowed, value, lang=lang), na_action="ignore")


def _flag(values: pd.Series, heading: Heading, tz: str, lang: Lang) -> pd.Series:
    del heading, tz
    yes, no = _FLAGS[lang]
    return values.astype("object").map({True: yes, False: no}).astype("str")


def _chainage(values: pd.Series, heading: Heading, tz: str, lang: Lang) -> pd.Series:
    del heading, tz, lang
    metres = values.round().astype("Int64")
    return metres.map(lambda value: f"K{value // 1000}+{value % 1000:03d}", na_action="ignore").astype("str")


def _time(values: pd.Series, heading: Heading, tz: str, lang: Lang) -> pd.Series:
    del heading, lang
    text = values.dt.tz_convert(tz).dt.strftime("%Y-%m-%d %H:%M %z")
    return text.str.replace(r"(\d\d)(\d\d)$", r"\1:\2", regex=True)


def _level(values: pd.Series, heading: Heading, tz: str, lang: Lang) -> pd.Series:
    del tz
    levels = {name: row[f"{heading.kind}_{lang}"] for name, row in _classes().items()}
    return values.map(levels, na_action="ignore").astype("str")


_MAKE: Mapping[str, Callable[[pd.Series, Heading, str, Lang], pd.Series]] = MappingProxyType(
    {
        "text": _text,
        "real": _text,
        "word": _word,
        "flag": _flag,
        "chainage": _chainage,
        "time": _time,
        "level_1": _level,
        "level_2": _level,
        "level_3": _level,
    }
)


@cache
def _classes() -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({row["outfall_class"]: row for row in _rows("classes.csv")})


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()))
