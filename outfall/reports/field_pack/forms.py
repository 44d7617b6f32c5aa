"""What a person sees and may change when a feature is opened in QGIS or QField: fields, lists, photos and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.maps.styles import xml_text
from outfall.survey.packed import PACK_HEADINGS
from outfall.tables import contract
from outfall.vocabulary import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outfall.maps.layers import Layer
    from outfall.tables import Column
    from outfall.vocabulary import Lang

__all__ = ["READ_ONLY", "field_form"]

# What the register decides, not a person on a bank.
READ_ONLY = (
    *("uuid", "outfall_id", "reach_id", "along_m", "off_m", "chainage_m", "place_share", "sigma_m", "first_seen_at"),
    *("last_seen_at", "sighting_count", "sighting_ids", "platforms", "photo_ids", "match_share", "reason", "reason_zh"),
    *("merged_into", "source_ref", "pack_id", "pack_day", "pack_team", "pack_register", "pack_photos", "register_ref"),
)
_HIDDEN = (*(name for name in PACK_HEADINGS if name != "field_note"), "reason", "sighting_ids", "source_ref")
_PHOTO_LABEL = {"zh": "现场照片", "en": "Photo on site"}
_FLAGS = {"zh": ("是", "否"), "en": ("yes", "no")}


def field_form(layer: Layer, lang: Lang) -> str:
    """Return the elements of a QML document that make the form of a layer.

    Parameters
    ----------
    layer : Layer
        With its contract, which says the words and the headings.
    lang : {"zh", "en"}
        Language of the form.

    Returns
    -------
    str
        Field configuration, aliases, defaults, constraints and which fields may be edited.

    Examples
    --------
    >>> import geopandas as gpd
    >>> table = gpd.GeoDataFrame({"status": ["suspected"]}, geometry=gpd.points_from_xy([120], [31]), crs=4490)
    >>> from outfall.maps import Layer
    >>> "ValueMap" in field_form(Layer("outfalls", "points", table, contract="outfalls"), "zh")
    True
    """
    assert layer.table is not None
    declared = contract(layer.contract).columns if layer.contract else {}
    names = [str(name) for name in layer.table.columns if name != layer.table.geometry.name]
    widgets = "".join(_field(name, declared.get(name), lang) for name in names)
    aliases = "".join(
        f'<alias index="{at}" field="{xml_text(name)}" name="{xml_text(_heading(name, declared.get(name), lang))}"/>'
        for at, name in enumerate(names)
    )
    editable = "".join(
        f'<field name="{xml_text(name)}" editable="{int(name not in READ_ONLY)}"/>' for name in ("fid", *names)
    )
    return (
        f"<fieldConfiguration>{widgets}</fieldConfiguration><aliases>{aliases}</aliases>"
        f"<defaults>{_defaults(names, layer)}</defaults><constraints>{_constraints(names)}</constraints>"
        f"<constraintExpressions>{_rules(names, declared)}</constraintExpressions>"
        f"<editorlayout>generatedlayout</editorlayout><editable>{editable}</editable>"
        f'<previewExpression>"{xml_text(layer.label or names[0])}"</previewExpression>'
    )


def _field(name: str, column: Column | None, lang: Lang) -> str:
    kind, options = _widget(name, column, lang)
    return (
        f'<field name="{xml_text(name)}" configurationFlags="None"><editWidget type="{kind}"><config>'
        f'<Option type="Map">{options}</Option></config></editWidget></field>'
    )


def _widget(name: str, column: Column | None, lang: Lang) -> tuple[str, str]:
    if name in _HIDDEN:
        return "Hidden", ""
    if name.startswith("photo_") and name != "photo_ids":
        # 1 looks up from the project's folder, so the name kept is DCIM/…jpg on every machine; DocumentViewer 1 is a picture.
        return "ExternalResource", _options(
            {"DocumentViewer": 1, "RelativeStorage": 1, "StorageMode": 0, "FileWidget": True, "UseLink": True}
        )
    if column is not None and column.allowed and column.allowed != "parameter":
        offered = [(word.zh if lang == "zh" else word.en, value) for value, word in words(column.allowed).items()]
        return "ValueMap", _value_map([("", "{2839923C-8B7D-419E-B84B-CA2FE9B80EC7}"), *offered])
    if column is not None and column.dtype == "flag":
        yes, no = _FLAGS[lang]
        return "CheckBox", _options({"CheckedState": yes, "UncheckedState": no, "AllowNullState": True})
    if column is not None and column.dtype == "time":
        return "DateTime", _options(
            {"display_format": "yyyy-MM-dd HH:mm", "field_iso_format": True, "calendar_popup": True, "allow_null": True}
        )
    return "TextEdit", _options({"IsMultiline": name in ("note", "field_note", "address"), "UseHtml": False})


def _options(given: dict[str, object]) -> str:
    kinds = {bool: "bool", int: "int", str: "QString"}
    return "".join(
        f'<Option type="{kinds[type(value)]}" name="{name}" value="{xml_text(str(value).lower() if isinstance(value, bool) else value)}"/>'
        for name, value in given.items()
    )


def _value_map(offered: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f'<Option type="Map"><Option type="QString" name="{xml_text(shown)}" value="{xml_text(value)}"/></Option>'
        for shown, value in offered
    )
    return f'<Option type="List" name="map">{rows}</Option>'


def _heading(name: str, column: Column | None, lang: Lang) -> str:
    if column is not None:
        return column.heading(lang)
    if name.startswith("photo_"):
        return f"{_PHOTO_LABEL[lang]} {name.removeprefix('photo_')}"
    zh, en = PACK_HEADINGS.get(name, (name, name))
    return zh if lang == "zh" else en


def _defaults(names: list[str], layer: Layer) -> str:
    """Return what a new feature says before anybody writes: its uuid, and what every row of the pack says."""
    assert layer.table is not None
    given = {"uuid": "uuid('WithoutBraces')", "status": "'suspected'", "platform": "'foot'", "seen_at": "now()"}
    found = {name: given[name] for name in names if name in given}
    for name in ("pack_id", "pack_day", "pack_team", "pack_register", "survey_id", "observer"):
        values = [] if name not in names else [*layer.table[name].dropna().unique(), layer.table.attrs.get(name)]
        said = next((str(value) for value in values if value), None)
        if said is not None:
            found[name] = "'" + said.replace("'", "''") + "'"
    return "".join(
        f'<default field="{name}" expression="{xml_text(text)}" applyOnUpdate="0"/>' for name, text in found.items()
    )


def _constraints(names: list[str]) -> str:
    """Return which fields must be filled in (1) and never repeat (2), both enforced."""
    rules = {"uuid": 3, "status": 1, "platform": 1, "survey_id": 1}
    return "".join(
        f'<constraint field="{name}" constraints="{rules[name]}" notnull_strength="1" '
        f'unique_strength="{int(rules[name] > 1)}" exp_strength="0"/>'
        for name in names
        if name in rules
    )


def _rules(names: list[str], declared: object) -> str:
    columns: dict[str, Column] = dict(declared)  # type: ignore[call-overload]
    found = []
    for name in names:
        column = columns.get(name)
        if column is None or column.minimum is None:
            continue
        least, most = f'"{name}" IS NULL OR "{name}" >= {column.minimum:g}', column.maximum
        text = least if most is None else f'"{name}" IS NULL OR "{name}" BETWEEN {column.minimum:g} AND {most:g}'
        found.append(f'<constraint field="{name}" exp="{xml_text(text)}" desc=""/>')
    return "".join(found)
