"""Pipe inspections: every format becomes drives and observations, and goes back into any of them."""

from outfall.survey.inspection.files import read_inspections
from outfall.survey.inspection.model import Inspections, compare_inspections

__all__ = ["Inspections", "compare_inspections", "read_inspections"]
