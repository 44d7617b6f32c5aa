"""What a folder of files probably is: a first outfall.toml, and every assumption behind it as a sentence."""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from outfall.errors import ProjectError
from outfall.project.checks import name_problem
from outfall.project.guess import guess_rename, guess_role, has_column
from outfall.project.look import Look, look_at
from outfall.project.roles import roles
from outfall.project.settings import DEFAULTS
from outfall.project.writing import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyproj

    from outfall.vocabulary import Lang

__all__ = ["describe_folder"]

_ANSWERS = {"truth", "answer", "answers", "真值", "答案"}
_OUTPUTS = {"inventory.xlsx", "inventory.csv", "inventory.gpkg", "trace.gpkg", "map.html", "summary.json"}
_SHOWN = 8


class _Found(NamedTuple):
    """One look: the input it becomes, or none, and the sentences about it."""

    role: str
    entry: dict[str, object]
    sentences: list[str]


def describe_folder(folder: Path | str, *, name: str | None = None, lang: Lang = "en") -> tuple[str, list[str]]:
    r"""Look at the files of a folder and return a first ``outfall.toml`` with what it assumes.

    Names, columns, shapes, photos and bands are looked at. A file that nothing explains is never guessed: it is named
    as not used. Nothing is written.

    Parameters
    ----------
    folder : path
        Files as a survey brings them home, also in folders below.
    name : str, optional
        Name of the project and of its files; that of the folder by default.
    lang : {"en", "zh"}, default "en"
        Language of the sentences.

    Returns
    -------
    str, list of str
        Text for ``outfall.toml``, in which the sentences stand as comments; the sentences, one per assumption.

    Raises
    ------
    ProjectError
        There is no such folder.

    Examples
    --------
    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> _ = (home / "permits.csv").write_text("企业名称,统一社会信用代码,经度,纬度\\n甲,,114.3,30.6\\n", encoding="utf-8")
    >>> text, assumptions = describe_folder(home)
    >>> assumptions[0]
    'permits.csv is read as a list of sources: it names permits or units (统一社会信用代码).'
    """
    home = Path(folder)
    if not home.is_dir():
        msg = f"{home}: no such folder; give the folder that holds the files"
        raise ProjectError(msg)
    looks = look_at(home)
    found = [_describe(look, lang) for look in looks if look.kind not in ("other", "photo") and not _is_thin(look)]
    order = list(roles())
    used = sorted((item for item in found if item.role), key=lambda item: order.index(item.role))
    unused = [sentence for item in found if not item.role for sentence in item.sentences] + _leftovers(looks, lang)
    if not used:
        unused.append(_tell("nothing", lang))
    elif not {"rivers", "pipes"} & {item.role for item in used}:
        unused.append(_tell("no_lines", lang))
    settings, general = _settings(home, name, lang)
    text = write_text(settings, [(item.entry, item.sentences) for item in used], notes=[*general, *unused])
    return text, [*(sentence for item in used for sentence in item.sentences), *general, *unused]


def _describe(look: Look, lang: Lang) -> _Found:
    shown = f"{look.name} [{look.layer}]" if look.layer else look.name
    reason = _why_not(look)
    if reason:
        return _Found("", {}, [_tell(reason, lang, file=shown, detail=look.detail or str(look.count))])
    if look.kind in ("photos", "raster"):
        role, why = ("drone", "photos") if look.kind == "photos" else ("scene", "bands")
        return _Found(role, {"role": role, "path": look.name}, [_read_as(shown, role, why, str(look.count), lang)])
    guess = guess_role(look)
    if guess is None:
        return _Found("", {}, [_tell("unknown", lang, file=shown, detail=_some(look.headings))])
    entry: dict[str, object] = {"role": guess.role, "path": look.name}
    takes = roles()[guess.role].takes
    if look.layer and "layer" in takes:
        entry["layer"] = look.layer
    rename = guess_rename(look, guess.role) if "rename" in takes else {}
    if rename:
        entry["rename"] = rename
    sentences = [_read_as(shown, guess.role, guess.why, guess.detail, lang)]
    sentences += [_tell("rename", lang, file=shown, heading=old, column=new) for old, new in rename.items()]
    return _Found(guess.role, entry, sentences + _missing(look, guess.role, {*rename.values()}, shown, lang))


