"""Where a camera was, and where it looked: photos as a table, rays to the water or to the ground, thermal contrasts."""

from outfall.camera.lens import read_lens
from outfall.camera.photo_index import PhotoIndex, index_photos
from outfall.camera.photos import read_photos
from outfall.camera.ray import look_at
from outfall.camera.read_index import read_photo_index
from outfall.camera.thermal import Thermal, find_anomalies, read_thermal
from outfall.camera.thumbnail import make_thumbnail

__all__ = [
    "PhotoIndex",
    "Thermal",
    "find_anomalies",
    "index_photos",
    "look_at",
    "make_thumbnail",
    "read_lens",
    "read_photo_index",
    "read_photos",
    "read_thermal",
]
