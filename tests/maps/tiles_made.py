"""Small archives of tiles written here, byte by byte: vector tiles, PMTiles and MBTiles, for reading back."""

from __future__ import annotations

import gzip
import io
import json
import struct

import numpy as np
from PIL import Image, ImageDraw

from outfall.tables.safe.pmtiles import tile_number


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def _zigzag(value):
    return varint((value << 1) ^ (value >> 63))


def _geometry(kind, parts):
    """Encode parts of (u, v) in tile units of 4096."""
    out, x, y = b"", 0, 0
    for part in parts:
        for k, (u, v) in enumerate(part):
            if k == 0:
                out += varint(1 << 3 | 1)
            elif k == 1:
                out += varint((len(part) - 1) << 3 | 2)
            out += _zigzag(u - x) + _zigzag(v - y)
            x, y = u, v
        if kind == 3:
            out += varint(1 << 3 | 7)
    return out


def vector_tile(layers):
    """Return an MVT of {layer: [(kind, parts, properties)]}, with every row's text as it is."""
    out = b""
    for name, rows in layers.items():
        keys, values, body = [], [], b""
        for kind, parts, told in rows:
            tags = b""
            for key, value in told.items():
                if key not in keys:
                    keys.append(key)
                if value not in values:
                    values.append(value)
                tags += varint(keys.index(key)) + varint(values.index(value))
            row = _field(2, tags) + varint(3 << 3) + varint(kind) + _field(4, _geometry(kind, parts))
            body += _field(2, row)
        body += b"".join(_field(3, key.encode()) for key in keys)
        body += b"".join(_field(4, _field(1, value.encode())) for value in values)
        out += _field(3, _field(1, name.encode()) + body + varint(5 << 3) + varint(4096) + varint(15 << 3) + varint(2))
    return out


def picture(colour, *, side=256, mark=None, text=""):
    """Return a PNG of one colour, with a small red square centred on ``mark``."""
    image = Image.new("RGB", (side, side), colour)
    pen = ImageDraw.Draw(image)
    if mark is not None:
        u, v = mark
        pen.rectangle([u - 3, v - 3, u + 2, v + 2], fill=(230, 0, 0))
    if text:
        pen.text((6, 6), text, fill=(90, 90, 90))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def write_pmtiles(path, tiles, *, kind=1, bounds=(120.0, 30.0, 121.0, 31.0), told=None, leaf_size=0):
    """Write {(z, x, y): bytes} as PMTiles 3; ``leaf_size`` above 0 puts the entries into leaf directories of so many."""
    numbered = sorted((tile_number(*place), content) for place, content in tiles.items())
    body, entries, at = b"", [], {}
    for number, content in numbered:
        packed = gzip.compress(content, mtime=0) if kind == 1 else content
        if packed not in at:
            at[packed] = len(body)
            body += packed
        if entries and entries[-1][0] + entries[-1][1] == number and entries[-1][2:] == (at[packed], len(packed)):
            entries[-1] = (entries[-1][0], entries[-1][1] + 1, *entries[-1][2:])
        else:
            entries.append((number, 1, at[packed], len(packed)))
    leaves, root = b"", entries
    if leaf_size:
        root = []
        for k in range(0, len(entries), leaf_size):
            leaf = gzip.compress(_directory(entries[k : k + leaf_size]), mtime=0)
            root.append((entries[k][0], 0, len(leaves), len(leaf)))
            leaves += leaf
    root_bytes = gzip.compress(_directory(root), mtime=0)
    meta = gzip.compress(json.dumps(told or {"name": "小镇", "attribution": "测绘 <b>组</b>"}).encode(), mtime=0)
    zooms = [z for z, _, _ in tiles]
    places = np.cumsum([127, len(root_bytes), len(meta), len(leaves)])
    head = struct.pack(
        "<7sB11Q6B4iB2i", b"PMTiles", 3, places[0], len(root_bytes), places[1], len(meta), places[2], len(leaves), places[3], len(body),
        len(tiles), len(entries), len(at), 1, 2, 2 if kind == 1 else 1, kind, min(zooms), max(zooms), *(int(edge * 1e7) for edge in bounds), min(zooms), 0, 0,
    )  # fmt: skip
    path.write_bytes(head + root_bytes + meta + leaves + body)
    return path


def _directory(entries):
    out, last = varint(len(entries)), 0
    for number, *_ in entries:
        out += varint(number - last)
        last = number
    out += b"".join(varint(run) for _, run, _, _ in entries) + b"".join(varint(length) for *_, length in entries)
    for k, (_, _, offset, _) in enumerate(entries):
        is_next = k and offset == entries[k - 1][2] + entries[k - 1][3]
        out += varint(0 if is_next else offset + 1)
    return out


