"""How a saved page behaves in a browser: headless Chromium opening it from the disk with networking off.

CPU seconds count every process of the browser, from the moment it is told to open the page until they have been idle for a while. Script
milliseconds are what the page's own thread spent in JavaScript for one action, as the browser's profiler counts it; task milliseconds add
style, layout and painting.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
]  # fmt: skip
SIZE = (1280, 720)
_IDLE_S = 0.3
_IDLE_CPU_S = 0.03


def find_browser() -> str | None:
    """Return where Chromium is, or None where there is none or nothing to steer it with."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return None
    return shutil.which("chromium") or shutil.which("google-chrome")


@dataclass
class Opened:
    """One page, and what it asked for and complained of."""

    page: object
    drawn_cpu_s: float = 0.0
    drawn_wall_s: float = 0.0
    is_drawn: bool = False
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    _session: object = None

    def cpu_s(self) -> float:
        """Return the CPU seconds of all browser processes so far."""
        return _cpu_s()

    def settle(self, *, most_s: float = 20.0) -> float:
        """Wait until the browser is idle; return the CPU seconds it had used by then."""
        return _settled(most_s, self.page)

    def spent_ms(self, act: Callable[[], None]) -> dict[str, float]:
        """Do something with the mouse or keys, wait until the browser is idle, and return script_ms, task_ms and cpu_ms."""
        before, cpu_s = self.now(), _cpu_s()
        act()
        cpu_s = self.settle() - cpu_s
        after = self.now()
        return {
            "script_ms": 1000 * (after["ScriptDuration"] - before["ScriptDuration"]),
            "task_ms": 1000 * (after["TaskDuration"] - before["TaskDuration"]),
            "cpu_ms": 1000 * cpu_s,
        }

    def screenshot(self, path: Path) -> None:
        """Keep a picture of the page."""
        self.page.screenshot(path=str(path))

    def now(self) -> dict[str, float]:
        """Return the counters of the browser's profiler, in seconds."""
        told = self._session.send("Performance.getMetrics")["metrics"]
        return {row["name"]: row["value"] for row in told}


@contextmanager
def opened(
    path: Path | str,
    *,
    size: tuple[int, int] = SIZE,
    ready: str = "body.ready",
    most_s: float = 150.0,
) -> Iterator[Opened]:
    """Open a page from the disk offline and yield it once its picture stands, with what that took in ``drawn_cpu_s``.

    ``ready`` is a selector that says that the page has started; empty waits for idleness only. A page that is not idle after
    ``most_s`` is yielded with ``is_drawn`` False.
    """
    from playwright.sync_api import sync_playwright

    url = Path(path).resolve().as_uri()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_browser(), args=FLAGS)
        context = browser.new_context(offline=True, viewport={"width": size[0], "height": size[1]})
        page = context.new_page()
        found = Opened(page)
        page.on("request", lambda request: _note(found, request.url, url))
        page.on("console", lambda said: found.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.on("dialog", lambda dialog: (found.dialogs.append(dialog.message), dialog.dismiss()))
        found._session = context.new_cdp_session(page)
        found._session.send("Performance.enable")
        page.goto("about:blank")
        begun_cpu_s, begun = _settled(10, page), time.perf_counter()
        with contextlib.suppress(Exception):
            page.goto(url, timeout=1000 * most_s)
            if ready:
                page.wait_for_selector(ready, state="attached", timeout=1000 * most_s)
            found.is_drawn = True
        found.drawn_cpu_s = _settled(max(1.0, most_s - (time.perf_counter() - begun)), page) - begun_cpu_s
        found.drawn_wall_s = time.perf_counter() - begun - _IDLE_S
        try:
            yield found
        finally:
            browser.close()


def _note(found: Opened, asked: str, own: str) -> None:
    if not asked.startswith((own, "blob:", "data:", "about:")):
        found.requests.append(asked)


def _cpu_s() -> float:
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "chrom" in process.name():
                used = process.cpu_times()
                total += used.user + used.system
    return total


def _settled(most_s: float, page: object) -> float:
    """Wait until the browser used next to nothing for a while."""
    begun, used, since = time.perf_counter(), _cpu_s(), time.perf_counter()
    while time.perf_counter() - begun < most_s:
        page.wait_for_timeout(100)
        now = _cpu_s()
        if now - used > _IDLE_CPU_S:
            used, since = now, time.perf_counter()
        elif time.perf_counter() - since >= _IDLE_S:
            return now
    return _cpu_s()
