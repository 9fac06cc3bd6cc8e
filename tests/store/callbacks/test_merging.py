"""Callbacks that come in any order, twice or not at all leave the row of the newest state."""

from functools import reduce
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bodies
from fake_callbacks import conversation, form_of, history
from gateway.callbacks.forms import interaction_of
from store.callbacks.merging import PROGRESS, is_outdated, merged, order_of
from store.interactions import Interaction

KINDS = ("message", "Voice")


def states_of(seed: int, kind: str) -> list[Interaction]:
    changes: dict[str, Any] = {
        "type": kind,
        "outbound_resource_status": "completed" if kind == "Voice" else "delivered",
    }
    states = history(conversation(bodies.interaction(1, **changes), minutes=seed % 3), Random(seed))
    records = [interaction_of({name: [value] for name, value in form_of(state).items()}) for state in states]
    return [record for record in records if record]


def without_date(interaction: Interaction) -> Interaction:
    changed: Interaction = msgspec.structs.replace(interaction, date_updated="")
    return changed


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(KINDS), st.data())
def test_any_order_with_repetitions_ends_with_the_newest_state(seed: int, kind: str, data: st.DataObject) -> None:
    states = states_of(seed, kind)
    posts = data.draw(st.permutations(states + data.draw(st.lists(st.sampled_from(states), max_size=5))))
    assert without_date(reduce(merged, posts)) == without_date(states[-1])


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(KINDS), st.data())
def test_neither_the_date_nor_a_status_ever_goes_back(seed: int, kind: str, data: st.DataObject) -> None:
    posts = data.draw(st.lists(st.sampled_from(states_of(seed, kind)), min_size=1, max_size=8))
    seen = [posts[0]]
    for post in posts[1:]:
        seen.append(merged(seen[-1], post))
    for before, after in pairwise(seen):
        assert order_of(after.date_updated, before.date_updated) >= 0
        first, second = before.outbound_resource_status, after.outbound_resource_status
        assert first is None or PROGRESS[second or ""] >= PROGRESS[first]


@pytest.mark.parametrize("state", states_of(3, "message"))
def test_the_same_state_again_is_the_same_row(state: Interaction) -> None:
    assert merged(state, state) is state


def test_a_fraction_is_no_news_where_the_api_gives_none() -> None:
    of_api = states_of(1, "message")[-1]
    of_api = msgspec.structs.replace(of_api, date_updated="2026-01-01T00:00:12.000Z", url="https://example.com")
    of_callback = msgspec.structs.replace(of_api, date_updated="2026-01-01T00:00:12.818Z", url=None)
    assert merged(of_api, of_callback) is of_api
    assert not is_outdated(of_api, of_callback)


def test_a_newer_state_that_lacks_a_property_keeps_it() -> None:
    *_, before = states_of(1, "message")
    lacking = {name: None for name in before.__struct_fields__ if name.startswith("outbound_")}
    lacking |= dict.fromkeys(("data", "body", "duration_seconds"))
    after = msgspec.structs.replace(before, date_updated="2027-01-01T00:00:00.000Z", **lacking)
    assert without_date(merged(before, after)) == without_date(before)


def test_an_unknown_word_of_the_newest_state_counts_and_its_text_is_kept() -> None:
    *_, before = states_of(1, "message")
    after = msgspec.structs.replace(
        before,
        outbound_resource_status="unknown",
        extra='{"outbound_resource_status":"read"}',
        date_updated="2027-01-01T00:00:00.000Z",
    )
    assert merged(before, after) == after
    assert merged(after, before) is after
