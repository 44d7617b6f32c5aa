"""What lights up: the page's walks against the network's own, in the language of the page and by clicking."""

from __future__ import annotations

import json
from itertools import pairwise

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest

from outfall.maps import draw
from outfall.maps.bundle import text_of
from outfall.network import read_network, travel_times
from tests.maps.browser import PHONE, is_quiet, opened

pytestmark = pytest.mark.browser
_LAYER = """rows => { const column = (name) => ({ at: (row) => rows[row][name] });
  window.flow = new Flow({ n: rows.length, column: Object.fromEntries(Object.keys(rows[0]).map(name => [name, column(name)])) }); }"""


@pytest.fixture(scope="module")
def network(rivertown):
    return read_network(rivertown / "rivers.gpkg", pipes=rivertown / "sewers.gpkg")


@pytest.fixture(scope="module")
def uky(shared_data):
    lines = shared_data / "network" / "uky_storm" / "STM_Line_ln.geojson"
    table = gpd.read_file(lines)
    table["OBJECTID"] = [f"L{row}" for row in range(1, len(table) + 1)]
    return read_network(None, pipes=table, pipes_rename={"OBJECTID": "reach_id", "LineType": "kind"})


@pytest.fixture
def walker(browser):
    """Return a page with the walking code alone, and what hands it a network."""
    page = browser.new_page()
    source = json.dumps(text_of("flow.js") + "; window.Flow = Flow;")
    page.evaluate(
        f"() => {{ const s = document.createElement('script'); s.textContent = {source}; document.head.append(s); }}"
    )

    def load(network, *, hours=True):
        reaches = network.reaches
        columns = ["from_node", "to_node", "length_m", "forward_share"]
        rows = reaches[columns].assign(
            **({"travel_h": reaches["reach_id"].map(travel_times(network))} if hours else {})
        )
        page.evaluate(_LAYER, json.loads(rows.to_json(orient="records", double_precision=15)))
        return page

    yield load
    page.close()


def _check(page, network, rows):
    ids = network.reaches["reach_id"].tolist()
    found = page.evaluate(
        "rows => rows.map(row => [[...flow.walk(row, 1, true).met.keys()], [...flow.walk(row, 0, false).met.keys()]])",
        rows,
    )
    for row, (up, down) in zip(rows, found, strict=True):
        assert {ids[k] for k in up} == set(network.upstream(ids[row]))
        assert {ids[k] for k in down} == set(network.downstream(ids[row]))


def test_the_lit_set_is_the_network_s_own(walker, network):
    """Upstream and downstream of every reach of the sample town are what the network says, two-way reaches included."""
    assert (network.reaches["forward_share"] < 0.95).any()
    _check(walker(network), network, list(range(len(network.reaches))))


@pytest.mark.realdata
def test_the_lit_set_holds_on_a_real_network(walker, uky):
    """The same for 300 reaches of a campus storm sewer."""
    rows = np.random.default_rng(2).choice(len(uky.reaches), 300, replace=False).tolist()
    _check(walker(uky), uky, rows)


def test_hours_are_the_quickest(walker, network):
    """The hours to the end of every lit reach are those of the quickest way, as networkx finds it."""
    page = walker(network)
    reaches, hours = network.reaches, network.reaches["reach_id"].map(travel_times(network))
    graph = nx.MultiDiGraph()
    for one, other, cost, share in zip(
        reaches["from_node"], reaches["to_node"], hours, reaches["forward_share"], strict=True
    ):
        graph.add_edge(one, other, weight=cost)
        if share < 0.95:
            graph.add_edge(other, one, weight=cost)
    for row in np.random.default_rng(4).choice(len(reaches), 25, replace=False).tolist():
        said = page.evaluate("row => [...flow.walk(row, 0.25, false).met].map(([k, c]) => [k, c.from, c.to])", row)
        start = reaches["to_node"].iloc[row]
        far = nx.single_source_dijkstra_path_length(graph, start, weight="weight")
        for k, from_h, to_h in said:
            if k == row:
                assert (from_h, to_h) == pytest.approx((0, 0.75 * hours.iloc[row]))
                continue
            near = min(far[node] for node in (reaches["from_node"].iloc[k], reaches["to_node"].iloc[k]) if node in far)
            assert min(from_h, to_h) == pytest.approx(near + 0.75 * hours.iloc[row], abs=1e-9)
            assert abs(from_h - to_h) == pytest.approx(hours.iloc[k], abs=1e-9)


