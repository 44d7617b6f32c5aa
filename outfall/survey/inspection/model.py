"""What is one pipe inspection, whichever format it came in: drives of a robot, and what was seen on each."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd

from outfall.errors import Problem, TableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Inspections", "build", "columns_of", "compare_inspections", "read_clock", "read_number"]

_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)")
_TINY = re.compile(r"[-+]?\d(?:\.\d*)?[eE]-\d{1,3}")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+,\d+")
_DIGITS = re.compile(r"\d+")
_BLANK = {"", "-", "/", "nan", "none", "null", "<na>"}
_LONGEST_DIGITS = 40
_LARGEST = 1e6
_PROVENANCE = ("source_ref", "manholes_say")


@dataclass(frozen=True, slots=True, eq=False)
class Inspections:
    """What one hand-over of pipe inspections holds.

    Parameters
    ----------
    runs : DataFrame
        One row per drive: pipe, manholes, direction, lengths, time, film. Columns as in ``columns.csv``.
    observations : DataFrame
        One row per observation, in the order of the file: distance, code as written, clock, photo, remark.
    issues : tuple of dict
        Rows of the contract ``issues``: what could not be read, and what was assumed.

    Examples
    --------
    >>> Inspections(*build([{"run_id": "1", "pipe_id": "Y12"}], [], where="cctv.csv"), ())
    Inspections(1 run, 0 observations, 0 issues)
    """

    runs: pd.DataFrame
    observations: pd.DataFrame
    issues: tuple[Mapping[str, object], ...]

    def __repr__(self) -> str:
        """Return the counts."""
        parts = ((len(self.runs), "run"), (len(self.observations), "observation"), (len(self.issues), "issue"))
        return f"Inspections({', '.join(f'{count} {name}{chr(115) * (count != 1)}' for count, name in parts)})"


def build(
    runs: Sequence[Mapping[str, object]], observations: Sequence[Mapping[str, object]], *, where: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows as the two tables of an inspection, every column present and of its kind.

    Parameters
    ----------
    runs, observations : sequence of mapping
        Column to what the file says; blanks may be left out.
    where : str
        The file, for messages.

    Returns
    -------
    tuple of two DataFrame
        ``runs`` and ``observations``.

    Raises
    ------
    TableError
        A distance, length or diameter is no number; all of them are named.

    Examples
    --------
    >>> _, seen = build([], [{"run_id": "1", "distance_m": "12,50", "code": "BCA"}], where="a.xml")
    >>> seen[["distance_m", "code"]].values.tolist()
    [[12.5, 'BCA']]
    """
    problems: list[Problem] = []
    tables = tuple(_table(name, rows, problems) for name, rows in (("runs", runs), ("observations", observations)))
    if problems:
        msg = f"{where}: {len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise TableError(msg, problems)
    return tables[0], tables[1]


def compare_inspections(one: Inspections, other: Inspections) -> pd.DataFrame:
    """Return every cell in which two inspections differ; where they come from does not count.

    Parameters
    ----------
    one, other : Inspections
        Such as what was written and what was read back.

    Returns
    -------
    DataFrame, one row per difference
        ``table``, ``row`` (position, -1 where the numbers of rows differ), ``column``, ``one``, ``other``.

    Examples
    --------
    >>> first = Inspections(*build([{"run_id": "1", "pipe_id": "Y12"}], [], where="a"), ())
    >>> second = Inspections(*build([{"run_id": "1", "pipe_id": "Y13"}], [], where="a"), ())
    >>> compare_inspections(first, second).values.tolist(), len(compare_inspections(first, first))
    ([['runs', 0, 'pipe_id', 'Y12', 'Y13']], 0)
    """
    found: list[dict[str, object]] = []
    for name in ("runs", "observations"):
        left, right = getattr(one, name), getattr(other, name)
        if len(left) != len(right):
            found.append({"table": name, "row": -1, "column": "", "one": len(left), "other": len(right)})
            continue
        keys = [_keys(table["run_id"]) for table in (left, right)]
        for column, dtype in columns_of(name).items():
            if column in _PROVENANCE:
                continue
            if column == "run_id":
                pairs = list(zip(*keys, strict=True))
            else:
                pairs = list(zip(_plain(left[column], dtype), _plain(right[column], dtype), strict=True))
            rows = (row for row, (was, now) in enumerate(pairs) if was != now)
            found += [
                {"table": name, "row": row, "column": column, "one": pairs[row][0], "other": pairs[row][1]}
                for row in rows
            ]
    return pd.DataFrame(found, columns=["table", "row", "column", "one", "other"])


