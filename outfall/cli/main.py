"""What ``outfall`` on the command line can do; heavy imports wait until a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import outfall
from outfall.cli.screen import guard, prepare_streams

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["cli", "main"]

_ROLES = (
    "rivers", "pipes", "drone", "boat", "crawler", "ground", "sources", "samples", "results", "readings", "links", "scene",
)  # fmt: skip

_folder = click.argument("folder", type=click.Path(path_type=Path), default=Path())
_lang = click.option(
    "--lang", type=click.Choice(["zh", "en"]), default="zh", show_default=True, help="Language of the outputs."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(outfall.__version__, "-V", "--version", prog_name="outfall")
@click.option("--debug", is_flag=True, help="Show where in the code an error arose.")
def cli(*, debug: bool) -> None:
    """Find every outfall, trace it to who is responsible, and show the proof.

    `outfall run FOLDER` does the whole chain; the other commands are its steps. FOLDER holds an outfall.toml that says
    which file is what: `outfall init FOLDER` writes one.
    """
    del debug  # read by main(), which also catches what happens before a command begins


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0 done, 1 the data are bad, 2 the command was wrong.
    """
    prepare_streams()
    return guard(cli, arguments)


@cli.command()
@_folder
@click.option("--out", type=click.Path(path_type=Path), help="Where the outputs go  [default: ./NAME_out]")
@_lang
def run(folder: Path, out: Path | None, lang: str) -> None:
    """Do the whole chain: from raw files to map, inventory, briefs and tables."""
    from outfall.chain import run as run_chain
    from outfall.cli.screen import progress_bar, show_summary

    with progress_bar() as progress:
        summary = run_chain(folder, out=out, lang=_checked(lang), progress=progress)
    show_summary(summary, lang)


@cli.command()
@_folder
@click.option("--name", help="Name of the project  [default: that of the folder]")
def init(folder: Path, name: str | None) -> None:
    """Write an outfall.toml by looking at the files of a folder, and say what was assumed."""
    from outfall.cli.steps import init_folder

    init_folder(folder, name)


@cli.command()
@click.argument("role", type=click.Choice([*_ROLES, "network"]))
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--pipes", type=click.Path(exists=True, path_type=Path), help="With role network: the pipes beside the rivers."
)
@click.option("--crs", help="What its coordinates are: EPSG:4490, gcj02, bd09 …")
@click.option("--layer", help="Layer of a GeoPackage or sheet of a workbook.")
@click.option("--tz", help="Zone of times that do not say theirs.")
@click.option("-C", "--folder", type=click.Path(path_type=Path), default=Path(), help="The project  [default: here]")
def add(role: str, path: Path, **options: Any) -> None:
    """Add the file or folder PATH to outfall.toml as ROLE."""
    from outfall.cli.steps import add_input

    add_input(role, path, **options)


@cli.command()
@_folder
@_lang
def register(folder: Path, lang: str) -> None:
    """Make outfalls of the sightings and save them in the project."""
    from outfall.cli.steps import register_outfalls

    register_outfalls(folder, _checked(lang))


@cli.command()
@_folder
@_lang
def trace(folder: Path, lang: str) -> None:
    """Weigh the sources of every outfall and save candidates and evidence in the project."""
    from outfall.cli.steps import trace_outfalls

    trace_outfalls(folder, _checked(lang))


@cli.command(name="scene")
@_folder
@click.option("--figures", type=click.Path(path_type=Path), help="Also draw a figure per outfall into this folder.")
@_lang
def look(folder: Path, figures: Path | None, lang: str) -> None:
    """Say what the scenes show at each outfall, or why they cannot, and save both in the project."""
    from outfall.cli.scene import look_at_scenes

    look_at_scenes(folder, _checked(lang), figures=figures)


@cli.command(name="map")
@_folder
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("map.html"), show_default=True)
@_lang
def draw_map(folder: Path, output: Path, lang: str) -> None:
    """Draw everything the project knows on one page that opens without a network."""
    from outfall.cli.steps import save_map

    save_map(folder, output, _checked(lang))


@cli.command()
@_folder
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("inventory.xlsx"), show_default=True)
@_lang
def inventory(folder: Path, output: Path, lang: str) -> None:
    """Write the official table as .xlsx, .csv or .gpkg."""
    from outfall.cli.steps import save_inventory

    save_inventory(folder, output, _checked(lang))


@cli.command()
@_folder
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="Folder of the pack, or a .zip.")
@click.option("--team", default="", help="Who takes it along.  班组")
@click.option("--day", help="The day in the field, as 2026-04-12.  外业日期")
@click.option(
    "--format", "formats", multiple=True, help="kmz, gpx, ovital, geojson, xlsx, gpkg, qfield, odk  [default: all]"
)
@click.option(
    "--shift", type=click.Choice(["gcj02", "bd09"]), help="Write the OVITAL list shifted.  奥维文本的偏移坐标"
)
@click.option(
    "--base-map", type=click.Path(exists=True, path_type=Path), help="GeoTIFF or MBTiles for QField.  离线底图"
)
@_lang
def pack(folder: Path, lang: str, **options: Any) -> None:
    """Pack the outfalls for a team in the field: KMZ, GPX, OVITAL, Excel, QGIS, QField, ODK.

    Every row carries its uuid and the version of the register, so that what comes back can be compared. A pack that is
    there already is never written over.
    """
    from outfall.cli.packs import save_pack

    save_pack(folder, lang=_checked(lang), **options)


@cli.command()
@_folder
def check(folder: Path) -> None:
    """List every problem of every file and table; exit 1 if there is any."""
    from outfall.cli.steps import check_project

    click.get_current_context().exit(check_project(folder))


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("rivertown"))
@click.option("--seed", type=int, default=0, show_default=True, help="Which town.")
@click.option("--out", type=click.Path(path_type=Path), help="Where the outputs go  [default: ./NAME_out]")
@_lang
def demo(folder: Path, seed: int, out: Path | None, lang: str) -> None:
    """Write an invented river town into FOLDER and run the whole chain on it."""
    from outfall.cli.steps import write_demo

    write_demo(folder, seed)
    click.get_current_context().invoke(run, folder=folder, out=out, lang=lang)


def _checked(lang: str) -> Any:
    return lang
