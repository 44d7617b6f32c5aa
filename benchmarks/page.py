"""Open a saved map in a browser that has no network, and count what it asks for and what it complains about."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def open_page(path: Path, *, screenshot: Path | None = None) -> dict[str, object]:
    """Return requests beyond the file itself, console errors, and the reason where no browser is there."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return {
            "map_requests": None,
            "map_console_errors": None,
            "map_why": "playwright is not installed (extra bench)",
        }
    if chromium is None:
        return {"map_requests": None, "map_console_errors": None, "map_why": "no Chromium is installed"}
    requests: list[str] = []
    errors: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        context = browser.new_context(offline=True, viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.resolve().as_uri(), wait_until="load")
        page.wait_for_timeout(2500)
        if screenshot is not None:
            page.screenshot(path=str(screenshot))
        browser.close()
    outside = [url for url in requests if not url.startswith(("file:", "data:", "blob:"))]
    return {
        "map_requests": len(outside),
        "map_console_errors": len(errors),
        "map_messages": "; ".join((outside + errors)[:5]),
    }