@cache
def columns_of(table: str) -> Mapping[str, str]:
    """Return the columns of ``runs`` or ``observations`` with their kinds.

    Examples
    --------
    >>> columns_of("observations")["distance_m"]
    'number'
    """
    text = files("outfall.survey.inspection").joinpath("columns.csv").read_text(encoding="utf-8")
    return {row["column"]: row["dtype"] for row in csv.DictReader(text.splitlines()) if row["table"] == table}


def read_number(text: object) -> float | None:
    """Return the number a cell holds, with point or comma, with or without its unit, or None.

    Raises
    ------
    ValueError
        There is something, and it is no number, or one above a million: no pipe is that long.

    Examples
    --------
    >>> read_number("12,50"), read_number("1.234,5"), read_number("３.5 m"), read_number("-")
    (12.5, 1234.5, 3.5, None)
    """
    said = unicodedata.normalize("NFKC", str(text)).strip().removesuffix("mm").removesuffix("m").strip()
    if text is None or text is pd.NA or said.casefold() in _BLANK:
        return None
    if len(said) > _LONGEST_DIGITS:
        raise ValueError(said[:_LONGEST_DIGITS])
    if _THOUSANDS.fullmatch(said):
        said = said.replace(".", "")
    if not _NUMBER.fullmatch(said) and not _TINY.fullmatch(said):
        raise ValueError(said)
    number = float(said.replace(",", "."))
    if abs(number) > _LARGEST:
        raise ValueError(said)
    return number


def read_clock(text: object) -> tuple[float | None, float | None]:
    """Return the hours a position on the circumference spans: ``3``, ``03``, ``0903``, ``9-3``, ``9点``.

    Four digits are from and to, ``00`` first says one place (our reading of the habit in Chinese logs, not checked).

    Examples
    --------
    >>> read_clock("0903"), read_clock("0003"), read_clock("9点"), read_clock("10-2"), read_clock("00")
    ((9.0, 3.0), (3.0, None), (9.0, None), (10.0, 2.0), (None, None))
    """
    said = unicodedata.normalize("NFKC", "" if text is None or text is pd.NA else str(text))
    said = re.sub(r"\.0+\b", "", said)
    parts = _DIGITS.findall(said)
    if len(parts) == 1 and len(parts[0]) == len("0903"):
        parts = [parts[0][:2], parts[0][2:]]
        parts = parts if parts[0] != "00" else parts[1:]
    if not parts or len(parts) > 2 or any(len(part) > 2 for part in parts):
        return None, None
    hours = [float(part) if 1 <= int(part) <= 12 else None for part in parts]
    return hours[0], hours[1] if len(hours) > 1 else None


def _table(name: str, rows: Sequence[Mapping[str, object]], problems: list[Problem]) -> pd.DataFrame:
    refs = [str(row.get("source_ref", "")) for row in rows]
    made: dict[str, pd.Series] = {}
    for column, dtype in columns_of(name).items():
        values = [row.get(column) for row in rows]
        if dtype == "number":
            made[column] = _numbers(column, values, refs, problems)
        elif dtype == "flag":
            made[column] = pd.Series([True if value is True else None for value in values], dtype="boolean")
        else:
            made[column] = pd.Series([_text(value) for value in values], dtype="str")
    return pd.DataFrame(made)


def _numbers(column: str, values: Sequence[object], refs: Sequence[str], problems: list[Problem]) -> pd.Series:
    numbers: list[float | None] = []
    wrong: list[int] = []
    for at, value in enumerate(values):
        try:
            number = read_number(value)
        except ValueError:
            number = None
            wrong.append(at)
        if number is not None and number < (-1.0 if column == "distance_m" else 0.0):
            wrong.append(at)
        numbers.append(number)
    if wrong:
        what = (
            f"{values[wrong[0]]!r} is not a distance" if column.endswith("_m") else f"{values[wrong[0]]!r} is no number"
        )
        problems.append(Problem(column, what, "write a number such as 12.5", tuple(refs[at] for at in wrong)))
    return pd.Series(numbers, dtype="float64")


def _text(value: object) -> str | None:
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124
        return None
    return str(value).strip() or None


def _keys(values: Iterable[object]) -> list[int]:
    """Return run ids as numbers in order of appearance: another file may call its runs otherwise."""
    seen: dict[object, int] = {}
    return [seen.setdefault(value, len(seen)) for value in values]


def _plain(values: pd.Series, dtype: str) -> list[object]:
    if dtype == "number":
        return [None if pd.isna(value) else round(float(value), 6) for value in values]
    return [None if pd.isna(value) else value for value in values]
