"""What the command ``pack`` does: the outfalls of a project as one pack for one team and one day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.cli.screen import progress_bar, say
from outfall.cli.steps import load_register

if TYPE_CHECKING:
    from pathlib import Path

    from outfall.vocabulary import Lang

__all__ = ["save_pack"]


def save_pack(
    folder: Path,
    *,
    out: Path,
    team: str,
    day: str | None,
    formats: tuple[str, ...],
    shift: str | None,
    base_map: Path | None,
    lang: Lang,
) -> None:
    """Write the pack and say what it holds."""
    from outfall.reports import FieldPack, write_field_pack
    from outfall.store import read_events

    state = load_register(folder, lang)
    project = state["project"]
    last = read_events(project.store).iloc[-1]
    settings = FieldPack(
        team=team, day=day, register=f"{last['seq']}:{last['hash'][:12]}", lang=lang, formats=formats,
        photos_folder=project.folder, base_map=base_map, shift=shift or "",  # type: ignore[arg-type]
    )  # fmt: skip
    with progress_bar() as progress:
        write_field_pack(
            state["outfalls"], out, network=state.get("network"), sources=state.get("sources"),
            sightings=state.get("sightings"), settings=settings, progress=progress,
        )  # fmt: skip
    count = len(state["outfalls"])
    say(
        f"{out}: 排污口 {count} 个，{settings.register}"
        if lang == "zh"
        else f"{out}: {count} outfalls, {settings.register}"
    )
