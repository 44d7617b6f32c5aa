"""Files that mean harm, small enough to make in a test."""

import sqlite3
import struct
import subprocess
import sys
import zlib

import geopandas as gpd
from shapely.geometry import Point

MB = 1 << 20
SENTINEL = "SENTINEL-OF-ANOTHER-FILE"
ENTITIES = (
    '<!DOCTYPE kml [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">' for at in range(12))
    + "]>"
)
OUTSIDE = '<!DOCTYPE kml [<!ENTITY m SYSTEM "file://{path}">]>'


def secret(folder):
    """Return a file that no reader of another file may show."""
    file = folder / "secret.csv"
    file.write_text(f"id,lon,lat,name\n1,114.3,30.6,{SENTINEL}\n", encoding="utf-8")
    return file


def vrt(folder):
    """Return a virtual data source that opens the secret."""
    return (
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{secret(folder)}</SrcDataSource>'
        "<GeometryType>wkbPoint</GeometryType><LayerSRS>EPSG:4326</LayerSRS>"
        '<GeometryField encoding="PointFromColumns" x="lon" y="lat"/></OGRVRTLayer></OGRVRTDataSource>'
    )


def zeros(size):
    """Return a raw deflate stream of zeros, without making them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packer.compress(bytes(MB))
    packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (size // MB) + packer.flush(zlib.Z_FINISH)


def pack(path, members):
    """Write a zip whose members are (name, packed bytes, stated size), whatever they state."""
    body, listed = b"", b""
    for name, raw, stated in members:
        text = name.encode()
        fields = struct.pack("<HHHHHIIIHH", 20, 0x800, 8, 0, 0x21, 0, len(raw), stated, len(text), 0)
        listed += b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + text
        body += b"PK\x03\x04" + fields + text + raw
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(listed), len(body), 0)
    path.write_bytes(body + listed + b"PK\x05\x06" + end)
    return path


def member(name, text):
    """Return an honest member."""
    raw = text.encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return name, packer.compress(raw) + packer.flush(), len(raw)


def workbook(path, sheet):
    """Write a workbook by hand with this XML (or this packed bytes and stated size) as its sheet."""
    part = (
        ("xl/worksheets/sheet1.xml", *sheet) if isinstance(sheet, tuple) else member("xl/worksheets/sheet1.xml", sheet)
    )
    office, package = (
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "http://schemas.openxmlformats.org/package/2006",
    )
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return pack(
        path,
        [
            member(
                "[Content_Types].xml",
                f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="{types}.worksheet+xml"/></Types>',
            ),
            member(
                "_rels/.rels",
                f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            ),
            member(
                "xl/workbook.xml",
                f'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
            ),
            member(
                "xl/_rels/workbook.xml.rels",
                f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            ),
            part,
        ],
    )


def sheet(*cells):
    """Return a sheet with a text at each of these references."""
    rows = "".join(
        f'<row r="{"".join(mark for mark in ref if mark.isdigit())}"><c r="{ref}" t="inlineStr"><is><t>{text}</t></is></c></row>'
        for ref, text in cells
    )
    return f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'


def package(path, rows=3):
    """Write a GeoPackage of points."""
    gpd.GeoDataFrame(
        {"uuid": [f"u{at}" for at in range(rows)], "name": [f"n{at}" for at in range(rows)]},
        geometry=[Point(114.3 + at * 1e-4, 30.6) for at in range(rows)],
        crs=4326,
    ).to_file(path, layer="points", driver="GPKG")
    return path


def spoil(path, *statements):
    """Change a GeoPackage by hand."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return path


MEASURED = """
import sys, time
import outfall.survey, outfall.tables.safe, outfall.camera, defusedxml.ElementTree, python_calamine
from outfall.errors import OutfallError
def peak():
    # ru_maxrss is handed down by the process that started this one; the kernel's own mark is not, once it was reset
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"): return int(line.split()[1]) / 1024
try: open("/proc/self/clear_refs", "w").write("5")
except OSError: pass
for path in sys.argv[1:]:
    before, start = peak(), time.process_time()
    try:
        outfall.survey.read_ground(path, crs=4490)
        said = "READ"
    except OutfallError as error:
        said = type(error).__name__
    print(said, time.process_time() - start, peak() - before, peak(), sep="|")
"""


def measure(*paths):
    """Return per file what was said, CPU seconds, growth of the memory and its peak in MB, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, paths)], capture_output=True, text=True, timeout=120, check=True
    )
    lines = [line.split("|") for line in done.stdout.splitlines()]
    return [(said, float(seconds), float(grown), float(peak)) for said, seconds, grown, peak in lines]
