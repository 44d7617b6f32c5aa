"""Any folium page opens without a network, and says what it had to leave outside."""

from __future__ import annotations

import base64
import inspect
import re

import folium
import pytest
from folium import plugins

from outfall.errors import MapError
from outfall.maps import inline
from outfall.maps.vendored import find_asset
from tests.maps.browser import opened
from tests.maps.gallery import GALLERY

# Examples whose pictures are letters of a font.
_SYMBOLS = {"icons", "glyphicons", "timestamped", "heat_map_time", "beautify", "locate"}
_LEFT_OUT = {"Leaflet.VectorGrid.bundled.js", "arrow-move.png"}


def _page(head="", body=""):
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"


def _urls():
    """Return every address folium's own classes load a script or a style sheet from."""
    found = dict(folium.folium._default_js + folium.folium._default_css)
    for _, thing in [*inspect.getmembers(plugins), *inspect.getmembers(folium.features), *inspect.getmembers(folium)]:
        for name in ("default_js", "default_css"):
            found |= dict(getattr(thing, name, []) or [])
    return sorted(set(found.values()))


@pytest.mark.parametrize("url", _urls())
def test_everything_folium_loads_is_at_hand(url):
    """Every script and style sheet that folium and its plugins load travels with us, in a version that fits."""
    if url.rsplit("/", 1)[-1] in _LEFT_OUT:
        assert find_asset(url) is None
        return
    found = find_asset(url)
    assert found is not None
    assert found.is_near
    assert len(found.content) > 100


@pytest.mark.browser
@pytest.mark.parametrize("name", GALLERY)
def test_folium_examples_open_offline(browser, tmp_path, name):
    """A page of each family of folium's examples opens from the disk: nothing is asked for but what is listed, nothing breaks."""
    build, expected = GALLERY[name]
    made = inline(build())
    listed = "".join(made.missing["url"])
    with opened(browser, made.save(tmp_path / "page.html"), until=expected) as heard:
        heard.page.wait_for_timeout(40)
        assert [url for url in heard.requests if url not in listed] == []
        own = [text for text in heard.errors if not re.search(r"L\.Mixin\.Events|Deprecat|deprecat", text)]
        assert own == []
        if name in _SYMBOLS:
            assert "loaded" in heard.page.evaluate(
                "document.fonts.ready.then((all) => [...all].map((one) => one.status))"
            )


def test_tiles_are_listed_with_advice():
    """Tiles of a base map stay outside, are listed once, and the list says what to do."""
    made = inline(folium.Map((30.2, 120.1)))
    assert made.missing["url"].tolist() == ["https://tile.openstreetmap.org/{z}/{x}/{y}.png"]
    assert made.missing["advice"].str.contains("under=").all()
    assert "1 missing" in repr(made)


def test_other_versions_are_named_and_far_ones_refused():
    """A copy of a near version is used and named; one with another first number is left outside and named."""
    near, far = "https://unpkg.com/leaflet@1.7.1/dist/leaflet.js", "https://unpkg.com/leaflet@0.7.7/dist/leaflet.js"
    made = inline(_page(f'<script src="{near}"></script><script src="{far}"></script>'))
    assert made.swapped.values.tolist() == [[near, "1.7.1", "1.9.4"]]
    assert made.missing["url"].tolist() == [far]
    assert "0.7.7" in made.missing["why"][0]


def test_mirrors_are_understood():
    """The same file is found under the addresses of mirrors people swap by hand."""
    for url in (
        "//cdn.bootcdn.net/ajax/libs/leaflet/1.9.4/leaflet.js",
        "https://fastly.jsdelivr.net/npm/leaflet@1.9.4/dist/leaflet.js",
        "https://code.jquery.com/ui/1.12.1/jquery-ui.js",
    ):
        assert find_asset(url).is_same


