"""Many sightings, one outfall: match, merge, place, name, code; what people should look at again, decide or take back."""

from outfall.registry.answer import list_doubtful, register
from outfall.registry.codes import CodeScheme, assign_codes, check_codes
from outfall.registry.decisions import Decision, merge_outfalls, split_outfall, undo_decision
from outfall.registry.entered import enter_returned
from outfall.registry.names import suggest_names
from outfall.registry.returned import compare_returned

__all__ = [
    "CodeScheme",
    "Decision",
    "assign_codes",
    "check_codes",
    "compare_returned",
    "enter_returned",
    "list_doubtful",
    "merge_outfalls",
    "register",
    "split_outfall",
    "suggest_names",
    "undo_decision",
]
