"""How do drives and observations look as ISYBAU and DWA-M 150 XML."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.survey.inspection.model import Inspections

__all__ = ["NAMESPACES", "as_isybau", "as_m150", "text_of"]

# 2013 is that of the public schema and samples, 2017 that of public sample files.
NAMESPACES = {
    "2013": ("http://www.ofd-hannover.la/Identifikation", "2013-02"),
    "2017": ("http://www.bfr-abwasser.de", "2017-07"),
}
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)")
_NUMERIC = re.compile(r"\d{1,4}(\.\d{1,2})?")
_GRADE = re.compile(r"([DSB])(\d)")
_NO_DAY = "2000-01-01"
_GRADES = {"D": "HZ206", "S": "HZ207", "B": "HZ208"}


def as_isybau(inspections: Inspections, *, version: str) -> bytes:
    """Return inspections as an ISYBAU XML file; lengths of pipes go into master data beside them.

    Parameters
    ----------
    inspections : Inspections
        Not changed.
    version : {"2013", "2017"}
        Which namespace and format version.

    Returns
    -------
    bytes
        UTF-8.
    """
    space, number = NAMESPACES[version]
    root = Element("Identifikation", {"xmlns": space})
    _add(root, "Version", number)
    runs = inspections.runs.to_dict("records")
    lengths = {
        str(run["pipe_id"]): run
        for run in reversed(runs)
        if not pd.isna(run["length_m"]) and not pd.isna(run["pipe_id"])
    }
    _admin(root)
    whole = SubElement(root, "Datenkollektive")
    _heads(whole, max((text_of(run["seen_at"])[:10] for run in runs), default="") or _NO_DAY, has_master=bool(lengths))
    if lengths:
        master = SubElement(whole, "Stammdatenkollektiv")
        _add(master, "Kennung", "STA01")
        for run in reversed(list(lengths.values())):
            _master(master, run)
    seen = _by_run(inspections)
    states = SubElement(whole, "Zustandsdatenkollektiv")
    _add(states, "Kennung", "ZUS01")
    order = SubElement(SubElement(states, "Auftraege"), "Auftrag")
    for name, text in (
        ("Auftragsbezeichnung", "1"),
        ("Auftragskennung", "1"),
        ("Auftragsart", "1"),
        ("Kodiersystem", "10"),
    ):
        _add(order, name, text)
    for run in runs:
        _asset(states, run, seen.get(run["run_id"], []))
    return _bytes(root)


def as_m150(inspections: Inspections) -> bytes:
    """Return inspections as a DWA-M 150 XML file; drives through one pipe that follow each other share its element.

    Parameters
    ----------
    inspections : Inspections
        Not changed.

    Returns
    -------
    bytes
        UTF-8.
    """
    root = Element("DATA")
    about = SubElement(root, "FD")
    _add(about, "FD001", "04-2010")
    _add(about, "FD002", "B")
    seen = _by_run(inspections)
    fields = {"HG001": "pipe_id", "HG003": "upper_manhole", "HG004": "lower_manhole"}
    numbers = {"HG307": "diameter_mm", "HG310": "length_m"}
    runs = inspections.runs.to_dict("records")
    for _, drives in groupby(
        runs, key=lambda run: tuple(str(run[name]) for name in (*fields.values(), *numbers.values()))
    ):
        pipe = SubElement(root, "HG")
        for number, run in enumerate(drives):
            if number == 0:
                for name, column in (fields | numbers).items():
                    _add(pipe, name, run[column])
            drive = SubElement(pipe, "HI")
            date, _, time = text_of(run["seen_at"]).partition("T")
            _add(drive, "HI005", "EN13508")
            _add(drive, "HI101", _side(run["direction"]))
            for name, text in (("HI104", date), ("HI105", time), ("HI112", run["observer"]), ("HI116", run["video"])):
                _add(drive, name, text)
            _add(drive, "HI999", run["note"])
            for row in seen.get(run["run_id"], []):
                _m150_state(SubElement(drive, "HZ"), row)
    return _bytes(root)


def text_of(value: object) -> str:
    """Return a cell as formats write it: nothing for nothing, whole numbers without a point.

    Examples
    --------
    >>> text_of(12.0), text_of(12.5), text_of(None), text_of("Y12")
    ('12', '12.5', '', 'Y12')
    """
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.6f}".rstrip("0")
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _admin(root: Element) -> None:
    """Say whose pipes they are: the schema asks, an inspection does not know."""
    site = SubElement(SubElement(root, "Admindaten"), "Liegenschaft")
    _add(site, "Liegenschaftsnummer", "0000000000")
    _add(site, "Liegenschaftsbezeichnung", "unknown")


def _heads(whole: Element, day: str, *, has_master: bool) -> None:
    """Name the collections: what was seen, and the lengths of pipes where some are known."""
    _add(whole, "Datenstatus", "1")
    _add(whole, "Erstellungsdatum", day)
    marks = SubElement(whole, "Kennungen")
    master = (
        "STA01",
        "1",
        "Stammdaten",
        {"Stammdatentyp": "1", "Bautechnik": "1", "Geometrie": "0", "Sanierung": "0", "Umfeld": "0"},
    )
    seen = ("ZUS01", "2", "Zustandsdaten", {"Inspektion": "1", "Dichtheit": "0", "Film": "0"})
    for mark, number, name, flags in (master, seen) if has_master else (seen,):
        part = SubElement(marks, "Kollektiv")
        _add(part, "Kennung", mark)
        _add(part, "Kollektivart", number)
        what = SubElement(SubElement(part, "Kollektiveigenschaft"), name)
        for flag, text in flags.items():
            _add(what, flag, text)
        _add(part, "Regelwerk", "5")
        _add(part, "Bearbeitungsstand", day)


def _master(master: Element, run: Mapping[str, object]) -> None:
    asset = SubElement(master, "AbwassertechnischeAnlage")
    _add(asset, "Objektbezeichnung", run["pipe_id"])
    _add(asset, "Objektart", "1")
    edge = SubElement(asset, "Kante")
    _add(edge, "KantenTyp", "0")
    for name, column in (("KnotenZulauf", "upper_manhole"), ("KnotenAblauf", "lower_manhole")):
        _add(edge, name, run[column])
        _add(edge, f"{name}Typ", "0" if text_of(run[column]) else "")
    _add(edge, "Laenge", run["length_m"])


def _asset(states: Element, run: Mapping[str, object], seen: list[dict[str, object]]) -> None:
    asset = SubElement(states, "InspizierteAbwassertechnischeAnlage")
    _add(asset, "Objektbezeichnung", run["pipe_id"])
    _add(asset, "Anlagentyp", "1")
    look = SubElement(asset, "OptischeInspektion")
    date, _, time = text_of(run["seen_at"]).partition("T")
    _add(look, "Auftragskennung", "1")
    _add(look, "Inspektionsdatum", date)
    _add(look, "NameUntersucher", run["observer"])
    _add(look, "Uhrzeit", time)
    _add(look, "Videoablagereferenz", run["video"])
    _add(look, "Bemerkung", run["note"])
    pipe = SubElement(look, "Rohrleitung")
    _add(pipe, "Rohrleitungstyp", "0")
    _add(pipe, "Inspektionsrichtung", _side(run["direction"]))
    _add(pipe, "Inspektionslaenge", run["inspected_m"])
    basic = SubElement(pipe, "RGrunddaten")
    for name, column in (("KnotenZulauf", "upper_manhole"), ("KnotenAblauf", "lower_manhole")):
        _add(basic, name, run[column])
        if not pd.isna(run[column]):
            _add(basic, f"{name}Typ", "0")
    _add(basic, "Profilhoehe", run["diameter_mm"])
    if seen:
        data = SubElement(pipe, "Inspektionsdaten")
        for row in seen:
            _isybau_state(SubElement(data, "RZustand"), row)


def _isybau_state(state: Element, row: Mapping[str, object]) -> None:
    counter = text_of(row["video_counter"])
    time = _TIME.fullmatch(counter)
    _add(state, "Station", row["distance_m"])
    _add(
        state,
        "Timecode",
        "".join(time.groups()) + "00" if time else counter if re.fullmatch(r"\d{8}", counter) else "00000000",
    )
    _add(state, "InspektionsKode", row["code"])
    _add(state, "Charakterisierung1", row["char_1"])
    _add(state, "Charakterisierung2", row["char_2"])
    _add(state, "Verbindung", "1" if row["is_joint"] is True else "")
    for number in ("1", "2"):
        said = text_of(row[f"quantity_{number}"])
        _add(state, f"Quantifizierung{number}{'Numerisch' if _NUMERIC.fullmatch(said) else 'Text'}", said)
    continuous = text_of(row["continuous"])
    _add(state, "Streckenschaden", continuous[:1])
    _add(state, "StreckenschadenLfdNr", continuous[1:])
    for name, column in (("PositionVon", "clock_from"), ("PositionBis", "clock_to")):
        _add(state, name, text_of(row[column]).zfill(2) if text_of(row[column]) else "")
    _add(state, "Fotodatei", row["photo_ids"])
    _add(state, "Kommentar", row["note"])
    _add(state, "Klassifizierung", row["grade"])


def _m150_state(state: Element, row: Mapping[str, object]) -> None:
    first = {
        "HZ001": "distance_m",
        "HZ002": "code",
        "HZ003": "quantity_1",
        "HZ004": "quantity_2",
        "HZ005": "continuous",
    }
    rest = {"HZ006": "clock_from", "HZ007": "clock_to", "HZ008": "video_counter", "HZ009": "photo_ids", "HZ010": "note"}
    for name, column in (first | rest).items():
        _add(state, name, row[column])
    _add(state, "HZ011", "A" if row["is_joint"] is True else "")
    _add(state, "HZ014", row["char_1"])
    _add(state, "HZ015", row["char_2"])
    grades = dict(_GRADE.findall(text_of(row["grade"])))
    for letter, name in _GRADES.items():
        _add(state, name, grades.get(letter, ""))


def _by_run(inspections: Inspections) -> dict[object, list[dict[str, object]]]:
    rows: dict[object, list[dict[str, object]]] = {}
    for row in inspections.observations.to_dict("records"):
        rows.setdefault(row["run_id"], []).append({str(name): value for name, value in row.items()})
    return rows


def _side(direction: object) -> str:
    return {"with_flow": "O", "against_flow": "U"}.get(str(direction), "")


def _add(parent: Element, name: str, value: object) -> None:
    text = _ILLEGAL.sub("\ufffd", text_of(value))
    if text:
        SubElement(parent, name).text = text


def _bytes(root: Element) -> bytes:
    indent(root)
    made: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return made
