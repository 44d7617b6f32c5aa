"""What QGIS and QField open: one project file beside its packages, every path in it relative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyproj

from outfall.maps.styles import qml_renderer, xml_text
from outfall.reports.field_pack.forms import field_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outfall.maps.layers import Layer
    from outfall.vocabulary import Lang

__all__ = ["Shown", "write_project"]

_GEOMETRY = {"points": "Point", "lines": "Line", "polygons": "Polygon"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One layer of a project.

    Parameters
    ----------
    layer : Layer
        What is drawn.
    source : str
        Relative to the project: ``./outfalls.gpkg|layername=outfalls``.
    is_editable : bool
        Whether the team may change it.
    """

    layer: Layer
    source: str
    is_editable: bool


def write_project(shown: Sequence[Shown], *, title: str, lang: Lang, base_map: str = "") -> str:
    """Return a QGIS project.

    Parameters
    ----------
    shown : sequence of Shown
        From top to bottom.
    title : str
        Of the project.
    lang : {"zh", "en"}
        Language of legends and forms.
    base_map : str, default ""
        A raster beside the project, drawn below everything.

    Returns
    -------
    str
        The document; it names only files beside it.
    """
    tree = "".join(
        f'<layer-tree-layer id="{_id(one)}" name="{xml_text(_name(one.layer, lang))}" source="{xml_text(one.source)}" '
        f'providerKey="ogr" checked="Qt::Checked" expanded="1"/>'
        for one in shown
    )
    layers = "".join(_maplayer(one, lang) for one in shown)
    order = "".join(f'<layer id="{_id(one)}"/>' for one in shown)
    if base_map:
        name = "底图" if lang == "zh" else "Base map"
        tree += f'<layer-tree-layer id="base_map" name="{name}" source="./{xml_text(base_map)}" providerKey="gdal" checked="Qt::Checked" expanded="0"/>'
        layers += (
            f'<maplayer type="raster"><id>base_map</id><datasource>./{xml_text(base_map)}</datasource>'
            f"<layername>{name}</layername><provider>gdal</provider></maplayer>"
        )
        order += '<layer id="base_map"/>'
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        f'<qgis projectname="{xml_text(title)}" version="3.34.0-Prizren"><homePath path=""/><title>{xml_text(title)}</title>'
        f"<projectCrs>{_crs()}</projectCrs>"
        f'<layer-tree-group><customproperties/>{tree}<custom-order enabled="0"/></layer-tree-group>'
        f'<mapcanvas name="theMapCanvas"><units>degrees</units>{_extent(shown)}<destinationsrs>{_crs()}</destinationsrs></mapcanvas>'
        f"<projectlayers>{layers}</projectlayers><layerorder>{order}</layerorder>"
        '<properties><Paths><Absolute type="bool">false</Absolute></Paths><Gui><CanvasColorRedPart type="int">247</CanvasColorRedPart>'
        '<CanvasColorGreenPart type="int">248</CanvasColorGreenPart><CanvasColorBluePart type="int">246</CanvasColorBluePart></Gui>'
        '<qfieldsync><attachmentDirs type="QStringList"><value>DCIM</value></attachmentDirs></qfieldsync></properties></qgis>\n'
    )


def _maplayer(one: Shown, lang: Lang) -> str:
    layer = one.layer
    action = "offline" if one.is_editable else "no_action"
    identity = f"<id>{_id(one)}</id><datasource>{xml_text(one.source)}</datasource><layername>{xml_text(_name(layer, lang))}</layername>"  # fmt: skip
    sync = f'<customproperties><Option type="Map"><Option type="QString" name="QFieldSync/action" value="{action}"/></Option></customproperties>'
    return (
        f'<maplayer type="vector" geometry="{_GEOMETRY[layer.kind]}" readOnly="{int(not one.is_editable)}" '
        f'labelsEnabled="{int(bool(layer.label))}" autoRefreshEnabled="0">{identity}<srs>{_crs()}</srs>'
        f'<provider encoding="UTF-8">ogr</provider>{sync}'
        f"<flags><Identifiable>1</Identifiable><Removable>1</Removable><Searchable>1</Searchable></flags>"
        f"{qml_renderer(layer, lang)}{field_form(layer, lang)}</maplayer>"
    )


def _crs() -> str:
    crs = pyproj.CRS.from_epsg(4490)
    return (
        f'<spatialrefsys nativeFormat="Wkt"><wkt>{xml_text(crs.to_wkt())}</wkt><srid>4490</srid><authid>EPSG:4490</authid>'
        f"<description>{xml_text(crs.name)}</description><geographicflag>true</geographicflag></spatialrefsys>"
    )


def _extent(shown: Sequence[Shown]) -> str:
    boxes = [one.layer.table.total_bounds for one in shown if one.layer.table is not None and len(one.layer.table.geometry.dropna())]  # fmt: skip
    if not boxes:
        return ""
    west, south = (min(box[at] for box in boxes) for at in (0, 1))
    east, north = (max(box[at] for box in boxes) for at in (2, 3))
    room = max(east - west, north - south, 0.002) * 0.08
    edges = zip(("xmin", "ymin", "xmax", "ymax"), (west - room, south - room, east + room, north + room), strict=True)
    return "<extent>" + "".join(f"<{name}>{value:.7f}</{name}>" for name, value in edges) + "</extent>"


def _id(one: Shown) -> str:
    return f"{one.layer.name}_layer"


def _name(layer: Layer, lang: Lang) -> str:
    return (layer.zh if lang == "zh" else layer.en) or layer.name
