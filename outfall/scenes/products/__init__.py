"""Which products of space agencies and programs can be opened, each as one entry of a registry."""

from __future__ import annotations

from outfall.scenes.products.bundle import Bundle, open_bundle
from outfall.scenes.products.gaofen import GAOFEN
from outfall.scenes.products.landsat import LANDSAT
from outfall.scenes.products.netcdf import NETCDF
from outfall.scenes.products.plain import GEOTIFF
from outfall.scenes.products.plan import Product
from outfall.scenes.products.sentinel2 import SENTINEL2

__all__ = ["PRODUCTS", "Bundle", "Product", "open_bundle"]

# In the order they are asked: a plain raster is what nobody else knows.
PRODUCTS: dict[str, Product] = {one.name: one for one in (SENTINEL2, LANDSAT, GAOFEN, NETCDF, GEOTIFF)}
