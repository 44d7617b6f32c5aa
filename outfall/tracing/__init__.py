"""Who is responsible: candidates, lines of evidence, and one probability per source with its reasons."""

from outfall.tracing.answer import Trace, trace
from outfall.tracing.basins import trace_basins
from outfall.tracing.candidates import find_candidates
from outfall.tracing.chances import list_chances
from outfall.tracing.doors import list_doors
from outfall.tracing.lines import LINES
from outfall.tracing.lines.registry import Context, Line
from outfall.tracing.mass_balance import find_undeclared, undeclared_clues
from outfall.tracing.mixture import Apportionment, apportion
from outfall.tracing.mixture_trace import mix_candidates
from outfall.tracing.next_sample import find_spots, learn_samples, rank_samples
from outfall.tracing.paths import follow_paths
from outfall.tracing.provenance import read_provenance, write_provenance
from outfall.tracing.ranking import Ranking
from outfall.tracing.sensitivity import sensitivity
from outfall.tracing.settings import default_settings
from outfall.tracing.shares import add_shares, draw_shares
from outfall.tracing.spill import Spill, find_spill
from outfall.tracing.spill_curves import find_passages
from outfall.tracing.strength import say_strength, strength_scale
from outfall.tracing.subsets import list_sets
from outfall.tracing.time_line import compare_series
from outfall.tracing.unmix import find_subbasins, unmix, unmix_exactly
from outfall.tracing.unmix_hot import find_hot_subbasins
from outfall.tracing.waterfall import Waterfall

__all__ = [
    "LINES",
    "Apportionment",
    "Context",
    "Line",
    "Ranking",
    "Spill",
    "Trace",
    "Waterfall",
    "add_shares",
    "apportion",
    "compare_series",
    "default_settings",
    "draw_shares",
    "find_candidates",
    "find_hot_subbasins",
    "find_passages",
    "find_spill",
    "find_spots",
    "find_subbasins",
    "find_undeclared",
    "follow_paths",
    "learn_samples",
    "list_chances",
    "list_doors",
    "list_sets",
    "mix_candidates",
    "rank_samples",
    "read_provenance",
    "say_strength",
    "sensitivity",
    "strength_scale",
    "trace",
    "trace_basins",
    "undeclared_clues",
    "unmix",
    "unmix_exactly",
    "write_provenance",
]
