"""What platforms bring home: flights, tows, pipe inspections and walkover forms become sightings."""

from outfall.survey.bank import bank_segments
from outfall.survey.boat import read_boat
from outfall.survey.completeness import detection_shares, estimate_unfound
from outfall.survey.coverage import find_coverage, sum_coverage
from outfall.survey.crawler import read_crawler, read_crawler_links
from outfall.survey.drone import read_drone
from outfall.survey.footprint import photo_footprints
from outfall.survey.funnel import count_funnel
from outfall.survey.ground import read_ground
from outfall.survey.next_bank import rank_banks
from outfall.survey.track import read_track

__all__ = [
    "bank_segments",
    "count_funnel",
    "detection_shares",
    "estimate_unfound",
    "find_coverage",
    "photo_footprints",
    "rank_banks",
    "read_boat",
    "read_crawler",
    "read_crawler_links",
    "read_drone",
    "read_ground",
    "read_track",
    "sum_coverage",
]
