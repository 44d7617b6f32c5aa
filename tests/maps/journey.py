"""One journey through every feature of a page, by clicking and by keys; it holds for any page, size and language."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from outfall.coordinates import wgs84_to_gcj02
from tests.maps.browser import PHONE, use_tool
from tests.maps.timed import numbers_in

INK = (
    "s => [...document.querySelectorAll(s)].map(c => { const k = new OffscreenCanvas(c.width, c.height).getContext('2d',"
    " { willReadFrequently: true }); k.drawImage(c, 0, 0); const d = k.getImageData(0, 0, c.width, c.height).data;"
    " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }).reduce((a, b) => a + b, 0)"
)


@dataclass(frozen=True)
class Facts:
    """What a page must be able to tell: an outfall with a traced source, its place, and what layers there are."""

    file: Path
    outfall: str
    lon: float
    lat: float
    source: str
    source_name: str
    outfalls: int
    has_photo: bool = False
    layers: frozenset[str] = frozenset()


class Journey:
    """A person at a page: knows the size of the screen and the language, and keeps pictures where asked to."""

    def __init__(self, page, facts, size, lang, name):
        self.page, self.facts, self.size, self.lang, self.name = page, facts, size, lang, name
        self.is_phone = size == PHONE
        self.at = 0

    def picture(self, what):
        """Keep a picture of the page in the folder OUTFALL_ARTEFACTS names; none without it."""
        folder = os.environ.get("OUTFALL_ARTEFACTS")
        self.at += 1
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{self.name}_{self.at:02d}_{what}.png"))

    def ink(self, selector):
        """Return how many pixels of the canvases that match are painted."""
        return self.page.evaluate(INK, selector)

    def wait(self, milliseconds=80):
        """Let the page draw."""
        self.page.wait_for_timeout(milliseconds)

    def unfold(self, is_wanted):
        """On a phone, open or close the card with the legend."""
        if self.is_phone and self.page.locator("#fold").is_visible() != is_wanted:
            self.page.click("#unfold")

    def speak(self):
        """Turn the page into the language of this journey and back through the other; every word follows."""
        page, read = self.page, lambda: self.page.locator("#card").inner_text()
        first = read()
        page.click("#lang")
        assert read() != first
        page.click("#lang")
        assert read() == first
        if not page.evaluate("document.documentElement.lang").startswith(self.lang):
            page.click("#lang")
        assert page.evaluate("document.documentElement.lang").startswith(self.lang)
        assert page.locator("#query").get_attribute("placeholder")

    def tree(self):
        """Switch and fold a group, which counts what is on; filter by the legend and bring all back."""
        page = self.page
        self.unfold(is_wanted=True)
        group = page.locator("#legend [data-group=survey]").first
        switch, count = group.locator("> summary .switch"), group.locator("> summary .count")
        on, whole = numbers_in(count.inner_text())
        while switch.get_attribute("aria-checked") != "true":
            switch.click()
        assert numbers_in(count.inner_text()) == [whole, whole] != [on, whole]
        group.locator("> summary .name").click()
        assert not group.locator("[data-layer=sightings]").is_visible()
        group.locator("> summary .name").click()
        rows = page.locator("#legend [data-layer=outfalls] .row:not([data-value=ring])")
        counts = [numbers_in(text)[0] for text in rows.locator(".count").all_inner_texts()]
        assert sum(counts) == self.facts.outfalls
        before = self.ink(".sheet-points")
        rows.first.click()
        self.wait()
        assert rows.first.get_attribute("aria-pressed") == "false"
        assert self.ink(".sheet-points") < before
        self.picture("legend")
        rows.first.click()
        self.wait()
        assert self.ink(".sheet-points") == before
        self.unfold(is_wanted=False)

    def search(self):
        """Find a code, an enterprise and coordinates; set a pin and take it away."""
        page, facts = self.page, self.facts
        for text in (facts.outfall, facts.source_name):
            page.fill("#query", text)
            self.wait(40)
            assert text in page.locator("#hits").inner_text()
        self.picture("search")
        page.fill("#query", f"{facts.lon:.6f}, {facts.lat:.6f}")
        page.keyboard.press("Enter")
        self.wait()
        assert f"{facts.lon:.6f}, {facts.lat:.6f}" in page.locator(".pin").inner_text()
        page.locator(".pin-label .mini").last.click()
        assert page.locator(".pin").count() == 0
        page.fill("#query", "")

    def open_outfall(self):
        """Search brings the outfall into view; a click where it is drawn opens its panel with fields, photos, ranks and reasons."""
        page, facts = self.page, self.facts
        page.fill("#query", facts.outfall)
        self.wait(40)
        page.keyboard.press("Enter")
        page.wait_for_selector("#panel.open")
        page.locator("#panel header .round").last.click()
        self.wait()
        page.mouse.click(*self.spot(facts.lon, facts.lat))
        page.wait_for_selector("#panel.open")
        self.wait(200)
        panel = page.locator("#panel")
        assert facts.outfall in panel.inner_text()
        assert panel.locator(".fields dt").count() > 5
        if facts.has_photo:
            panel.locator(".photo").first.click()
            assert page.locator(".lightbox figcaption").inner_text()
            page.keyboard.press("Escape")
        shares = panel.locator(".candidate .share").all_inner_texts()
        numbers = [float(text.strip("%<")) for text in shares]
        assert numbers == sorted(numbers, reverse=True)
        assert facts.source_name in panel.locator(".candidate .name").all_inner_texts()
        panel.locator(".candidate").first.click()
        assert panel.locator(".why").first.inner_text()
        self.picture("outfall")

    def spot(self, lon, lat):
        """Return where a position lies on the screen, as the page says of two places on it."""
        corners = [(150, 300), (300, 420)] if self.is_phone else [(500, 200), (900, 600)]
        said = []
        for corner in corners:
            self.page.mouse.move(*corner)
            self.wait(50)
            said.append([float(part) for part in self.page.locator("#position output").inner_text().split(",")])
        share = [(value - said[0][k]) / (said[1][k] - said[0][k]) for k, value in enumerate((lon, lat))]
        return [corners[0][k] + share[k] * (corners[1][k] - corners[0][k]) for k in (0, 1)]

    def light_up(self):
        """Upstream of an outfall lights up with hours or metres; from a source, everything downstream does."""
        page, facts = self.page, self.facts
        for key, wanted in ((f"#outfalls/{facts.outfall}", "up"), (f"#sources/{facts.source}", "down")):
            page.evaluate("mark => { location.hash = mark; }", key)
            page.wait_for_selector(f"#panel.open .segments [data-mode={wanted}][aria-pressed=true]")
            self.wait()
            assert re.search(r"\d", page.locator("#panel .figures").inner_text())
            assert page.locator("#panel .shades li").count() >= 1
            lit = self.ink(".leaflet-paths-pane canvas")
            assert lit > 300
            page.locator("#panel .segments [data-mode=off]").click()
            self.wait()
            assert self.ink(".leaflet-paths-pane canvas") < lit
            page.locator(f"#panel .segments [data-mode={wanted}]").click()
            self.wait()
            self.picture("lit")
        assert page.locator("#panel .candidate").count() >= 1
        page.locator("#panel header .round").last.click()

    def time(self):
        """Narrow every layer with a time, points and lines, to a window; play, pause and show all again."""
        page = self.page
        axis = page.locator("#time")
        axis.wait_for(state="visible")
        shown, whole = numbers_in(axis.locator(".inside").inner_text())
        assert shown == whole
        text = axis.locator(".window-text").inner_text()
        missing = axis.locator(".missing input")
        if missing.count():
            missing.click()
        handle = axis.locator(".grab.to")
        for _ in range(12):
            handle.press("ArrowLeft")
        self.wait()
        assert numbers_in(axis.locator(".inside").inner_text())[0] < whole
        assert axis.locator(".window-text").inner_text() != text
        axis.locator(".play").click()
        self.wait()
        axis.locator(".play").click()
        self.picture("time")
        axis.locator(".whole").click()
        if missing.count():
            missing.click()
        assert numbers_in(axis.locator(".inside").inner_text()) == [whole, whole]

    def banks(self):
        """Banks seen and not seen are told with kilometres, and can be shown apart."""
        page = self.page
        self.unfold(is_wanted=True)
        layer = page.locator("#legend [data-layer=banks]")
        assert "km" in layer.locator("> summary .count").inner_text()
        unseen = layer.locator(".row[data-value=unseen]")
        assert "km" in unseen.locator(".count").inner_text()
        before = self.ink(".sheet-lines")
        unseen.click()
        self.wait()
        assert self.ink(".sheet-lines") < before
        unseen.click()
        self.unfold(is_wanted=False)

    def frame(self):
        """Scale bar, north, and a position in three datums that can be copied."""
        page = self.page
        assert re.search(r"\d+ k?m", page.locator("#scale").inner_text())
        assert page.locator("#tools .north").is_visible()
        page.mouse.click(*((200, 330) if self.is_phone else (800, 300)), button="right")
        rows = page.locator(".pop .spot")
        texts = [text.split("\n")[-1] for text in rows.all_inner_texts()]
        lon, lat = (float(part) for part in texts[0].split(","))
        kinds = " ".join(rows.all_inner_texts())
        assert "WGS 84 / CGCS2000" in kinds
        if "GCJ-02" in kinds:
            gcj = [float(part) for part in texts[3].split(",")]
            assert np.allclose(np.ravel(wgs84_to_gcj02(np.array([lon]), np.array([lat]))), gcj, atol=2e-6)
        rows.first.click()
        assert page.evaluate("navigator.clipboard.readText()") == texts[0]
        self.picture("menu")
        page.keyboard.press("Escape")

    def measure(self):
        """Three clicks give a length; undo takes one back."""
        page = self.page
        use_tool(page, "tool-measure")
        for spot in [(110, 300), (250, 350), (180, 420)] if self.is_phone else [(600, 300), (900, 250), (800, 400)]:
            page.mouse.click(*spot)
            self.wait(40)
        text = page.locator("#measured b").inner_text()
        page.click("#measure-undo")
        assert page.locator("#measured b").inner_text() != text
        self.picture("measure")
        page.locator(".dock .shut").click()

    def locate(self):
        """Refused, the page says why; granted, it shows where one stands."""
        page, context = self.page, self.page.context
        use_tool(page, "tool-locate")
        page.wait_for_selector(".dock .trouble")
        page.locator(".dock .shut").click()
        context.grant_permissions(["geolocation", "clipboard-read", "clipboard-write"])
        context.set_geolocation({"longitude": self.facts.lon, "latitude": self.facts.lat, "accuracy": 20})
        use_tool(page, "tool-locate")
        page.wait_for_selector(f"#located b:has-text('{self.facts.lon:.6f}')")
        self.picture("locate")
        page.locator(".dock .shut").click()

    def paper(self):
        """A4 and A3 have a preview of their size, a sheet to print, and a picture to keep."""
        page = self.page
        page.evaluate("window.print = () => { window.printed = true; }")
        use_tool(page, "tool-print")
        for paper, size in (("A4", "297 210"), ("A3", "420 297")):
            page.select_option("#print-paper", paper)
            page.wait_for_selector(f".preview[data-paper='{size}']")
        self.picture("print")
        page.select_option("#print-paper", "A4")
        page.wait_for_selector(".preview[data-paper='297 210']")
        with page.expect_download() as saving:
            page.click("#print-png")
        image = Image.open(io.BytesIO(saving.value.path().read_bytes()))
        assert abs(image.width / image.height - 297 / 210) < 0.01
        page.click("#print-go")
        assert page.evaluate("window.printed")
        assert page.locator("#paper svg").count() == 1
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        page.locator(".dialog .shut").click()

    def others(self):
        """Table, base maps and, where there are pictures, the swipe open and close."""
        page = self.page
        use_tool(page, "tool-table")
        assert page.locator("#table-count").inner_text().replace(",", "").startswith(f"{self.facts.outfalls} ")
        self.picture("table")
        page.keyboard.press("Escape")
        use_tool(page, "base-button")
        assert page.locator("#bases input").count() >= 1
        self.picture("bases")
        page.keyboard.press("Escape")
        if "raster" in self.facts.layers:
            use_tool(page, "tool-swipe")
            page.locator("#swipe-handle").press("ArrowLeft")
            self.wait()
            self.picture("swipe")
            page.click("#swipe-close")

    def keys(self):
        """Without a mouse: a feature is found, opened and closed, the tools open and close."""
        page = self.page
        page.evaluate("document.activeElement && document.activeElement.blur()")
        page.keyboard.press("0")
        self.wait(120)
        page.focus("#map")
        page.keyboard.press("n")
        assert page.locator("#live").inner_text()
        page.keyboard.press("Enter")
        page.wait_for_selector("#panel.open")
        page.keyboard.press("Escape")
        assert page.locator("#panel.open").count() == 0
        page.keyboard.press("/")
        page.keyboard.type(self.facts.outfall)
        self.wait(60)
        page.keyboard.press("Enter")
        page.wait_for_selector("#panel.open")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("Escape")
        for key, opens in (("t", ".dialog"), ("?", ".dialog kbd"), ("m", ".dock")):
            page.keyboard.press(key)
            assert page.locator(opens).count() >= 1
            page.keyboard.press("Escape")
            assert page.locator(opens).count() == 0