def test_own_copies_are_used():
    """A file the user gives takes the place of its address, in tags, style sheets and scripts."""
    url = "https://example.org/{}"
    body = f"<img src='{url.format('a.png')}'><script>L.imageOverlay('{url.format('b.png')}', []);</script>"
    head = f"<style>p {{ background: url({url.format('c.png')}) }}</style><script src='{url.format('d.js')}'></script>"
    extra = {url.format(name): name.encode() for name in ("a.png", "b.png", "c.png", "d.js")}
    made = inline(_page(head, body), extra=extra)
    assert made.missing.empty
    assert "example.org" not in made.html
    for name in "abc":
        assert f"data:image/png;base64,{base64.b64encode(f'{name}.png'.encode()).decode()}" in made.html
    assert "<script>d.js</script>" in made.html
    assert len(inline(_page(head, body)).missing) == 4


def test_what_is_only_text_stays_and_is_not_listed():
    """Links, comments, name spaces and addresses inside data are neither changed nor listed."""
    text = _page(
        "<!-- <script src='https://example.org/old.js'></script> -->",
        "<a href='https://example.org/about.html'>x</a><svg xmlns='http://www.w3.org/2000/svg'></svg>"
        "<script>const row = {site: 'https://example.org/enterprise', ns: 'http://www.w3.org/2000/svg'};</script>",
    )
    made = inline(text)
    assert made.html == text
    assert made.missing.empty


def test_a_page_inside_a_page_is_inlined_too():
    """What a frame fetches is put inside the frame."""
    inner = _page('<script src="https://code.jquery.com/jquery-3.7.1.min.js"></script>')
    packed = base64.b64encode(inner.encode()).decode()
    made = inline(_page(body=f'<iframe src="data:text/html;charset=utf-8;base64,{packed}"></iframe>'))
    kept = base64.b64decode(re.search(r"base64,([^\"]+)", made.html)[1]).decode()
    assert "code.jquery.com" not in kept
    assert "jQuery v3.7.1" in kept


def test_files_beside_the_page_travel_and_others_do_not(tmp_path):
    """Pictures in the folder of a saved page are put inside; a page cannot reach for files elsewhere."""
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a b.png").write_bytes(b"\x89PNG")
    page = folder / "map.html"
    page.write_text(
        _page(body="<img src='a%20b.png'><img src='../secret.png'><img src='file:///etc/hostname'>"), "utf-8"
    )
    made = inline(page)
    assert base64.b64encode(b"\x89PNG").decode() in made.html
    assert base64.b64encode(b"secret").decode() not in made.html
    assert made.missing["url"].tolist() == ["../secret.png", "file:///etc/hostname"]


def test_nothing_is_fetched_unasked(monkeypatch):
    """No connection is opened unless fetching was allowed; a failed fetch is said."""
    asked = []

    def refuse(request, **_):
        asked.append(request.full_url)
        raise OSError

    monkeypatch.setattr("outfall.maps.offline_store.urlopen", refuse)
    page = _page("<script src='https://example.org/x.js'></script>")
    assert "fail" not in inline(page).missing["why"][0]
    assert asked == []
    assert "fetching it failed" in inline(page, is_online=True).missing["why"][0]
    assert asked == ["https://example.org/x.js"]


def test_fonts_travel_only_with_pages_that_use_them():
    """A page without symbols carries no font of symbols; one with a symbol carries its font."""
    bare = inline(folium.Map((30.2, 120.1), tiles=None))
    used = folium.Map((30.2, 120.1), tiles=None)
    folium.Marker((30.2, 120.1), icon=folium.Icon(icon="tint", prefix="fa")).add_to(used)
    assert "font/woff2" not in bare.html
    assert inline(used).html.count("font/woff2") > 0


def test_scripts_cannot_end_their_element():
    """A script that holds the end of a script element stays whole."""
    made = inline(
        _page("<script src='https://example.org/x.js'></script>"), extra={"https://example.org/x.js": b"a='</script>'"}
    )
    assert "a='<\\/script>'" in made.html


def test_unreadable_files_are_named(tmp_path):
    """A page or a copy that is not there is named, with what was expected."""
    with pytest.raises(MapError, match=r"no\.html' cannot be read .* expected a page"):
        inline(tmp_path / "no.html")
    with pytest.raises(MapError, match=r"extra: the file .*no\.js"):
        inline(_page(), extra={"https://example.org/x.js": tmp_path / "no.js"})
    with pytest.raises(MapError, match="make its folder first"):
        inline(_page()).save(tmp_path / "no" / "a.html")
