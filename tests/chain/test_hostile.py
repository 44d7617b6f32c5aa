"""Ten hostile inputs: each gives one clear answer and leaves earlier outputs as they were."""

import re
import zlib

import geopandas as gpd
import pandas as pd
import pytest
import xlsxwriter
from PIL import Image

from outfall.chain import State, run, take_steps
from outfall.coordinates import wgs84_to_gcj02
from outfall.errors import OutfallError
from outfall.project import Project
from outfall.reports import read_inventory
from tests.chain.conftest import fingerprint, permits, pipes, rivers, sightings, write_county

SCRIPT = "<script>document.title='hit'</script>"


@pytest.fixture
def earlier(county, tmp_path):
    """Return an output folder that an earlier run is said to have filled."""
    out = tmp_path / "out"
    (out / "briefs").mkdir(parents=True)
    for name in ("map.html", "inventory.xlsx", "trace.gpkg", "summary.json", "briefs/a.html"):
        (out / name).write_text(f"earlier {name}")
    return out


def refused(county, out, *, match):
    """Assert that a run is refused in one error and that the earlier outputs are untouched."""
    before = fingerprint(out)
    with pytest.raises(OutfallError, match=match) as caught:
        run(county, out=out)
    assert fingerprint(out) == before
    assert sorted(path.name for path in out.parent.iterdir()) == sorted([county.name, out.name])
    return str(caught.value)


def known(county):
    """Return what the chain knows of a county once it is traced, without writing anything."""
    return take_steps(State(project=Project.open(county), lang="zh", problems=[]), until="trace")[0]


def test_gcj02_points(county, earlier):
    """Points in the web-map shift are refused with the measured offset and the line to write; that line then works."""
    frame = sightings()
    frame["经度"], frame["纬度"] = wgs84_to_gcj02(frame["经度"].to_numpy(), frame["纬度"].to_numpy())
    frame.to_csv(county / "walk.csv", index=False, encoding="utf-8-sig")
    text = refused(
        county, earlier, match="walk.csv: the points look like gcj02: their median distance to the lines falls from"
    )
    assert 'write crs = "gcj02" under this input' in text
    settings = (
        (county / "outfall.toml").read_text("utf-8").replace('path = "walk.csv"', 'path = "walk.csv"\ncrs = "gcj02"')
    )
    (county / "outfall.toml").write_text(settings, encoding="utf-8")
    assert len(known(county)["sightings"]) == 11


def test_swapped_columns(county, earlier):
    """Longitude under the heading of latitude is refused, with the rows as the user counts them."""
    frame = sightings().rename(columns={"经度": "纬度", "纬度": "经度"})
    frame.to_csv(county / "walk.csv", index=False, encoding="utf-8-sig")
    refused(
        county, earlier, match=r"(?s)longitude and latitude look swapped.*row walk\.csv#2.*exchange the two columns"
    )


def test_gbk_files(tmp_path, county_run):
    """Files in GBK are read as they are meant: the same outfalls, names and probabilities."""
    state = known(write_county(tmp_path / "gbk", encoding="gb18030"))
    same_answer(state, county_run[2])
    assert state["outfalls"]["name"].str.endswith("号排口").all()


def same_answer(state, summary):
    """Assert that a trace ranks the same sources as a run did."""
    ranked = (
        state["found"].candidates.groupby("outfall_id")["posterior_share"].apply(lambda shares: sorted(shares.round(6)))
    )
    expected = {
        row["outfall_id"]: sorted(source["posterior_share"] for source in row["sources"]) for row in summary["outfalls"]
    }
    assert ranked.to_dict() == expected


