"""What is in the water: samples, laboratory results, meter readings, what is allowed and what exceeds it."""

from outfall.water.checks import check_rules, flag_results
from outfall.water.designs import balance_of, draw_sites, equal_area_sites
from outfall.water.edd import read_edd
from outfall.water.exchange import WaterTables
from outfall.water.flags import average_readings
from outfall.water.holding import check_holding
from outfall.water.limits import find_exceedances, read_limits
from outfall.water.plan import plan_rules, plan_sampling
from outfall.water.plan_bottles import bottle_rules, list_bottles
from outfall.water.plan_brackets import find_brackets
from outfall.water.plan_files import write_plan
from outfall.water.plausible import check_plausible
from outfall.water.quality import check_quality
from outfall.water.readings import read_readings
from outfall.water.results import read_results
from outfall.water.samples import read_samples
from outfall.water.summary import summarise_results
from outfall.water.trend import find_trends
from outfall.water.uncertainty import default_uncertainty, with_sigma
from outfall.water.wqx import read_wqx
from outfall.water.wqx_write import write_wqx

__all__ = [
    "WaterTables",
    "average_readings",
    "balance_of",
    "bottle_rules",
    "check_holding",
    "check_plausible",
    "check_quality",
    "check_rules",
    "default_uncertainty",
    "draw_sites",
    "equal_area_sites",
    "find_brackets",
    "find_exceedances",
    "find_trends",
    "flag_results",
    "list_bottles",
    "plan_rules",
    "plan_sampling",
    "read_edd",
    "read_limits",
    "read_readings",
    "read_results",
    "read_samples",
    "read_wqx",
    "summarise_results",
    "with_sigma",
    "write_plan",
    "write_wqx",
]
