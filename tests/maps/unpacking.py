"""What a page holds, read back by a second reader: plain Python, written after the format and not after the page's own."""

from __future__ import annotations

import gzip
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd

from outfall.maps.coding import decode, unpack_integers

DEGREE = 1_000_000


def open_text(text):
    """Return the header and the bytes after it."""
    raw = gzip.decompress(decode(text))
    length = int.from_bytes(raw[:4], "little")
    return json.loads(raw[4 : 4 + length]), raw[4 + length :]


def read(ref, body):
    """Return the numbers of one buffer."""
    if ref["t"] in ("f4", "f8"):
        width = int(ref["t"][1])
        planes = np.frombuffer(body, np.uint8, width * ref["n"], ref["o"]).reshape(width, -1)
        return np.ascontiguousarray(planes.T).view(f"<{ref['t']}").ravel()
    return unpack_integers(ref, body[ref["o"] : ref["o"] + ref["w"] * ref["n"]])


def column_of(head, body):
    """Return a column as a list, None where it is missing."""
    if "values" in head:
        return [head["values"][code - 1] if code else None for code in read(head["codes"], body)]
    if "rows" in head:
        return [value or None for value in head["rows"]]
    if "pattern" in head:
        return _filled(head, body)
    data = read(head["data"], body)
    if head["type"] == "time":
        return [
            pd.Timestamp(head["first"] + (int(value) - 1) * head["step"], unit="s", tz="UTC") if value else None
            for value in data
        ]
    if head["data"]["t"] in ("f4", "f8"):
        digits = {"f4": 7, "f8": 17}[head["data"]["t"]]
        return [None if np.isnan(value) else float(f"{value:.{digits}g}") for value in data]
    return [None if not value else (value - (value > 0)) / 10 ** head["digits"] for value in data.astype(float)]


def layers_of(text):
    """Return every layer with its table and the positions of each row, as whole millionths of a degree."""
    head, body = open_text(text)
    found = {}
    for layer in head["layers"]:
        if layer["kind"] == "raster":
            continue
        table = {column["name"]: column_of(column, body) for column in layer["columns"]}
        shape = {name: read(ref, body) for name, ref in layer["shape"].items()}
        found[layer["name"]] = SimpleNamespace(head=layer, table=table, shape=shape)
    return found


def corners_by_row(layer):
    """Return the corners of each row, part after part; an empty list where it has none."""
    shape = layer.shape
    lonlat = np.column_stack([shape["lon"], shape["lat"]]) / DEGREE
    counts = shape.get("count", np.ones(len(shape["row"]), int))
    owner = np.repeat(shape["row"], shape["rings"]) if "rings" in shape else shape["row"]
    rows = [[] for _ in range(layer.head["n"])]
    for at, corners in zip(owner, np.split(lonlat, np.cumsum(counts)[:-1]), strict=True) if len(owner) else ():
        rows[at].append(corners)
    return rows


def _filled(head, body):
    patterns = column_of(head["pattern"], body)
    holes = [(read(hole["data"], body), read(hole["digits"], body)) for hole in head["holes"]]
    texts = []
    for row, pattern in enumerate(patterns):
        parts = (pattern or "").split("\x01")
        numbers = [str(data[row]).zfill(digits[row]) for data, digits in holes][: len(parts) - 1]
        texts.append("".join(part + number for part, number in zip(parts, [*numbers, ""], strict=True)) or None)
    return texts
