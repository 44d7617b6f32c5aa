"""What do satellite and drone rasters say about an outfall, or why can they not."""

from outfall.scenes.flag_field import Flag, decode_qa_pixel, decode_scl, flag_reasons, flags, is_usable, set_flag
from outfall.scenes.formula_list import Formula, Refusal, check_formula, find_formula, formulas
from outfall.scenes.formula_values import as_quantity, compute, list_refusals
from outfall.scenes.scene import QUANTITIES, ROLES, Band, Grid, grid_of, make_scene, quantity_of, taken_at

__all__ = [
    "QUANTITIES",
    "ROLES",
    "Band",
    "Flag",
    "Formula",
    "Grid",
    "Refusal",
    "as_quantity",
    "check_formula",
    "compute",
    "decode_qa_pixel",
    "decode_scl",
    "find_formula",
    "flag_reasons",
    "flags",
    "formulas",
    "grid_of",
    "is_usable",
    "list_refusals",
    "make_scene",
    "quantity_of",
    "set_flag",
    "taken_at",
]