def write_mbtiles(path, tiles, *, kind="png", plan="plain"):
    """Write {(z, x, y): bytes} as MBTiles: ``plain``, ``once`` (a view over map and images) or ``planetiler``."""
    import apsw

    book = apsw.Connection(str(path))
    book.execute("PRAGMA page_size=1024; CREATE TABLE metadata (name text, value text)")
    zooms = [z for z, _, _ in tiles]
    told = {"name": "小镇", "format": kind, "minzoom": min(zooms), "maxzoom": max(zooms), "attribution": "测绘组"}
    book.executemany("INSERT INTO metadata VALUES (?, ?)", [(key, str(value)) for key, value in told.items()])
    rows = [
        (z, x, 2**z - 1 - y, gzip.compress(content, mtime=0) if kind == "pbf" else content)
        for (z, x, y), content in tiles.items()
    ]
    grid = "zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER"
    if plan == "plain":
        book.execute(
            f"CREATE TABLE tiles ({grid}, tile_data BLOB); CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row)"
        )
        book.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
    elif plan == "once":
        book.execute(
            f"CREATE TABLE map ({grid}, tile_id TEXT); CREATE UNIQUE INDEX map_index ON map (zoom_level, tile_column, tile_row)"
        )
        book.execute(
            "CREATE TABLE images (tile_data blob, tile_id text); CREATE UNIQUE INDEX images_id ON images (tile_id)"
        )
        book.execute(
            "CREATE VIEW tiles AS SELECT zoom_level, tile_column, tile_row, tile_data FROM map JOIN images USING (tile_id)"
        )
        book.executemany(
            "INSERT INTO map VALUES (?, ?, ?, ?)", [(z, x, y, f"id-{hash_of(content)}") for z, x, y, content in rows]
        )
        book.executemany(
            "INSERT OR IGNORE INTO images VALUES (?, ?)", [(content, f"id-{hash_of(content)}") for *_, content in rows]
        )
    else:
        book.execute(
            f"CREATE TABLE tiles_shallow ({grid}, tile_data_id INTEGER, PRIMARY KEY (zoom_level, tile_column, tile_row)) WITHOUT ROWID"
        )
        book.execute("CREATE TABLE tiles_data (tile_data_id INTEGER PRIMARY KEY, tile_data BLOB)")
        book.executemany(
            "INSERT INTO tiles_shallow VALUES (?, ?, ?, ?)", [(z, x, y, k + 1) for k, (z, x, y, _) in enumerate(rows)]
        )
        book.executemany(
            "INSERT INTO tiles_data VALUES (?, ?)", [(k + 1, content) for k, (*_, content) in enumerate(rows)]
        )
    book.close()
    return path


def hash_of(content):
    import hashlib

    return hashlib.sha256(content).hexdigest()[:12]


def place(lon, lat, zoom):
    """Return column, row and the pixel inside the tile (0-256, fractions kept)."""
    count = 2**zoom
    sine = np.sin(np.radians(lat))
    east, south = (lon / 360 + 0.5) * count, (0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)) * count
    return int(east), int(south), (east % 1) * 256, (south % 1) * 256


def town_tiles(bounds, zooms):
    """Return vector tiles of an invented town: land, a lake, a park, a grid of roads, and names in Chinese."""
    from outfall.maps.basemap_cut import tile_box

    tiles = {}
    for zoom in zooms:
        left, top, right, bottom = tile_box(bounds, zoom)
        for x in range(left, right + 1):
            for y in range(top, bottom + 1):
                tiles[zoom, x, y] = vector_tile(
                    {
                        "earth": [(3, [[(0, 0), (4096, 0), (4096, 4096), (0, 4096)]], {"kind": "earth"})],
                        "landuse": [(3, [[(300, 2300), (1700, 2300), (1700, 3700), (300, 3700)]], {"kind": "park"})],
                        "water": [(3, [[(2500, 2500), (3700, 2600), (3600, 3600), (2400, 3500)]], {"kind": "lake"})],
                        "buildings": [(3, [[(u, v), (u + 300, v), (u + 300, v + 250), (u, v + 250)]], {"kind": "building"}) for u in (300, 800, 1300) for v in (300, 700)],
                        "roads": [
                            (2, [[(-64, 2048), (4160, 2048)]], {"kind": "major_road", "name": "人民路", "name:en": "Renmin Road"}),
                            (2, [[(2048, -64), (2048, 4160)]], {"kind": "medium_road", "name": "解放路"}),
                            *[(2, [[(0, v), (4096, v)]], {"kind": "minor_road"}) for v in (512, 1024, 3072)],
                        ],
                        "places": [(1, [[(1200, 1500)]], {"kind": "locality", "name": f"石桥镇{x % 7}", "name:en": f"Shiqiao {x % 7}"})],
                    }
                )  # fmt: skip
    return tiles