def test_distance_along_the_river_is_the_shortest_way(walker, network):
    """The way between two places on the network is as long as networkx says, either way round, and knows how much runs against the water."""
    page = walker(network)
    reaches = network.reaches
    graph = nx.MultiGraph()
    for one, other, length in zip(reaches["from_node"], reaches["to_node"], reaches["length_m"], strict=True):
        graph.add_edge(one, other, weight=length)
    rng = np.random.default_rng(6)
    seen = 0
    for here, there in rng.choice(len(reaches), (60, 2)).tolist():
        if here == there:
            continue
        shares = rng.uniform(0, 1, 2).round(3).tolist()
        way = page.evaluate(
            "([a, b, s]) => flow.way({ row: a, share: s[0] }, { row: b, share: s[1] })", [here, there, shares]
        )
        ends = [
            (reaches[side].iloc[here], shares[0] if side == "from_node" else 1 - shares[0])
            for side in ("from_node", "to_node")
        ]
        goals = [
            (reaches[side].iloc[there], shares[1] if side == "from_node" else 1 - shares[1])
            for side in ("from_node", "to_node")
        ]
        costs = [
            nx.dijkstra_path_length(graph, one, other)
            + part * reaches["length_m"].iloc[here]
            + rest * reaches["length_m"].iloc[there]
            for one, part in ends
            for other, rest in goals
            if nx.has_path(graph, one, other)
        ]
        assert (way is None) == (not costs)
        if not costs:
            continue
        seen += 1
        assert way["metres"] == pytest.approx(min(costs), rel=1e-9)
        back = page.evaluate(
            "([a, b, s]) => flow.way({ row: b, share: s[1] }, { row: a, share: s[0] })", [here, there, shares]
        )
        assert back["metres"] == pytest.approx(way["metres"])
        reached = reaches["reach_id"].iloc[there] in network.downstream(reaches["reach_id"].iloc[here])
        assert way["against"] > 0 or reached
    assert seen > 20


@pytest.fixture(scope="module")
def plain(network, tmp_path_factory):
    """Return a page of the network alone, without a trace."""
    return draw(network, title="网").save(tmp_path_factory.mktemp("plain") / "map.html")


@pytest.mark.parametrize("size", [(1400, 900), PHONE])
def test_a_reach_offers_what_is_above_and_below(browser, plain, network, size):
    """Without a trace a reach lights up what is upstream, then downstream, with the length and the number of reaches."""
    reach = network.reaches.loc[network.reaches["kind"] == "river", "reach_id"].iloc[3]
    with opened(browser, plain, size=size, mark=f"#reaches/{reach}") as heard:
        page = heard.page
        for mode, ids in (("up", network.upstream(reach)), ("down", network.downstream(reach))):
            page.locator(f".segments [data-mode={mode}]").click()
            total = network.reaches.set_index("reach_id").loc[ids, "length_m"].sum()
            figures = page.locator(".figures dd").all_inner_texts()
            assert figures[0] == (
                f"{total / 1000:.2f}".rstrip("0").rstrip(".") + " km" if total >= 1000 else f"{total:.0f} m"
            )
            assert int(figures[-1].replace(",", "")) == len(ids)
            assert page.locator(".shades li").count() >= 1
        page.locator(".segments [data-mode=off]").click()
        assert page.locator(".figures").count() == 0
        assert is_quiet(heard)


def test_the_way_down_ends_at_the_mouth(walker, network):
    """From every tenth reach the way to the first end leads to a mouth of the network, also where the tide turns the last reach."""
    page = walker(network)
    reaches = network.reaches
    mouths = set(network.mouths()["node_id"])
    rows = list(range(0, len(reaches), 10))
    found = page.evaluate(
        "rows => rows.map(row => { const w = flow.walk(row, 0, false); const t = flow.tips(w); return [flow.chain(w, t[0]), t.length]; })",
        rows,
    )
    ends = 0
    for row, (chain, count) in zip(rows, found, strict=True):
        assert chain[0] == row
        assert count >= 1
        for one, other in pairwise(chain):
            assert reaches["reach_id"].iloc[other] in network.downstream(reaches["reach_id"].iloc[one])
        last = reaches.iloc[chain[-1]]
        ends += last["to_node"] in mouths or last["from_node"] in mouths
    assert ends >= 0.9 * len(rows)
