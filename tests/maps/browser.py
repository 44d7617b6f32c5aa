"""A page opened from the disk in headless Chromium with networking off, and everything it asked for or complained about."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]
DESKTOP = (1400, 900)
PHONE = (390, 844)


@contextmanager
def browse(chromium):
    """Yield a browser context without a network; it is closed afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine, tempfile.TemporaryDirectory() as folder:
        context = engine.chromium.launch_persistent_context(
            folder,
            executable_path=chromium,
            headless=True,
            args=_FLAGS,
            viewport={"width": DESKTOP[0], "height": DESKTOP[1]},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            offline=True,
        )
        try:
            yield context
        finally:
            context.close()


@contextmanager
def opened(context, path, *, size=DESKTOP, mark="", answer=None, until=".ready", beside=False, most_s=15):
    """Yield a page with ``requests``, ``errors`` and ``dialogs`` lists; its own folder is no request where ``beside`` is true."""
    page = context.new_page()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    heard = SimpleNamespace(page=page, requests=[], errors=[], dialogs=[])
    url = Path(path).resolve().as_uri()
    own = (url, f"{url.rpartition('.')[0]}_files/") if beside else (url,)
    page.on("request", lambda request: _note(heard, request, own))
    page.on("console", lambda said: heard.errors.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.errors.append(str(error)))
    page.on("dialog", lambda dialog: (heard.dialogs.append(dialog.message), dialog.dismiss()))
    if answer is not None:
        page.route("**/*", answer)
    try:
        page.goto(url + mark)
        page.wait_for_selector(until, timeout=1000 * most_s, state="attached")
        page.wait_for_timeout(80)
        yield heard
    finally:
        page.close()


def use_tool(page, name):
    """Use a tool wherever it stands: in the bar, or in the menu behind it."""
    if not page.locator(f"#{name}").count():
        page.click("#more")
    page.click(f"#{name}")
    page.wait_for_timeout(60)


def wait_until(page, expression, *, patience_ms=8_000):
    """Wait until an expression is true; asked from outside, because our pages allow no text to become code."""
    for _ in range(patience_ms // 40):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(40)
    msg = f"not true within {patience_ms} ms: {expression}"
    raise AssertionError(msg)


def is_quiet(heard):
    """Return whether a page asked for nothing, complained of nothing, opened no dialog and shows no trouble."""
    return (
        heard.requests == []
        and heard.errors == []
        and heard.dialogs == []
        and heard.page.locator("#trouble").is_hidden()
    )


def _note(heard, request, own):
    if not request.url.startswith((*own, "blob:", "data:")):
        heard.requests.append(request.url)
