"""Who is responsible: candidates, lines of evidence, and one probability per source with its reasons."""

from outfall.tracing.answer import Trace, trace
from outfall.tracing.candidates import find_candidates
from outfall.tracing.chances import list_chances
from outfall.tracing.doors import list_doors
from outfall.tracing.lines import LINES
from outfall.tracing.lines.registry import Context, Line
from outfall.tracing.next_sample import find_spots, learn_samples, rank_samples
from outfall.tracing.paths import follow_paths
from outfall.tracing.provenance import read_provenance, write_provenance
from outfall.tracing.ranking import Ranking
from outfall.tracing.sensitivity import sensitivity
from outfall.tracing.settings import default_settings
from outfall.tracing.shares import add_shares, draw_shares
from outfall.tracing.strength import say_strength, strength_scale
from outfall.tracing.subsets import list_sets
from outfall.tracing.waterfall import Waterfall

__all__ = [
    "LINES",
    "Context",
    "Line",
    "Ranking",
    "Trace",
    "Waterfall",
    "add_shares",
    "default_settings",
    "draw_shares",
    "find_candidates",
    "find_spots",
    "follow_paths",
    "learn_samples",
    "list_chances",
    "list_doors",
    "list_sets",
    "rank_samples",
    "read_provenance",
    "say_strength",
    "sensitivity",
    "strength_scale",
    "trace",
    "write_provenance",
]
