"""What one cell of a laboratory sheet means: a value, a non-detect with its limit, or nothing analysed."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal, NamedTuple

from outfall.units import find_unit

__all__ = ["Value", "parse_value"]

NAN = float("nan")
State = Literal["read", "not analysed", "unread"]


class Value(NamedTuple):
    """One cell, read.

    Parameters
    ----------
    state : {"read", "not analysed", "unread"}
        Whether the other fields mean anything.
    qualifier : {"=", "<", ">"}
        Measured, not detected, above.
    value : float
        In the unit of the column, or in unit where the cell names one; missing for a non-detect.
    detection_limit : float
        What a non-detect is below; missing where the cell does not say.
    sigma_share : float
        Relative standard deviation where the cell says plus or minus.
    unit : str
        Unit written inside the cell, or empty.
    note : str
        What had to be assumed, or why the cell is unread.
    """

    state: State
    qualifier: str = "="
    value: float = NAN
    detection_limit: float = NAN
    sigma_share: float = NAN
    unit: str = ""
    note: str = ""


_NOT_ANALYSED = {
    *("", "/", "-", "--", "---", "—", "——", "\\", "*", "nan", "none", "null", "na", "n/a", "<na>", "nat"),
    *("未测", "未检测", "未分析", "未监测", "未采", "未采样", "notanalysed", "notanalyzed", "notsampled"),
}
_NON_DETECT = r"(?:n\.?d\.?|未检出|notdetected|b\.?d\.?l\.?|(?:<|低于|小于)?(?:方法)?(?:检出限|lod|mdl|dl))"
_NUMBER = (
    r"10\^[+-]?\d+|[+-]?(?:(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)"
    r"(?:e[+-]?\d+|[x*·]10(?:\^[+-]?\d+|[+-]?\d{1,2}))?"
)
_PLAIN = re.compile(rf"^(?P<sign>[<>≤≥]|<=|>=)?(?P<number>{_NUMBER})(?:±(?P<spread>{_NUMBER}))?(?P<rest>[^\d(].*)?$")
_ABSENT = re.compile(rf"^{_NON_DETECT}(?:[(:]?[<≤]?(?P<number>{_NUMBER})(?P<rest>[^\d)]*)\)?)?$")
_ABSENT_BEHIND = re.compile(rf"^[<≤]?(?P<number>{_NUMBER})(?P<rest>[^\d(]*?)\(?(?:n\.?d\.?|未检出)\)?$")
_POWER = re.compile(r"10([⁰¹²³⁴⁵⁶⁷⁸⁹]+|⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SIGNS = str.maketrans({"〈": "<", "〉": ">", "−": "-", "–": "-", "×": "x", "✕": "x", "╳": "x"})
_SIGN_WORDS = (("小于等于", "≤"), ("大于等于", ">"), ("小于", "<"), ("低于", "<"), ("大于", ">"), ("高于", ">"))


def parse_value(text: object) -> Value:
    """Return what a cell of a laboratory sheet means.

    A suffix ``L`` behind a number is the habit of Chinese reports for "below this limit". A non-detect never becomes 0
    and a cell that is not understood is never guessed at: its state is ``"unread"``.

    Parameters
    ----------
    text : object
        The cell as written.

    Returns
    -------
    Value
        What it means.

    Examples
    --------
    >>> parse_value("＜0.05")[:4]
    ('read', '<', nan, 0.05)
    >>> parse_value("0.025L").detection_limit, parse_value("未检出").qualifier, parse_value("1.2×10³").value
    (0.025, '<', 1200.0)
    >>> parse_value("/").state, parse_value("6.5~7.2").state
    ('not analysed', 'unread')
    """
    clean = _clean(text)
    if clean in _NOT_ANALYSED:
        return Value("not analysed")
    absent = _ABSENT.match(clean) or _ABSENT_BEHIND.match(clean)
    if absent is not None:
        return _absent(absent["number"], absent["rest"] or "")
    found = _PLAIN.match(clean)
    if found is None:
        return Value("unread", note="not a number")
    return _plain(found)


def _clean(text: object) -> str:
    powers = _POWER.sub(lambda found: "10^" + found[1].translate(_DIGITS), str(text))
    clean = "".join(unicodedata.normalize("NFKC", powers.translate(_SIGNS)).translate(_SIGNS).casefold().split())
    for word, sign in _SIGN_WORDS:
        if clean.startswith(word) and "检出限" not in clean:
            clean = sign + clean.removeprefix(word)
    return clean.strip("*") or clean[:1]


def _absent(number: str | None, rest: str) -> Value:
    limit = _number(number)[0] if number else NAN
    unit = _unit(rest)
    if rest and not unit:
        return Value("unread", note=f"unit {rest!r} is not known")
    return Value("read", "<", detection_limit=_positive(limit), unit=unit)


def _plain(found: re.Match[str]) -> Value:
    sign, rest = found["sign"] or "", found["rest"] or ""
    value, note = _number(found["number"])
    is_below = sign in ("<", "≤", "<=")
    if rest == "l":
        is_below, rest = True, ""
    unit = _unit(rest)
    if rest and not unit:
        return Value("unread", note=f"{rest!r} behind the number is not known")
    if is_below:
        return Value("read", "<", detection_limit=_positive(value), unit=unit, note=note)
    spread = _number(found["spread"])[0] if found["spread"] else NAN
    sigma_share = abs(spread / value) if value else NAN
    return Value("read", ">" if sign else "=", value, NAN, sigma_share, unit, note)


def _number(text: str) -> tuple[float, str]:
    plain, note = text.replace(",", ""), ""
    found = re.match(r"^(?:(.+?)[x*·])?10\^([+-]?\d+)$", plain)
    if found is None:
        found = re.match(r"^(.+?)[x*·]10([+-]?\d{1,2})$", plain)
        note = "read as a power of ten that lost its superscript" if found else ""
    if found is not None:
        # Through text: 1.2 * 10**3 is not always the float that 1.2e3 is.
        return float(f"{float(found[1] or 1)!r}e{int(found[2])}"), note
    return float(plain), note


def _positive(limit: float) -> float:
    return limit if limit > 0 else NAN


def _unit(rest: str) -> str:
    return (find_unit(rest.strip("()[] ")) or "") if rest else ""
