"""What each of the eighteen tables holds: one declaration that checks, documents, names and draws them.

The declarations are data (``tables.csv``, ``columns.csv``).
"""

from __future__ import annotations

import csv
import html
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from outfall.vocabulary import Lang, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Column", "Table", "contract", "contracts"]

Dtype = Literal["text", "integer", "real", "flag", "time", "ids"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract.

    Parameters
    ----------
    name : str
        Identifier; a dimensioned number ends in its unit.
    dtype : {"text", "integer", "real", "flag", "time", "ids"}
        ``time`` carries a zone; ``ids`` is text that holds ids separated by ``;``.
    unit : str
        Unit, empty where there is none.
    is_required : bool
        Whether the column must be there and filled in every row.
    allowed : str
        Name of the vocabulary list its values come from, or empty.
    minimum, maximum : float or None
        Bounds, both included.
    zh, en : str
        Labels.
    aliases : tuple of str
        Other headings that are accepted on input.
    meaning : str
        One sentence, where the label does not say it all.
    """

    name: str
    dtype: Dtype
    unit: str
    is_required: bool
    allowed: str
    minimum: float | None
    maximum: float | None
    zh: str
    en: str
    aliases: tuple[str, ...]
    meaning: str

    def heading(self, lang: Lang = "en") -> str:
        """Return the heading people read, with the unit where there is one."""
        name = self.zh if lang == "zh" else self.en
        return f"{name} ({self.unit})" if self.unit not in ("", "share") else name


@dataclass(frozen=True, slots=True)
class Table:
    """The contract of one table.

    Parameters
    ----------
    name : str
        One of the eighteen names.
    key : str
        Column that names a row and is never repeated.
    geometry : str
        ``point``, ``line``, ``any`` or ``none``; a trailing ``?`` allows rows without one.
    zh, en, meaning : str
        Labels and one sentence.
    columns : mapping of str to Column
        In order.
    """

    name: str
    key: str
    geometry: str
    zh: str
    en: str
    meaning: str
    columns: Mapping[str, Column]

    def find_column(self, heading: object) -> str | None:
        """Return the column a heading in either language means, or None."""
        return _heading_index(self.name).get(plain(heading))

    def headings(self, lang: Lang = "en") -> dict[str, str]:
        """Return the heading of every column by its name."""
        return {name: column.heading(lang) for name, column in self.columns.items()}

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td><code>{c.name}</code>{' *' if c.is_required else ''}</td><td>{html.escape(c.dtype)}</td>"
            f"<td>{html.escape(c.unit)}</td><td>{html.escape(c.zh)}</td><td>{html.escape(c.en)}</td>"
            f"<td>{html.escape(c.meaning)}</td></tr>"
            for c in self.columns.values()
        )
        head = "".join(f"<th>{text}</th>" for text in ("column", "dtype", "unit", "中文", "English", "meaning"))
        title = html.escape(f"{self.name} · {self.zh} · {self.meaning}")
        return f"<table><caption>{title} (* required)</caption><tr>{head}</tr>{cells}</table>"


def contract(name: str) -> Table:
    """Return the contract of one table.

    Parameters
    ----------
    name : str
        One of the eighteen names, such as ``"sightings"``.

    Returns
    -------
    Table
        Its contract.

    Raises
    ------
    KeyError
        There is no table of this name.

    Examples
    --------
    >>> contract("places").columns["along_m"].heading("zh")
    '桩号(距上游端) (m)'
    """
    return contracts()[name]


@cache
def contracts() -> Mapping[str, Table]:
    """Return the contracts of all eighteen tables by name.

    Returns
    -------
    mapping of str to Table
        Read-only, in the order of the flow.

    Examples
    --------
    >>> len(contracts())
    18
    """
    columns: dict[str, dict[str, Column]] = {}
    for row in _rows("columns.csv"):
        columns.setdefault(row["table"], {})[row["column"]] = _column(row)
    return MappingProxyType(
        {
            row["table"]: Table(
                name=row["table"],
                key=row["key"],
                geometry=row["geometry"],
                zh=row["zh"],
                en=row["en"],
                meaning=row["meaning"],
                columns=MappingProxyType(columns[row["table"]]),
            )
            for row in _rows("tables.csv")
        }
    )


def _column(row: Mapping[str, str]) -> Column:
    dtype = row["dtype"]
    assert dtype in ("text", "integer", "real", "flag", "time", "ids"), dtype
    return Column(
        name=row["column"],
        dtype=dtype,  # type: ignore[arg-type]
        unit=row["unit"],
        is_required=row["required"] == "yes",
        allowed=row["allowed"],
        minimum=float(row["minimum"]) if row["minimum"] else None,
        maximum=float(row["maximum"]) if row["maximum"] else None,
        zh=row["zh"],
        en=row["en"],
        aliases=tuple(part for part in row["aliases"].split(";") if part),
        meaning=row["meaning"],
    )


@cache
def _heading_index(name: str) -> Mapping[str, str]:
    index: dict[str, str] = {}
    columns = contracts()[name].columns.values()
    for column in columns:
        index[plain(column.name)] = column.name
    for column in columns:
        for text in (column.zh, column.en, column.heading("zh"), column.heading("en"), *column.aliases):
            index.setdefault(plain(text), column.name)
    return index


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines())
