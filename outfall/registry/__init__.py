"""Many sightings, one outfall: match, merge, place, name; what people should look at again."""

from outfall.registry.answer import list_doubtful, register

__all__ = ["list_doubtful", "register"]
