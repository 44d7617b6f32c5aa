"""What is this path, and what scene does it hold: one verb for every product."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from outfall.errors import ReadError, SceneError
from outfall.scenes.open_grid import plan_grid, window_block
from outfall.scenes.open_pixels import RasterPixels
from outfall.scenes.open_read import read_plan
from outfall.scenes.orthorectify import Heights
from outfall.scenes.products import PRODUCTS, open_bundle
from outfall.scenes.products.bundle import Member
from outfall.scenes.products.plan import Options
from outfall.tables.safe import raster_driver

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas as gpd
    import xarray as xr

    from outfall.scenes.products.bundle import Bundle
    from outfall.scenes.products.plan import Product, ScenePlan
    from outfall.vocabulary import Lang

__all__ = ["describe_scenes", "list_products", "open_scene"]

# Our default: what is larger is chunked where dask is there, and refused with the way out where it is not.
_MAX_BYTES_AT_ONCE = 6_000_000_000
_CHUNK = 2048


def open_scene(
    path: str | Path | Sequence[str | Path] | Mapping[str, object],
    *,
    roles: Mapping[str, str | int] | Sequence[str] | None = None,
    quantity: str | None = None,
    taken_at: str | pd.Timestamp | None = None,
    chunks: int | tuple[int, int] | None = None,
    window: tuple[float, float, float, float] | gpd.GeoSeries | None = None,
    dem: str | Path | float | None = None,
    scales: Mapping[str, tuple[float, float]] | tuple[float, float] | None = None,
) -> xr.Dataset:
    """Return a scene: bands by role as numbers of a stated quantity, on one metric grid, with flags.

    Sentinel-2 (SAFE folder or zip, or band files with their XML), Landsat Collection 2 Level 2, GF-1/2/6, HJ-2 and ZY-3
    (folder or tar.gz), GeoTIFF, NetCDF and STAC items are known by their files. Offsets come from the metadata, never from
    a date, and are applied once. Every pixel has the number of the pixel its centre falls on: nothing is interpolated.

    Parameters
    ----------
    path : path, list of path, or mapping
        Folder, archive, file or files of one scene; or a STAC item.
    roles : mapping or sequence of str, optional
        Where the file does not say it: role to band (name, or number from 1). A sequence keeps these roles only.
    quantity : str, optional
        What the numbers are, where the file does not say it; ``dn`` gives numbers as stored.
    taken_at : Timestamp or str, optional
        Moment of sensing with its zone; or the name of the zone the file's own clock is in (``Asia/Shanghai``).
    chunks : int or tuple of int, optional
        Rows and columns of dask chunks; without it the window is read at once.
    window : tuple of float or GeoSeries, optional
        West, south, east, north in the CRS of the scene, or geometries in any CRS; whole pixels, outwards.
    dem : path or float, optional
        Elevations, or one height in metres, for images that are not orthorectified.
    scales : mapping or tuple of float, optional
        Scale and offset where the product states none (``value = stored * scale + offset``), for all bands or by band name.

    Returns
    -------
    xarray.Dataset
        A scene, as :func:`make_scene` describes it. Attributes ``product``, ``baseline``, ``offset_applied``,
        ``assumed_from`` and others say what was done.

    Raises
    ------
    ReadError
        Missing, damaged or unsafe files, or a path nobody knows: what it holds is said.
    SceneError
        The files do not say what the numbers are, or contradict each other: every problem at once.

    Examples
    --------
    >>> import numpy as np, rasterio, tempfile
    >>> from affine import Affine
    >>> file = Path(tempfile.mkdtemp()) / "chip.tif"
    >>> profile = dict(driver="GTiff", width=2, height=1, count=1, dtype="uint16", crs=32651, nodata=0)
    >>> with rasterio.open(file, "w", transform=Affine(10, 0, 5e5, 0, -10, 33e5), **profile) as target:
    ...     target.write(np.array([[[0, 300]]], np.uint16))
    >>> scene = open_scene(file, roles={"red": 1}, quantity="rho_s", scales=(0.0001, 0.0))
    >>> scene["red"].to_numpy().round(3).tolist(), scene["flags"].to_numpy().tolist()
    ([[nan, 0.029999999329447746]], [[1, 0]])
    """
    options = Options(_picked(roles), quantity, taken_at, _pair(scales))
    heights = _heights(dem)
    plan = _keep_roles(_plan(path, options), options)
    grid = plan_grid(plan, heights)
    block = window_block(grid, window)
    return read_plan(plan, grid, block, heights=heights, chunks=chunks or _default_chunks(plan, block.shape))


def list_products(*, lang: Lang = "en") -> pd.DataFrame:
    """Return the products that can be opened.

    Parameters
    ----------
    lang : {"zh", "en"}, default "en"
        Language of the description.

    Returns
    -------
    DataFrame
        ``product`` and ``meaning``, in the order they are tried.

    Examples
    --------
    >>> list_products()["product"].tolist()
    ['sentinel2', 'landsat', 'cresda', 'netcdf', 'geotiff', 'stac']
    """
    from outfall.scenes.products.stac import ABOUT

    rows = [(one.name, one.zh if lang == "zh" else one.en) for one in PRODUCTS.values()]
    return pd.DataFrame([*rows, ("stac", ABOUT[lang])], columns=["product", "meaning"])


def describe_scenes(path: str | Path | Sequence[str | Path]) -> pd.DataFrame:
    """Return which scenes a path holds, without opening a raster.

    Parameters
    ----------
    path : path or list of path
        Folder, archive, file or files.

    Returns
    -------
    DataFrame, one row per scene
        ``product``, ``name``, ``sensor``, ``taken_at``, ``quantity``, ``bands``, ``files``, ``note``. Empty where nothing
        is known.

    Raises
    ------
    ReadError
        Missing, damaged or unsafe files.

    Examples
    --------
    >>> import tempfile
    >>> describe_scenes(tempfile.mkdtemp()).empty
    True
    """
    rows = []
    for product, part in _scenes(open_bundle(path)):
        try:
            found = product.describe(part)
        except (ReadError, SceneError) as error:
            rows.append((product.name, part.names[0], "", "", "", "", len(part.names), str(error)))
            continue
        bands = " ".join(found.bands)
        said = (found.name, found.sensor, found.taken_at, found.quantity, bands, len(part.names), found.note)
        rows.append((product.name, *said))
    columns = ["product", "name", "sensor", "taken_at", "quantity", "bands", "files", "note"]
    return pd.DataFrame(rows, columns=columns)


def _picked(
    roles: Mapping[str, str | int] | Sequence[str] | None,
) -> Mapping[str, str | int] | tuple[str, ...] | None:
    if roles is None or isinstance(roles, Mapping):
        return roles
    return (roles,) if isinstance(roles, str) else tuple(roles)


def _pair(
    scales: Mapping[str, tuple[float, float]] | tuple[float, float] | None,
) -> Mapping[str, tuple[float, float]] | tuple[float, float] | None:
    """Return scales as they are meant: a mapping, or scale and offset."""
    if scales is None or isinstance(scales, Mapping):
        return scales
    if len(scales) != 2:
        msg = f"scales: {scales!r}; expected scale and offset, or a mapping from band to them"
        raise SceneError(msg)
    return float(scales[0]), float(scales[1])


class _Scene(NamedTuple):
    product: Product
    files: Bundle


def _scenes(bundle: Bundle) -> list[_Scene]:
    """Return the scenes of a bundle: each file belongs to the first product that claims it."""
    found, left = [], set(bundle.names)
    for product in PRODUCTS.values():
        for names in product.split(bundle.only(sorted(left))):
            found.append(_Scene(product, bundle.only(names)))
            left -= set(names)
    return found


def _plan(path: str | Path | Sequence[str | Path] | Mapping[str, object], options: Options) -> ScenePlan:
    if isinstance(path, Mapping) or (isinstance(path, (str, Path)) and str(path).casefold().endswith(".json")):
        from outfall.scenes.products.stac import plan_item

        return plan_item(path, options)
    bundle = open_bundle(path)
    scenes = _scenes(bundle)
    if not scenes:
        shown = ", ".join(bundle.names[:6]) or "no file"
        known = "; ".join(product.en for product in PRODUCTS.values())
        msg = f"{bundle.path}: no scene is known by these files ({shown}); what can be opened: {known}"
        raise ReadError(msg)
    if len(scenes) > 1:
        rasters = [one for one in scenes if one.product.name != "geotiff"]
        if len(rasters) != 1:
            names = ", ".join(f"{one.product.name} {one.product.describe(one.files).name}" for one in scenes[:8])
            msg = f"{bundle.path}: holds {len(scenes)} scenes ({names}); give the files of one (describe_scenes lists them)"
            raise ReadError(msg)
        scenes = rasters
    return scenes[0].product.plan(scenes[0].files, options)


def _keep_roles(plan: ScenePlan, options: Options) -> ScenePlan:
    """Return the plan with the roles asked for; files nobody needs are not read."""
    from dataclasses import replace

    if not isinstance(options.roles, tuple):
        return plan
    has = {band.role for band in plan.bands}
    missing = [role for role in options.roles if role not in has]
    if missing:
        msg = f"roles: the scene has no {', '.join(missing)}; it has {', '.join(sorted(has))}"
        raise SceneError(msg)
    grid = plan.grid or plan_grid(plan, None) if all(t.rpc is None for s in plan.stacks for t in s.tiles) else plan.grid
    bands = tuple(band for band in plan.bands if band.role in options.roles)
    needed = sorted(
        {band.stack for band in bands}
        | {one.stack for one in plan.flag_bands}
        | {one.band.stack for one in plan.extras}
    )
    at = {old: new for new, old in enumerate(needed)}
    return replace(
        plan,
        stacks=tuple(plan.stacks[old] for old in needed),
        bands=tuple(band._replace(stack=at[band.stack]) for band in bands),
        flag_bands=tuple(one._replace(stack=at[one.stack]) for one in plan.flag_bands),
        extras=tuple(one._replace(band=one.band._replace(stack=at[one.band.stack])) for one in plan.extras),
        grid=grid,
    )


def _heights(dem: str | Path | float | None) -> Heights | None:
    if dem is None:
        return None
    if isinstance(dem, (int, float)):
        return Heights(constant_m=float(dem))
    return Heights(raster=RasterPixels(Member(str(dem), raster_driver(dem)), bands=(1,)), where=str(dem))


def _default_chunks(plan: ScenePlan, shape: tuple[int, int]) -> int | None:
    """Return a chunk size where the answer would not fit at once; None where it does."""
    need = shape[0] * shape[1] * (4 * (len(plan.bands) + len(plan.extras)) + 2)
    if need <= _MAX_BYTES_AT_ONCE:
        return None
    try:
        import dask.array as _  # noqa: F401
    except ImportError as error:
        msg = f"the scene would fill {need / 1e9:.1f} GB; give window= or roles=, or install outfall[dask]"
        raise SceneError(msg) from error
    return _CHUNK
