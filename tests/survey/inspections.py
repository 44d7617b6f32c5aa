"""Pipe inspections drawn by hypothesis, within what a format has fields for."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from outfall.survey.inspection import Inspections
from outfall.survey.inspection.model import build

CODES = ("BCA", "BAB", "BDE", "BCD", "BCE", "BDC", "AJ", "PL", "CJ", "TBI", "XYZ9", "QQ", "支管暗接")
_WORDS = st.text(string.ascii_letters + string.digits + " äßé管井;,.'\"&<>=+#%()/", min_size=1, max_size=18).map(
    str.strip
)
_WORDS = _WORDS.filter(lambda text: text.casefold() not in ("", "/", "nan", "none", "null", "-"))
_IDS = st.text(string.ascii_uppercase + string.digits + "-_.管雨污", min_size=1, max_size=10)
_IDS = _IDS.filter(lambda text: text.strip("-_.") != "")
_METRES = st.integers(0, 99_999).map(lambda number: number / 100)
_HOURS = st.integers(1, 12).map(float)
_MOMENTS = st.tuples(st.dates(), st.times()).map(
    lambda pair: f"{pair[0].year + 1000:04d}-{pair[0]:%m-%d}T{pair[1]:%H:%M:%S}"
)
# What each format has no field for, or writes in its own way.
LACKS = {
    "isybau": set(),
    "m150": {"inspected_m", "grade"},
    "en13508": {"inspected_m", "grade"},
    "cjj.csv": set(),
    "cjj.xlsx": set(),
    "pacp": {"char_1", "char_2", "grade"},
}


def _maybe(values):
    return st.none() | values


@st.composite
def inspections(draw, form):
    """Return what the format can carry: a few drives, each with a few observations."""
    lacks = LACKS[form]
    lengths: dict[str, float | None] = {}
    runs, seen = [], []
    for number in range(draw(st.integers(1, 3))):
        run = {
            "run_id": str(number + 1),
            "pipe_id": draw(_IDS),
            "upper_manhole": draw(_maybe(_IDS)),
            "lower_manhole": draw(_maybe(_IDS)),
            "direction": draw(st.sampled_from([None, "with_flow", "against_flow"])),
            "inspected_m": None if "inspected_m" in lacks else draw(_maybe(_METRES)),
            "diameter_mm": draw(_maybe(st.integers(50, 3000).map(float))),
            "seen_at": draw(_maybe(_MOMENTS)),
            "observer": draw(_maybe(_WORDS)),
            "video": draw(_maybe(_WORDS)),
            "note": draw(_maybe(_WORDS)),
        }
        run["length_m"] = lengths.setdefault(run["pipe_id"], draw(_maybe(_METRES)))
        if form == "isybau":
            # lengths belong to a pipe
            run["pipe_id"] = f"{run['pipe_id']}-{number}"
        runs.append(run)
        seen += [_observation(draw, str(number + 1), lacks) for _ in range(draw(st.integers(0, 4)))]
    return Inspections(*build(runs, seen, where="drawn"), ())


def _observation(draw, run_id, lacks):
    first = draw(_maybe(_HOURS))
    return {
        "run_id": run_id,
        "distance_m": draw(_METRES),
        "code": draw(st.sampled_from(CODES)),
        "char_1": None if "char_1" in lacks else draw(st.sampled_from([None, "A", "B", "XP"])),
        "char_2": None if "char_2" in lacks else draw(st.sampled_from([None, "A", "Z"])),
        "quantity_1": draw(st.sampled_from([None, "5", "12.50", "100", "3-5"])),
        "quantity_2": draw(st.sampled_from([None, "0", "7.5"])),
        "clock_from": first,
        "clock_to": draw(_maybe(_HOURS)),
        "continuous": draw(st.sampled_from([None, "A1", "B1", "A2", "B12", "C1"])),
        "is_joint": draw(st.sampled_from([None, True])),
        "grade": draw(_grade(lacks)),
        "video_counter": draw(st.sampled_from([None, "02241310", "00012345"])),
        "photo_ids": draw(st.sampled_from([None, "a.jpg", "管段 1.jpg", "a.jpg;b.jpg"])),
        "note": draw(_maybe(_WORDS)),
    }


def _grade(lacks):
    return st.none() if "grade" in lacks else st.sampled_from([None, "1", "4", "D2 S1"])
