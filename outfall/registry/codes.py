"""What code and name an outfall gets, and what is wrong with codes it has: one scheme per province, as data."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import pandas as pd

from outfall.errors import Problem, TableError
from outfall.registry.proofs import canonical_code
from outfall.tables import attach_issues, check, issue, list_issues

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CodeScheme", "assign_codes", "check_codes", "national_letters"]

_SHAPE = re.compile(
    r"^(?P<system>[A-Z]{2})-?(?P<county>\d{6})-?(?P<serial>\d{4})-?(?P<type>[A-Z]{2})-?(?P<extension>\d{2})$"
)
_NO_WORD = "undetermined"


@cache
def national_letters() -> Mapping[str, str]:
    """Return the letters of each class, or family of classes, in a national code; GY and QT are seen, the rest our default."""
    with files(__package__).joinpath("code_types.csv").open(encoding="utf-8") as stream:
        return {row["outfall_class"]: row["letters"] for row in csv.DictReader(stream) if row["scheme"] == "national"}


@dataclass(frozen=True, slots=True)
class CodeScheme:
    """How one office writes codes: system, county, serial, type and extension, as seen on live codes (HJ 1235).

    The standard's text was not found: what the system letters and the extension mean, and that serials count within a
    county, are our default. A province with another scheme gives its own letters, widths or column.

    Parameters
    ----------
    system : str
        Two letters of the water system; ``FA`` is seen on the main stem of the Yangtze.
    column : {"code_national", "code_local"}
        Which codes it makes; the two are never mixed.
    letters : mapping of str to str
        Type letters by outfall_class or by the family before its dot.
    extension : str
        Last two digits; ``00`` on every code seen.

    Examples
    --------
    >>> CodeScheme("FA").write("429900", 101, "ind.enterprise")
    'FA-429900-0101-GY-00'
    """

    system: str
    column: Literal["code_national", "code_local"] = "code_national"
    letters: Mapping[str, str] = field(default_factory=national_letters)
    extension: str = "00"

    def find_letters(self, outfall_class: object) -> str:
        """Return the type letters of a class; those of an undetermined one where it has none."""
        word = outfall_class if isinstance(outfall_class, str) else _NO_WORD
        return self.letters.get(word) or self.letters.get(word.split(".")[0]) or self.letters[_NO_WORD]

    def write(self, county: str, serial: int, outfall_class: object) -> str:
        """Return a code."""
        return f"{self.system}-{county}-{serial:04d}-{self.find_letters(outfall_class)}-{self.extension}"


def assign_codes(
    outfalls: gpd.GeoDataFrame,
    *,
    scheme: CodeScheme,
    given: Iterable[str] = (),
    statuses: Iterable[str] = ("confirmed",),
) -> gpd.GeoDataFrame:
    """Return outfalls with a code for every one that has none in this scheme's column.

    Serials count within a county and go on after the highest ever given, also to outfalls that are merged or rejected
    by now or stand in ``given``: none is ever used twice. A code already there is never changed.

    Parameters
    ----------
    outfalls : GeoDataFrame
        Contract ``outfalls`` with county_code. Not changed.
    scheme : CodeScheme
        How codes are written.
    given : iterable of str
        Codes given elsewhere or before.
    statuses : iterable of str, default confirmed
        Only outfalls with these get a code.

    Returns
    -------
    GeoDataFrame
        In the order given; serials follow outfall_id. tables.list_issues says which got none and why.

    Raises
    ------
    TableError
        The scheme cannot write codes of the observed structure.

    Examples
    --------
    >>> import geopandas as gpd
    >>> table = check(gpd.GeoDataFrame({"outfall_id": ["P-1", "P-2"], "status": "confirmed", "county_code": "429900",
    ...     "outfall_class": ["ind.enterprise", "oth.other"], "code_national": ["FA-429900-0007-GY-00", None],
    ...     "source_ref": "x"}, geometry=gpd.points_from_xy([0, 3], [0, 0]), crs=32650), "outfalls")
    >>> assign_codes(table, scheme=CodeScheme("FA"))["code_national"].tolist()
    ['FA-429900-0007-GY-00', 'FA-429900-0008-QT-00']
    """
    _check_scheme(scheme)
    out = outfalls.copy()
    highest: dict[str, int] = {}
    for code in [*out[scheme.column].dropna(), *given]:
        found = _SHAPE.match(canonical_code(code))
        if found:
            highest[found["county"]] = max(highest.get(found["county"], 0), int(found["serial"]))
    wanted = out[scheme.column].isna() & out["status"].isin(list(statuses)) & out["merged_into"].isna()
    codes = out[scheme.column].astype("object").tolist()
    without, full = [], []
    for at in sorted(range(len(out)), key=lambda row: str(out["outfall_id"].iloc[row])):
        if not wanted.iloc[at]:
            continue
        county = str(out["county_code"].iloc[at])
        name = str(out["outfall_id"].iloc[at])
        if not re.fullmatch(r"\d{6}", county):
            without.append(name)
        elif highest.get(county, 0) >= 9999:
            full.append(name)
        else:
            highest[county] = highest.get(county, 0) + 1
            codes[at] = scheme.write(county, highest[county], out["outfall_class"].iloc[at])
    out[scheme.column] = pd.Series(codes, index=out.index, dtype=out[scheme.column].dtype)
    notes = []
    for names, what, what_zh in (
        (without, "have no county code of six digits", "无 6 位行政区划代码"),
        (full, "stand in a county whose 9999 serials are used up", "所在区县流水号已用尽"),
    ):
        if names:
            reason, reason_zh = f"{len(names)} outfalls {what}", f"{len(names)} 个排口{what_zh}"
            notes.append(
                issue("bad_code", "outfalls", reason, reason_zh=reason_zh, rows=names, decision="given no code")
            )
    return gpd.GeoDataFrame(attach_issues(gpd.GeoDataFrame(check(out, "outfalls")), notes))


def check_codes(outfalls: gpd.GeoDataFrame, *, scheme: CodeScheme) -> gpd.GeoDataFrame:
    """Return what is wrong with the codes in this scheme's column.

    Checked are: the structure, the county against county_code, the type letters against the class (where the letters
    are seen on live codes), the extension, a code on two outfalls, and a serial used twice in a county.

    Parameters
    ----------
    outfalls : GeoDataFrame
        Contract ``outfalls``. Not changed.
    scheme : CodeScheme
        How codes should be written.

    Returns
    -------
    GeoDataFrame
        Contract ``issues``, kind ``bad_code`` or ``duplicate``; empty where nothing is wrong.

    Raises
    ------
    TableError
        The scheme cannot write codes of the observed structure.

    Examples
    --------
    >>> import geopandas as gpd
    >>> table = check(gpd.GeoDataFrame({"outfall_id": ["P-1"], "status": "confirmed", "county_code": "429901",
    ...     "outfall_class": "ind.enterprise", "code_national": ["FA4299000007QT00"], "source_ref": "x"},
    ...     geometry=gpd.points_from_xy([0], [0]), crs=32650), "outfalls")
    >>> for reason in check_codes(table, scheme=CodeScheme("FA"))["reason"]:
    ...     print(reason)
    P-1: code FA4299000007QT00 names county 429900, the outfall stands in 429901
    P-1: code FA4299000007QT00 has type QT, its class has GY
    """
    _check_scheme(scheme)
    notes: list[dict[str, object]] = []
    holders: dict[str, list[str]] = {}
    columns = ["outfall_id", scheme.column, "county_code", "outfall_class", "merged_into"]
    for name, code, county, word, merged in outfalls[columns].astype("object").itertuples(index=False):
        if pd.isna(code):
            continue
        found = _SHAPE.match(canonical_code(code))
        if pd.isna(merged):
            holders.setdefault(canonical_code(code), []).append(str(name))
            if found:
                holders.setdefault(f"{found['county']} {found['serial']}", []).append(str(name))
        for what, what_zh in _wrong(found, scheme, county, word):
            reason, reason_zh = f"{name}: code {code} {what}", f"{name}: 编码 {code} {what_zh}"
            notes.append(issue("bad_code", "outfalls", reason, reason_zh=reason_zh, rows=[name], decision="kept"))
    told: set[tuple[str, ...]] = set()
    for key, names in holders.items():
        if len(names) > 1 and tuple(names) not in told:
            told.add(tuple(names))
            what, what_zh = ("serial", "流水号") if " " in key else ("code", "编码")
            reason, reason_zh = (
                f"{what} {key} stands on {len(names)} outfalls",
                f"{what_zh} {key} 重复于 {len(names)} 个排口",
            )
            notes.append(issue("duplicate", "outfalls", reason, reason_zh=reason_zh, rows=names, decision="kept"))
    return list_issues(attach_issues(pd.DataFrame(), notes))


def _wrong(found: re.Match[str] | None, scheme: CodeScheme, county: object, word: object) -> list[tuple[str, str]]:
    if found is None:
        return [("has not the structure AA-000000-0000-AA-00", "结构不符")]
    problems = []
    if isinstance(county, str) and county != found["county"]:
        problems.append(
            (
                f"names county {found['county']}, the outfall stands in {county}",
                f"区划 {found['county']} 与所在 {county} 不符",
            )
        )
    if isinstance(word, str) and word != _NO_WORD and scheme.find_letters(word) != found["type"]:
        letters = scheme.find_letters(word)
        problems.append(
            (f"has type {found['type']}, its class has {letters}", f"类型 {found['type']} 与分类 {letters} 不符")
        )
    if found["extension"] != scheme.extension:
        problems.append(
            (
                f"ends in {found['extension']}, not {scheme.extension}",
                f"末段 {found['extension']} 非 {scheme.extension}",
            )
        )
    return problems


def _check_scheme(scheme: CodeScheme) -> None:
    code = scheme.write("000000", 1, _NO_WORD) if _NO_WORD in scheme.letters else ""
    if scheme.column not in {"code_national", "code_local"} or not _SHAPE.match(code):
        what = f"system {scheme.system!r}, column {scheme.column!r}, extension {scheme.extension!r}, letters {dict(scheme.letters)!r}"
        fix = "two capital letters, code_national or code_local, two digits, and letters for undetermined"
        msg = "the scheme cannot write codes"
        raise TableError(msg, [Problem("scheme", what, fix)])
