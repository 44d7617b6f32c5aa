"""What does an ISYBAU XML file (2006, 2013, 2017) say about the pipes a robot drove through.

Element names are those of the public schema 2013-02 (Zustandsdaten) and its sample files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.survey.inspection.markup import child, children, descendants, says
from outfall.survey.inspection.model import Inspections, build, read_clock
from outfall.tables import issue

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

__all__ = ["ASSETS", "read_isybau"]

# The second name is told of, not seen in a public file.
ASSETS = ("InspizierteAbwassertechnischeAnlage", "InspizierteAbwasseranlage")
_DIRECTIONS = {"O": "with_flow", "U": "against_flow"}
_OBSERVATION = {
    "distance_m": ("Station",),
    "code": ("InspektionsKode",),
    "char_1": ("Charakterisierung1",),
    "char_2": ("Charakterisierung2",),
    "quantity_1": ("Quantifizierung1Numerisch", "Quantifizierung1Text"),
    "quantity_2": ("Quantifizierung2Numerisch", "Quantifizierung2Text"),
    "grade": ("Klassifizierung",),
    "video_counter": ("Timecode", "Videozaehler", "Frame"),
    "photo_ids": ("Fotodatei",),
    "note": ("Kommentar",),
}


def read_isybau(root: Element, file: Path, *, issues: list[dict[str, object]]) -> Inspections:
    """Return the pipe inspections of an ISYBAU file.

    Parameters
    ----------
    root : Element
        From ``open_markup``.
    file : Path
        For provenance.
    issues : list of dict
        Doubts so far; inspections of manholes and buildings are counted, not read.

    Returns
    -------
    Inspections
        In the order of the file.

    Raises
    ------
    TableError
        A station or length is no number.
    """
    lengths = _lengths(root)
    films = _films(root)
    runs: list[dict[str, object]] = []
    observations: list[dict[str, object]] = []
    others = 0
    for asset in (element for name in ASSETS for element in descendants(root, name)):
        name = says(asset, "Objektbezeichnung")
        for look in children(asset, "OptischeInspektion"):
            others += len(children(look, "Knoten")) + len(children(look, "Bauwerk"))
            for pipe in children(look, "Rohrleitung"):
                number = len(runs) + 1
                run = _run(look, pipe, name) | {"run_id": str(number), "source_ref": f"{file.name}#{number}"}
                run["length_m"] = lengths.get(name or "")
                run["video"] = films.get((name, says(pipe, "Inspektionsrichtung"))) or run["video"]
                runs.append(run)
                states = descendants(pipe, "RZustand")
                observations += [
                    _observation(state) | {"run_id": str(number), "source_ref": f"{file.name}#{number}/{at}"}
                    for at, state in enumerate(states, start=1)
                ]
    if others:
        reason = f"{others} inspections of manholes or structures are not read; only pipes are"
        zh = f"{others} 条检查井或构筑物检测未读取, 只读管段"
        issues.append(issue("skipped_row", file.name, reason, reason_zh=zh, level="note", decision="left out"))
    return Inspections(*build(runs, observations, where=file.name), tuple(issues))


def _run(look: Element, pipe: Element, name: str | None) -> dict[str, object]:
    basic = child(pipe, "RGrunddaten")
    date, time = says(look, "Inspektionsdatum"), says(look, "Uhrzeit")
    return {
        "manholes_say": "flow",
        "pipe_id": name,
        "upper_manhole": says(basic, "KnotenZulauf"),
        "lower_manhole": says(basic, "KnotenAblauf"),
        "direction": _DIRECTIONS.get(says(pipe, "Inspektionsrichtung") or ""),
        "inspected_m": says(pipe, "Inspektionslaenge"),
        "diameter_mm": says(basic, "Profilhoehe"),
        "seen_at": f"{date}T{time}" if date and time else date,
        "observer": says(look, "NameUntersucher"),
        "video": says(look, "Videoablagereferenz"),
        "note": says(look, "Bemerkung"),
    }


def _observation(state: Element) -> dict[str, object]:
    row: dict[str, object] = {column: says(state, *names) for column, names in _OBSERVATION.items()}
    row["clock_from"], row["clock_to"] = (read_clock(says(state, name))[0] for name in ("PositionVon", "PositionBis"))
    # The schema asks for a time code; zeros say there is none.
    row["video_counter"] = None if row["video_counter"] == "00000000" else row["video_counter"]
    letter = says(state, "Streckenschaden")
    row["continuous"] = f"{letter}{says(state, 'StreckenschadenLfdNr') or ''}" if letter else None
    joint = says(state, "Verbindung")
    row["is_joint"] = None if joint is None else joint in ("1", "true")
    return row


def _lengths(root: Element) -> dict[str, str]:
    """Return the lengths of pipes, where the file brings master data too."""
    found: dict[str, str] = {}
    for asset in descendants(root, "AbwassertechnischeAnlage"):
        name, length = says(asset, "Objektbezeichnung"), says(child(asset, "Kante"), "Laenge")
        if name and length:
            found.setdefault(name, length)
    return found


def _films(root: Element) -> dict[tuple[str | None, str | None], str]:
    found: dict[tuple[str | None, str | None], str] = {}
    for film in descendants(root, "Film"):
        name = says(film, "Filmname")
        for shown in descendants(film, "FilmObjekt"):
            if name:
                found.setdefault((says(shown, "Objektbezeichnung"), says(shown, "Inspektionsrichtung")), name)
    return found
