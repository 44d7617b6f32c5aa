"""What does a pipe inspection code say: a defect, a connection, water from it, or the wrong water."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from outfall.vocabulary import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Code", "read_code"]

_PACP = re.compile(r"^(T[FBSR])[A-Z]{0,2}$")


@dataclass(frozen=True, slots=True)
class Code:
    """What one code says.

    Parameters
    ----------
    code : str
        As it is looked up, without characterisation.
    kind : str
        ``defect``, ``inventory``, ``connection``, ``flow``, ``wrong_foul`` (foul water into a storm sewer) or
        ``wrong_storm`` (storm water into a foul sewer).
    zh, en : str
        What it is called.
    evidence : str
        Where our reading of the code comes from; no code table was read in its standard.
    system : str
        ``CJJ 181``, ``EN 13508-2``, ``PACP`` or a survey template.
    mark : str
        ``start``, ``end`` or ``abandoned`` where the code says so of the drive.
    is_verified : bool
        Whether the reading was checked against the standard; False throughout so far.
    """

    code: str
    kind: str
    zh: str
    en: str
    evidence: str
    system: str = ""
    mark: str = ""
    is_verified: bool = False


def read_code(text: object) -> Code | None:
    """Return what a code or its name says, or None where it is not known.

    CJJ 181 style (``AJ``, ``支管暗接``), EN 13508-2 with or without characterisation (``BCA``, ``BDE.C.A``) and PACP
    taps are known. In EN 13508-2 the letters behind BDE say what the water looks like and whether it is the wrong
    water.

    Parameters
    ----------
    text : object
        What the log says.

    Returns
    -------
    Code or None
        From ``codes.csv``.

    Examples
    --------
    >>> read_code("AJ").kind, read_code("支管暗接").code, read_code("BDE C A").kind, read_code("BDEAB").kind
    ('connection', 'AJ', 'wrong_foul', 'wrong_storm')
    >>> read_code("BAB B A").kind, read_code("XYZ")
    ('defect', None)
    """
    known = _known()
    whole = plain(text).upper()
    found = known.get(whole)
    if found is None:
        code = re.sub(r"[^A-Z0-9]", "", whole)
        tap = _PACP.match(code)
        found = known.get(tap.group(1)) if tap else None
        if found is None and len(code) >= 3 and code[0] in "AB" and code[:5].isalpha():
            found = known.get(code[:3]) or known.get(code[:2])
        if found is None and len(code) == 3 and code[2].isdigit():
            found = known.get(code[:2])
        if found is not None and found.code == "BDE" and code[4:5] in ("A", "B"):
            wrong = known["1" if code[4] == "A" else "2"]
            return replace(found, kind=wrong.kind, zh=wrong.zh, en=wrong.en)
    return found


@cache
def _known() -> Mapping[str, Code]:
    known: dict[str, Code] = {}
    text = files("outfall.survey").joinpath("codes.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        code = Code(
            code=row["code"],
            kind=row["kind"],
            zh=row["zh"],
            en=row["en"],
            evidence=row["evidence"],
            system=row["system"],
            mark=row["mark"] or "",
            is_verified=row["verified"] == "yes",
        )
        for name in (row["code"], row["zh"], row["en"], *filter(None, row["aliases"].split(";"))):
            known.setdefault(plain(name).upper(), code)
    return known
