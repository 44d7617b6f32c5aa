"""What a table probably is, by the columns its readers know and by its name."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from outfall.coordinates import has_coordinates
from outfall.project.roles import roles
from outfall.survey.headings import find_heading
from outfall.tables import contract
from outfall.vocabulary import find_word, plain
from outfall.water.headings import parse_heading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outfall.project.look import Look
    from outfall.tables import Column

__all__ = ["Guess", "guess_rename", "guess_role", "has_column"]

_PIPE_COLUMNS = ("diameter_mm", "invert_from_m", "invert_to_m", "system")
_PIPE_KINDS = {"gravity_sewer", "pressure_main", "pump", "weir"}
_PIPE_NAMES = re.compile(r"sewer|pipe|storm|stm|drain|管|雨水|污水|合流")
_RIVER_NAMES = re.compile(r"river|stream|creek|flowline|河|溪|江|水系")
_SOURCE_NAMES = re.compile(r"source|permit|enterprise|factory|企业|许可|污染源|名录|养殖")
_FORM_NAMES = re.compile(r"outfall|walk|ground|field|foot|排口|排污口|登记|踏勘|巡查|徒步|现场")
_SAMPLE_NAMES = re.compile(r"sample|sampling|采样")
_FORM_COLUMNS = ("outfall_class", "outfall_shape", "is_discharging", "code", "side", "colour", "odour")
_LIKE = 0.75
_CELLS = 200
_UNIT = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_COORDINATE_WORDS = {"lon": ("经度", "longitude", "东经"), "lat": ("纬度", "latitude", "北纬")}


class Guess(NamedTuple):
    """What a table is taken for: a role, the sentence that says why, and what spoke for it."""

    role: str
    why: str
    detail: str


def guess_role(look: Look) -> Guess | None:
    """Return what a table probably is, or None where nothing says so.

    Parameters
    ----------
    look : Look
        A table with or without shapes.

    Returns
    -------
    Guess or None
        The first rule that fits.
    """
    if look.shape == "line":
        return _lines(look)
    return next((Guess(role, why, detail) for role, why, detail in _rules(look) if detail), None)


def has_column(look: Look, table: str, *names: str) -> list[str]:
    """Return the headings that mean one of the columns."""
    declared = contract(table)
    return [heading for heading in look.headings if declared.find_column(heading.split("|")[-1]) in names]


def guess_rename(look: Look, role: str) -> dict[str, str]:
    """Return headings that no reader knows but that look like one of the columns, with the column.

    A heading in another unit than the column is never proposed, because its numbers would be taken for ours.
    """
    declared = contract(roles()[role].table)
    taken = {declared.find_column(heading.split("|")[-1]) for heading in look.headings}
    open_columns = [column for column in declared.columns.values() if column.name not in taken]
    found: dict[str, str] = {}
    for heading in look.headings:
        if declared.find_column(heading.split("|")[-1]) or _is_known(heading, role):
            continue
        bare, unit = _UNIT.sub("", plain(heading)), "".join(_UNIT.findall(plain(heading))[:1])
        scores = {
            column.name: _likeness(bare, (column.zh, *column.aliases))
            for column in open_columns
            if column.name not in found.values() and (not unit or column.unit in ("", unit))
        }
        best = max(scores, key=lambda name: scores[name], default=None)
        if best is not None and scores[best] >= _LIKE and _fits(look, heading, declared.columns[best]):
            found[heading] = best
    return {**found, **_coordinate_rename(look, found)}


def _lines(look: Look) -> Guess:
    declared = contract("reaches")
    kinds = [heading for heading in look.headings if declared.find_column(heading) == "kind"]
    if kinds and look.frame is not None:
        values = look.frame[kinds[0]].dropna().astype("str")
        known = values.map({text: find_word("reach_kind", text) for text in values.unique()}).dropna()
        if len(known) and known.isin(_PIPE_KINDS).mean() > 0.5:
            return Guess("pipes", "lines_pipe", kinds[0])
        if len(known):
            return Guess("rivers", "lines_river", "")
    named = _PIPE_NAMES.search(f"{look.name} {look.layer or ''}".casefold())
    if named:
        return Guess("pipes", "lines_pipe", named.group())
    if _RIVER_NAMES.search(f"{look.name} {look.layer or ''}".casefold()):
        return Guess("rivers", "lines_river", "")
    columns = has_column(look, "reaches", *_PIPE_COLUMNS)
    return Guess("pipes", "lines_pipe", ", ".join(columns)) if columns else Guess("rivers", "lines_river", "")


def _rules(look: Look) -> Iterable[tuple[str, str, str]]:
    """Yield each rule with the headings that fit it; no headings, no fit. The order is from narrow to wide."""
    name = f"{look.name} {look.layer or ''}".casefold()
    noted = has_column(look, "samples", *contract("samples").columns)  # a flow beside a sample is no result
    determined = [heading for heading in look.headings if heading not in noted and _parameter(heading)]
    place = look.frame is not None and (has_coordinates(look.frame) or bool(_coordinate_rename(look, {})))
    sampled = has_column(look, "results", "sample_id", "point_name")
    yield (
        "crawler",
        "defects",
        _all(
            _known(look, "crawler", "pipe_id", "from_manhole", "upper_manhole"),
            _known(look, "crawler", "distance_m"),
            _known(look, "crawler", "code"),
        ),
    )
    values = has_column(look, "readings", "value") or determined
    yield (
        "readings",
        "meter",
        _all(has_column(look, "readings", "meter_id"), has_column(look, "readings", "read_at"), values),
    )
    permits = has_column(look, "sources", "credit_code", "permit_no", "discharge_m3d")
    yield "sources", "permits", _all(permits)
    long = [*has_column(look, "results", "parameter"), *has_column(look, "results", "value")]
    yield "results", "laboratory", _all(sampled, long if len(long) > 1 else determined)
    if place and not sampled:
        yield "boat", "track", _all(_known(look, "boat", "seen_at", "clock"), determined)
    yield (
        "samples",
        "sampling",
        _all(sampled, has_column(look, "samples", "taken_at")) if not _FORM_NAMES.search(name) else "",
    )
    yield "links", "connections", _all(has_column(look, "links", "from_id"), has_column(look, "links", "to_id"))
    units = has_column(look, "sources", "name", "kind", "source_id")
    yield "sources", "permits", _all(units) if _SOURCE_NAMES.search(name) else ""
    if place:
        seen = has_column(look, "sightings", *_FORM_COLUMNS)
        yield "ground", "form", _all(seen or _FORM_NAMES.findall(name))
    if _SAMPLE_NAMES.search(name):
        yield "samples", "sampling", _all(sampled)


def _all(*groups: list[str]) -> str:
    """Return the first heading of every group, empty where a group has none."""
    return ", ".join(dict.fromkeys(group[0] for group in groups)) if all(groups) else ""


def _known(look: Look, reader: str, *names: str) -> list[str]:
    return [heading for heading in look.headings if find_heading(heading, reader) in names]


def _parameter(heading: str) -> bool:
    found = parse_heading(heading)
    return found is not None and found.role == "value"


def _is_known(heading: str, role: str) -> bool:
    own = role in ("boat", "crawler") and find_heading(heading, role) is not None
    return own or _parameter(heading) or plain(heading) in ("lon", "lat", "east", "north")


def _likeness(heading: str, labels: Iterable[str]) -> float:
    """Return how alike a heading and the labels of a column are; a long label inside a heading is the column."""
    texts = [_UNIT.sub("", plain(label)) for label in labels]
    inside = any(len(text) >= 4 and text in heading for text in texts)
    ratios = [difflib.SequenceMatcher(None, heading, text).ratio() for text in texts if len(text) >= 3]
    return 1.0 if inside else max(ratios, default=0.0)


def _fits(look: Look, heading: str, column: Column) -> bool:
    """Return whether most cells can be what the column holds: words of its list, or numbers."""
    assert look.frame is not None
    cells = look.frame[heading].dropna().astype("str").head(_CELLS)
    if column.allowed and column.allowed != "parameter":
        return bool(cells.map(lambda cell: find_word(column.allowed, cell) is not None).mean() >= _LIKE)
    if column.dtype in ("real", "integer"):
        return bool(pd.to_numeric(cells, errors="coerce").notna().mean() >= _LIKE)
    return True


def _coordinate_rename(look: Look, found: dict[str, str]) -> dict[str, str]:
    if look.frame is None or has_coordinates(look.frame):
        return {}
    headings = [heading for heading in look.headings if heading not in found]
    pairs = {
        name: next((heading for heading in headings if any(word in plain(heading) for word in words)), None)
        for name, words in _COORDINATE_WORDS.items()
    }
    return {str(heading): name for name, heading in pairs.items()} if all(pairs.values()) else {}
