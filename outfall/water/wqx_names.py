"""What the columns, characteristics, activity types and detection conditions of WQX are called."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from outfall.vocabulary import find_parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ABOVE",
    "ACTIVITY_TYPES",
    "BELOW",
    "EXTRA",
    "ZONES",
    "characteristic_of",
    "column_names",
    "find_characteristic",
    "find_kind",
]

# What WQX has no column for travels in columns of our own behind this; others pass over them.
EXTRA = "outfall_"
ACTIVITY_TYPES = {
    "routine": "Sample-Routine",
    "duplicate": "Quality Control Sample-Field Replicate",
    "laboratory_duplicate": "Quality Control Sample-Lab Duplicate",
    "field_blank": "Quality Control Sample-Field Blank",
    "trip_blank": "Quality Control Sample-Trip Blank",
    "equipment_blank": "Quality Control Sample-Equipment Blank",
    "laboratory_blank": "Quality Control Sample-Lab Blank",
    "spike": "Quality Control Sample-Lab Matrix Spike",
    "control": "Quality Control Sample-Reference Sample",
}
BELOW = "Not Detected"
ABOVE = "Present Above Quantification Limit"
# Hours from UTC of the zone codes of WQX.
ZONES = {
    "UTC": 0,
    "GMT": 0,
    "AST": -4,
    "ADT": -3,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
    "HDT": -9,
    "CHST": 10,
    "SST": -11,
}


def find_kind(activity_type: str) -> str | None:
    """Return the kind of sample an activity type means, or None where it names another control sample.

    Examples
    --------
    >>> find_kind("Quality Control Sample-Field Blank"), find_kind("Field Msr/Obs"), find_kind("Sample-Integrated Vertical Profile")
    ('field_blank', 'routine', 'routine')
    """
    text = activity_type.casefold()
    if "quality control" not in text:
        return "routine"
    known = {name.casefold(): kind for kind, name in ACTIVITY_TYPES.items()}
    if text in known:
        return known[text]
    marks = {
        "trip blank": "trip_blank",
        "equipment blank": "equipment_blank",
        "lab blank": "laboratory_blank",
        "blank": "field_blank",
        "lab duplicate": "laboratory_duplicate",
        "lab replicate": "laboratory_duplicate",
        "replicate": "duplicate",
        "duplicate": "duplicate",
        "spike": "spike",
        "control": "control",
        "reference": "control",
    }
    behind = text.partition("-")[2] or text
    return next((kind for mark, kind in marks.items() if mark in behind), None)


def find_characteristic(name: str) -> str | None:
    """Return the parameter a characteristic name means, or None.

    Examples
    --------
    >>> find_characteristic("Temperature, water"), find_characteristic("Ammonia"), find_characteristic("Kjeldahl nitrogen")
    ('temperature', 'ammonia', None)
    """
    return _parameters().get(name.casefold()) or find_parameter(name)


def characteristic_of(parameter: str) -> tuple[str, str]:
    """Return the characteristic name and speciation we write for a parameter.

    Examples
    --------
    >>> characteristic_of("nitrate"), characteristic_of("lead")
    (('Nitrate', 'as N'), ('Lead', ''))
    """
    row = _characteristics().get(parameter)
    return (row["characteristics"].split(";")[0], row["speciation"]) if row else (parameter, "")


@cache
def column_names() -> Mapping[str, tuple[str, str]]:
    """Return the WQX 3.0 and the WQX 2 heading of each column, empty where a version has none.

    Examples
    --------
    >>> column_names()["value"]
    ('Result_Measure', 'ResultMeasureValue')
    """
    text = files(__package__).joinpath("wqx_columns.csv").read_text(encoding="utf-8")
    return {row["name"]: (row["wqx3"], row["wqx2"]) for row in csv.DictReader(text.splitlines())}


@cache
def _characteristics() -> Mapping[str, Mapping[str, str]]:
    text = files(__package__).joinpath("wqx_characteristics.csv").read_text(encoding="utf-8")
    return {row["parameter"]: row for row in csv.DictReader(text.splitlines())}


@cache
def _parameters() -> Mapping[str, str]:
    return {
        name.casefold(): parameter
        for parameter, row in _characteristics().items()
        for name in row["characteristics"].split(";")
    }
