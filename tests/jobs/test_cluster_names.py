"""A cluster's name says what sets it apart, and no two clusters share one."""

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from jobs.clusters.habits import FEATURES
from jobs.clusters.names import name_clusters

AVERAGE = dict.fromkeys(FEATURES, 0.0)
centres = st.lists(
    st.fixed_dictionaries({name: st.floats(-4, 4) | st.sampled_from([-1.0, 0.0, 1.0]) for name in FEATURES}),
    max_size=12,
)


def named(**traits: float) -> str:
    return name_clusters([AVERAGE | traits])[0]


def test_the_two_strongest_traits_make_the_name() -> None:
    assert named(online_share=2.0, spend=-1.0, merchants=0.5) == "online, small spenders"
    assert named(online_share=-0.3, foreign_share=3.0) == "abroad, in person"


def test_a_trait_near_the_mean_of_all_is_not_named() -> None:
    assert named(spend=0.24, night_share=-0.24) == "average clients"
    assert named(spend=0.25) == "big spenders"


def test_each_feature_has_words_for_more_and_for_less() -> None:
    assert len({named(**{name: value}) for name in FEATURES for value in (1.0, -1.0)}) == 2 * len(FEATURES)


def test_a_name_taken_is_told_apart_by_another_trait() -> None:
    alike = AVERAGE | {"spend": 2.0, "merchants": 1.0}
    names = name_clusters([alike, alike | {"night_share": 0.5}])
    assert names == ["big spenders, many merchants", "big spenders, many merchants, by night"]


def test_equal_clusters_are_numbered() -> None:
    assert name_clusters([AVERAGE] * 3) == ["average clients", "average clients (2)", "average clients (3)"]
    assert name_clusters([AVERAGE | {"spend": 1.0}] * 2) == ["big spenders", "big spenders (2)"]


def test_no_cluster_has_no_name() -> None:
    assert name_clusters([]) == []


@examples(max_examples=300, deadline=None, derandomize=True, database=None)
@given(centres)
def test_names_are_distinct_readable_and_the_same_again(found: list[dict[str, float]]) -> None:
    names = name_clusters(found)
    assert len(set(names)) == len(names) == len(found)
    assert all(name and name == name.strip() for name in names)
    assert name_clusters(found) == names


@examples(max_examples=100, deadline=None, derandomize=True, database=None)
@given(centres)
def test_many_like_clusters_have_distinct_names(found: list[dict[str, float]]) -> None:
    names = name_clusters(found * 3)
    assert len(set(names)) == 3 * len(found)
