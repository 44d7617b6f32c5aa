"""Draw a survey and its answers: one page that opens anywhere, with no network and no server."""

from outfall.maps.drawing import draw
from outfall.maps.layers import Layer
from outfall.maps.page import Map

__all__ = ["Layer", "Map", "draw"]
