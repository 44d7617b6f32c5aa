"""Where a camera was, and where it looked: photos as a table, rays to the water or to the ground."""

from outfall.camera.photos import read_photos
from outfall.camera.ray import look_at

__all__ = ["look_at", "read_photos"]
