"""What does a DWA-M 150 XML file say about the pipes a robot drove through.

Field numbers are those of a public sample file (04-2010 and later) and of its public list of field definitions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from outfall.survey.inspection.markup import child, children, descendants, says
from outfall.survey.inspection.model import Inspections, build, read_clock
from outfall.tables import issue

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

__all__ = ["read_m150"]

# The sample says O and U; one public reader expects I and G.
_DIRECTIONS = {"O": "with_flow", "I": "with_flow", "U": "against_flow", "G": "against_flow"}
_PIPE = {
    "pipe_id": ("HG001", "HG002"),
    "upper_manhole": ("HG003",),
    "lower_manhole": ("HG004",),
    "length_m": ("HG310",),
    "diameter_mm": ("HG307",),
}
_RUN = {"observer": ("HI112",), "video": ("HI116",), "note": ("HI999",)}
_OBSERVATION = {
    "distance_m": ("HZ001",),
    "code": ("HZ002",),
    "char_1": ("HZ014",),
    "char_2": ("HZ015",),
    "quantity_1": ("HZ003",),
    "quantity_2": ("HZ004",),
    "video_counter": ("HZ008",),
    "photo_ids": ("HZ009",),
}
_CONTINUOUS = re.compile(r"([A-Z])\s*0*(\d*)")


def read_m150(root: Element, file: Path, *, issues: list[dict[str, object]]) -> Inspections:
    """Return the pipe inspections of a DWA-M 150 file.

    Parameters
    ----------
    root : Element
        From ``open_markup``.
    file : Path
        For provenance.
    issues : list of dict
        Doubts so far; inspections of manholes are counted, not read.

    Returns
    -------
    Inspections
        In the order of the file.

    Raises
    ------
    TableError
        A station or length is no number.
    """
    runs: list[dict[str, object]] = []
    observations: list[dict[str, object]] = []
    for pipe in children(root, "HG"):
        about: dict[str, object] = {column: says(pipe, *names) for column, names in _PIPE.items()}
        for drive in children(pipe, "HI"):
            number = len(runs) + 1
            runs.append(about | _run(drive) | {"run_id": str(number), "source_ref": f"{file.name}#{number}"})
            observations += [
                _observation(state) | {"run_id": str(number), "source_ref": f"{file.name}#{number}/{at}"}
                for at, state in enumerate(children(drive, "HZ"), start=1)
            ]
    others = len(descendants(root, "KI"))
    if others:
        reason = f"{others} inspections of manholes are not read; only pipes are"
        zh = f"{others} 条检查井检测未读取, 只读管段"
        issues.append(issue("skipped_row", file.name, reason, reason_zh=zh, level="note", decision="left out"))
    return Inspections(*build(runs, observations, where=file.name), tuple(issues))


def _run(drive: Element) -> dict[str, object]:
    date, time = says(drive, "HI104"), says(drive, "HI105")
    row: dict[str, object] = {column: says(drive, *names) for column, names in _RUN.items()}
    row["direction"] = _DIRECTIONS.get(says(drive, "HI101") or "")
    row["manholes_say"] = "flow"
    row["seen_at"] = f"{date}T{time}" if date and time else date
    return row


def _observation(state: Element) -> dict[str, object]:
    row: dict[str, object] = {column: says(state, *names) for column, names in _OBSERVATION.items()}
    row["clock_from"], row["clock_to"] = (read_clock(says(state, name))[0] for name in ("HZ006", "HZ007"))
    found = _CONTINUOUS.fullmatch(says(state, "HZ005") or "")
    row["continuous"] = found.group(1) + found.group(2) if found else says(state, "HZ005")
    row["is_joint"] = True if child(state, "HZ011") is not None and says(state, "HZ011") in ("A", "J", "1") else None
    grades = [(name, says(state, field)) for name, field in (("D", "HZ206"), ("S", "HZ207"), ("B", "HZ208"))]
    # 63 is written where nobody has graded.
    row["grade"] = " ".join(f"{name}{grade}" for name, grade in grades if grade and grade != "63") or None
    remark = [text for text in (says(state, "HZ010"), says(state, "HZ999")) if text]
    row["note"] = "; ".join(remark) or None
    return row
