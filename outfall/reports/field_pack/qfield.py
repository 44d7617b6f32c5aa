"""The folder one team copies to its telephones for one day: what may be edited, what is looked at, and the project."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from outfall.coordinates import to_crs
from outfall.maps.header import reach_looks
from outfall.maps.layers import Layer
from outfall.reports.field_pack.packages import outfall_layer, write_layers
from outfall.reports.field_pack.project import Shown, write_project
from outfall.tables import contract, empty

if TYPE_CHECKING:
    from outfall.reports.field_pack.packed import Packed

__all__ = ["write_qfield"]

_CGCS2000 = 4490
_NEW_FIELDS = (
    *("outfall_id", "code", "name", "seen_at", "outfall_class", "outfall_shape", "is_discharging", "diameter_mm"),
    *("side", "colour", "odour", "flow_m3s", "sigma_m", "note"),
)


def write_qfield(packed: Packed, path: Path) -> None:
    """Write the folder; ``path`` is its package of outfalls, which also says where the folder is."""
    folder, lang = path.parent, packed.settings.lang
    outfalls, seen = outfall_layer(packed), _new_sightings(packed)
    write_layers(path, [outfalls], lang)
    write_layers(folder / "sightings.gpkg", [seen], lang)
    context = _context(packed)
    if context:
        write_layers(folder / "context.gpkg", context, lang)
    photos = folder / "DCIM"
    photos.mkdir(exist_ok=True)
    for name, file in packed.photos.items():
        shutil.copyfile(file, photos / name)
    base_map = ""
    if packed.settings.base_map is not None:
        given = Path(packed.settings.base_map)
        base_map = f"base_map{given.suffix.casefold()}"
        shutil.copyfile(given, folder / base_map)
    shown = [
        Shown(seen, "./sightings.gpkg|layername=sightings", is_editable=True),
        Shown(outfalls, f"./{path.name}|layername=outfalls", is_editable=True),
        *(Shown(layer, f"./context.gpkg|layername={layer.name}", is_editable=False) for layer in context),
    ]
    title = " ".join(str(part) for part in (packed.settings.team, packed.settings.day) if part) or packed.pack_id
    text = write_project(shown, title=title, lang=lang, base_map=base_map)
    (folder / "project.qgs").write_text(text, encoding="utf-8")


def _new_sightings(packed: Packed) -> Layer:
    """Return the empty layer into which people draw what nobody has seen before."""
    columns = contract("sightings").columns
    blank = empty("sightings", crs=_CGCS2000)
    settings = packed.settings
    survey = "-".join(str(part) for part in (settings.team, settings.day) if part) or packed.pack_id
    said = {"survey_id": survey, "observer": settings.team, "pack_id": packed.pack_id, "pack_day": settings.day}
    said |= {"pack_team": settings.team, "pack_register": settings.register}
    names = ["uuid", "platform", "survey_id", *_NEW_FIELDS, "photo_1", "photo_2", "photo_3", "observer"]
    names += [name for name in said if name not in names]
    texts = pd.Series(dtype="str")
    table = gpd.GeoDataFrame(
        {name: blank[name] if name in columns else texts for name in names}, geometry=blank.geometry, crs=_CGCS2000
    )
    table.attrs.update({name: str(value) for name, value in said.items() if value})
    return Layer("sightings", "points", table, "新发现", "New sightings", contract="sightings", style="outfall_shape", label="name")  # fmt: skip


def _context(packed: Packed) -> list[Layer]:
    """Return what is only looked at: earlier sightings, sources and reaches, from top to bottom."""
    layers = []
    if packed.sightings is not None:
        seen = _plain(packed.sightings, "sightings")
        seen = gpd.GeoDataFrame(seen[seen.geometry.notna()])
        layers.append(Layer("earlier_sightings", "points", seen, "既往疑似点", "Earlier sightings", contract="sightings", style="platform"))  # fmt: skip
    if packed.sources is not None:
        sources = _plain(packed.sources, "sources")
        layers.append(Layer("sources", "points", sources, "污染源", "Sources", contract="sources", style="kind", label="name"))  # fmt: skip
    if packed.reaches is not None:
        reaches = _plain(packed.reaches, "reaches").assign(look=reach_looks(packed.reaches))
        layers.append(Layer("reaches", "lines", gpd.GeoDataFrame(reaches), "河段与管段", "Reaches", contract="reaches", style="look", label="name"))  # fmt: skip
    return layers


def _plain(table: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    """Return the columns of the contract in EPSG:4490, those a package cannot hold as text."""
    kept = [column for column in contract(name).columns if column in table.columns]
    moved = to_crs(table[[*kept, table.geometry.name]], _CGCS2000, where=name)
    moved = moved if moved.geometry.name == "geometry" else moved.rename_geometry("geometry")
    others = [column for column in kept if moved[column].dtype == object]
    return gpd.GeoDataFrame(moved.astype(dict.fromkeys(others, "str")))
