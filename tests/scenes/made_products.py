"""Small products as the agencies pack them, written for the tests: their names and layout are real, their numbers are not."""

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

WEST, NORTH = 500_000.0, 3_300_000.0
UTM = 32650
SIZES = {10: 24, 20: 12, 60: 4}
FINE = ("B02", "B03", "B04", "B08")
MIDDLE = ("B05", "B06", "B07", "B8A", "B11", "B12")
MTD = """<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-{level}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
<n1:General_Info><Product_Info><PRODUCT_START_TIME>{time}</PRODUCT_START_TIME><PRODUCT_URI>{name}.SAFE</PRODUCT_URI>
<PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE><Datatake><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME></Datatake></Product_Info>
<Product_Image_Characteristics><Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX></Special_Values>
<{quantification}>10000</{quantification}>{offsets}</Product_Image_Characteristics></n1:General_Info></n1:Level-{level}_User_Product>"""


def raster(path, values, transform, crs, *, nodata=None, driver="GTiff", **options):
    """Write bands x rows x columns."""
    values = np.atleast_3d(values) if values.ndim == 3 else values[None]
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": driver, "count": len(values), "height": values.shape[1], "width": values.shape[2],
        "dtype": values.dtype, "transform": transform, "crs": crs, "nodata": nodata, **options,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as target:
        target.write(values)
    return path


def numbers(seed, size, low=1100, high=4000):
    """Return digital numbers of one band."""
    return np.random.default_rng(seed).integers(low, high, (size, size)).astype(np.uint16)


def offsets_text(baseline, level="2A", offset=-1000):
    """Return the list of offsets a baseline writes: none before 04.00."""
    if float(baseline) < 4:
        return ""
    tag = "BOA" if level == "2A" else "RADIO"
    rows = "".join(f'<{tag}_ADD_OFFSET band_id="{at}">{offset}</{tag}_ADD_OFFSET>' for at in range(13))
    return f"<{tag}_ADD_OFFSET_VALUES_LIST>{rows}</{tag}_ADD_OFFSET_VALUES_LIST>"


def safe(folder, *, baseline="05.09", date="20230821", level="2A", bands=None, scl=None, offsets=None, ending="tif"):
    """Write a SAFE folder; returns it and the digital numbers by band."""
    name = f"S2B_MSIL{level}_{date}T022549_N{baseline.replace('.', '')}_R046_T50RNU_20230822T021825"
    home = Path(folder) / f"{name}.SAFE"
    granule = home / "GRANULE" / f"L{level}_T50RNU_A01_{date}"
    held = {}
    for number, band in enumerate((*FINE, *MIDDLE, "B01")):
        gsd_m = 10 if band in FINE else 20 if band in MIDDLE else 60
        held[band] = (bands or {}).get(band, numbers(number, SIZES[gsd_m]))
        where = granule / "IMG_DATA" / f"R{gsd_m}m" / f"T50RNU_{date}T022549_{band}_{gsd_m}m.{ending}"
        band_file(where, held[band], gsd_m)
    held["SCL"] = np.full((12, 12), 6, np.uint8) if scl is None else scl
    band_file(granule / "IMG_DATA" / "R20m" / f"T50RNU_{date}T022549_SCL_20m.{ending}", held["SCL"], 20)
    time = f"{date[:4]}-{date[4:6]}-{date[6:]}T02:25:49.024Z"
    text = MTD.format(
        level=level, time=time, name=name, baseline=baseline,
        quantification="BOA_QUANTIFICATION_VALUE" if level == "2A" else "QUANTIFICATION_VALUE",
        offsets=offsets_text(baseline, level) if offsets is None else offsets,
    )  # fmt: skip
    (home / f"MTD_MSIL{level}.xml").write_text(text, encoding="utf-8")
    return home, held


def band_file(path, values, gsd_m):
    """Write a band on the grid of the tile: lossless JPEG 2000, or GeoTIFF."""
    is_jp2 = str(path).endswith(".jp2")
    options = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"} if is_jp2 else {}
    raster(path, values, Affine(gsd_m, 0, WEST, 0, -gsd_m, NORTH), UTM, **options)


def zipped(folder, path):
    """Pack a folder, with its own name inside, as ESA does."""
    with zipfile.ZipFile(path, "w") as archive:
        for item in sorted(folder.rglob("*")):
            if item.is_file():
                archive.write(item, f"{folder.name}/{item.relative_to(folder).as_posix()}")
    return path


def tarred(folder, path):
    """Pack the files of a folder, as CRESDA does."""
    with tarfile.open(path, "w:gz") as archive:
        for item in sorted(folder.iterdir()):
            archive.add(item, item.name)
    return path


def polynomials(west, north, size, gsd_deg=0.00015, tilt_per_m=0.0):
    """Return the .rpb of an image whose rows run south; height shifts columns by ``tilt_per_m`` pixels."""
    half = size / 2
    line, sample = np.zeros(20), np.zeros(20)
    line[2], sample[1] = -1.0, 1.0
    sample[3] = tilt_per_m * 500.0 / half
    one = np.zeros(20)
    one[0] = 1.0
    parts = {
        "lineOffset": half - 0.5, "sampOffset": half - 0.5, "latOffset": north - half * gsd_deg,
        "longOffset": west + half * gsd_deg, "heightOffset": 0, "lineScale": half, "sampScale": half,
        "latScale": half * gsd_deg, "longScale": half * gsd_deg, "heightScale": 500,
    }  # fmt: skip
    text = 'satId = "GF1";\nbandId = "";\nSpecId = "RPC00B";\nBEGIN_GROUP = IMAGE\n\terrBias = 1.0;\n\terrRand = 0.0;\n'
    text += "".join(f"\t{name} = {value:.12g};\n" for name, value in parts.items())
    for name, values in (("lineNumCoef", line), ("lineDenCoef", one), ("sampNumCoef", sample), ("sampDenCoef", one)):
        text += f"\t{name} = (\n" + ",\n".join(f"\t\t{value:+.12e}" for value in values) + ");\n"
    return text + "END_GROUP = IMAGE\nEND;\n"


def cresda(
    folder, satellite, sensor, *, date="20180826", count=4, size=40, parts=("",), tilt_per_m=0.0, with_rpb=True, seed=1
):
    """Write a folder of GF, HJ or ZY; returns it and the digital numbers by part."""
    name = f"{satellite}_{sensor}_E114.9_N30.6_{date}_L1A0003413393"
    home, held = Path(folder) / name, {}
    home.mkdir(parents=True)
    xml = f"<ProductMetaData><SatelliteID>{satellite}</SatelliteID><SensorID>{sensor}</SensorID><CenterTime>{date[:4]}-{date[4:6]}-{date[6:]} 11:27:01</CenterTime><SolarZenith>30</SolarZenith></ProductMetaData>"
    (home / f"{name}.xml").write_text(xml, encoding="utf-8")
    for number, part in enumerate(parts):
        stem = f"{name}-{part}" if part else name
        rows = np.random.default_rng(seed + number).integers(50, 900, (count, size, size)).astype(np.uint16)
        held[part] = rows
        plain = io.BytesIO()
        with rasterio.MemoryFile() as memory:
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with memory.open(driver="GTiff", count=count, height=size, width=size, dtype="uint16") as target:
                    target.write(rows)
            plain.write(memory.read())
        (home / f"{stem}.tiff").write_bytes(plain.getvalue())
        if with_rpb:
            west = 114.9 + number * size * 0.00015
            (home / f"{stem}.rpb").write_text(polynomials(west, 30.6, size, tilt_per_m=tilt_per_m), encoding="ascii")
    return home, held
