"""What the page is told about its layers: labels, looks and columns, all of it data."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from outfall.coordinates import to_lonlat
from outfall.maps.classes import number_looks, unit_of
from outfall.tables import Column, contract
from outfall.vocabulary import Lang, parameters, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from outfall.maps.layers import Layer
    from outfall.maps.pack import Blob
    from outfall.maps.raster_paint import Plane

__all__ = ["describe_layer", "name_layer", "phrases", "reach_looks"]

_PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#6d5a4a", "#4b4f9e")
_SHAPES = ("circle", "diamond", "square", "triangle")
_STYLE_LISTS = {"look": "reach_look", "answer": "outfall_answer", "seen": "bank_seen", "grade": "sample_grade"}
_MISSING_LOOK = {"value": "", "colour": "#8b949e", "edge": "#ffffff", "shape": "circle", "letter": "", "letter_zh": ""}
_MAX_CLASSES = 24


def describe_layer(layer: Layer, blob: Blob) -> dict[str, object]:
    """Return the header of one layer; its columns and shapes go into the blob."""
    head: dict[str, object] = {
        "name": layer.name,
        "kind": layer.kind,
        "zh": name_layer(layer, "zh"),
        "en": name_layer(layer, "en"),
        "shown": layer.is_shown,
        "note": layer.note,
        "group": layer.group,
        "opacity": layer.opacity,
    }
    if layer.table is None:
        assert layer.bounds_deg is not None
        return {
            **head,
            "image": blob.bytes(layer.image),
            "bounds": [round(edge, 9) for edge in layer.bounds_deg],
            "unit": layer.unit,
            "classes": [list(row) for row in layer.classes],
            "plane": None if layer.plane is None else _plane(layer.plane, blob),
        }
    styles = list(dict.fromkeys(name for name in (layer.style, *layer.styles) if name))
    names = [str(name) for name in layer.table.columns if name != layer.table.geometry.name]
    columns = [_describe_column(layer, name, blob) for name in names]
    return {
        **head,
        "n": len(layer.table),
        "shape": _shape(layer, blob),
        "columns": columns,
        "popup": list(layer.popup) or names,
        "styles": {name: _looks(layer, name) for name in styles},
        "style": layer.style,
        "label": layer.label,
        "search": list(layer.search),
        "ring": layer.ring,
        "time": layer.time,
        "total": layer.total,
        "key": contract(layer.contract).key if layer.contract else "",
    }


def name_layer(layer: Layer, lang: Lang) -> str:
    """Return what people call a layer in one language."""
    own = layer.zh if lang == "zh" else layer.en
    return own or phrases(lang).get(f"layer.{layer.name}", layer.name)


@cache
def phrases(lang: Lang) -> dict[str, str]:
    """Return what the page says in one language, by key."""
    return {row["key"]: row[lang] for row in _rows("phrases.csv")}


def reach_looks(reaches: pd.DataFrame) -> pd.Series:
    """Return how each reach is drawn: its kind, and for a sewer the water it is meant to carry."""
    systems = reaches["system"] if "system" in reaches else pd.Series(None, index=reaches.index, dtype="str")
    is_sewer = (reaches["kind"] == "gravity_sewer").to_numpy(bool, na_value=False)
    is_known = systems.isin(["storm", "foul", "combined"]).to_numpy(bool)
    sewer = np.where(is_known, "pipe." + systems.astype("str").fillna("").to_numpy(dtype=object), "pipe")
    return pd.Series(
        np.where(is_sewer, sewer, reaches["kind"].to_numpy(dtype=object)), index=reaches.index, dtype="str"
    )


def _plane(plane: Plane, blob: Blob) -> dict[str, object]:
    rows, columns = plane.codes.shape
    return {
        "codes": blob.integers(plane.codes.ravel()),
        "size": [columns, rows],
        "first": plane.first,
        "step": plane.step,
        "limits": list(plane.limits),
        "colours": list(plane.colours),
    }


def _shape(layer: Layer, blob: Blob) -> dict[str, object]:
    assert layer.table is not None
    lines = layer.table.geometry
    lonlat = to_lonlat(layer.table[[lines.name]]).geometry if len(lines) else lines
    if layer.kind == "lines":
        return blob.lines(np.asarray(lonlat))
    if layer.kind == "polygons":
        return blob.polygons(np.asarray(lonlat))
    return blob.points(_positions(lonlat))


def _positions(points: pd.Series) -> NDArray[np.float64]:
    import shapely

    geometry = np.asarray(points)
    return np.column_stack([shapely.get_x(geometry), shapely.get_y(geometry)])


def _describe_column(layer: Layer, name: str, blob: Blob) -> dict[str, object]:
    assert layer.table is not None
    values = layer.table[name]
    declared = contract(layer.contract).columns.get(name) if layer.contract else None
    head: dict[str, object] = {"name": name, "zh": _heading(name, declared, "zh"), "en": _heading(name, declared, "en")}
    if name.endswith("_share"):
        head["share"] = True
    if pd.api.types.is_bool_dtype(values.dtype):
        return {**head, **blob.words(_flag_words(values)), "type": "flag"}
    if name == layer.time:
        values = pd.to_datetime(values)
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        return {**head, **blob.times(values), "day": _is_day(values)}
    if pd.api.types.is_numeric_dtype(values.dtype):
        return {**head, **blob.numbers(values), "unit": unit_of(name, declared.unit if declared is not None else "")}
    told = {**head, **blob.words(values)}
    shown = _words_of(name, declared)
    if shown:
        told["words"] = {value: shown[value] for value in told.get("values", shown) if value in shown}  # type: ignore[attr-defined]
    if declared is not None and declared.dtype == "ids":
        told["type"] = "ids"
    return told


def _is_day(values: pd.Series) -> bool:
    """Return whether a column holds dates: it carries no zone, and every moment in it is a midnight."""
    known = values.dropna()
    return values.dt.tz is None and bool(len(known)) and bool((known == known.dt.normalize()).all())


def _flag_words(values: pd.Series) -> pd.Series:
    """Return flags as ``yes`` and ``no``; other columns as they are."""
    if not pd.api.types.is_bool_dtype(values.dtype):
        return values
    return values.map({True: "yes", False: "no"}, na_action="ignore").astype("str")


def _heading(name: str, declared: Column | None, lang: Lang) -> str:
    if declared is not None:
        return declared.heading(lang)
    known = parameters().get(name)
    if known is not None:
        return f"{known.zh if lang == 'zh' else known.en}{f' ({unit_of(name, known.unit)})' if known.unit not in ('', '1') else ''}"
    return phrases(lang).get(f"column.{name}", name)


def _words_of(name: str, declared: Column | None) -> dict[str, list[str]]:
    if declared is not None and declared.allowed:
        known: Mapping[str, object] = parameters() if declared.allowed == "parameter" else words(declared.allowed)
        return {value: [word.zh, word.en] for value, word in known.items()}  # type: ignore[attr-defined]
    if declared is not None and declared.dtype == "flag":
        return {value: [phrases("zh")[value], phrases("en")[value]] for value in ("yes", "no")}
    return {str(row["value"]): [str(row["zh"]), str(row["en"])] for row in _looks_of(_STYLE_LISTS.get(name, ""))}


def _looks(layer: Layer, name: str) -> list[dict[str, object]]:
    """Return one look per value that occurs, in the order of ``looks.csv``, then the others, then the missing."""
    assert layer.table is not None
    declared = contract(layer.contract).columns.get(name) if layer.contract else None
    if pd.api.types.is_numeric_dtype(layer.table[name].dtype) and layer.table[name].dtype.kind != "b":
        missing = {**_MISSING_LOOK, "zh": phrases("zh")["legend.missing"], "en": phrases("en")["legend.missing"]}
        return number_looks(layer.table[name], kind=layer.kind, missing=missing)
    values = _flag_words(layer.table[name])
    present = set(values.dropna().astype("str")) - {""}
    list_name = _STYLE_LISTS.get(name) or (declared.allowed if declared is not None else "")
    shown = _words_of(name, declared)
    looks: list[dict[str, object]] = [dict(row) for row in _looks_of(list_name) if row["value"] in present]
    rest = sorted(present - {str(look["value"]) for look in looks})
    known = list(shown)
    rest.sort(key=lambda value: known.index(value) if value in shown else len(known))
    looks += [_other_look(at, value, layer, shown) for at, value in enumerate(rest[:_MAX_CLASSES])]
    for value in rest[_MAX_CLASSES:]:
        looks.append(
            {
                **_MISSING_LOOK,
                "value": value,
                "zh": value,
                "en": value,
                "shape": _shape_of(layer),
            }
        )
    if values.isna().any() or (values.astype("str") == "").any():
        zh, en = phrases("zh")["legend.missing"], phrases("en")["legend.missing"]
        looks.append({**_MISSING_LOOK, "zh": zh, "en": en, "shape": _shape_of(layer)})
    return looks


def _other_look(at: int, value: str, layer: Layer, shown: Mapping[str, list[str]]) -> dict[str, object]:
    zh, en = shown.get(value, [value, value])
    shape = _SHAPES[at // len(_PALETTE) % len(_SHAPES)] if layer.kind == "points" else _shape_of(layer)
    colour = _PALETTE[at % len(_PALETTE)]
    return {
        "value": value,
        "zh": zh,
        "en": en,
        "colour": colour,
        "edge": "#ffffff",
        "shape": shape,
        "letter": "",
        "letter_zh": "",
    }


def _shape_of(layer: Layer) -> str:
    return {"lines": "line", "polygons": "area"}.get(layer.kind, "circle")


@cache
def _looks_of(list_name: str) -> tuple[dict[str, object], ...]:
    found = []
    for row in _rows("looks.csv"):
        if row["list"] != list_name:
            continue
        word = words(list_name).get(row["value"]) if not row["zh"] and list_name != "reach_look" else None
        if list_name == "reach_look" and not row["zh"]:
            word = words("reach_kind")[row["value"]]
        zh, en = (word.zh, word.en) if word is not None else (row["zh"], row["en"])
        look: dict[str, object] = {**row, "zh": zh, "en": en, "width": float(row["width_px"] or 0)}
        look["dash"] = [float(part) for part in row["dash"].split()]
        found.append({key: look[key] for key in look if key not in ("list", "width_px")})
    return tuple(found)


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(files("outfall.maps").joinpath(name).read_text(encoding="utf-8").splitlines())
