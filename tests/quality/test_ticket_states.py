"""The table of acts, walked at random."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.tickets.states import STEPS, TITLES, Act, ActRefused, Kind, Role, Standing, State, after, possible

COUNTS = st.integers(0, 3)
STANDINGS = st.builds(
    Standing, st.sampled_from([State.ISSUED, State.ACCEPTED, State.WORKING, State.CLOSED]), st.booleans(), st.booleans(), st.booleans(),
    COUNTS, COUNTS, COUNTS, st.sampled_from(Kind),
)  # fmt: skip


@given(STANDINGS, st.sampled_from(Act), st.sampled_from(Role))
def test_act_is_carried_out_exactly_if_it_is_listed_as_possible(standing, act, role):
    if act in possible(standing, role):
        replace(standing, **after(standing, act, role))
    else:
        with pytest.raises(ActRefused):
            after(standing, act, role)


@given(STANDINGS)
def test_every_ticket_that_is_not_closed_has_somebody_who_can_act_or_waits_for_a_delivery(standing):
    acts = [act for role in Role for act in possible(standing, role)]
    assert bool(acts) != (standing.state is State.CLOSED)


@given(STANDINGS, st.data())
def test_rows_alone_never_close_a_ticket_that_has_one_waiting(standing, data):
    if standing.phase is not State.CLOSED and (standing.open or standing.corrected or not standing.closed):
        assert standing.state is not State.CLOSED


@given(STANDINGS)
def test_only_a_ruling_ends_a_dispute(standing):
    if standing.state is State.DISPUTED:
        assert {act for role in Role for act in possible(standing, role)} == {Act.UPHOLD, Act.OVERTURN}


def test_every_act_and_state_is_in_the_table_and_needs_words_the_policy_has(catalog):
    assert set(STEPS) == set(Act) and set(TITLES) == set(State)
    assert {act for act, step in STEPS.items() if step.reason} == {Act(name) for name in catalog.tickets.reasons}
