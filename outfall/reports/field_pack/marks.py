"""How the rows of a pack become marks on other maps: KMZ with photos, GPX way-points and a plain list for OVITAL."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import shapely

from outfall.coordinates import wgs84_to_bd09, wgs84_to_gcj02
from outfall.maps.styles import xml_text
from outfall.reports.field_pack.icons import draw_icon
from outfall.reports.field_pack.looks import looks_by_status
from outfall.reports.field_pack.route import visit_order
from outfall.reports.field_pack.zipped import write_zip
from outfall.survey.packed import shown_digest
from outfall.tables import split_ids
from outfall.vocabulary import label, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from outfall.reports.field_pack.packed import Packed

__all__ = ["write_gpx", "write_kmz", "write_ovital"]

_KML_TYPES = {"real": "double", "integer": "int", "flag": "bool"}
_FIRST = (
    *("name", "status", "outfall_class", "code_national", "code_local", "receiving_water", "side", "outfall_shape"),
    *("is_discharging", "diameter_mm", "address", "responsible_party", "note", "outfall_id"),
)
_SHORT = 6
_MARKS = str.maketrans(dict.fromkeys("\t,，;；\n\r", "、"))
_SHIFTS = {"gcj02": ("g", wgs84_to_gcj02), "bd09": ("b", wgs84_to_bd09)}


def write_kmz(packed: Packed, path: Path) -> None:
    """Write placemarks in a folder per status, with their photos and icons inside the file."""
    members: dict[str, bytes | Path] = {"doc.kml": "".join(_kml(packed)).encode("utf-8")}
    members |= {f"icons/{status}.png": draw_icon(look) for status, look in looks_by_status().items()}
    members |= {f"files/{name}": file for name, file in packed.photos.items()}
    write_zip(path, members)


def write_gpx(packed: Packed, path: Path) -> None:
    """Write way-points that carry every field, and a route in the order of a visit."""
    path.write_text("".join(_gpx(packed)), encoding="utf-8", newline="\n")


def write_ovital(packed: Packed, path: Path) -> None:
    """Write a list of points for OVITAL: an optional flag, longitude, latitude, name, id and a short note.

    The layout is as users describe it and not confirmed by the vendor (``is_verified=False``).
    """
    settings = packed.settings
    lon, lat = _degrees(packed)
    flag = ""
    if settings.shift:
        flag, shifted = _SHIFTS[settings.shift]
        lon, lat = shifted(lon, lat)
    lines = []
    for at, row in packed.rows.iterrows():
        if np.isnan(lon[at]):
            continue
        name = packed.labels[at].translate(_MARKS)
        status = label("outfall_status", row["status"], lang=settings.lang)
        shown = shown_digest(f"{name} {status}")[:_SHORT]
        note = f"[[{packed.pack_id}/{quote(str(row['outfall_id']), safe='')}/{shown}]] {status}"
        cells = [flag] * bool(flag) + [_angle(lon[at], settings.angle), _angle(lat[at], settings.angle), name, note]
        lines.append(",".join(cells))
    text = "".join(f"{line}\r\n" for line in lines)
    path.write_bytes(text.encode(settings.encoding, errors="replace"))


def _degrees(packed: Packed) -> tuple[np.ndarray, np.ndarray]:
    points = np.asarray(packed.rows.geometry)
    return shapely.get_x(points), shapely.get_y(points)


def _angle(value: float, angle: str) -> str:
    sign, value = ("-" if value < 0 else ""), abs(value)
    if angle == "degrees":
        return f"{sign}{value:.9f}"
    if angle == "minutes":
        whole, minutes = divmod(round(value * 60, 7), 60)
        return f"{sign}{whole:.0f}°{minutes:.7f}′"
    whole, rest = divmod(round(value * 3600, 5), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{sign}{whole:.0f}°{minutes:.0f}′{seconds:.5f}″"


def _kml(packed: Packed) -> Iterator[str]:
    texts = packed.texts(photo_folder="files")
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>\n'
    yield f"<name>{xml_text(_title(packed))}</name><open>1</open>\n"
    for status in looks_by_status():
        yield (
            f'<Style id="{status}"><IconStyle><scale>1.1</scale><Icon><href>icons/{status}.png</href></Icon>'
            '<hotSpot x="0.5" y="0.5" xunits="fraction" yunits="fraction"/></IconStyle>'
            "<LabelStyle><scale>0.8</scale></LabelStyle></Style>\n"
        )
    fields = [name for name in packed.columns if name != "name"]
    yield '<Schema name="outfall" id="outfall">'
    for name in (*fields, "pack_name", "pack_text"):
        declared = packed.declared(name)
        kind = _KML_TYPES.get(declared.dtype, "string") if declared is not None else "string"
        yield f'<SimpleField type="{kind}" name="{xml_text(name)}"><displayName>{xml_text(packed.heading(name))}</displayName></SimpleField>'
    yield "</Schema>\n"
    for status, word in words("outfall_status").items():
        rows = [at for at, value in enumerate(packed.rows["status"]) if value == status]
        if rows:
            yield f"<Folder><name>{xml_text(word.zh)} · {xml_text(word.en)}</name><open>1</open>\n"
            yield from (_placemark(packed, texts, at, fields) for at in rows)
            yield "</Folder>\n"
    yield "</Document></kml>\n"


def _placemark(packed: Packed, texts: pd.DataFrame, at: int, fields: list[str]) -> str:
    row = texts.iloc[at]
    html, plain = _balloon(packed, row)
    cells = {name: row[name] for name in fields} | {"pack_name": row["name"], "pack_text": shown_digest(plain)}
    data = "".join(
        f'<SimpleData name="{xml_text(name)}">{xml_text(_kml_value(packed, name, value))}</SimpleData>'
        for name, value in cells.items()
        if value is not None
    )
    point = packed.rows.geometry.iloc[at]
    place = "" if point is None else f"<Point><coordinates>{point.x:.10f},{point.y:.10f}</coordinates></Point>"
    return (
        f'<Placemark id="p{row["uuid"]}"><name>{xml_text(packed.labels[at])}</name>'
        f"<description>{xml_text(html)}</description><styleUrl>#{row['status']}</styleUrl>"
        f'<ExtendedData><SchemaData schemaUrl="#outfall">{data}</SchemaData></ExtendedData>{place}</Placemark>\n'
    )


def _kml_value(packed: Packed, name: str, value: str) -> str:
    declared = packed.declared(name)
    return {"yes": "1", "no": "0"}[value] if declared is not None and declared.dtype == "flag" else value


def _balloon(packed: Packed, row: pd.Series) -> tuple[str, str]:
    """Return what the balloon shows, as markup and as the words alone."""
    told = [(packed.heading(name), _told(packed, name, row[name])) for name in _FIRST if row[name] is not None]
    told += [(packed.heading(name), str(row[name])) for name in packed.own if row[name] is not None]
    pictures = [one for one in split_ids(row["photo_ids"]) if one.startswith("files/")]
    images = "".join(f'<p><img src="{xml_text(one)}" width="400"/></p>' for one in pictures)
    cells = "".join(f"<tr><th>{_entity(head)}</th><td>{_entity(text)}</td></tr>" for head, text in told)
    return f"<table>{cells}</table>{images}", " ".join(f"{head} {text}" for head, text in told)


def _entity(text: str) -> str:
    """Return a text for a balloon, where Google Earth would fill in ``$[name]``."""
    return xml_text(text).replace("$", "&#36;")


def _told(packed: Packed, name: str, value: str) -> str:
    declared, lang = packed.declared(name), packed.settings.lang
    if declared is not None and declared.allowed:
        return label(declared.allowed, value, lang=lang)
    if declared is not None and declared.dtype == "flag" and lang == "zh":
        return "是" if value == "yes" else "否"
    return f"{float(value):.10g}" if declared is not None and declared.dtype == "real" else value


def _gpx(packed: Packed) -> Iterator[str]:
    texts = packed.texts()
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="outfall" xmlns="http://www.topografix.com/GPX/1/1"'
        f' xmlns:of="urn:outfall:field-pack">\n<metadata><name>{xml_text(_title(packed))}</name></metadata>\n'
    )
    fields = [name for name in packed.columns if name != "name" and _is_element(name)]
    for at, point in enumerate(packed.rows.geometry):
        if point is not None:
            yield _waypoint(packed, texts.iloc[at], (point, packed.labels[at]), fields)
    order = visit_order(packed.rows.geometry)
    if order:
        team = xml_text(packed.settings.team or _title(packed))
        yield f"<rte><name>{team}</name><number>1</number>\n"
        for at in order:
            point = packed.rows.geometry.iloc[at]
            yield f'<rtept lat="{point.y:.10f}" lon="{point.x:.10f}"><name>{xml_text(packed.labels[at])}</name></rtept>\n'
        yield "</rte>\n"
    yield "</gpx>\n"


def _waypoint(packed: Packed, row: pd.Series, shown: tuple[shapely.Point, str], fields: list[str]) -> str:
    point, name = shown
    status = label("outfall_status", row["status"], lang=packed.settings.lang)
    text = " · ".join(str(part) for part in (status, row["receiving_water"], row["note"]) if part)
    links = "".join(f'<link href="{xml_text(one)}"/>' for one in split_ids(row["photo_ids"]) if one.startswith("DCIM/"))
    cells: Mapping[str, object] = {key: row[key] for key in fields} | {
        "pack_name": row["name"],
        "pack_text": shown_digest(text),
    }
    told = "".join(f"<of:{key}>{xml_text(value)}</of:{key}>" for key, value in cells.items() if value is not None)
    return (
        f'<wpt lat="{point.y:.10f}" lon="{point.x:.10f}"><name>{xml_text(name)}</name><desc>{xml_text(text)}</desc>'
        f"{links}<sym>Flag, Blue</sym><extensions>{told}</extensions></wpt>\n"
    )


def _is_element(name: str) -> bool:
    """Return whether a column can be the name of an element."""
    return name.replace("_", "a").isalnum() and not name[0].isdigit()


def _title(packed: Packed) -> str:
    settings = packed.settings
    parts = ["排污口外业包" if settings.lang == "zh" else "Outfalls for the field", settings.team, settings.day]
    return " ".join(str(part) for part in parts if part)
