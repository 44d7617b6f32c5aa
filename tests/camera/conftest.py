"""Photos as drones write them."""

from tests.photos import take

__all__ = ["take"]
