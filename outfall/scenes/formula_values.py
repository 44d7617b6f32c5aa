"""What do formulas say about a scene: maps of their values, of the same size, with no value where they have none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from outfall.errors import SceneError
from outfall.scenes.formula_list import check_formula, find_formula
from outfall.scenes.program import compile_formulas
from outfall.scenes.scene import ROLES, quantity_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from outfall.scenes.program import Program

__all__ = ["as_quantity", "compute", "list_refusals"]

_FACTORS = {("Rrs", "rho_w"): np.pi, ("rho_w", "Rrs"): 1 / np.pi}
_ASSUMED = {("rho_s", "rho_w"), ("rho_s", "Rrs")}


def compute(scene: xr.Dataset, names: str | Sequence[str]) -> xr.Dataset:
    """Return the values of formulas over a scene.

    Parameters
    ----------
    scene : Dataset
        A scene, in memory or chunked; a chunked one stays lazy, and both give the same bits.
    names : str or sequence of str
        Of formulas.

    Returns
    -------
    Dataset
        One ``float32`` variable per formula, NaN where it has no value (see :func:`list_refusals`); its attributes say
        label, unit, citation and the bands used. ``flags`` ride along; where a bad one is set the value stays, since masking
        is the reader's choice.

    Raises
    ------
    SceneError
        A formula was not made for this scene.

    Examples
    --------
    >>> import pyproj
    >>> from affine import Affine
    >>> from outfall.scenes import Band, Grid, make_scene
    >>> grid = Grid(1, 2, Affine(10, 0, 500000, 0, -10, 3300000), pyproj.CRS(32651))
    >>> bands = {"green": Band(np.array([[0.06, 0.1]])), "nir": Band(np.array([[0.02, 0.3]]))}
    >>> compute(make_scene(bands, grid, quantity="rho_s"), "ndwi")["ndwi"].values.round(3).tolist()
    [[0.5, -0.5]]
    """
    wanted = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    found = {name: check_formula(scene, name) for name in wanted}
    out = xr.Dataset(coords={key: scene.coords[key] for key in ("y", "x")}, attrs=dict(scene.attrs))
    for group in _groups(wanted, found):
        roles = _merged([found[name] for name in group])
        program = _program(group, roles, scene)
        bands = {own: scene[roles[own]].data for own in program.bands}
        for name, values in zip(group, _run(program, bands, scene), strict=True):
            out[name] = (("y", "x"), values, _attrs(name, found[name], scene))
    if "flags" in scene:
        out["flags"] = scene["flags"]
    return out


def as_quantity(scene: xr.Dataset, quantity: str, *, is_assumed: bool = False) -> xr.Dataset:
    """Return a scene with its reflectances as another quantity.

    Parameters
    ----------
    scene : Dataset
        A scene.
    quantity : str
        ``Rrs`` and ``rho_w`` become each other by pi. Surface reflectance becomes either only if ``is_assumed``.
    is_assumed : bool, default False
        Take surface reflectance for water-leaving reflectance: no correction over water was made, sky glint and the haze
        of the land are still in it. Everything computed from it says so.

    Returns
    -------
    Dataset
        A new scene; its attribute ``assumed_from`` tells where an assumption was made.

    Raises
    ------
    SceneError
        No way leads from one to the other.
    """
    own = quantity_of(scene)
    if own == quantity:
        return scene.copy()
    is_way = (own, quantity) in _FACTORS or (is_assumed and (own, quantity) in _ASSUMED)
    if not is_way:
        hint = "; is_assumed=True takes one for the other" if (own, quantity) in _ASSUMED else ""
        msg = f"quantity: {own or 'nobody said'} does not become {quantity}{hint}"
        raise SceneError(msg)
    factor = _FACTORS.get((own, quantity), 1 / np.pi if quantity == "Rrs" else 1.0)
    out = scene.copy()
    for role in map(str, scene.data_vars):
        if role in ROLES and quantity_of(scene, role) == own:
            out[role] = (scene[role] * np.float32(factor)).assign_attrs(scene[role].attrs)
    out.attrs = {**scene.attrs, "quantity": quantity}
    if (own, quantity) in _ASSUMED:
        out.attrs["assumed_from"] = own
    return out


def list_refusals(scene: xr.Dataset, name: str, *, where: object = None) -> pd.DataFrame:
    """Return why a formula has no value, and for which share of the pixels.

    Parameters
    ----------
    scene : Dataset
        A scene.
    name : str
        Of a formula.
    where : bool array, rows x columns, optional
        Pixels that count (water, say); all by default.

    Returns
    -------
    DataFrame
        ``reason``, ``reason_zh`` and ``pixel_share`` per condition that holds anywhere; a pixel may meet several.

    Raises
    ------
    SceneError
        The formula was not made for this scene.
    """
    formula, roles = find_formula(name), check_formula(scene, name)
    bands = {own: np.asarray(scene[role].to_numpy(), np.float32) for own, role in roles.items()}
    texts = [(f"where({one.when}, 1, 0)", one.en, one.zh) for one in formula.refuse]
    texts += [(f"where({own} != {own}, 1, 0)", f"no data in {roles[own]}", f"{roles[own]} 无数据") for own in bands]
    counts = np.ones((scene.sizes["y"], scene.sizes["x"]), bool) if where is None else np.asarray(where, bool)
    rows = []
    for text, en, zh in texts:
        met = _evaluate(text, bands, scene, formula.let) == 1
        rows.append({"reason": en, "reason_zh": zh, "pixel_share": float((met & counts).sum() / max(counts.sum(), 1))})
    value = _evaluate(formula.expression, bands, scene, formula.let)
    known = np.all([np.isfinite(band) for band in bands.values()], axis=0)
    odd = known & ~np.isfinite(value)
    if formula.valid is not None:
        odd |= known & ((value < formula.valid[0]) | (value > formula.valid[1]))
    rows.append(
        {
            "reason": "a denominator that is not positive, or a result outside its range",
            "reason_zh": "分母非正或结果超出有效范围",
            "pixel_share": float((odd & counts).sum() / max(counts.sum(), 1)),
        }
    )
    frame = pd.DataFrame(rows).astype({"reason": "str", "reason_zh": "str"})
    return frame[frame["pixel_share"] > 0].reset_index(drop=True)


def _evaluate(
    text: str, bands: Mapping[str, NDArray[np.float32]], scene: xr.Dataset, let: Mapping[str, str]
) -> NDArray[np.float32]:
    program = compile_formulas([text], centres_nm=_centres(scene, {own: own for own in bands}), let=let)
    out = np.empty((scene.sizes["y"], scene.sizes["x"]), np.float32)
    program.run(bands, [out])
    return out


def _groups(names: Sequence[str], found: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    """Return formulas that can be one program: a name means the same band in all of them, and none has parts of its own."""
    groups: list[tuple[dict[str, str], list[str]]] = []
    for name in names:
        own = dict(found[name])
        for roles, group in groups if not find_formula(name).let else ():
            if all(roles.get(key, role) == role for key, role in own.items()):
                roles.update(own)
                group.append(name)
                break
        else:
            groups.append(({**own, "": name} if find_formula(name).let else own, [name]))
    return [group for _, group in groups]


def _merged(parts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {key: role for part in parts for key, role in part.items()}


def _program(names: Sequence[str], roles: Mapping[str, str], scene: xr.Dataset) -> Program:
    known = [find_formula(name) for name in names]
    refused = []
    for formula in known:
        own = [one.when for one in formula.refuse]
        if "where(" in formula.expression:
            own += [f"{band} != {band}" for band in formula.bands]
        if formula.valid is not None:
            low, high = formula.valid
            own += [f"({formula.expression}) < {low!r}", f"({formula.expression}) > {high!r}"]
        refused.append(own)
    texts = [formula.expression for formula in known]
    return compile_formulas(texts, refused=refused, centres_nm=_centres(scene, roles), let=known[0].let)


def _centres(scene: xr.Dataset, roles: Mapping[str, str]) -> dict[str, float]:
    return {
        own: float(scene[role].attrs["centre_nm"])
        for own, role in roles.items()
        if role in scene and "centre_nm" in scene[role].attrs
    }


def _run(program: Program, bands: Mapping[str, Any], scene: xr.Dataset) -> Sequence[Any]:
    if all(isinstance(band, np.ndarray) for band in bands.values()):
        outs = [np.empty((scene.sizes["y"], scene.sizes["x"]), np.float32) for _ in range(program.outputs)]
        program.run(bands, outs)
        return outs
    from dask import array

    names = list(bands)
    blocks: Any = array.map_blocks
    chunks = ((program.outputs,), *next(iter(bands.values())).chunks)
    stacked = blocks(_block, *bands.values(), program=program, names=names, dtype=np.float32, new_axis=0, chunks=chunks)
    return [stacked[number] for number in range(program.outputs)]


def _block(*blocks: NDArray[np.float32], program: Program, names: Sequence[str]) -> NDArray[np.float32]:
    out = np.empty((program.outputs, *blocks[0].shape), np.float32)
    program.run({name: np.asarray(block) for name, block in zip(names, blocks, strict=True)}, list(out))
    return out


def _attrs(name: str, roles: Mapping[str, str], scene: xr.Dataset) -> dict[str, object]:
    formula = find_formula(name)
    gsd = [float(scene[role].attrs["gsd_m"]) for role in roles.values() if "gsd_m" in scene[role].attrs]
    return {
        "long_name": formula.en, "long_name_zh": formula.zh, "units": formula.unit or "1", "formula": formula.expression,
        "cite": formula.cite, "is_verified": int(formula.is_verified), "bands": ", ".join(f"{own}={role}" for own, role in roles.items()),
        # Resampling adds no detail: what the coarsest band cannot see, the result cannot.
        **({"gsd_m": max(gsd)} if gsd else {}),
        **({"threshold": formula.threshold} if formula.threshold is not None else {}),
        **({"assumed_from": scene.attrs["assumed_from"]} if "assumed_from" in scene.attrs else {}),
    }  # fmt: skip
