"""River towns whose truth is known, drawn from a seed; spills and suspects; the files a survey would bring home."""

from outfall.simulate.spill import Spill, make_spill
from outfall.simulate.suspects import Suspects, make_suspects
from outfall.simulate.town import Town, make_town
from outfall.simulate.write import write_town

__all__ = ["Spill", "Suspects", "Town", "make_spill", "make_suspects", "make_town", "write_town"]
