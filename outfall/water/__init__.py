"""What is in the water: samples, laboratory results, meter readings, what is allowed and what exceeds it."""

from outfall.water.limits import find_exceedances, read_limits
from outfall.water.readings import read_readings
from outfall.water.results import read_results
from outfall.water.samples import read_samples

__all__ = ["find_exceedances", "read_limits", "read_readings", "read_results", "read_samples"]
