from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from license_hub.domain.lifecycle import (
    FINAL,
    SOURCE_STATES,
    STORED_STATES,
    TRANSITIONS,
    Act,
    Actor,
    ActRefused,
    Document,
    State,
    acts_between,
    after,
    current,
    possible,
    shanghai_date,
)
from license_hub.domain.verdict import Code, Status

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
"""Noon of 2026-11-21 in Shanghai."""
TODAY = date(2026, 11, 21)

CHINESE = {"未激活", "有效", "暂扣", "过期", "注销", "撤销", "吊销", "转出", "已变更", "状态未提供", "数源未再提供"}


@pytest.mark.parametrize("actor", Actor)
@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("state", State)
def test_every_act_from_every_state_is_in_the_table_or_refused(state, act, actor):
    entry = TRANSITIONS.get((state, act))
    if entry is not None and actor in entry.actors:
        assert possible(state, act, actor)
        assert after(state, act, actor) is entry.to
        assert entry.to in STORED_STATES and entry.to is not state
    else:
        assert not possible(state, act, actor)
        with pytest.raises(ActRefused):
            after(state, act, actor)


@given(st.sampled_from(sorted(STORED_STATES)), st.lists(st.tuples(st.sampled_from(Act), st.sampled_from(Actor)), max_size=30))
def test_any_sequence_of_acts_stays_in_stored_states_and_refusals_change_nothing(start, acts):
    state = start
    for act, actor in acts:
        try:
            state = after(state, act, actor)
        except ActRefused:
            assert (state, act) not in TRANSITIONS or actor not in TRANSITIONS[(state, act)].actors
        assert state in STORED_STATES


def test_superseded_is_reached_by_no_act_and_allows_none():
    assert State.SUPERSEDED not in {entry.to for entry in TRANSITIONS.values()}
    assert State.SUPERSEDED not in {state for state, _ in TRANSITIONS}


def test_nothing_the_hub_concludes_by_itself_ends_or_restores_a_license():
    """A row that went missing revokes nothing and rehabilitates nothing (design.md decision 7)."""
    for (state, _), entry in TRANSITIONS.items():
        if Actor.HUB in entry.actors:
            assert entry.actors == {Actor.HUB}
            assert Code(entry.to.value).status is Status.UNDETERMINED
            assert Code(state.value).status is not Status.INVALID


def test_ending_a_license_needs_a_decision():
    for (_, act), entry in TRANSITIONS.items():
        if entry.to in FINAL or act is Act.REINSTATE:
            assert entry.document is Document.DECISION


@pytest.mark.parametrize("said", sorted(SOURCE_STATES))
@pytest.mark.parametrize("state", sorted(STORED_STATES))
def test_acts_between_lead_from_every_stored_state_to_what_the_source_says(state, said):
    acts = acts_between(state, said)
    assert len(acts) <= 2
    reached = state
    for act in acts:
        reached = after(reached, act, Actor.HUB if act is Act.SOURCE_RESUMED else Actor.SOURCE)
    if said is not State.STATUS_NOT_PROVIDED:
        assert reached is said
    elif state is State.SOURCE_NO_LONGER_PROVIDES:
        assert reached is State.STATUS_NOT_PROVIDED
    else:
        assert reached is state


@pytest.mark.parametrize("said", [State.SUPERSEDED, State.SOURCE_NO_LONGER_PROVIDES])
def test_acts_between_refuse_what_no_source_may_say(said):
    with pytest.raises(ActRefused):
        acts_between(State.IN_FORCE, said)


@pytest.mark.parametrize(
    ("valid_to", "moment", "state"),
    [
        (TODAY, datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC), State.IN_FORCE),
        (TODAY, datetime(2026, 11, 21, 16, 0, 0, tzinfo=UTC), State.EXPIRED),
        (None, datetime(2999, 1, 1, tzinfo=UTC), State.IN_FORCE),
    ],
)
def test_expiry_comes_at_midnight_in_shanghai(valid_to, moment, state):
    assert current(State.IN_FORCE, newest=True, valid_from=None, valid_to=valid_to, now=moment) is state


@pytest.mark.parametrize(
    ("moment", "state"),
    [
        (datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC), State.NOT_ACTIVE),
        (datetime(2026, 11, 20, 16, 0, 0, tzinfo=UTC), State.IN_FORCE),
    ],
)
def test_force_begins_at_midnight_in_shanghai(moment, state):
    assert current(State.IN_FORCE, newest=True, valid_from=TODAY, valid_to=None, now=moment) is state


DATES = st.none() | st.dates(date(2026, 11, 18), date(2026, 11, 24))


@given(st.sampled_from(sorted(STORED_STATES)), st.booleans(), DATES, DATES)
def test_current_never_makes_a_license_better_than_stored(stored, newest, valid_from, valid_to):
    state = current(stored, newest=newest, valid_from=valid_from, valid_to=valid_to, now=NOON)
    rank = {Status.VALID: 2, Status.UNDETERMINED: 1, Status.INVALID: 0}
    assert rank[Code(state.value).status] <= rank[Code(stored.value).status]
    if stored in FINAL:
        assert state is stored
    elif not newest:
        assert state is State.SUPERSEDED
    elif valid_to is not None and valid_to < TODAY:
        assert Code(state.value).status is Status.INVALID
    elif state is State.EXPIRED:
        assert stored is State.EXPIRED


def test_day_of_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        shanghai_date(NOON.replace(tzinfo=None))
    assert shanghai_date(NOON + timedelta(hours=12)) == date(2026, 11, 22)


def test_states_have_the_chinese_names_of_the_glossary():
    assert {state.chinese for state in State} == CHINESE
    assert (State.REVOKED.chinese, State.WITHDRAWN.chinese, State.CANCELLED.chinese) == ("吊销", "撤销", "注销")


def test_catalog_maps_every_status_to_a_state_a_source_may_say(catalog):
    mapped = {state for one in catalog.license_types.values() for source in one.sources for state in source.status_map.values()}
    assert mapped and mapped <= {state.value for state in SOURCE_STATES}
