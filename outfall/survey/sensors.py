"""Which columns of a log are sensors, of which parameter, in which unit."""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import UnitError
from outfall.tables import scale_to_canonical
from outfall.units import find_unit
from outfall.vocabulary import find_parameter, parameters, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["find_sensor", "read_sensors"]

_BRACKETS = re.compile(r"^(.*?)\s*[(\[（【{]([^()\[\]（）【】{}]*)[)\]）】}]\s*$")
_GAPS = re.compile(r"[\s,，;:/_-]+")
_AT_25 = re.compile(r"^\W*(?:sp|spec|ec25)|\b25\b|比电导", re.IGNORECASE)
_SHORT_UNITS = {"uscm": "uS/cm", "mscm": "mS/cm", "ugl": "ug/L", "c": "degC"}
_NOT_SENSORS = {"flow", "energy"}
_MAY_BE_NEGATIVE = {"temperature", "orp"}
_MISSING = {"", "-", "--", "/", "nan", "null", "none", "na", "n/a", "#n/a", "inf", "-inf", "<na>"}
_SENTINELS = (-9999.0, -999.0, -99.9, 99999.0, 9999.0)


def find_sensor(heading: object) -> tuple[str, str | None] | None:
    """Return the parameter a heading means and the unit it says, or None where it is no sensor.

    The unit may stand in brackets, behind a blank, comma or underscore, or in a heading below.

    Examples
    --------
    >>> find_sensor("电导率(μS/cm)"), find_sensor("spcond [uS/cm]"), find_sensor("NH3-N mg/L")
    (('conductivity', 'uS/cm'), ('conductivity', 'uS/cm'), ('ammonia', 'mg/L'))
    >>> find_sensor("turbidity_ntu"), find_sensor("溶解氧|mg/L"), find_sensor("ODO % sat"), find_sensor("pH")
    (('turbidity', 'NTU'), ('dissolved_oxygen', 'mg/L'), None, ('ph', None))
    """
    upper, _, text = str(heading).strip().rpartition("|")
    if upper and _unit(text) is not None and _parameter(text) is None:
        text = f"{upper.rpartition('|')[2]} ({text})"
    found = _BRACKETS.match(text)
    pairs = [(found.group(1), found.group(2))] if found else []
    pairs += [(text[: gap.start()], text[gap.end() :]) for gap in _GAPS.finditer(text)]
    for left, right in pairs:
        name, unit = _parameter(left), _unit(right)
        if name is not None and (unit is not None or not right.strip()):
            return (name, unit) if _is_measured_in(name, unit) else None
    name = _parameter(text)
    return (name, None) if name is not None else None


def _is_measured_in(name: str, unit: str | None) -> bool:
    """Return whether a unit can be one of the parameter: oxygen in per cent is a saturation, no concentration."""
    try:
        scale_to_canonical(name, unit or parameters()[name].unit)
    except UnitError:
        return False
    return True


def read_sensors(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[str, str, list[str]]]]:
    """Return the sensors of a log in canonical units, and what was doubtful about them.

    Parameters
    ----------
    frame : DataFrame, n rows
        Text as the file has it, with ``source_ref``. Not changed.

    Returns
    -------
    DataFrame, n rows
        One column per parameter, named after it, in its canonical unit. A value below detection is missing, not 0.
    list of tuple
        Kind of issue, reason, rows.

    Examples
    --------
    >>> import pandas as pd
    >>> values, doubts = read_sensors(pd.DataFrame({"Cond (mS/cm)": ["0.4", "<0.1"], "source_ref": ["a#2", "a#3"]}))
    >>> values["conductivity"].tolist(), [reason for _, reason, _ in doubts]
    ([400.0, nan], ["'Cond (mS/cm)': 1 value is not a number, e.g. '<0.1'; left out"])
    """
    values: dict[str, pd.Series] = {}
    doubts: list[tuple[str, str, list[str]]] = []
    refs = frame["source_ref"].astype(str)
    for heading in sorted(frame.columns, key=_is_plain):
        sensor = find_sensor(heading)
        if sensor is None or sensor[0] in _NOT_SENSORS or heading in ("source_ref", "geometry"):
            continue
        name, unit = sensor
        if name in values:
            doubts.append(("assumption", f"{heading!r}: a second column of {name}; the first is used", []))
            continue
        canonical = parameters()[name].unit
        if unit is None and canonical != "1":
            doubts.append(("assumption", f"{heading!r}: no unit; taken as {canonical}", []))
        numbers, wrong = _numbers(frame[heading])
        if wrong.any():
            example = str(frame[heading][wrong].iloc[0])
            many = f"{int(wrong.sum())} value{'s are not numbers' if wrong.sum() > 1 else ' is not a number'}"
            doubts.append(("unread_value", f"{heading!r}: {many}, e.g. {example!r}; left out", refs[wrong].tolist()))
        try:
            factor, offset = scale_to_canonical(name, unit or canonical)
        except UnitError as error:
            doubts.append(("unread_value", f"{heading!r}: {error}; the column is left out", []))
            continue
        is_below = (numbers < 0) & (name not in _MAY_BE_NEGATIVE)
        if is_below.any():
            example = f"{numbers[is_below].iloc[0]:g}"
            reason = f"{heading!r}: {int(is_below.sum())} below zero, e.g. {example}; left out"
            doubts.append(("doubtful_value", reason, refs[is_below].tolist()))
        values[name] = numbers.mask(is_below) * factor + offset
    return pd.DataFrame(values, index=frame.index), doubts


def _is_plain(heading: object) -> bool:
    """Whether a heading does not say that conductivity is that at 25 degrees, which goes before any other."""
    return _AT_25.search(str(heading)) is None


def _numbers(raw: pd.Series) -> tuple[pd.Series, pd.Series]:
    if pd.api.types.is_numeric_dtype(raw.dtype):
        numbers = raw.astype("float64")
        wrong = pd.Series(data=False, index=raw.index)
    else:
        text = raw.astype("str").str.normalize("NFKC").str.strip()
        numbers = pd.to_numeric(text.str.replace(",", "", regex=False), errors="coerce").astype("float64")
        wrong = numbers.isna() & text.notna() & ~text.str.casefold().isin(_MISSING)
    return numbers.mask(np.isinf(numbers) | numbers.isin(_SENTINELS)), wrong


def _parameter(text: str) -> str | None:
    return _aliases().get(plain(text).replace("-", "")) or find_parameter(text)


def _unit(text: str) -> str | None:
    return _SHORT_UNITS.get(plain(text)) or find_unit(text)


@cache
def _aliases() -> Mapping[str, str]:
    text = files("outfall.survey").joinpath("sensors.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {plain(alias).replace("-", ""): row["parameter"] for row in rows for alias in row["aliases"].split(";")}
