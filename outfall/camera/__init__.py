"""Where a camera was, and where it looked: photos as a table, rays to the water or to the ground, thermal contrasts."""

from outfall.camera.lens import read_lens
from outfall.camera.photos import read_photos
from outfall.camera.ray import look_at
from outfall.camera.thermal import Thermal, find_anomalies, read_thermal
from outfall.camera.thumbnail import make_thumbnail

__all__ = ["Thermal", "find_anomalies", "look_at", "make_thumbnail", "read_lens", "read_photos", "read_thermal"]
