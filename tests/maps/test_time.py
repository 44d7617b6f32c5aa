"""The time axis, by keys, by mouse and by play, on a desk and on a phone."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.maps.browser import PHONE
from tests.maps.timed import TOWED, make_samples, numbers_in

pytestmark = pytest.mark.browser


def test_the_time_axis_comes_and_goes_with_what_has_times(page):
    """The axis is there while a layer with a time is on the map, and its window stays out of the way of the others."""
    assert page.evaluate("!document.getElementById('time').hidden")
    page.locator("#legend [data-group='survey/boat'] > summary .switch").click()
    assert page.evaluate("document.getElementById('time').hidden")
    page.locator("#legend [data-group='survey/boat'] > summary .switch").click()
    assert page.evaluate("!document.getElementById('time').hidden")


def test_a_window_of_time_narrows_points_lines_and_areas(page, town):
    """Keys on the handles leave the first day: moments and dates of that day and, as long as wanted, rows without a time."""
    if page.viewport_size["width"] == PHONE[0]:
        page.click("#unfold")
    samples = make_samples(town)
    is_first = samples["seen_at"].dt.tz_convert("Asia/Shanghai").dt.date == pd.Timestamp("2026-04-12").date()
    missing = int(samples["seen_at"].isna().sum())
    page.locator("#time .grab.to").focus()
    page.keyboard.press("Home")
    page.wait_for_timeout(100)
    inside, whole = numbers_in(page.locator("#time .inside").inner_text())
    assert whole == len(samples) + 6
    assert inside == is_first.sum() + missing + 2
    assert numbers_in(page.locator(f"{TOWED} > summary .count").text_content())[0] == is_first.sum() + missing
    assert numbers_in(page.locator("#legend [data-layer=tracks] > summary .count").text_content()) == [1, 3]
    assert numbers_in(page.locator("#legend [data-layer=plumes] > summary .count").text_content()) == [1, 3]
    page.locator("#time .missing input").click()
    page.wait_for_timeout(60)
    assert numbers_in(page.locator("#time .inside").inner_text())[0] == is_first.sum() + 2
    label = page.locator("#time .window-text").inner_text()
    assert label in {"2026年4月12日", "12 Apr 2026"}
    assert "UTC+8" in page.locator("#time .zone").inner_text()
    page.locator("#time .whole").click()
    assert page.locator("#time .whole").is_disabled()


def test_time_is_played_step_by_step(page):
    """Play starts at the first step, moves on, skips what is empty and stops when told; every step has the same length."""
    if page.viewport_size["width"] == PHONE[0]:
        page.click("#unfold")
    page.locator("#time select").nth(1).select_option("4")
    play = page.locator("#time .play")
    play.click()
    texts = set()
    for _ in range(14):
        page.wait_for_timeout(200)
        texts.add(page.locator("#time .window-text").inner_text())
        low, high = page.evaluate(
            "['from', 'to'].map(k => Number(document.querySelector('#time .grab.' + k).getAttribute('aria-valuenow')))"
        )
        assert high - low == 1
    play.click()
    assert len(texts) >= 3
    label = play.get_attribute("aria-label")
    assert label in {"播放", "Play"}
    page.locator("#time select").first.select_option("week")
    assert int(page.locator("#time .grab.to").get_attribute("aria-valuemax")) == 7


def test_a_window_of_time_is_dragged(page):
    """The window is dragged as a whole and keeps its length."""
    if page.viewport_size["width"] == PHONE[0]:
        page.click("#unfold")

    def read():
        return page.evaluate(
            "['from', 'to'].map(k => Number(document.querySelector('#time .grab.' + k).getAttribute('aria-valuenow')))"
        )

    box = page.locator("#time .brush").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, y, steps=4)
    page.mouse.up()
    low, high = read()
    assert 8 <= high - low <= 18
    page.mouse.move(box["x"] + box["width"] * 0.45, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, y, steps=4)
    page.mouse.up()
    then = read()
    assert then[1] - then[0] == high - low
    assert then[0] < low
