"""What does the camera of a flight write: small pictures with the position, attitude and time of a drone."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from PIL.Image import Exif
    from PIL.ImageDraw import ImageDraw

    from outfall.simulate._draw import Scenery

__all__ = ["draw_photo", "plan_photos"]

_COUNT = 25
_TAKE_OFF_ABOVE_WATER_M = 5.0
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="DJI Meta Data" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/" tiff:Make="DJI" tiff:Model="FC6310R"
 drone-dji:AbsoluteAltitude="{absolute:+.2f}" drone-dji:RelativeAltitude="{relative:+.2f}"
 drone-dji:GpsLatitude="{lat:.8f}" drone-dji:GpsLongtitude="{lon:.8f}" drone-dji:GimbalRollDegree="+0.00"
 drone-dji:GimbalYawDegree="{yaw:+.2f}" drone-dji:GimbalPitchDegree="{pitch:+.2f}"
 drone-dji:FlightRollDegree="+1.20" drone-dji:FlightYawDegree="{flight_yaw:+.2f}"
 drone-dji:FlightPitchDegree="-4.10" drone-dji:RtkFlag="{rtk}" drone-dji:RtkStdLon="0.012"
 drone-dji:RtkStdLat="0.011" drone-dji:RtkStdHgt="0.025"/>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def plan_photos(scenery: Scenery, drone: pd.DataFrame) -> pd.DataFrame:
    """Return where the camera was for each photo the crew delivered, and what it shows."""
    rng = scenery.rng(13)
    chosen = drone.iloc[np.sort(rng.permutation(len(drone))[:_COUNT])]
    rows = []
    for number, find in enumerate(chosen.itertuples(), start=1):
        pitch = float(rng.choice([-60.0, -60.0, -50.0, -70.0]))
        relative = float(rng.uniform(58, 88))
        yaw = float(rng.uniform(-180, 180))
        ground = (relative + _TAKE_OFF_ABOVE_WATER_M) / np.tan(np.radians(-pitch))
        # metres to degrees near the find; a few metres of aiming error are meant
        off = ground * np.array([np.sin(np.radians(yaw)), np.cos(np.radians(yaw))]) + rng.normal(0, 2.0, 2)
        lon = find.lon - off[0] / (111320 * np.cos(np.radians(find.lat)))
        lat = find.lat - off[1] / 110950
        rows.append(
            {
                "file": f"DJI_{number:04d}.JPG", "sighting_id": find.sighting_id, "taken_at": find.seen_at,
                "lon": round(float(lon), 8), "lat": round(float(lat), 8),
                "relative_altitude_m": round(relative, 2), "altitude_m": round(relative + 31.4, 2),
                "yaw_deg": round(yaw, 2), "pitch_deg": pitch,
                "rtk_flag": 50 if rng.random() < 0.85 else 34, "is_wet": bool(find.is_discharging),
                "is_true": bool(find.mouth_id != ""),
                "shape": find.outfall_shape, "seed": int(rng.integers(2**31)),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def draw_photo(photo: pd.Series) -> bytes:
    """Return one JPEG: water, bank, what was found, and what the camera wrote about itself."""
    from PIL import Image

    picture = _paint(photo)
    buffer = io.BytesIO()
    xmp = _XMP.format(
        absolute=photo["altitude_m"], relative=photo["relative_altitude_m"], lat=photo["lat"], lon=photo["lon"],
        yaw=photo["yaw_deg"],
        pitch=photo["pitch_deg"], flight_yaw=photo["yaw_deg"] + 1.7, rtk=photo["rtk_flag"],
    )  # fmt: skip
    Image.fromarray(picture).save(buffer, "JPEG", quality=72, exif=_exif(photo), xmp=xmp.encode())
    return buffer.getvalue()


def _exif(photo: pd.Series) -> Exif:
    from PIL import ExifTags, Image, TiffImagePlugin

    rational = TiffImagePlugin.IFDRational
    local = photo["taken_at"].tz_convert("Asia/Shanghai")
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "DJI", "FC6310R"
    exif[ExifTags.Base.DateTime] = f"{local:%Y:%m:%d %H:%M:%S}"
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.DateTimeOriginal] = f"{local:%Y:%m:%d %H:%M:%S}"
    inner[ExifTags.Base.FocalLength] = rational(880, 100)
    inner[ExifTags.Base.FocalLengthIn35mmFilm] = 24
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[1], gps[3] = "N", "E"
    for tag, value in ((2, photo["lat"]), (4, photo["lon"])):
        degrees = int(value)
        minutes = int((value - degrees) * 60)
        seconds = round(((value - degrees) * 60 - minutes) * 600000)
        gps[tag] = (rational(degrees, 1), rational(minutes, 1), rational(seconds, 10000))
    gps[5], gps[6] = b"\x00", rational(round(photo["altitude_m"] * 100), 100)
    return exif


def _paint(photo: pd.Series) -> np.ndarray:
    """Return 480 x 640 pixels: bank above, water below, a mouth between, a plume if it is wet."""
    from PIL import Image, ImageDraw, ImageFilter

    rng = np.random.default_rng(int(photo["seed"]))
    edge = (
        235
        + 14 * np.sin(np.linspace(0, rng.uniform(3, 7), 640) + rng.uniform(0, 6))
        + np.linspace(0, rng.uniform(-40, 40), 640)
    )
    down, across = np.mgrid[0:480, 0:640]
    water = down > edge[None, :]
    grass = np.array([96, 118, 62]) + rng.integers(-12, 12, 3)
    deep = np.array([74, 98, 92]) + rng.integers(-10, 10, 3)
    picture = np.where(water[..., None], deep, grass).astype(float)
    stone = (~water) & (down > edge[None, :] - 26)
    picture[stone] = (146, 138, 122)
    centre = 320 + int(rng.integers(-30, 30))
    if photo["is_wet"]:
        reach = np.maximum(down - edge[None, :], 0)
        spread = np.exp(-(((across - centre - 0.5 * reach) / (14 + 0.45 * reach)) ** 2)) * np.exp(-reach / 130) * water
        picture += spread[..., None] * (
            np.array([[170, 160, 130], [120, 110, 90], [60, 50, 50]][int(rng.integers(3))]) - deep
        )
    coarse = Image.fromarray(rng.integers(0, 255, (60, 80), dtype=np.uint8)).resize(
        (640, 480), Image.Resampling.BICUBIC
    )
    picture += (np.asarray(coarse, dtype=float)[..., None] - 127) * np.where(water, 0.05, 0.16)[..., None]
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    _draw_mouth(ImageDraw.Draw(image), photo, (centre, float(edge[centre]) - 30))
    return np.asarray(image)


def _draw_mouth(pen: ImageDraw, photo: pd.Series, at: tuple[int, float]) -> None:
    """Draw the mouth, or the branch that was taken for one, and the caption."""
    centre, top = at
    if photo["is_true"] and photo["shape"] in ("box_culvert", "open_channel", "sluice"):
        pen.rectangle((centre - 34, top, centre + 34, top + 34), fill=(168, 164, 156), outline=(90, 88, 84), width=4)
        pen.rectangle((centre - 22, top + 10, centre + 22, top + 34), fill=(36, 38, 36))
    elif photo["is_true"]:
        pen.ellipse((centre - 22, top, centre + 22, top + 40), fill=(36, 38, 36), outline=(172, 168, 160), width=6)
    else:
        pen.line((centre - 60, top + 24, centre + 70, top + 10), fill=(88, 70, 48), width=9)
    pen.rectangle((0, 456, 640, 480), fill=(20, 20, 20))
    when = f"{photo['taken_at'].tz_convert('Asia/Shanghai'):%Y-%m-%d %H:%M:%S}"
    where = f"{photo['lat']:.6f}N {photo['lon']:.6f}E   H {photo['relative_altitude_m']:.0f} m"
    pen.text((8, 461), f"{photo['file']}   {when}   {where}   INVENTED", fill=(235, 235, 235))
