"""What do satellite and drone rasters say about an outfall, or why can they not."""

from outfall.scenes.flags import Flag, decode_qa_pixel, decode_scl, flag_reasons, flags, is_usable, set_flag
from outfall.scenes.scene import QUANTITIES, ROLES, Band, Grid, grid_of, make_scene, quantity_of, taken_at

__all__ = [
    "QUANTITIES",
    "ROLES",
    "Band",
    "Flag",
    "Grid",
    "decode_qa_pixel",
    "decode_scl",
    "flag_reasons",
    "flags",
    "grid_of",
    "is_usable",
    "make_scene",
    "quantity_of",
    "set_flag",
    "taken_at",
]
