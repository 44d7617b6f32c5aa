"""Who may be responsible: permit lists, plants, farms, and what each may discharge."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import pandas as pd

from outfall.coordinates import to_points
from outfall.errors import TableError
from outfall.tables import attach_issues, check, issue, join_ids, name_columns, read_frame, rename_problems
from outfall.units import convert, find_unit
from outfall.vocabulary import find_parameter, find_word, words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import geopandas as gpd

__all__ = ["is_credit_code", "read_sources"]

_CODE_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_PERMIT = re.compile(r"^[0-9A-Z]{18}\d{3}P$")
_DISCHARGE = re.compile(
    r"^(?:许可|允许)?(?:废水|污水)?(?:日|年)?(?:排水量|排放量|废水量|污水量)$|^(?:permitted)?discharge$"
)


def read_sources(
    path: Path | str,
    *,
    crs: object = None,
    tz: str | None = None,
    rename: Mapping[str, str] | None = None,
    constants: Mapping[str, object] | None = None,
    layer: str | None = None,
) -> gpd.GeoDataFrame:
    r"""Return a list of permits, plants or farms as sources.

    Trades become kinds (``棉印染精加工`` is dyeing), lists of pollutants become parameters, a yearly discharge becomes
    m3/d. What is not understood becomes an issue and never an error: a trade nobody knows is ``other``. A row without
    coordinates cannot be a source yet; it is listed as a skipped row.

    Parameters
    ----------
    path : path
        CSV, Excel, ODS, GeoPackage or anything tables.read_frame reads.
    crs : anything pyproj understands, or "gcj02" or "bd09"
        What lon and lat columns are.
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
        Contract ``sources``, in the order of the file and its CRS. Where trades or pollutants were translated, the
        file's own words are kept in ``kind_text`` and ``parameters_text``. tables.list_issues says what was doubted.

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
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "permits.csv"
    >>> _ = file.write_text("编号,企业名称,行业,主要污染物,经度,纬度\nW1,青禾,棉印染精加工,COD、氨氮,114.3,30.6\n", encoding="utf-8")
    >>> read_sources(file, crs=4490)[["source_id", "kind", "parameters"]].values.tolist()
    [['W1', 'dyeing', 'cod;ammonia']]
    """
    frame = read_frame(path, table="sources", layer=layer)
    name = str(frame["source_ref"].iloc[0]).rsplit("#", 1)[0] if len(frame) else str(path)
    problems = rename_problems(frame, "sources", rename)
    if problems:
        msg = f"{name}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TableError(msg, problems, fix=f"The headings are {', '.join(map(str, frame.columns))}.")
    named, notes = _discharge(name_columns(frame, "sources", rename=rename), name)
    for column, value in (constants or {}).items():
        if column not in named.columns:
            named[column] = value
    for step in (_ids, _kinds, _systems, _parameters, _codes):
        named, found = step(named, name)
        notes += found
    placed, found = _placed(to_points(named, crs=crs, where=name), name)
    return attach_issues(check(placed, "sources", tz=tz, where=name), [*notes, *found])


def is_credit_code(text: object) -> bool:
    """Return whether a text is a unified social credit code whose check character agrees (GB 32100).

    Parameters
    ----------
    text : object
        Eighteen characters; blanks, case and width do not matter.

    Returns
    -------
    bool
        False also for anything that is no code at all.

    Examples
    --------
    >>> is_credit_code("91429900MA000000AN"), is_credit_code("91429900MA000000AM"), is_credit_code(None)
    (True, False, False)
    """
    code = _folded(text)
    if len(code) != 18 or any(letter not in _CODE_LETTERS for letter in code):
        return False
    total = sum(_CODE_LETTERS.index(letter) * pow(3, at, 31) for at, letter in enumerate(code[:17]))
    return _CODE_LETTERS.index(code[17]) == (31 - total % 31) % 31


Notes = list[dict[str, object]]


def _discharge(named: pd.DataFrame, about: str) -> tuple[pd.DataFrame, Notes]:
    """Bring a discharge whose heading says another unit, such as 万吨/年, to m3/d."""
    if "discharge_m3d" in named.columns:
        return named, []
    for heading in named.columns:
        text = unicodedata.normalize("NFKC", str(heading).split("|")[-1]).replace(" ", "").casefold()
        base, _, inside = text.partition("(")
        unit = find_unit(inside.rstrip(")"))
        if not _DISCHARGE.match(base) or unit is None:
            continue
        factor = convert(1.0, unit, "m3/d")
        values = pd.to_numeric(_texts(named[heading]).str.replace(",", "", regex=False), errors="coerce")
        reason = f"column {heading!r} is read as {unit} and kept in m3/d"
        note = issue("assumption", about, reason, reason_zh=f"列 {heading!r} 按 {unit} 换算为 m3/d", level="note")
        return named.assign(discharge_m3d=values * factor), [note]
    return named, []


def _ids(named: pd.DataFrame, about: str) -> tuple[pd.DataFrame, Notes]:
    """Fill missing ids with the permit number, the credit code or the row of the file."""
    own = _texts(named["source_id"]) if "source_id" in named.columns else pd.Series("", index=named.index)
    ids = own.copy()
    for column in ("permit_no", "credit_code", "source_ref"):
        if column in named.columns:
            made = _texts(named[column])
            once = (made != "") & ~made.duplicated(keep=False) & ~made.isin(set(ids))
            ids = ids.where(ids != "", made.where(once, ""))
    if not len(named) or (own != "").all():
        return named, []
    rows = _texts(named["source_ref"])[own == ""]
    reason = f"{len(rows)} rows have no source id: permit number, credit code or file row is used"
    reason_zh = f"{len(rows)} 行无污染源编号, 以许可证号、信用代码或行号代替"
    note = issue("assumption", about, reason, reason_zh=reason_zh, rows=rows, level="note", decision="id made")
    return named.assign(source_id=ids), [note]


def _kinds(named: pd.DataFrame, about: str) -> tuple[pd.DataFrame, Notes]:
    return _words(named, about, column="kind", vocabulary="source_kind", otherwise="other")


def _systems(named: pd.DataFrame, about: str) -> tuple[pd.DataFrame, Notes]:
    return _words(named, about, column="system", vocabulary="drain_system", otherwise="")


def _words(
    named: pd.DataFrame, about: str, *, column: str, vocabulary: str, otherwise: str
) -> tuple[pd.DataFrame, Notes]:
    """Translate a column of free words: a word of the list, else the longest word of the list inside it."""
    if column not in named.columns:
        return named, []
    texts, ids = _texts(named[column]), named["source_id"]
    meaning = {text: find_word(vocabulary, text) for text in texts.unique() if text}
    notes = []
    for text in sorted(text for text, found in meaning.items() if found is None):
        meaning[text] = _inside(vocabulary, text) or otherwise
        taken = meaning[text] or "empty"
        reason, reason_zh = f"{column} {text!r} is taken as {taken}", f"{text!r} 归为 {taken}"
        kind = "assumption" if meaning[text] not in ("", otherwise) else "unknown_word"
        rows = ids[texts == text]
        level = "note" if kind == "assumption" else "warning"
        decision = f"taken as {taken}"
        notes.append(issue(kind, about, reason, reason_zh=reason_zh, rows=rows, level=level, decision=decision))
    if not notes:
        return named, []
    out = named.assign(**{f"{column}_text": named[column]})
    out[column] = texts.map({"": "", **meaning})
    return out, notes


def _inside(vocabulary: str, text: str) -> str | None:
    """Return the word of a list whose longest Chinese label or alias stands inside a text."""
    found = [
        (len(label), word.value)
        for word in words(vocabulary).values()
        for label in (word.zh, *word.aliases)
        if len(label) > 1 and not label.isascii() and label in text
    ]
    return max(found)[1] if found else None


def _parameters(named: pd.DataFrame, about: str) -> tuple[pd.DataFrame, Notes]:
    """Turn lists of pollutants into lists of parameters."""
    if "parameters" not in named.columns:
        return named, []
    texts = _texts(named["parameters"])
    pieces = {text: [piece for piece in re.split(r"[;；,，、\n|]+", text) if piece.strip()] for text in texts.unique()}
    meaning = {piece: _parameter(piece) for found in pieces.values() for piece in found}
    notes = []
    for piece in sorted(piece for piece, found in meaning.items() if found is None):
        rows = named["source_id"][texts.map(lambda text, piece=piece: piece in pieces[text])]
        reason, reason_zh = f"pollutant {piece.strip()!r} is not known", f"污染物 {piece.strip()!r} 未识别"
        decision = "kept in parameters_text only"
        notes.append(issue("unknown_word", about, reason, reason_zh=reason_zh, rows=rows, decision=decision))
    listed = {
        text: join_ids(dict.fromkeys(meaning[piece] for piece in found if meaning[piece]))
        for text, found in pieces.items()
    }
    return named.assign(parameters_text=named["parameters"], parameters=texts.map(listed)), notes


def _parameter(piece: str) -> str | None:
    text = unicodedata.normalize("NFKC", piece).strip()
    return find_parameter(text) or find_parameter(text.partition("(")[0])


def _codes(named: pd.DataFrame, about: str) -> tuple[pd.DataFrame, Notes]:
    """Check credit codes and permit numbers; they are kept as written."""
    notes = []
    key = "source_id" if "source_id" in named.columns else "source_ref"
    codes = _texts(named["credit_code"]).map(_folded) if "credit_code" in named.columns else pd.Series("", named.index)
    permits = _texts(named["permit_no"]).map(_folded) if "permit_no" in named.columns else pd.Series("", named.index)
    wrong = (codes != "") & ~codes.map(is_credit_code).astype(bool)
    odd = (permits != "") & ~permits.str.match(_PERMIT)
    other = (permits.str.len() == 22) & (codes != "") & ~wrong & (permits.str[:18] != codes)
    ends = "of GB 32100: one character is wrong or it is no such code"
    for mask, values, what, what_zh, level in (
        (wrong, codes, f"fails the check character {ends}", "统一社会信用代码校验位不符 (GB 32100)", "warning"),
        (
            odd,
            permits,
            "is not a credit code, three digits and P",
            "排污许可证编号不是 18 位信用代码 + 3 位序号 + P",
            "note",
        ),
        (other, permits, "begins with another credit code than the row has", "许可证编号与信用代码不一致", "warning"),
    ):
        for row, value in zip(named[key][mask], values[mask], strict=True):
            reason, reason_zh = f"{value!r} of {row} {what}", f"{row}: {value!r} {what_zh}"
            decision = "kept as written"
            notes.append(
                issue("bad_code", about, reason, reason_zh=reason_zh, rows=[row], level=level, decision=decision)
            )
    return named, notes


def _placed(points: gpd.GeoDataFrame, about: str) -> tuple[gpd.GeoDataFrame, Notes]:
    """Return the rows that have a place as points; the others are listed."""
    geometry, notes = points.geometry, []
    gone = geometry.isna() | geometry.is_empty
    if gone.any():
        rows = [str(row) for row in points["source_id"][gone]]
        names = points.get("name", points["source_id"])[gone].astype(str)
        reason = f"{len(rows)} sources have no coordinates and are left out: {', '.join(sorted(names)[:5])}"
        reason_zh = f"{len(rows)} 个污染源无坐标, 未纳入: {'、'.join(sorted(names)[:5])}"
        decision = "left out; add coordinates and read again"
        level = "error"
        notes.append(
            issue("skipped_row", about, reason, reason_zh=reason_zh, rows=rows, decision=decision, level=level)
        )
    kept = points[~gone.to_numpy()]
    areas = kept.geometry.geom_type != "Point"
    if areas.any():
        rows = [str(row) for row in kept["source_id"][areas]]
        reason, reason_zh = f"{len(rows)} sources are drawn as areas or lines", f"{len(rows)} 个污染源为面或线"
        decision = "a point inside each is used"
        notes.append(
            issue("assumption", about, reason, reason_zh=reason_zh, rows=rows, decision=decision, level="note")
        )
        kept = kept.set_geometry(kept.geometry.where(~areas, kept.geometry.representative_point()))
    return kept.reset_index(drop=True), notes


def _texts(values: pd.Series) -> pd.Series:
    texts = values.astype("object").where(values.notna(), "").astype(str).str.strip()
    return texts.mask(texts.isin(["/", "-", "--", "—", "无", "nan", "None"]), "")


def _folded(text: object) -> str:
    return "".join(unicodedata.normalize("NFKC", str(text)).upper().split())
