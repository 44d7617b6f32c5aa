"""River towns whose truth is known, drawn from a seed; spills, suspects, scenes; the files a survey would bring home."""

from outfall.simulate.scenes import SeenScene, make_scenes, write_scenes
from outfall.simulate.spill import Spill, make_spill
from outfall.simulate.suspects import Suspects, make_suspects
from outfall.simulate.town import Town, make_town
from outfall.simulate.write import write_town

__all__ = [
    "SeenScene",
    "Spill",
    "Suspects",
    "Town",
    "make_scenes",
    "make_spill",
    "make_suspects",
    "make_town",
    "write_scenes",
    "write_town",
]
