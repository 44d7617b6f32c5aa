"""How a body comes apart into fields that can be compared and joined one by one, and becomes a body again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ABSENT", "body_of", "fields_of"]

ABSENT = ""  # no JSON: the row has no such field
_Field = tuple[str, str]
_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
_GROUPS = ("columns", "extra", "dtypes")


def fields_of(body: str) -> dict[_Field, str]:
    """Return a body field by field, every value as JSON; a geometry and its CRS are one field."""
    found: dict[_Field, str] = {}
    whole = json.loads(body)
    for group, part in whole.items():
        if group in _GROUPS:
            found |= {(group, name): _text(value) for name, value in part.items()}
        elif group != "crs":
            is_shape = group == "geometry"
            found[("geometry" if is_shape else "", group)] = _text([whole.get("crs"), part] if is_shape else part)
    return found


def body_of(fields: Mapping[_Field, str]) -> str:
    """Return a body made of fields, in their order."""
    body: dict[str, object] = {}
    for (group, name), text in fields.items():
        if text == ABSENT:
            continue
        value = json.loads(text)
        if group in _GROUPS:
            part = body.setdefault(group, {})
            if isinstance(part, dict):
                part[name] = value
        elif group == "geometry":
            body["crs"], body["geometry"] = value
        else:
            body[name] = value
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
