"""How does a town become files: the folder a survey team would hand over, and the answer sheet beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import tomlkit

from outfall.simulate._photos import draw_photo
from outfall.simulate._scene import write_scene
from outfall.simulate._workbooks import write_lab, write_permits, write_walk
from outfall.tables import contract
from outfall.vocabulary import label

if TYPE_CHECKING:
    import geopandas as gpd

    from outfall.simulate.town import Town

__all__ = ["write_town"]

_TZ = "Asia/Shanghai"
_WRITTEN_AT = "2026-04-20T00:00:00.000Z"
_INPUTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("rivers", "rivers.gpkg", {"layer": "rivers"}),
    ("pipes", "sewers.gpkg", {"layer": "pipes"}),
    ("drone", "flight_0412", {}),
    ("boat", "tow_0413.csv", {}),
    ("crawler", "cctv.csv", {}),
    ("ground", "walk.xlsx", {}),
    ("sources", "permits.xlsx", {}),
    ("samples", "lab.xlsx", {"layer": "采样记录"}),
    ("results", "lab.xlsx", {"layer": "检测结果"}),
    ("readings", "meters.csv", {}),
    ("scene", "S2_20260412.tif", {}),
)


def write_town(town: Town, folder: Path | str) -> list[Path]:
    """Write the files a survey of the town would bring home, and the truth beside them.

    ``outfall.toml`` names the inputs and never the truth. Texts are Chinese as offices write them; the sewer plan has
    its mistakes. The same town gives the same bytes with the same library versions.

    Parameters
    ----------
    town : Town
        From make_town.
    folder : path
        Made where it does not exist; files of the same names are replaced.

    Returns
    -------
    list of Path
        Every file written, in the order of the README.

    Raises
    ------
    OSError
        The folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from outfall.simulate import make_town
    >>> files = write_town(make_town(1), tempfile.mkdtemp())
    >>> sorted(file.name for file in files if file.suffix in (".csv", ".toml"))
    ['cctv.csv', 'meters.csv', 'outfall.toml', 'tow_0413.csv', 'truth.csv']
    """
    target = Path(folder)
    (target / "flight_0412").mkdir(parents=True, exist_ok=True)
    written = [target / "outfall.toml", target / "rivers.gpkg", target / "sewers.gpkg"]
    written[0].write_text(_settings(town), encoding="utf-8", newline="\n")
    _write_layer(_river_layer(town), written[1], layer="rivers")
    _write_layer(_pipe_layer(town), written[2], layer="pipes")
    written += _write_flight(town, target / "flight_0412")
    written += _write_tables(town, target)
    for name, write in (("walk.xlsx", write_walk), ("permits.xlsx", write_permits), ("lab.xlsx", write_lab)):
        write(town, target / name)
        written.append(target / name)
    if town.scene is not None:
        write_scene(town.scene, target / "S2_20260412.tif")
        written.append(target / "S2_20260412.tif")
    readme = target / "README.md"
    readme.write_text(_readme(town), encoding="utf-8", newline="\n")
    return [*written, readme]


def _settings(town: Town) -> str:
    document = tomlkit.document()
    document.add(tomlkit.comment(f"An invented town, seed {town.seed}. The answer sheet is not an input."))
    project = tomlkit.table()
    project.update({"name": "rivertown", "crs": "auto", "points_crs": "EPSG:4490", "tz": _TZ})
    document["project"] = project
    inputs = tomlkit.aot()
    for role, path, options in _INPUTS:
        if role == "scene" and town.scene is None:
            continue
        item = tomlkit.table()
        item.update({"role": role, "path": path, **options})
        inputs.append(item)
    document["input"] = inputs
    return tomlkit.dumps(document)


def _river_layer(town: Town) -> gpd.GeoDataFrame:
    headings = contract("reaches").headings("zh")
    frame = town.rivers.assign(kind=[label("reach_kind", kind, lang="zh") for kind in town.rivers["kind"]])
    frame = frame.rename(columns={name: headings[name] for name in frame.columns if name in headings})
    return frame.to_crs("EPSG:4490")


def _pipe_layer(town: Town) -> gpd.GeoDataFrame:
    names = {
        "reach_id": "管线编号", "kind": "类型", "system": "排水体制", "diameter_mm": "管径(mm)", "from_node": "起点井号",
        "to_node": "终点井号",
        "invert_from_m": "起点管底高程", "invert_to_m": "终点管底高程", "material": "管材", "built": "建设年份",
    }  # fmt: skip
    kinds = {"gravity_sewer": "排水管", "pressure_main": "压力管", "pump": "泵站", "weir": "溢流堰", "ditch": "沟渠"}
    frame = town.pipes.drop(columns="is_reversed")
    system = [label("drain_system", value, lang="zh") if value else None for value in frame["system"]]
    return frame.assign(kind=frame["kind"].map(kinds), system=system).rename(columns=names)


def _write_layer(frame: gpd.GeoDataFrame, path: Path, *, layer: str) -> None:
    """Write a GeoPackage whose bytes do not depend on the clock."""
    import pyogrio

    path.unlink(missing_ok=True)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _WRITTEN_AT})
    try:
        pyogrio.write_dataframe(frame, path, layer=layer, driver="GPKG")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _write_flight(town: Town, folder: Path) -> list[Path]:
    written = []
    for _, photo in town.photos.iterrows():
        file = folder / str(photo["file"])
        file.write_bytes(draw_photo(photo))
        written.append(file)
    photo_of = dict(zip(town.photos["sighting_id"], town.photos["file"], strict=True))
    features = [
        {
            "type": "Feature",
            "properties": {
                "id": find.sighting_id, "time": find.seen_at.tz_convert(_TZ).isoformat(),
                "confidence": find.confidence_share, "accuracy_m": find.sigma_m,
                "shape": label("outfall_shape", find.outfall_shape, lang="zh"),
                "flowing": "是" if find.is_discharging else "否", "photo": photo_of.get(find.sighting_id, ""),
            },
            "geometry": {"type": "Point", "coordinates": [find.lon, find.lat]},
        }
        for find in town.drone.itertuples()
    ]  # fmt: skip
    finds = folder / "finds.geojson"
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    finds.write_text(f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n', encoding="utf-8", newline="\n")
    return [*written, finds]


def _write_tables(town: Town, folder: Path) -> list[Path]:
    boat = town.boat.assign(seen_at=_local(town.boat["seen_at"]))
    boat.columns = pd.Index(
        ["时间", "经度", "纬度", "水温(℃)", "电导率(µS/cm)", "浊度(NTU)", "溶解氧(mg/L)", "氨氮(mg/L)"]
    )
    crawler = town.crawler.assign(seen_at=_local(town.crawler["seen_at"]))
    crawler.columns = pd.Index(
        [
            "管段编号",
            "起点井号",
            "终点井号",
            "检测方向",
            "距离(m)",
            "管段长度(m)",
            "代码",
            "等级",
            "时钟位置",
            "备注",
            "检测时间",
        ]
    )
    meters = town.readings.assign(
        read_at=_local(town.readings["read_at"]),
        parameter=town.readings["parameter"].map({"flow": "流量", "energy": "用电量"}),
    )
    meters.columns = pd.Index(["监测点编号", "企业编号", "监测项目", "监测时间", "数值", "单位", "数据标记"])
    truth = town.truth.assign(
        **{name: town.truth[name].map({True: "yes", False: "no"}) for name in ("is_flowing", "is_sampled")}
    )
    written = []
    for name, frame in (("tow_0413.csv", boat), ("cctv.csv", crawler), ("meters.csv", meters), ("truth.csv", truth)):
        frame.to_csv(
            folder / name, index=False, lineterminator="\n", encoding="utf-8-sig" if name != "truth.csv" else "utf-8"
        )
        written.append(folder / name)
    return written


def _local(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times, utc=True).dt.tz_convert(_TZ).dt.strftime("%Y-%m-%d %H:%M:%S")


def _readme(town: Town) -> str:
    from importlib.resources import files

    text = files("outfall.simulate").joinpath("readme.txt").read_text(encoding="utf-8")
    sizes = "\n".join(f"| `{name}` | {value:g} |" for name, value in town.settings.items())
    counts = {
        "seed": town.seed, "rivers": len(town.rivers), "pipes": len(town.pipes), "finds": len(town.drone),
        "photos": len(town.photos), "boat": len(town.boat),
        "crawler": len(town.crawler), "walk": len(town.walk), "permits": len(town.permits),
        "samples": len(town.samples), "results": len(town.results),
        "readings": len(town.readings), "outfalls": len(town.truth), "sources": len(town.sources),
        "hidden": int((~town.sources["is_registered"]).sum()),
        "flowing": int(town.truth["is_flowing"].sum()), "sampled": int(town.truth["is_sampled"].sum()),
        "sizes": sizes,
    }  # fmt: skip
    if town.size != "small":
        text = text.replace("make_town({seed})", f"make_town({{seed}}, size={town.size!r})")
    if town.scene is None:
        text = "\n".join(line for line in text.splitlines() if not line.startswith("| `S2_")) + "\n"
    for name, value in counts.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
