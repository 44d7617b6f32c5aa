"""Codes by a scheme: never twice, never changed, and the wrong ones are listed."""

import geopandas as gpd
import pytest

from outfall.errors import TableError
from outfall.registry import CodeScheme, assign_codes, check_codes, suggest_names
from outfall.tables import check, list_issues
from tests.laws import shuffled, unchanged

NATIONAL = CodeScheme("FA")


def table(count, **columns):
    frame = gpd.GeoDataFrame(
        {"outfall_id": [f"P-{at}" for at in range(count)], "status": "confirmed", "county_code": "429900", "outfall_class": "ind.enterprise", "source_ref": "x"} | columns,
        geometry=gpd.points_from_xy(range(count), [0] * count), crs=32650,
    )  # fmt: skip
    return check(frame, "outfalls")


def test_serials_go_on_after_every_code_ever_given():
    """Also after codes of merged outfalls and codes given elsewhere; written compact or with hyphens."""
    outfalls = table(
        4,
        code_national=["FA4299000003GY00", None, None, "FA-429900-0005-QT-00"],
        status=["confirmed", "confirmed", "confirmed", "merged"],
    )
    with unchanged(outfalls):
        coded = assign_codes(outfalls, scheme=NATIONAL, given=["FM-429900-0007-GY-00"])
    assert coded["code_national"].tolist() == ["FA4299000003GY00", "FA-429900-0008-GY-00", "FA-429900-0009-GY-00", "FA-429900-0005-QT-00"]  # fmt: skip
    assert assign_codes(coded, scheme=NATIONAL)["code_national"].tolist() == coded["code_national"].tolist()


def test_order_of_rows_changes_no_code():
    """Shuffle law."""
    outfalls = table(20, code_national=None)
    one = assign_codes(outfalls, scheme=NATIONAL).set_index("outfall_id")["code_national"]
    two = assign_codes(shuffled(outfalls), scheme=NATIONAL).set_index("outfall_id")["code_national"]
    assert one.to_dict() == two.to_dict()
    assert one.is_unique


def test_national_and_local_codes_are_kept_apart():
    """A province's scheme writes its own column with its own letters."""
    local = CodeScheme("FM", column="code_local", letters={"ind": "AB", "undetermined": "ZZ"})
    coded = assign_codes(table(1, code_national="FA-429900-0009-GY-00"), scheme=local)
    assert coded[["code_national", "code_local"]].values.tolist() == [["FA-429900-0009-GY-00", "FM-429900-0001-AB-00"]]


def test_an_outfall_without_a_county_or_not_confirmed_gets_no_code():
    """The first is listed."""
    coded = assign_codes(table(3, county_code=["429900", None, "429900"], status=["suspected", "confirmed", "confirmed"]), scheme=NATIONAL)  # fmt: skip
    assert coded["code_national"].notna().tolist() == [False, False, True]
    assert list_issues(coded)["row_ids"].tolist() == ["P-1"]


def test_wrong_codes_are_listed():
    """Structure, county, type, extension, one code or serial on two outfalls."""
    codes = ["XX", "FA-429901-0001-GY-00", "FA-429900-0002-QT-00", "FA-429900-0003-GY-01", "FA-429900-0004-GY-00", "FA4299000004GY00", "FM-429900-0003-GY-00", "FA-429900-0009-GY-00"]  # fmt: skip
    found = check_codes(table(len(codes), code_national=codes), scheme=NATIONAL)
    listed = {row.row_ids: row.reason for row in found.itertuples()}
    expected = {"P-0": "structure", "P-1": "county 429901", "P-2": "type QT", "P-3": "ends in 01", "P-4;P-5": "on 2 outfalls", "P-3;P-6": "serial 429900 0003"}  # fmt: skip
    assert set(listed) == set(expected)
    assert all(text in listed[rows] for rows, text in expected.items())
    coded = assign_codes(table(9), scheme=NATIONAL)
    assert len(check_codes(coded, scheme=NATIONAL)) == 0


@pytest.mark.parametrize(
    "options", [{"system": "fa"}, {"extension": "0"}, {"letters": {"ind": "GY"}}, {"column": "name"}]
)
def test_a_scheme_that_cannot_write_codes_is_refused(options):
    """Before anything is written."""
    with pytest.raises(TableError, match="two capital letters"):
        assign_codes(table(1), scheme=CodeScheme(**({"system": "FA"} | options)))


def test_names_say_where_from_the_nearest_landmark():
    """Direction and distance are those of the outfall seen from the landmark; equals are numbered."""
    marks = gpd.GeoDataFrame({"name": ["丁村"]}, geometry=gpd.points_from_xy([0], [546]), crs=32650)
    outfalls = table(2, outfall_class=["oth.other", "oth.urban_storm"], outfall_shape="open_channel").iloc[:1]
    assert suggest_names(outfalls, areas={"429900": "甲市乙县"}, landmarks=marks).tolist() == [
        "甲市乙县丁村南546米沟渠排口"
    ]
    two = suggest_names(table(2, receiving_water="东沟"))
    assert two.tolist() == ["东沟1#工业企业排污口", "东沟2#工业企业排污口"]
