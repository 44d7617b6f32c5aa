"""Files of the official table: every text stays a text, and every file reads back."""

import csv
import zipfile

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from outfall.errors import ReadError, TableError
from outfall.reports import inventory, read_inventory, write_inventory
from outfall.tables import read_frame
from tests.laws import unchanged
from tests.reports.conftest import HOSTILE

FORMATS = [".xlsx", ".csv", ".gpkg"]


@pytest.fixture
def table(outfalls, found):
    """Return the official table with a hostile text in every row."""
    many = pd.concat([inventory(outfalls, found)] * 8, ignore_index=True)
    return many.assign(排污口名称=HOSTILE, 备注=HOSTILE[::-1], 序号=range(1, 25))


@pytest.mark.parametrize("ending", FORMATS)
def test_round_trip(table, tmp_path, ending):
    """What is written reads back as it was, hostile texts, blanks and numbers included."""
    with unchanged(table):
        file = write_inventory(table, tmp_path / f"台 账{ending}")
    pd.testing.assert_frame_equal(read_inventory(file), table)


@pytest.mark.parametrize("ending", FORMATS)
def test_round_trip_english_and_empty(outfalls, tmp_path, ending):
    """English headings and a table without rows read back too."""
    table = inventory(outfalls.iloc[:0], lang="en")
    back = read_inventory(write_inventory(table, tmp_path / f"a{ending}"))
    assert list(back) == list(table)
    assert len(back) == 0


def test_no_cell_of_a_workbook_is_a_formula_or_a_link(table, tmp_path):
    """The sheet holds no formula and no hyperlink, and every text cell is a string cell."""
    file = write_inventory(table, tmp_path / "a.xlsx")
    with zipfile.ZipFile(file) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet
    with CalamineWorkbook.from_path(str(file)) as book:
        cells = book.get_sheet_by_index(0).to_python()
    at = cells[0].index("排污口名称")
    assert all(isinstance(row[at], str) for row in cells)


def test_no_cell_of_a_csv_starts_live(table, tmp_path):
    """No field of the CSV begins with a character a spreadsheet runs, except numbers."""
    file = write_inventory(table, tmp_path / "a.csv")
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert not [cell for row in rows for cell in row if cell.strip()[:1] in tuple("=+-@＝＋－＠") and cell.strip()]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.sampled_from("=+-@'\t\r\n ,\"x1＝"), max_size=6))
def test_csv_guard_is_reversible(tmp_path, text):
    """Any text made of dangerous characters reads back as it was."""
    frame = pd.DataFrame({"备注": [text, "x"]})
    assert read_inventory(write_inventory(frame, tmp_path / "a.csv"))["备注"].tolist() == [text, "x"]


def test_our_own_reader_understands_the_workbook(outfalls, found, tmp_path):
    """The workbook can be given back to the package as a table of outfalls."""
    file = write_inventory(inventory(outfalls, found), tmp_path / "a.xlsx")
    assert read_frame(file, table="outfalls")["排污口内部编号"].tolist() == outfalls["outfall_id"].tolist()


def test_geopackage_has_points(table, tmp_path):
    """The GeoPackage shows the outfalls where they are, in CGCS2000."""
    frame = gpd.read_file(write_inventory(table, tmp_path / "a.gpkg"))
    assert frame.crs.to_epsg() == 4490
    assert frame.geometry.x.round(6).tolist() == table["经度(CGCS2000)"].tolist()


def test_workbook_is_ready_to_print(table, tmp_path):
    """The heading row is frozen and repeated, on A3 landscape, one page wide."""
    with zipfile.ZipFile(write_inventory(table, tmp_path / "a.xlsx")) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert 'paperSize="8"' in sheet
    assert 'orientation="landscape"' in sheet
    assert 'state="frozen"' in sheet
    assert 'fitToHeight="0"' in sheet


def test_long_text_is_cut_and_says_so(tmp_path):
    """A text longer than a cell may hold is cut with a mark, and no warning is raised."""
    file = write_inventory(pd.DataFrame({"备注": ["长" * 40_000]}), tmp_path / "a.xlsx")
    text = read_inventory(file)["备注"].iloc[0]
    assert len(text) == 32_767
    assert text.endswith("…(cut)")


def test_unknown_ending_is_refused(table, tmp_path):
    """Another ending is refused and nothing is written."""
    with pytest.raises(TableError, match=r"\.docx is not a format of the inventory; end it in \.xlsx"):
        write_inventory(table, tmp_path / "a.docx")
    assert not list(tmp_path.iterdir())


def test_repeated_heading_is_refused(tmp_path):
    """Two columns of one heading are refused."""
    with pytest.raises(TableError, match="'a' stands twice"):
        write_inventory(pd.DataFrame([[1, 2]], columns=["a", "a"]), tmp_path / "a.csv")


def test_points_need_a_position(tmp_path):
    """A GeoPackage without longitude and latitude is refused, and an earlier file stays."""
    file = tmp_path / "a.gpkg"
    file.write_text("before")
    with pytest.raises(TableError, match="needs a position"):
        write_inventory(pd.DataFrame({"a": ["b"]}), file)
    assert file.read_text() == "before"


@pytest.mark.parametrize("ending", [*FORMATS, ".txt"])
def test_not_an_inventory_is_refused(tmp_path, ending):
    """An empty or foreign file is refused by name."""
    file = tmp_path / f"a{ending}"
    file.write_bytes(b"")
    with pytest.raises(ReadError, match="not an inventory file"):
        read_inventory(file)


@pytest.mark.parametrize("ending", [".xlsx", ".gpkg"])
def test_damaged_file_is_refused(tmp_path, ending):
    """A damaged file is refused with what to give instead."""
    file = tmp_path / f"a{ending}"
    file.write_bytes(b"not what it says")
    with pytest.raises(ReadError, match="give the file write_inventory wrote"):
        read_inventory(file)
