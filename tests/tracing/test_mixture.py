"""Laws of mixtures: what was mixed is found, what is not there is exactly absent, and nothing hangs on how it is written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from outfall.errors import TraceError
from outfall.tracing.mixture import apportion
from outfall.tracing.mixture_library import learn_library
from outfall.tracing.mixture_tables import read_both
from outfall.tracing.settings import default_settings
from tests.laws import shuffled, unchanged

TRACERS = ("ammonia", "potassium", "fluoride", "surfactants", "chloride", "sodium")
MEANS = {
    "sewage": (30.0, 12.0, 0.5, 6.0, 60.0, 50.0),
    "laundry": (3.0, 6.0, 0.6, 300.0, 40.0, 90.0),
    "tap": (0.05, 1.5, 0.9, 0.02, 20.0, 10.0),
    "plating": (12.0, 18.0, 8.0, 1.0, 700.0, 600.0),
}


def means(cv=0.15):
    """Return a library of means."""
    rows = [
        (name, tracer, value) for name, values in MEANS.items() for tracer, value in zip(TRACERS, values, strict=True)
    ]
    out = pd.DataFrame(rows, columns=["source_id", "parameter", "value"]).assign(unit="mg/L", cv_share=cv)
    return out.assign(source_ref=[f"library.csv#{i + 2}" for i in range(len(out))])


def samples(number=12, cv=0.15, seed=3):
    """Return a library of samples whose tracers are strong together."""
    rng = np.random.default_rng(seed)
    rows = []
    for name, values in MEANS.items():
        for sample in range(number):
            strong = rng.normal(0, cv)
            rows += [
                (name, f"{name}{sample}", tracer, value * np.exp(strong + rng.normal(0, cv / 3)))
                for tracer, value in zip(TRACERS, values, strict=True)
            ]
    return pd.DataFrame(rows, columns=["source_id", "sample_id", "parameter", "value"]).assign(unit="mg/L")


def water(shares, sample_id="W1"):
    """Return the results of a water mixed of mean sources."""
    values = sum(share * np.array(MEANS[name]) for name, share in shares.items())
    out = pd.DataFrame({"sample_id": sample_id, "parameter": TRACERS, "value": values, "unit": "mg/L"})
    return out.assign(qualifier="=", sigma_share=0.05, source_ref=[f"lab.csv#{i + 2}" for i in range(len(out))])


def shares_of(found, column="share"):
    """Return the shares of one sample by source."""
    return found.shares.set_index("source_id")[column]


@pytest.mark.parametrize("library", [means(), samples()], ids=["means", "samples"])
@pytest.mark.parametrize(
    "mixed", [{"tap": 1.0}, {"sewage": 0.3, "tap": 0.7}, {"sewage": 0.5, "laundry": 0.2, "plating": 0.3}]
)
def test_what_was_mixed_is_found(library, mixed):
    """Shares come back, sources that were not mixed are exactly 0 (nearly, beside three), and the truth lies in the intervals."""
    found = apportion(water(mixed), library=library)
    share, low, high = (shares_of(found, name) for name in ("share", "low_share", "high_share"))
    assert share.sum() == pytest.approx(1.0)
    for name in MEANS:
        assert share[name] == pytest.approx(mixed.get(name, 0.0), abs=0.1)
        assert low[name] - 1e-9 <= mixed.get(name, 0.0) <= high[name] + 1e-9
        assert name in mixed or share[name] <= (0.0 if len(mixed) < 3 else 0.05)
    assert found.samples["fit_share"].iloc[0] > 0.05


def test_a_source_outside_the_library_is_noticed():
    """A water no source of the library can make is said to be unexplained; one it can make is not."""
    poor = apportion(water({"plating": 1.0}), library=means().query("source_id != 'plating'"))
    good = apportion(water({"plating": 1.0}), library=means())
    assert poor.samples["fit_share"].iloc[0] < 0.01 < good.samples["fit_share"].iloc[0]
    assert poor.samples["unregistered_share"].iloc[0] > 0.5 > good.samples["unregistered_share"].iloc[0]
    assert "not in it" in poor.samples["reason"].iloc[0]
    assert "库外" in poor.samples["reason_zh"].iloc[0]


def test_blind_is_neutral():
    """Without a common tracer every source is as likely as before, and is said to be."""
    blind = water({"tap": 1.0}).assign(parameter="ph", value=7.0, unit="1")
    found = apportion(blind, library=means())
    share = shares_of(found, "inclusion_share")[list(MEANS)]
    assert share.max() - share.min() < 1e-5
    assert shares_of(found)[list(MEANS)].to_numpy() == pytest.approx(0.25, abs=0.03)
    assert shares_of(found, "inclusion_share")["unregistered"] == default_settings()["mixture"]["unregistered_share"]
    assert found.samples[["tracers", "left_out"]].values.tolist() == [[0, "ph"]]


def test_units_do_not_matter():
    """The same waters in other units give the same shares."""
    mixed, library = water({"sewage": 0.4, "plating": 0.6}), means()
    other = mixed.assign(value=mixed["value"] * 1000, unit="ug/L")
    kilo = library.assign(value=library["value"] / 1000, unit="g/L")
    same = [
        shares_of(apportion(rows, library=lib)) for rows, lib in ((mixed, library), (other, library), (other, kilo))
    ]
    assert np.allclose(same[0], same[1], atol=1e-6)
    assert np.allclose(same[0], same[2], atol=1e-6)


def test_a_unit_nobody_knows_is_good_where_both_use_it():
    """Sediments in mg/kg are compared with sediments in mg/kg, never with water."""
    mixed, library = water({"sewage": 0.4, "plating": 0.6}), means()
    same = apportion(mixed.assign(unit="mg/kg"), library=library.assign(unit="mg/kg"))
    assert np.allclose(shares_of(same), shares_of(apportion(mixed, library=library)))
    for units in (("mg/kg", "mg/L"), ("mg/L", "mg/kg")):
        with pytest.raises(TraceError, match="mg/kg"):
            apportion(mixed.assign(unit=units[0]), library=library.assign(unit=units[1]))


@pytest.mark.parametrize("library", [means(), samples()], ids=["means", "samples"])
def test_rows_in_any_order_give_the_same_answer(library):
    """Shuffled rows change nothing, and tables given stay as they were."""
    both = pd.concat([water({"sewage": 0.4, "tap": 0.6}), water({"laundry": 1.0}, "W2")], ignore_index=True)
    with unchanged(both, library):
        one = apportion(both, library=library)
    two = apportion(shuffled(both), library=shuffled(library))
    key = ["sample_id", "source_id"]
    numbers = ["share", "low_share", "high_share", "mean_share", "inclusion_share", "dominant_share"]
    first, second = (found.shares.set_index(key)[numbers].sort_index() for found in (one, two))
    pd.testing.assert_frame_equal(first, second, atol=1e-9)
    assert one.samples["sample_id"].tolist() == ["W1", "W2"]


def test_the_answer_follows_from_the_seed_and_samples_do_not_meddle():
    """The same call gives the same draws; a further sample changes nothing about the first."""
    one, two = water({"sewage": 0.4, "tap": 0.6}), water({"laundry": 1.0}, "W2")
    alone = apportion(one, library=means(), seed=4)
    beside = apportion(pd.concat([two, one], ignore_index=True), library=means(), seed=4)
    pd.testing.assert_frame_equal(alone.draws_of("W1"), beside.draws_of("W1"))
    draws = alone.draws_of("W1")
    assert np.allclose(draws.sum(axis=1), 1.0)
    assert np.allclose(draws.mean(), shares_of(alone, "mean_share"), atol=0.02)
    assert not np.array_equal(alone.draws, apportion(one, library=means(), seed=5).draws)


def test_a_non_detect_tells_what_its_limit_tells():
    """Not finding surfactants below a low limit excludes the laundry; below a high limit it says nothing."""
    mixed = water({"tap": 0.97, "laundry": 0.03}).query("parameter in ['fluoride', 'surfactants']")
    is_it = mixed["parameter"] == "surfactants"
    low, high = (
        mixed.assign(
            value=mixed["value"].mask(is_it), qualifier=np.where(is_it, "<", "="), detection_limit=np.where(is_it, limit, np.nan)
        )
        for limit in (0.2, 5000.0)
    )  # fmt: skip
    without = mixed[~is_it]
    laundry = [shares_of(apportion(rows, library=means()), "mean_share")["laundry"] for rows in (low, high, without)]
    assert laundry[0] < 0.01 < laundry[1]
    assert laundry[1] == pytest.approx(laundry[2], abs=0.03)


def test_non_detects_in_the_library_are_below_their_limit_and_no_number():
    """The mean of a source whose samples lie below a limit ends below it; a lower limit takes it lower."""
    part = default_settings()["mixture"]
    library = samples()
    is_it = (library["source_id"] == "tap") & (library["parameter"] == "surfactants")
    found = []
    for limit in (1.0, 0.1):
        hidden = library.assign(
            value=library["value"].mask(is_it), qualifier=np.where(is_it, "<", "="), detection_limit=limit
        )
        _, rows = read_both(water({"tap": 1.0}), hidden)
        learned = learn_library(rows, sources=library["source_id"], settings=part)
        at = learned.source_ids.index("tap"), learned.parameters.index("surfactants")
        found.append((learned.mean[at], learned.cov[(*at, at[1])]))
        assert found[-1][0] < np.log(limit)
    assert found[1][0] < found[0][0]
    known = learn_library(read_both(water({"tap": 1.0}), library)[1], sources=library["source_id"], settings=part)
    at = known.source_ids.index("tap"), known.parameters.index("surfactants")
    assert found[0][1] > known.cov[(*at, at[1])]


def test_censored_library_values_keep_mean_and_spread():
    """With a third of the values below the limit, mean and spread of the source come out as if all were known."""
    rng = np.random.default_rng(8)
    values = np.exp(rng.normal(1.0, 0.5, 400))
    limit = float(np.quantile(values, 0.35))
    frame = pd.DataFrame(
        {"source_id": "A", "parameter": "zinc", "sample_id": [f"s{i}" for i in range(400)], "unit": "mg/L"}
    )
    below = values < limit
    cut = frame.assign(
        value=np.where(below, np.nan, values), qualifier=np.where(below, "<", "="), detection_limit=limit
    )
    one = pd.DataFrame({"sample_id": ["W"], "parameter": ["zinc"], "value": [2.0], "unit": ["mg/L"]})
    learned = learn_library(read_both(one, cut)[1], sources=cut["source_id"], settings=default_settings()["mixture"])
    assert learned.mean[0, 0] == pytest.approx(1.0, abs=0.08)
    assert np.sqrt(learned.cov[0, 0, 0]) == pytest.approx(0.5, abs=0.06)


def test_what_is_lost_on_the_way_is_given_back():
    """Half the ammonia decays on the way: told so, the share of sewage is right; untold, it is too low."""
    mixed = water({"sewage": 0.5, "tap": 0.5}).query("parameter in ['ammonia', 'fluoride']")
    is_it = mixed["parameter"] == "ammonia"
    lost = mixed.assign(value=mixed["value"].where(~is_it, mixed["value"] / 2))
    told = apportion(lost, library=means(0.1), travel_h={"sewage": 10.0}, decay_per_h={"ammonia": np.log(2) / 10})
    untold = apportion(lost, library=means(0.1))
    right = [abs(shares_of(found, "mean_share")["sewage"] - 0.5) for found in (told, untold)]
    assert right[0] < 0.08 < right[1]


def test_a_longer_library_changes_little():
    """Sources that cannot have taken part leave the shares of the others where they were."""
    mixed = water({"sewage": 0.4, "tap": 0.6})
    alien = [
        means()
        .query("source_id == 'plating'")
        .assign(source_id=f"Z{i}", value=lambda rows, i=i: rows["value"] * (2 + i))
        for i in range(6)
    ]
    short, long = (apportion(mixed, library=lib) for lib in (means(), pd.concat([means(), *alien], ignore_index=True)))
    for name in MEANS:
        assert shares_of(long)[name] == pytest.approx(shares_of(short)[name], abs=0.03)


def test_joined_tracers_are_not_counted_one_by_one():
    """Sewage twice as strong as usual in all tracers may be more of it: seen jointly that is left open, apart it is not."""
    usual, strong = np.array(MEANS["tap"]), 2.0 * np.array(MEANS["sewage"])
    mixed = water({"tap": 1.0}).assign(value=0.5 * usual + 0.5 * strong)
    library = samples(number=30, cv=0.5).query("source_id in ['sewage', 'tap']")
    low, high = {}, {}
    for name, lib in (("joint", library), ("apart", library.drop(columns="sample_id"))):
        found = apportion(mixed, library=lib)
        low[name], high[name] = (shares_of(found, column)["sewage"] for column in ("low_share", "high_share"))
    assert low["joint"] <= 0.5 <= high["joint"]
    assert high["joint"] - low["joint"] > 1.2 * (high["apart"] - low["apart"])


def test_every_row_says_why_and_from_where():
    """Reasons in both languages and the rows they rest on."""
    found = apportion(water({"sewage": 0.5, "laundry": 0.5}), library=means())
    assert found.shares[["reason", "reason_zh", "source_ref"]].notna().all(axis=None)
    row = found.shares.set_index("source_id").loc["laundry"]
    assert "surfactants" in row["reason"]
    assert "阴离子表面活性剂" in row["reason_zh"]
    assert "lab.csv#2" in row["source_ref"]
    assert "library.csv#8" in row["source_ref"]
    assert "sewage" in repr(found)
    assert "<table>" in found._repr_html_()


def test_no_sample_gives_no_row():
    """Empty results have an answer."""
    found = apportion(water({"tap": 1.0}).iloc[:0], library=means())
    assert len(found.shares) == len(found.samples) == len(found.draws) == 0
    with pytest.raises(TraceError, match="no sample 'W9'"):
        found.draws_of("W9")


def test_all_problems_are_listed_at_once():
    """A zero, a wrong unit and a missing limit come in one list; so do columns."""
    bad = water({"tap": 1.0})
    bad["value"] = [0.0, -1.0, *bad["value"].iloc[2:]]
    wrong = means()
    wrong.loc[wrong["parameter"] == "fluoride", "unit"] = "uS/cm"
    with pytest.raises(TraceError, match="3 problems") as caught:
        apportion(bad, library=wrong)
    assert "ammonia" in str(caught.value)
    assert "fluoride" in str(caught.value)
    with pytest.raises(TraceError, match="2 problems"):
        apportion(bad.drop(columns="unit"), library=wrong.drop(columns="value"))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"travel_h": {"nobody": 1.0}}, "no source of the library"),
        ({"travel_h": {"tap": -1.0}}, "number from 0"),
        ({"decay_per_h": {"ammonia": np.nan}}, "number from 0"),
        ({"settings": {"penalty": 1.0}}, "is no setting"),
    ],
)
def test_what_cannot_be_used_is_refused(options, match):
    """Names, hours, rates and settings that make no sense are met with the way out."""
    with pytest.raises(TraceError, match=match):
        apportion(water({"tap": 1.0}), library=means(), **options)


def test_a_source_called_unregistered_is_refused():
    """The name belongs to what no library has."""
    with pytest.raises(TraceError, match="rename the source"):
        apportion(water({"tap": 1.0}), library=means().assign(source_id="unregistered"))
