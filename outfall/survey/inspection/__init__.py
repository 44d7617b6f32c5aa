"""Pipe inspections: every format becomes drives and observations, and goes back into any of them."""

from outfall.survey.inspection.drives import list_inspected
from outfall.survey.inspection.files import read_inspections
from outfall.survey.inspection.model import Inspections, compare_inspections
from outfall.survey.inspection.pipes import match_pipes
from outfall.survey.inspection.place import list_findings
from outfall.survey.inspection.write import write_cjj, write_en13508, write_isybau, write_m150, write_pacp

__all__ = [
    "Inspections",
    "compare_inspections",
    "list_findings",
    "list_inspected",
    "match_pipes",
    "read_inspections",
    "write_cjj",
    "write_en13508",
    "write_isybau",
    "write_m150",
    "write_pacp",
]
