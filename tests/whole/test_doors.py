"""Files of strangers are opened in one place, which knows what to refuse."""

import ast
from pathlib import Path

import pytest

import outfall

PACKAGE = Path(outfall.__file__).parent
SAFE = PACKAGE / "tables" / "safe"
FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if SAFE not in file.parents]
MODULES = {
    "zipfile",
    "tarfile",
    "lxml",
    "sqlite3",
    "fiona",
    "openpyxl",
    "python_calamine",
    "pickle",
    "osgeo",
    "gzip",
    "bz2",
}
# XMP packets lie inside photos, whose bytes are already held: they are parsed from memory, without DTDs. A delta of
# another device is unpacked line by line within bounds.
ALLOWED = {
    ("camera/packet.py", "defusedxml"),
    ("camera/packet.py", "xml"),
    ("camera/exif.py", "defusedxml"),
    ("maps/assembly.py", "gzip"),  # packs what a page carries, unpacks nothing
    ("maps/pack.py", "gzip"),  # likewise
    ("maps/writing.py", "zipfile"),  # writes a page and its folder as one archive, opens none
    ("maps/vendored.py", "zipfile"),  # opens the archive that travels with the package
    ("store/delta.py", "gzip"),
    ("reports/field_pack/zipped.py", "zipfile"),  # writes archives, opens none
    ("tracing/basins.py", "pickle"),  # parts handed to workers of one call
    ("water/plan_files.py", "xml"),  # writes GPX, reads none
}
MARKUP = {"xml", "defusedxml"}
READS = {
    ("pyogrio", "read_dataframe"),
    ("pyogrio", "read_info"),
    ("pyogrio", "list_layers"),
    ("pyogrio", "read_arrow"),
    ("gpd", "read_file"),
    ("geopandas", "read_file"),
    ("gpd", "list_layers"),
    ("pd", "read_excel"),
    ("pd", "read_xml"),
    ("pd", "read_html"),
    ("pd", "read_pickle"),
    ("yaml", "load"),
}


def imported(tree):
    """Yield the top-level packages a module imports at run time."""
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module.startswith("xml.etree") and {alias.name for alias in node.names} <= {
                "Element",
                "SubElement",
                "tostring",
                "ParseError",
                "ElementTree",
                "indent",
            }:
                continue  # writing, and the name of an error
            yield node.module.partition(".")[0]


def called(tree):
    """Yield the calls ``module.function`` of a module, with their keyword names."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            yield node.func.value.id, node.func.attr, node


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(PACKAGE).as_posix())
def test_no_other_module_opens_what_may_be_a_trap(file):
    """GDAL, zip, markup, workbooks and foreign SQLite are opened by ``tables.safe`` alone; rasters with one driver."""
    name = file.relative_to(PACKAGE).as_posix()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {module for module in imported(tree) if module in MODULES | MARKUP and (name, module) not in ALLOWED}
    assert not found, f"use outfall.tables.safe instead of {', '.join(sorted(found))}"
    calls = {(owner, verb) for owner, verb, _ in called(tree)}
    assert not calls & READS, "use outfall.tables.safe"
    bare = [
        node.lineno
        for owner, verb, node in called(tree)
        if (owner, verb) == ("rasterio", "open")
        and not any(word.arg == "driver" for word in node.keywords)
        and not node.args[1:]
    ]
    assert not bare, f"rasterio.open without driver= in line {bare}"


def test_the_rule_can_fail():
    """A module that opens a workbook or a GeoPackage itself is seen."""
    tree = ast.parse(
        "import zipfile\nimport pyogrio\npyogrio.read_dataframe('a.gpkg')\nimport rasterio\nrasterio.open('a')"
    )
    assert "zipfile" in set(imported(tree))
    assert ("pyogrio", "read_dataframe") in {(owner, verb) for owner, verb, _ in called(tree)}
