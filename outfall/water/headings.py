"""Which parameter, which unit and which role a heading of a laboratory sheet or meter file has."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple

from outfall.units import find_unit
from outfall.vocabulary import find_parameter, plain
from outfall.water.basis import basis_factor, split_basis

__all__ = ["Heading", "Role", "find_role", "parse_heading"]

Role = Literal["value", "limit", "quantitation", "unit", "flag", "other"]


class Heading(NamedTuple):
    """One heading, read.

    Parameters
    ----------
    parameter : str
        Name of the parameter.
    unit : str
        Unit the heading itself names, or empty.
    shared_unit : str
        Unit of a merged heading above it, or empty; meant only for the columns it can be true of.
    role : {"value", "limit", "quantitation", "unit", "flag", "other"}
        What the column holds.
    fraction : str
        ``"dissolved"`` where the heading says so, or empty.
    """

    parameter: str
    unit: str = ""
    shared_unit: str = ""
    role: Role = "value"
    fraction: str = ""


_ROLES: dict[str, Role] = {
    **dict.fromkeys(("结果", "检测结果", "监测结果", "检测值", "监测值", "实测值", "浓度", "result", "value"), "value"),
    **dict.fromkeys(("avg", "rtd", "zsrtd", "实时值", "均值", "平均值"), "value"),
    **dict.fromkeys(("检出限", "方法检出限", "最低检出限", "检出下限", "mdl", "lod", "dl", "detectionlimit"), "limit"),
    **dict.fromkeys(("定量限", "定量下限", "测定下限", "loq", "pql", "quantitationlimit", "rl"), "quantitation"),
    **dict.fromkeys(("单位", "计量单位", "unit", "units"), "unit"),
    **dict.fromkeys(("flag", "标记", "数据标记", "标识"), "flag"),
    **dict.fromkeys(
        ("min", "max", "cou", "最小值", "最大值", "累计", "限值", "标准限值", "标准", "评价", "方法"), "other"
    ),
    **dict.fromkeys(("分析方法", "检测方法", "是否达标", "达标情况", "method", "备注", "判定", "单项判定"), "other"),
}
_BRACKETS = re.compile(r"^(?P<name>.*?)[\s_]*[(\[【](?P<inside>[^()\[\]【】]*)[)\]】]$")
_ROLE_BEHIND = re.compile(
    r"^(?P<name>.+?)[\s_\-:]*(?P<role>"
    + "|".join(sorted(map(re.escape, _ROLES), key=len, reverse=True))
    + r"|detection[ _]limit)$",
    re.IGNORECASE,
)
_NEUTRAL = re.compile(r"^(?:以[np][计记]|as[np]|[np]|total|总量|25°?c|@25°?c|稀释倍数法|稀释倍数)$")
_PIECES = re.compile(r"[,;，；、\s]+")
_FILTERED_WORDS = ("溶解性", "溶解态", "可溶性", "可溶态", "可滤态", "过滤态", "dissolved", "filtered")
_FILTERED = re.compile(
    rf"^(?:(?:{'|'.join(_FILTERED_WORDS)})[\s_]*(?P<before>.+)|(?P<behind>.+?)[\s,_-]*(?:{'|'.join(_FILTERED_WORDS)}))$",
    re.IGNORECASE,
)
_SPLITS = re.compile(r"[\s_/]+")


def parse_heading(heading: object) -> Heading | None:
    """Return the parameter, unit and role a heading means, or None where it names no parameter.

    Parameters
    ----------
    heading : object
        As the file calls the column; ``upper|lower`` where a merged heading stands above it.

    Returns
    -------
    Heading or None
        None also where a bracket might change the meaning (nitrate as X): such a column is left to people.

    Examples
    --------
    >>> parse_heading("氨氮（mg/L）")[:2], parse_heading("检测结果(μg/L)|总铅")[:3]
    (('ammonia', 'mg/L'), ('lead', '', 'ug/L'))
    >>> parse_heading("w01018-Flag").role, parse_heading("硝酸盐(以X计)"), parse_heading("天气")
    ('flag', None, None)
    >>> parse_heading("硝酸盐(mg/L,以NO3计)").unit, parse_heading("溶解性总磷(mg/L)").fraction
    ('mg/L as NO3', 'dissolved')
    """
    pieces = [_fold(piece) for piece in str(heading).split("|")]
    for last in (pieces[-1], re.sub(r"_\d+$", "", pieces[-1])):
        found = _single(last)
        if found is not None:
            shared = next((unit for piece in reversed(pieces[:-1]) if (unit := _unit_in(piece))), "")
            return found._replace(shared_unit=shared)
        role, unit = find_role(_without_brackets(last)), find_unit(last) or _unit_in(last)
        upper = next((above for piece in reversed(pieces[:-1]) if (above := _single(piece)) is not None), None)
        if upper is not None and (role is not None or unit):
            return upper._replace(role=role or "value", unit=unit or upper.unit)
    return None


def find_role(text: object) -> Role | None:
    """Return the role a word alone names, such as the limit row of a sheet, or None.

    Parameters
    ----------
    text : object
        A cell.

    Returns
    -------
    {"value", "limit", "quantitation", "unit", "flag", "other"} or None
        The role.

    Examples
    --------
    >>> find_role("方法检出限"), find_role("单位"), find_role("W1")
    ('limit', 'unit', None)
    """
    return _ROLES.get(plain(text).strip(":"))


def _single(text: str) -> Heading | None:
    """Return what one level of a heading means."""
    whole = find_parameter(text)
    if whole is not None:
        return Heading(whole, _unit_in(text) if "(" in text else "")
    bracket = _BRACKETS.match(text)
    if bracket is not None:
        return _bracketed(bracket["name"], bracket["inside"])
    behind = _ROLE_BEHIND.match(text)
    if behind is not None and (found := _single(behind["name"])) is not None:
        role = _ROLES.get(plain(behind["role"]), "limit")
        return found._replace(role=role)
    return _unit_behind(text) or _dissolved(text)


def _dissolved(text: str) -> Heading | None:
    """Return what a heading means that says what passed the filter."""
    filtered = _FILTERED.match(text)
    found = _single(filtered["before"] or filtered["behind"]) if filtered is not None else None
    return found._replace(fraction="dissolved") if found is not None and not found.fraction else None


def _bracketed(name: str, inside: str) -> Heading | None:
    joined = find_parameter(name + inside)
    if joined is not None:
        return Heading(joined)
    found = _single(name)
    if found is None:
        return None
    unit = find_unit(inside)
    if unit is not None:
        basis = split_basis(found.unit).basis
        return found._replace(unit=f"{unit} as {basis}" if basis else unit)
    if plain(inside) in _FILTERED_WORDS:
        return found._replace(fraction="dissolved")
    return _counted(found, inside) or _pieced(found, inside)


def _counted(found: Heading, inside: str) -> Heading | None:
    """Return the heading with the substance it is counted as, where the bracket says one."""
    said = split_basis(inside)
    factor = basis_factor(found.parameter, said.basis)
    if not said.basis or factor is None or (said.unit and find_unit(said.unit) is None):
        return None
    unit = find_unit(said.unit) or ""
    return found._replace(unit=(unit or found.unit) if factor == 1.0 else f"{unit} as {said.basis}")


def _pieced(found: Heading, inside: str) -> Heading | None:
    pieces = [piece for piece in _PIECES.split(inside) if piece]
    units = [unit for piece in pieces if (unit := find_unit(piece))]
    others = [piece for piece in pieces if find_unit(piece) is None]
    if all(_NEUTRAL.match(plain(piece)) or find_parameter(piece) == found.parameter for piece in others):
        return found._replace(unit=units[0] if units else found.unit)
    return None


def _unit_behind(text: str) -> Heading | None:
    for split in _SPLITS.finditer(text):
        found, unit = find_parameter(text[: split.start()]), find_unit(text[split.end() :])
        if found is not None and unit is not None:
            return Heading(found, unit)
    return None


def _unit_in(text: str) -> str:
    bracket = _BRACKETS.match(text)
    pieces = [bracket["inside"], *_PIECES.split(bracket["inside"])] if bracket else _SPLITS.split(text, maxsplit=1)[1:]
    pieces = [piece.removeprefix("单位:").removeprefix("单位") for piece in pieces]
    return next((unit for piece in pieces if (unit := find_unit(piece))), "")


def _without_brackets(text: str) -> str:
    bracket = _BRACKETS.match(text)
    return bracket["name"] if bracket else text


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())
