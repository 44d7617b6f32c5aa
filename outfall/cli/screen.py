"""What a person sees: progress, one clear message when something is wrong, and the answer in one table."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from outfall.errors import OutfallError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["guard", "prepare_streams", "progress_bar", "say", "show_counts", "show_summary"]

_DONE, _BAD_DATA, _BAD_USAGE, _STOPPED = 0, 1, 2, 130
_SHOWN = 12
_PHRASES: Mapping[str, tuple[str, str]] = {
    "made": ("{sightings} 个疑似点 -> {outfalls} 个排污口，{doubtful} 对需要复核", "{sightings} sightings -> {outfalls} outfalls, {doubtful} need a second look"),
    "network": ("水系管网：{reaches} 段，{pieces} 片，{loops} 处环路", "network: {reaches} reaches in {pieces} pieces, {loops} loops"),
    "traced": ("溯源：{count} 个排污口，其中 {nobody} 个首位为未登记污染源", "traced: {count} outfalls, {nobody} of them most likely to a source nobody registered"),
    "outfall": ("排污口", "Outfall"),
    "name": ("名称", "Name"),
    "first": ("首位候选", "First candidate"),
    "share": ("概率", "Probability"),
    "nobody": ("未登记污染源", "a source nobody registered"),
    "more": ("…… 其余 {count} 个见 inventory.xlsx", "… {count} more in inventory.xlsx"),
    "written": ("结果：{out}  ({seconds:.1f} 秒)", "written to {out}  ({seconds:.1f} s)"),
}  # fmt: skip


def prepare_streams() -> None:
    """Let a console print what it can: a sign its code page lacks becomes ``?`` and never an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def guard(command: click.Command, arguments: Sequence[str] | None) -> int:
    """Run a command and turn every way it can end into an exit code and one clear message.

    Parameters
    ----------
    command : click.Command
        What to run.
    arguments : sequence of str or None
        Those of the process where None. ``--debug`` may stand anywhere.

    Returns
    -------
    int
        0 done, 1 bad data, 2 bad usage, 130 stopped by the user.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in given
    try:
        ended = command.main([text for text in given if text != "--debug"], prog_name="outfall", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("Stopped; earlier outputs are unchanged.\n")
        return _STOPPED
    except Exception as error:  # noqa: BLE001  # the last door: whatever happened, the user gets a sentence
        if is_debug:
            import traceback

            traceback.print_exc()
        sys.stderr.write(f"Error: {_sentence(error)}\n")
        return _BAD_DATA
    return ended if isinstance(ended, int) else _DONE


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show steps as they begin: a bar on a terminal, plain lines in a file or pipe."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _plain_progress
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda text, done, total: bar.update(task, description=text, completed=done, total=total)


def _plain_progress(text: str, done: int, total: int) -> None:
    if text:
        sys.stderr.write(f"[{done + 1}/{total}] {text}\n")
        sys.stderr.flush()


def say(text: str) -> None:
    """Print a line to the console, in the code page it has: click would write UTF-8 to an ASCII one."""
    sys.stdout.write(f"{text}\n")


def show_counts(sightings: int, outfalls: int, doubtful: int, *, lang: str) -> None:
    """Print what register made of what."""
    say(_phrase("made", lang, sightings=sightings, outfalls=outfalls, doubtful=doubtful))


def show_summary(summary: Mapping[str, Any], lang: str) -> None:
    """Print what a run found: counts, the first candidate of each outfall, and where everything is."""
    counts, network = summary["counts"], summary["network"]
    show_counts(counts.get("sightings", 0), counts.get("outfalls", 0), summary["second_look"], lang=lang)
    pieces, loops = len(network["pieces"]), len(network["loops"])
    say(_phrase("network", lang, reaches=network["reaches"], pieces=pieces, loops=loops))
    traced = [row for row in summary["outfalls"] if row["sources"]]
    if traced:
        nobody = sum(row["sources"][0]["source_id"] == "unregistered" for row in traced)
        say(_phrase("traced", lang, count=len(traced), nobody=nobody))
        show_ranks(traced, lang)
    say(_phrase("written", lang, out=summary["out"], seconds=summary["seconds"]))


def show_ranks(rows: Sequence[Mapping[str, Any]], lang: str) -> None:
    """Print the first candidate of the surest outfalls, those nobody registered can reach last; names are text."""
    from os.path import commonprefix

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from outfall.reports.reasons import percent

    table = Table(*(_phrase(name, lang) for name in ("outfall", "name", "first")))
    table.add_column(_phrase("share", lang), justify="right")
    ordered = sorted(
        rows, key=lambda row: (len(row["sources"]) == 1, -row["sources"][0]["posterior_share"], row["outfall_id"])
    )
    named = [row["name"] for row in rows if row["name"]]
    same = len(commonprefix(named)) if len(named) > 1 else 0  # noqa: RUF071  # names are no paths
    for row in ordered[:_SHOWN]:
        first = row["sources"][0]
        name = _phrase("nobody", lang) if first["source_id"] == "unregistered" else first["name"] or first["source_id"]
        cells = (row["outfall_id"], (row["name"] or "")[same:], name)
        table.add_row(*(Text(str(cell)) for cell in cells), percent(first["posterior_share"]))
    Console(highlight=False).print(table)
    if len(rows) > _SHOWN:
        say(_phrase("more", lang, count=len(rows) - _SHOWN))


def _phrase(key: str, lang: str, **values: object) -> str:
    return _PHRASES[key][0 if lang == "zh" else 1].format(**values)


def _sentence(error: Exception) -> str:
    if isinstance(error, OutfallError):
        return str(error)
    if isinstance(error, PermissionError):
        return f"{error.filename}: cannot be opened or replaced ({error.strerror}); close it in other programs and run again"
    if isinstance(error, OSError):
        return f"{error.filename or 'the disk'}: {error.strerror or error}; correct that and run again"
    if isinstance(error, MemoryError):
        return "the memory of this computer is not enough; run with fewer inputs at a time"
    return f"{type(error).__name__}: {error}. This is a fault of outfall and not of your data; run again with --debug and report it"