def test_merged_headings(county, county_run):
    """A title, merged headings and units below them are understood: the same sightings as from a plain file."""
    frame = sightings()
    with xlsxwriter.Workbook(str(county / "walk.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, len(frame.columns) - 1, "某县入河排污口现场登记表")
        for at, name in enumerate(frame.columns):
            if name in ("经度", "纬度"):
                sheet.write_string(2, at, name)
            else:
                sheet.merge_range(1, at, 2, at, name)
        lon = list(frame.columns).index("经度")
        sheet.merge_range(1, lon, 1, lon + 1, "坐标(CGCS2000)")
        for row, values in enumerate(frame.itertuples(index=False), start=3):
            for at, value in enumerate(values):
                sheet.write(row, at, None if isinstance(value, float) and value != value else value)  # noqa: PLR0124
    settings = (county / "outfall.toml").read_text("utf-8").replace("walk.csv", "walk.xlsx")
    (county / "outfall.toml").write_text(settings, encoding="utf-8")
    same_answer(known(county), county_run[2])


def test_duplicate_ids(county, earlier):
    """Two works of one id are refused with the id, the rows and what to do."""
    pd.concat([permits(), permits().iloc[:1]]).to_csv(county / "permits.csv", index=False, encoding="utf-8-sig")
    refused(
        county, earlier, match=r"(?s)permits\.csv.*'S1' stands more than once.*permits\.csv#2, permits\.csv#7.*own id"
    )


def test_pipe_without_geometry(county):
    """A pipe nobody drew is listed with its id, and the run goes on without it."""
    frame = pd.concat(
        [pipes(), gpd.GeoDataFrame({"reach_id": ["P-lost"], "kind": "gravity_sewer"}, geometry=[None], crs=4549)]
    )
    frame.to_file(county / "sewers.gpkg", layer="pipes")
    state = known(county)
    issues = state["network"].issues
    lost = issues[issues["kind"] == "no_geometry"]
    assert lost["row_ids"].str.contains(r"P-lost|sewers\.gpkg#4").any()
    assert len(state["outfalls"]) == 10


def test_hostile_text(county, tmp_path):
    """Text that is code somewhere is shown as text everywhere: sheet, workbook, map, tables."""
    texts = [SCRIPT, "${document.title='hit'}", "=cmd|'/C calc'!A0", "</script>{{7*7}}<img src=x onerror=hit()>"]
    names = [texts[at % 4] for at in range(11)]
    sightings().assign(名称=names, 备注=names).to_csv(county / "walk.csv", index=False, encoding="utf-8-sig")
    permits().assign(企业名称=[*texts, SCRIPT]).to_csv(county / "permits.csv", index=False, encoding="utf-8-sig")
    out = tmp_path / "out"
    summary = run(county, out=out)
    assert set(texts) <= {row["name"] for row in summary["outfalls"]}
    assert set(texts) <= set(read_inventory(out / "inventory.xlsx")["排污口名称"])
    assert set(texts) <= set(gpd.read_file(out / "trace.gpkg", layer="outfalls")["name"])
    for page in [out / "map.html", *(out / "briefs").glob("*.html")]:
        body = page.read_text("utf-8")
        assert SCRIPT not in body
        assert "<img src=x" not in body


def test_absurd_photo(county, tmp_path):
    """A picture that claims 30,000 by 30,000 pixels is not opened and says so; the photo beside it is shown."""
    flight = county / "flight"
    flight.mkdir()
    Image.new("RGB", (64, 48), "#357").save(flight / "DJI_0001.jpg")
    Image.new("L", (1, 1)).save(flight / "DJI_0002.png")
    raw = bytearray((flight / "DJI_0002.png").read_bytes())
    raw[16:20] = raw[20:24] = (30_000).to_bytes(4, "big")
    raw[29:33] = zlib.crc32(raw[12:29]).to_bytes(4, "big")
    (flight / "DJI_0002.png").write_bytes(raw)
    walk = sightings().assign(照片=["DJI_0001.jpg", "DJI_0002.png", *[None] * 9])
    walk.to_csv(county / "walk.csv", index=False, encoding="utf-8-sig")
    run(county, out=tmp_path / "out")
    pages = "".join(page.read_text("utf-8") for page in (tmp_path / "out" / "briefs").glob("*.html"))
    assert "data:image/jpeg;base64," in pages
    assert "照片像素过多，未打开：" in pages


@pytest.mark.parametrize("name", ["walk.csv", "permits.csv", "lab.csv", "rivers.gpkg"])
def test_empty_file(county, earlier, name):
    """A file of no bytes is refused by its name."""
    (county / name).write_bytes(b"")
    refused(county, earlier, match=rf"(?s){re.escape(name)}.*the file is empty \(0 bytes\)")


def test_network_with_a_cycle(county, tmp_path):
    """A cycle is reported with its ids, every outfall still has an answer, and probabilities are numbers."""
    frame = rivers()
    frame.loc[2, "geometry"] = frame.geometry.iloc[2].reverse()
    frame.to_file(county / "rivers.gpkg", layer="rivers")
    summary = run(county, out=tmp_path / "out")
    assert summary["network"]["loops"]
    for row in summary["outfalls"]:
        assert sum(source["posterior_share"] for source in row["sources"]) <= 1 + 1e-6
