"""What platforms bring home: flights, tows, pipe inspections and walkover forms become sightings."""

from outfall.survey.bank import bank_segments
from outfall.survey.boat import read_boat
from outfall.survey.box_sightings import sight_boxes
from outfall.survey.boxes import read_boxes
from outfall.survey.calibration import Calibration, calibrate_scores
from outfall.survey.compare_boxes import compare_boxes
from outfall.survey.completeness import detection_shares, estimate_unfound
from outfall.survey.coverage import find_coverage, sum_coverage
from outfall.survey.crawler import read_crawler, read_crawler_links
from outfall.survey.drone import read_drone
from outfall.survey.footprint import photo_footprints
from outfall.survey.frames import merge_frames
from outfall.survey.funnel import count_funnel
from outfall.survey.ground import read_ground, read_ground_photos, read_tracks
from outfall.survey.ground_boxes import place_boxes
from outfall.survey.inspection import (
    Inspections,
    compare_inspections,
    list_findings,
    list_inspected,
    match_pipes,
    read_inspections,
    write_cjj,
    write_en13508,
    write_isybau,
    write_m150,
    write_pacp,
)
from outfall.survey.links import read_links, read_radar_links
from outfall.survey.mosaic_boxes import place_on_mosaic
from outfall.survey.next_bank import rank_banks
from outfall.survey.returned import read_returned
from outfall.survey.tracer import read_tracer_links
from outfall.survey.track import read_track
from outfall.survey.warmth import read_thermal_flight

__all__ = [
    "Calibration",
    "Inspections",
    "bank_segments",
    "calibrate_scores",
    "compare_boxes",
    "compare_inspections",
    "count_funnel",
    "detection_shares",
    "estimate_unfound",
    "find_coverage",
    "list_findings",
    "list_inspected",
    "match_pipes",
    "merge_frames",
    "photo_footprints",
    "place_boxes",
    "place_on_mosaic",
    "rank_banks",
    "read_boat",
    "read_boxes",
    "read_crawler",
    "read_crawler_links",
    "read_drone",
    "read_ground",
    "read_ground_photos",
    "read_inspections",
    "read_links",
    "read_radar_links",
    "read_returned",
    "read_thermal_flight",
    "read_tracer_links",
    "read_track",
    "read_tracks",
    "sight_boxes",
    "sum_coverage",
    "write_cjj",
    "write_en13508",
    "write_isybau",
    "write_m150",
    "write_pacp",
]
