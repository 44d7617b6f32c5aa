"""What does a text file in the exchange format of EN 13508-2 (``#A1=``, ``#B01=``, ``#C=``, ``#Z``) say.

Field letters are those of a public reader of the format and its sample file; the standard itself was not read. In the
sample, direction A goes with a start at the upper end; a start node says which manhole that is.
"""

from __future__ import annotations

import codecs
import csv
import re
from typing import TYPE_CHECKING

from outfall.errors import ReadError
from outfall.survey.inspection.model import Inspections, build, read_clock
from outfall.tables import issue

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DIRECTIONS", "FIELDS", "OBSERVED", "is_coded", "read_coded"]

DIRECTIONS = {"A": "with_flow", "B": "against_flow"}
FIELDS = {
    "AAA": "pipe_id",
    "ABQ": "length_m",
    "ACB": "diameter_mm",
    "ABH": "observer",
    "ABS": "video",
    "ADE": "note",
}
OBSERVED = {
    "I": "distance_m",
    "A": "code",
    "B": "char_1",
    "C": "char_2",
    "D": "quantity_1",
    "E": "quantity_2",
    "F": "note",
    "J": "continuous",
    "M": "photo_ids",
    "N": "video_counter",
}
_KNOWN = {*FIELDS, "AAB", "AAD", "AAF", "AAK", "ABF", "ABG"}
_LINES = re.compile(r"\r\n|\r|\n")
_SET = re.compile(rb"#A1=([A-Za-z0-9_-]{1,30})")


def is_coded(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of the format.

    Examples
    --------
    >>> is_coded(b"#A1=ISO-8859-1"), is_coded(b"pipe,distance")
    (True, False)
    """
    return head.lstrip(codecs.BOM_UTF8).lstrip().startswith((b"#A1=", b"#A2=", b"#B01=", b"#A6="))


def read_coded(file: Path, *, issues: list[dict[str, object]]) -> Inspections:
    r"""Return the inspections of a text file in the exchange format of EN 13508-2.

    Parameters
    ----------
    file : Path
        The file.
    issues : list of dict
        Doubts so far; fields that are not read are named.

    Returns
    -------
    Inspections
        In the order of the file.

    Raises
    ------
    ReadError
        The text cannot be decoded, or a block has no headings.
    TableError
        A distance is no number.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = file.write_text('#A1=UTF-8\n#A3=;\n#A4=,\n#A5="\n#B01=AAA;AAK\nY12;B\n#C=I;A\n12,5;BCA\n#Z\n')
    >>> found = read_coded(file, issues=[])
    >>> found.runs["direction"].tolist(), found.observations["distance_m"].tolist()
    (['against_flow'], [12.5])
    """
    found = _Found(file)
    for number, line in enumerate(_LINES.split(_decode(file)), start=1):
        if line.startswith("#"):
            found.head(line, number)
        elif line.strip():
            found.row(line, number)
    _list_unread(found.unread, file, issues)
    return Inspections(*build(found.runs, found.observations, where=file.name), tuple(issues))


class _Found:
    """What the lines so far have said."""

    def __init__(self, file: Path) -> None:
        self.file, self.mark, self.quote = file, ",", '"'
        self.runs: list[dict[str, object]] = []
        self.observations: list[dict[str, object]] = []
        self.unread: set[str] = set()
        self.fields: list[str] = []
        self.block = ""
        self.about: dict[str, str] | None = None

    def head(self, line: str, number: int) -> None:
        """Take a line that starts with a hash."""
        name, _, value = line[1:].partition("=")
        if name == "A3":
            self.mark = value[:1] or self.mark
        elif name == "A5":
            self.quote = value[:1] or self.quote
        elif name == "Z":
            self.fields, self.about = [], None
        elif name[:1] in ("B", "C"):
            self.block, self.fields = name[:1], self._cells(value, number)
            known = _KNOWN if self.block == "B" else {*OBSERVED, "G", "H", "K"}
            self.unread |= set(self.fields) - known - {""}

    def row(self, line: str, number: int) -> None:
        """Take a line of values."""
        if not self.fields:
            msg = f"{self.file}: line {number} holds values without a line of fields (#B01= or #C=) above; export it again"
            raise ReadError(msg)
        said = dict(zip(self.fields, self._cells(line, number), strict=False))
        if self.block == "B" or self.about is None:
            if self.about is None:
                self.runs.append({})
            self.about = {**(self.about or {}), **(said if self.block == "B" else {})}
            self.runs[-1] = _run(self.about, len(self.runs), self.file)
        if self.block == "C":
            where = {"run_id": str(len(self.runs)), "source_ref": f"{self.file.name}#{number}"}
            self.observations.append(_observation(said) | where)

    def _cells(self, line: str, number: int) -> list[str]:
        try:
            cells: list[str] = next(csv.reader([line], delimiter=self.mark, quotechar=self.quote), [])
        except (csv.Error, TypeError, ValueError) as error:
            msg = f"{self.file}: line {number} cannot be cut into fields at {self.mark!r} ({error}); export it again"
            raise ReadError(msg) from error
        return [cell.strip() for cell in cells]


def _list_unread(unread: set[str], file: Path, issues: list[dict[str, object]]) -> None:
    if unread:
        names = ", ".join(sorted(unread)[:30])
        reason, zh = f"fields that are not read: {names}", f"未读取的字段: {names}"
        issues.append(issue("unread_value", file.name, reason, reason_zh=zh, level="note", decision="left out"))


def _decode(file: Path) -> str:
    raw = file.read_bytes()
    said = _SET.search(raw[:300])
    name = said.group(1).decode("ascii").casefold() if said else "utf-8"
    names = ["utf-8-sig"] if raw.startswith(codecs.BOM_UTF8) else []
    names += [name] if re.fullmatch(r"utf-?8|iso-?8859-?\d+|windows-125\d|cp125\d|us-ascii|gb18030|gbk", name) else []
    for encoding in (*names, "utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    msg = f"{file}: the text is not {name} and not UTF-8; export it again as UTF-8"
    raise ReadError(msg)


def _run(said: dict[str, str], number: int, file: Path) -> dict[str, object]:
    row: dict[str, object] = {column: said.get(field) for field, column in FIELDS.items()}
    direction = DIRECTIONS.get(said.get("AAK", "")[:1])
    ends = [said.get("AAD") or None, said.get("AAF") or None]
    start = said.get("AAB") or None
    if start is not None and start not in ends and None in ends:
        ends[ends.index(None)] = start
    others = [end for at, end in enumerate(ends) if end != start or at != ends.index(start)]
    other = others[0] if others else None
    lower, upper = ends if start is None else (start, other) if direction == "against_flow" else (other, start)
    date, time = said.get("ABF") or None, said.get("ABG") or None
    row |= {"direction": direction, "manholes_say": "start", "upper_manhole": upper, "lower_manhole": lower}
    row["seen_at"] = f"{date}T{time}" if date and time else date
    return row | {"run_id": str(number), "source_ref": f"{file.name}#{number}"}


def _observation(said: dict[str, str]) -> dict[str, object]:
    row: dict[str, object] = {column: said.get(field) for field, column in OBSERVED.items()}
    row["clock_from"], row["clock_to"] = read_clock(said.get("G"))[0], read_clock(said.get("H"))[0]
    row["is_joint"] = True if said.get("K") else None
    return row
