"""Who is responsible: candidates, lines of evidence, and one probability per source with its reasons."""

from outfall.tracing.answer import Trace, trace
from outfall.tracing.candidates import find_candidates
from outfall.tracing.chances import list_chances
from outfall.tracing.lines import LINES
from outfall.tracing.lines.registry import Context, Line
from outfall.tracing.next_sample import find_spots, learn_samples, rank_samples
from outfall.tracing.ranking import Ranking
from outfall.tracing.settings import default_settings

__all__ = [
    "LINES",
    "Context",
    "Line",
    "Ranking",
    "Trace",
    "default_settings",
    "find_candidates",
    "find_spots",
    "learn_samples",
    "list_chances",
    "rank_samples",
    "trace",
]
