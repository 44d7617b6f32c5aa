"""What the command ``scene`` does: contrasts of a project's scenes, printed and saved; figures where they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outfall.chain import State, take_steps
from outfall.chain.scenes import count_unseen
from outfall.cli.screen import progress_bar, say
from outfall.errors import ProjectError
from outfall.project import Project
from outfall.vocabulary import label

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from outfall.vocabulary import Lang

__all__ = ["look_at_scenes"]

_MOST_SHOWN = 20


def look_at_scenes(folder: Path, lang: Lang, *, figures: Path | None = None) -> None:
    """Compare the water below and above every outfall in every scene, print what was seen, and save it."""
    project = Project.open(folder)
    with progress_bar() as progress:
        state = take_steps(State(project=project, lang=lang, problems=[]), until="scenes", progress=progress)[0]
    if "contrasts" not in state:
        msg = f"{project.settings['name']}: no scene; add one: outfall add scene FILE"
        raise ProjectError(msg)
    contrasts = state["contrasts"]
    for table in ("contrasts", "clues"):
        project.save(table, state[table], actor="outfall scene", replace=True)
    for name, counts in count_unseen(contrasts).items():
        say(f"{name}: " + ", ".join(f"{_word(code, lang)} {count}" for code, count in counts.items()))
    seen = contrasts[contrasts["is_observable"]].sort_values(["q", "contrast_id"], kind="stable")
    for outfall_id, reason in _told(seen, lang)[:_MOST_SHOWN]:
        say(f"  {outfall_id}  {reason}")
    if figures is not None:
        say(f"{figures}: {_draw(state, figures)}")


def _told(seen: pd.DataFrame, lang: Lang) -> list[tuple[str, str]]:
    return list(
        zip(seen["outfall_id"].astype(str), seen["reason_zh" if lang == "zh" else "reason"].astype(str), strict=True)
    )


def _word(code: str, lang: Lang) -> str:
    if code == "observable":
        return "可观测" if lang == "zh" else "observable"
    return label("unseen_reason", code, lang=lang)


def _draw(state: State, folder: Path) -> int:
    """Draw each outfall that can be seen, in the scene that shows it surest, and return how many there are."""
    from outfall.scenes.picture import plot_scene

    folder.mkdir(parents=True, exist_ok=True)
    seen = state["contrasts"][state["contrasts"]["is_observable"]].sort_values(["q", "contrast_id"], kind="stable")
    best = seen.drop_duplicates("outfall_id")
    scenes = {str(scene.attrs["source_ref"]): name for name, scene in state["seen_scenes"].items()}
    for row in best.itertuples():
        name = scenes[str(row.source_ref).partition("(")[2].rpartition(";")[0]]
        figure = plot_scene(
            state["seen_scenes"][name], state["outfalls"], state["network"],
            outfall_id=str(row.outfall_id), layer=str(row.layer), water=state["seen_water"][name], contrasts=best,
        )  # fmt: skip
        figure.savefig(folder / f"{row.outfall_id}.png", dpi=120)
    return len(best)
