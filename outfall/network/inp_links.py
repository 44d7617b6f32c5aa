"""The links of a SWMM input file as rows: kinds, levels, sizes, states, and the vertices between their ends."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.errors import Problem, ReadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outfall.network.inp_sections import Sections

__all__ = ["read_links"]

_KINDS = {"CONDUITS": "gravity_sewer", "PUMPS": "pump", "ORIFICES": "gate", "WEIRS": "weir", "OUTLETS": "gate"}
_OFFSETS = {"CONDUITS": (5, 6), "ORIFICES": (4, None), "WEIRS": (4, None), "OUTLETS": (3, None)}
_OPEN = ("RECT_OPEN", "TRAPEZOIDAL", "TRIANGULAR", "PARABOLIC", "POWER", "IRREGULAR", "STREET")
_CULVERT = 7  # place of the culvert code in a cross-section
_TEXTS = ("reach_id", "kind", "from_node", "to_node", "state", "forward_reason", "source_ref", "swmm_section")
_REALS = (
    "invert_from_m", "invert_to_m", "diameter_mm", "width_m", "depth_m", "forward_share", "start_level_m",
    "stop_level_m", "stated_length_m", "roughness",
)  # fmt: skip


def read_links(
    sections: Sections, levels: Mapping[str, float]
) -> tuple[pd.DataFrame, dict[str, list[tuple[float, float]]]]:
    """Return every link of a file, and the vertices of those that have any.

    Parameters
    ----------
    sections : Sections
        Of the file.
    levels : mapping of str to float, metres
        Bottom of every node.

    Returns
    -------
    links : DataFrame, in the order of the file
        Columns of ``reaches`` and what SWMM knows besides.
    bends : dict of str to list of (east, north)
        As the file says them.

    Raises
    ------
    ReadError
        A link has too few words, or two have one name.
    """
    found = [(number, section, words) for section in _KINDS for number, words in sections.of(section)]
    found.sort(key=lambda item: item[0])
    names = [words[0] for _, _, words in found]
    short = tuple(f"line {number}" for number, _, words in found if len(words) < 3)
    twice = tuple(sorted(name for name, count in Counter(names).items() if count > 1))
    problems = [Problem("links", "need a name and two nodes", "complete the row", short)] if short else []
    problems += [Problem("links", "have the name of another", "give each link its own", twice)] if twice else []
    if problems:
        raise ReadError(sections.name, problems)
    shapes = {words[0]: words for _, words in sections.of("XSECTIONS")}
    flaps = {words[0] for _, words in sections.of("LOSSES") if len(words) > 4 and words[4].upper() == "YES"}
    minor = {words[2] for _, words in sections.of("DIVIDERS") if len(words) > 2}
    rows = []
    for number, section, words in found:
        row = {"source_ref": f"{sections.name}#{number}", "swmm_section": section, "is_main": words[0] not in minor}
        row.update(_read_ends(section, words, levels, sections))
        row.update(_read_shape(row["kind"], shapes.get(words[0]), sections.metres))
        if words[0] in flaps or (section in {"ORIFICES", "WEIRS", "OUTLETS"} and "YES" in map(str.upper, words[5:])):
            row.update(forward_share=1.0, forward_reason="a flap gate keeps water from coming back")
        rows.append(row)
    frame = pd.DataFrame(rows, columns=[*_TEXTS, *_REALS, "is_main"])
    types = {**dict.fromkeys(_TEXTS, "str"), **dict.fromkeys(_REALS, "float64"), "is_main": "boolean"}
    frame["is_main"] = frame["is_main"].astype("boolean").mask(frame["is_main"].astype("bool"))
    return frame.astype(types), _read_bends(sections)


def _read_ends(section: str, words: list[str], levels: Mapping[str, float], sections: Sections) -> dict[str, object]:
    """Return names, kind, state and levels of a link."""
    name, tail, head = words[:3]
    row: dict[str, object] = {"reach_id": name, "from_node": tail, "to_node": head, "kind": _KINDS[section]}
    first, last = _OFFSETS.get(section, (None, None))
    is_level = sections.option("LINK_OFFSETS", "DEPTH") == "ELEVATION"
    for column, node, at in (("invert_from_m", tail, first), ("invert_to_m", head, last)):
        if at is not None:
            row[column] = _level(words, at, levels.get(node, np.nan), sections.metres, is_level=is_level)
    if section == "CONDUITS":
        row["stated_length_m"] = _number(words, 3) * sections.metres
        row["roughness"] = _number(words, 4)
    if section == "PUMPS":
        row["state"] = "shut" if len(words) > 4 and words[4].upper() == "OFF" else "open"
        for column, at in (("start_level_m", 5), ("stop_level_m", 6)):
            depth = _number(words, at)
            row[column] = levels.get(tail, np.nan) + depth * sections.metres if depth > 0 else np.nan
    return row


def _level(words: list[str], at: int, bottom: float, metres: float, *, is_level: bool) -> float:
    """Return a level in metres from a level or an offset over the bottom of a node; ``*`` is the bottom itself."""
    if len(words) <= at or words[at] == "*":
        return bottom
    given = _number(words, at)
    return given * metres if is_level else bottom + given * metres


def _read_shape(kind: object, words: list[str] | None, metres: float) -> dict[str, object]:
    """Return kind and size of a link by its cross-section."""
    if words is None or len(words) < 3 or kind != "gravity_sewer":
        return {}
    shape, high, wide = words[1].upper(), _number(words, 2) * metres, _number(words, 3) * metres
    if shape in _OPEN:
        is_sized = shape not in {"IRREGULAR", "STREET"}
        return {"kind": "ditch", "depth_m": high if is_sized else np.nan, "width_m": wide if is_sized else np.nan}
    found: dict[str, object] = {"diameter_mm": round(high * 1000.0, 6)}
    if shape == "FORCE_MAIN":
        found["kind"] = "pressure_main"
    elif len(words) > _CULVERT and words[_CULVERT] not in {"0", ""}:
        found["kind"] = "culvert"
    return found


def _read_bends(sections: Sections) -> dict[str, list[tuple[float, float]]]:
    bends: dict[str, list[tuple[float, float]]] = {}
    for _, words in sections.of("VERTICES"):
        place = (_number(words, 1), _number(words, 2))
        if np.isfinite(place).all():
            bends.setdefault(words[0], []).append(place)
    return bends


def _number(words: list[str], at: int) -> float:
    try:
        return float(words[at])
    except (IndexError, ValueError):
        return float("nan")
