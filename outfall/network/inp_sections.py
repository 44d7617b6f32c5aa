"""The sections of a SWMM input file as rows of words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from outfall.errors import ReadError

__all__ = ["Sections", "read_sections"]

_MOST_BYTES = 500_000_000
_FEET = ("CFS", "GPM", "MGD")
_FOOT_M = 0.3048
_LONG = 4  # SWMM itself looks at the first letters of a section's name


@dataclass(frozen=True, eq=False)
class Sections:
    """A SWMM input file.

    Parameters
    ----------
    name : str
        Name of the file.
    rows : dict of str to list of (line number, words)
        Rows by section, in capitals.
    """

    name: str
    rows: dict[str, list[tuple[int, list[str]]]]

    def of(self, section: str) -> list[tuple[int, list[str]]]:
        """Return the rows of a section; sections are known by their first letters, as SWMM does."""
        return [row for name, rows in self.rows.items() if name[:_LONG] == section[:_LONG] for row in rows]

    def option(self, name: str, default: str) -> str:
        """Return the word of an option, in capitals."""
        found = [words[1] for _, words in self.of("OPTIONS") if words[0].upper() == name and len(words) > 1]
        return found[-1].upper() if found else default

    @property
    def metres(self) -> float:
        """Metres in the unit of lengths and levels: feet where flows are in a unit of the United States."""
        return _FOOT_M if self.option("FLOW_UNITS", "CFS") in _FEET else 1.0

    @property
    def map_metres(self) -> float:
        """Metres in the unit of the map; where it does not say, that of lengths."""
        words = [row[1].upper() for _, row in self.of("MAP") if row[0].upper() == "UNITS" and len(row) > 1]
        return {"FEET": _FOOT_M, "METERS": 1.0}.get(words[-1] if words else "", self.metres)


def read_sections(path: Path | str) -> Sections:
    """Return the sections of a SWMM input file; comments are left out, quoted names are kept whole.

    Parameters
    ----------
    path : path
        The ``.inp`` file; UTF-8 or the encoding of Chinese Windows.

    Returns
    -------
    Sections
        Rows with the number of their line.

    Raises
    ------
    ReadError
        There is no such file, it is too large, or it has no sections.
    """
    file = Path(path)
    if not file.is_file():
        msg = f"{file}: no such file"
        raise ReadError(msg)
    if file.stat().st_size > _MOST_BYTES:
        msg = f"{file}: {file.stat().st_size:,} bytes; a SWMM input file of at most {_MOST_BYTES:,} was expected"
        raise ReadError(msg)
    raw = file.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gb18030", errors="replace")
    rows: dict[str, list[tuple[int, list[str]]]] = {}
    section = None
    for number, line in enumerate(text.splitlines(), start=1):
        plain = line.split(";", maxsplit=1)[0].strip()
        if plain.startswith("["):
            section = plain.strip("[] \t").upper()
            rows.setdefault(section, [])
        elif plain and section is not None:
            rows[section].append((number, _words(plain)))
    if not rows:
        msg = f"{file}: has no sections like [CONDUITS]; a SWMM input file was expected"
        raise ReadError(msg)
    return Sections(file.name, rows)


def _words(line: str) -> list[str]:
    """Return the words of a line; a name in quotes is one."""
    if '"' not in line:
        return line.split()
    parts = line.split('"')
    words: list[str] = []
    for at, part in enumerate(parts):
        words += [part] if at % 2 else part.split()
    return words
