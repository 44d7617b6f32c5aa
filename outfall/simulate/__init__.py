"""A river town whose truth is known, drawn from a seed, and the files a survey of it would bring home."""

from outfall.simulate.town import Town, make_town
from outfall.simulate.write import write_town

__all__ = ["Town", "make_town", "write_town"]
