"""What do satellite and drone rasters say about an outfall, or why can they not."""

from outfall.scenes.along import place_pixels
from outfall.scenes.calibrate import Calibration, fit_ratio, match_pixels
from outfall.scenes.chlorophyll import chlorophyll
from outfall.scenes.contrast_clues import contrast_clues
from outfall.scenes.contrasts import find_contrasts
from outfall.scenes.flag_field import Flag, decode_qa_pixel, decode_scl, flag_reasons, flags, is_usable, set_flag
from outfall.scenes.formula_list import Formula, Refusal, check_formula, find_formula, formulas
from outfall.scenes.formula_values import as_quantity, compute, list_refusals
from outfall.scenes.observable import check_outfalls
from outfall.scenes.opening import describe_scenes, list_products, open_scene
from outfall.scenes.orthomosaic import list_holes, open_orthomosaic
from outfall.scenes.plume_shapes import plume_polygons
from outfall.scenes.scene import QUANTITIES, ROLES, Band, Grid, grid_of, make_scene, quantity_of, taken_at
from outfall.scenes.series import before_after, season_anomalies
from outfall.scenes.thermal import find_frame_contrast, find_thermal_contrasts
from outfall.scenes.water_mask import find_water, least_width_m, pure_water
from outfall.scenes.windows import Window
from outfall.scenes.zonal import zonal
from outfall.scenes.zonal_exact import zonal_exact
from outfall.scenes.zones import ZoneIndex, index_zones

__all__ = [
    "QUANTITIES",
    "ROLES",
    "Band",
    "Calibration",
    "Flag",
    "Formula",
    "Grid",
    "Refusal",
    "Window",
    "ZoneIndex",
    "as_quantity",
    "before_after",
    "check_formula",
    "check_outfalls",
    "chlorophyll",
    "compute",
    "contrast_clues",
    "decode_qa_pixel",
    "decode_scl",
    "describe_scenes",
    "find_contrasts",
    "find_formula",
    "find_frame_contrast",
    "find_thermal_contrasts",
    "find_water",
    "fit_ratio",
    "flag_reasons",
    "flags",
    "formulas",
    "grid_of",
    "index_zones",
    "is_usable",
    "least_width_m",
    "list_holes",
    "list_products",
    "list_refusals",
    "make_scene",
    "match_pixels",
    "open_orthomosaic",
    "open_scene",
    "place_pixels",
    "plume_polygons",
    "pure_water",
    "quantity_of",
    "season_anomalies",
    "set_flag",
    "taken_at",
    "zonal",
    "zonal_exact",
]