def _why_not(look: Look) -> str:
    file = Path(look.name)
    if file.stem.casefold() in _ANSWERS:
        return "answer"
    if file.name.casefold() in _OUTPUTS or look.layer == "snapshot":
        return "output"
    if look.kind == "broken":
        return "unreadable"
    return "outline" if look.shape == "area" else ""


def _missing(look: Look, role: str, renamed: set[str], shown: str, lang: Lang) -> list[str]:
    """Say what a reader will miss: the time of a form, the CRS of a file with shapes."""
    sentences = []
    crs = getattr(look.frame, "crs", None)
    if look.shape and crs is None:
        sentences.append(_tell("no_crs", lang, file=shown))
    elif crs is not None and look.shape:
        sentences.append(_tell("one_crs", lang, file=shown, detail=_crs_name(crs)))
    if role == "ground" and not has_column(look, "sightings", "seen_at") and "seen_at" not in renamed:
        sentences.append(_tell("no_time", lang, file=shown))
    if role == "samples" and not has_column(look, "samples", "taken_at") and "taken_at" not in renamed:
        sentences.append(_tell("no_sample_time", lang, file=shown))
    return sentences


def _crs_name(crs: pyproj.CRS) -> str:
    """Return the code a CRS says itself, else its name; to search the register for a likeness can take half a minute."""
    said = crs.to_json_dict().get("id")
    return f"{said['authority']}:{said['code']}" if said else str(crs.name)


def _leftovers(looks: list[Look], lang: Lang) -> list[str]:
    photos = sum(look.kind == "photo" for look in looks)
    sentences = [_tell("loose_photos", lang, detail=str(photos))] if photos else []
    thin = [look.name for look in looks if _is_thin(look)]
    sentences += [_tell("thin_raster", lang, detail=_some(thin))] if thin else []
    others = [look.name for look in looks if look.kind == "other"]
    return sentences + ([_tell("others", lang, detail=_some(others))] if others else [])


def _is_thin(look: Look) -> bool:
    """Return whether a raster has too few bands to be an image."""
    return look.kind == "raster" and look.count < 3


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" … ({len(names)})" if len(names) > _SHOWN else "")


def _settings(home: Path, name: str | None, lang: Lang) -> tuple[Mapping[str, str], list[str]]:
    own = home.resolve().name
    own = "project" if not own or name_problem(own) else own
    sentences = [_tell("name", lang, detail=own)] if name is None else []
    sentences += [_tell(key, lang) for key in ("crs", "points_crs", "tz")]
    return {**DEFAULTS, "name": name or own}, sentences


def _read_as(shown: str, role: str, why: str, detail: str, lang: Lang) -> str:
    label = roles()[role].zh if lang == "zh" else roles()[role].en
    return _tell("read", lang, file=shown, role=label, why=_say(why, lang, detail=detail))


def _tell(key: str, lang: Lang, **parts: str) -> str:
    """Return a whole sentence."""
    return _say(key, lang, **parts) + ("。" if lang == "zh" else ".")


def _say(key: str, lang: Lang, **parts: str) -> str:
    """Return a phrase with its parts put in, in one pass: text of the user is never read as a template."""
    return re.sub(r"\{(file|role|why|detail|heading|column)\}", lambda found: parts[found[1]], _phrases()[key][lang])


@cache
def _phrases() -> dict[str, dict[str, str]]:
    text = files(__package__).joinpath("sentences.csv").read_text(encoding="utf-8")
    return {row["key"]: row for row in csv.DictReader(text.splitlines())}
