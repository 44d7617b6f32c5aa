"""What is in the water: samples, laboratory results, meter readings, what is allowed and what exceeds it."""

from outfall.water.designs import balance_of, draw_sites, equal_area_sites
from outfall.water.limits import find_exceedances, read_limits
from outfall.water.plan import plan_rules, plan_sampling
from outfall.water.plan_bottles import bottle_rules, list_bottles
from outfall.water.plan_brackets import find_brackets
from outfall.water.plan_files import write_plan
from outfall.water.readings import read_readings
from outfall.water.results import read_results
from outfall.water.samples import read_samples

__all__ = [
    "balance_of",
    "bottle_rules",
    "draw_sites",
    "equal_area_sites",
    "find_brackets",
    "find_exceedances",
    "list_bottles",
    "plan_rules",
    "plan_sampling",
    "read_limits",
    "read_readings",
    "read_results",
    "read_samples",
    "write_plan",
]
