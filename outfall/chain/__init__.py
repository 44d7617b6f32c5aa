"""The whole chain over a project: read, join, register, trace, draw, write; each step usable alone."""

from outfall.chain.inputs import PLATFORMS, read_inputs, read_lines
from outfall.chain.outputs import list_tables, write_tables
from outfall.chain.state import Progress, State, Step
from outfall.chain.steps import STEPS
from outfall.chain.whole import choose_out, run, take_steps

__all__ = [
    "PLATFORMS",
    "STEPS",
    "Progress",
    "State",
    "Step",
    "choose_out",
    "list_tables",
    "read_inputs",
    "read_lines",
    "run",
    "take_steps",
    "write_tables",
]
