"""What the tests of the page in three dimensions share: a way to its engine, and what its browser says about itself."""

from __future__ import annotations

import pytest

# Keeps the engine's map and the function that cuts tiles where a test can reach them.
HOOK = """(() => { if (window.maplibregl !== undefined || window.isHooked) return; window.isHooked = true; let kept; Object.defineProperty(window, 'maplibregl', { configurable: true, get: () => kept, set: (made) => {
  kept = Object.assign(Object.create(made), {
    Map: class extends made.Map { constructor(options) { super(options); window.theGl = this; } },
    addProtocol(name, answer) { window.cut = async (url) => Array.from(new Uint8Array((await answer({ url })).data)); made.addProtocol(name, answer); },
  }); } }); })()"""
NO_GL = """(() => { const own = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, ...rest) { return /webgl/.test(kind) ? null : own.call(this, kind, ...rest); }; })()"""
# The colours of the lines by class; and which of the expected colours fill the pictures of the symbols.
LINE = """([at]) => {
    const made = theGl.getStyle().layers.filter((one) => one.source === `s${at}` && Array.isArray((one.paint || {})['line-color'])).pop().paint['line-color'];
    return [made[made.length - 1], ...made.slice(2, -1).filter((_, k) => k % 2)];
}"""
PICTURE = """([at, expected]) => expected.map((colour, k) => {
    const { data } = theGl.getImage(`${at}.1.zh.${k}`).data, wanted = [1, 3, 5].map((from) => parseInt(colour.slice(from, from + 2), 16));
    let count = 0;
    for (let p = 0; p < data.length; p += 4) if (wanted.every((part, k) => data[p + k] === part)) count++;
    return count > 60 ? colour : count;
})"""
_DRIVER = "GPU stall due to ReadPixels"


def need_gl(context):
    """Skip where the browser has no WebGL 2, not even in software."""
    page = context.new_page()
    has_gl = page.evaluate("Boolean(document.createElement('canvas').getContext('webgl2'))")
    page.close()
    if not has_gl:
        pytest.skip("this Chromium has no WebGL 2, not even SwiftShader")


def is_quiet_gl(heard):
    """Return whether a page asked for nothing and complained of nothing; how fast the driver reads pixels is its own affair."""
    said = [text for text in heard.errors if _DRIVER not in text]
    return (heard.requests, said, heard.dialogs) == ([], [], [])


def settle(page):
    """Wait until the engine has nothing left to do: twice, because a filter is applied at the next frame."""
    page.evaluate(
        "async () => { for (let turn = 0; turn < 2; turn++) { await new Promise((done) => requestAnimationFrame(done));"
        " if (!theGl.loaded() || theGl.isMoving() || !theGl.areTilesLoaded()) await new Promise((done) => theGl.once('idle', done)); } }"
    )


def hooked(context):
    """Return a browser context whose pages keep the engine at hand."""
    if not getattr(context, "has_gl_hook", False):
        context.add_init_script(HOOK)
        context.has_gl_hook = True
    return context


def at_of(drawn, name):
    """Return the number of a layer."""
    return [layer.name for layer in drawn.layers].index(name)
