"""T10, T29: decisions and prefilled forms are looks at a case's parties, however many materials each is about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from license_hub.domain.budget import of_quotas
from license_hub.errors import OverBudget
from license_hub.service.decide_case import Asked, decide_cases
from license_hub.service.prefill import prefill
from license_hub.service.verify import VerifyRequest, verify

from .casework_cases import Counter, filled_counter
from .publishing import Publisher, credit_code
from .test_prefill import FORM, with_matters


@pytest.fixture
def catalog(catalog):
    return with_matters(catalog, FORM)


@pytest.fixture
def counter(publisher: Publisher) -> Counter:
    """Three looks at one holder an hour."""
    return filled_counter(replace(publisher.hub, budgets=of_quotas(10_000, 10_000, 3)), publisher)


def decided(counter: Counter, *cases: int) -> list[bool]:
    found = decide_cases(counter.hub, [Asked(one, counter.principal, "same") for one in cases])
    assert all(not isinstance(one, Exception) or isinstance(one, OverBudget) for one in found)
    return [not isinstance(one, OverBudget) for one in found]


def test_decisions_and_prefills_are_looks_at_the_case_s_party_and_end_with_its_budget(counter):
    case, other = counter.open(FORM.id, applicant=credit_code(1)), counter.open(FORM.id, applicant=credit_code(2))
    assert decided(counter, case) == [True]
    assert prefill(counter.hub, case, principal=counter.principal, request_id="r")["case_id"] == case
    asked = VerifyRequest(type_id="business_license", number=credit_code(1), holder_number=credit_code(1))
    assert verify(counter.hub, [replace(asked, actor=counter.principal.client_id, payer=counter.principal.client_id)])[0].wait == 0
    # Three looks: the next is refused, whichever way it comes; another holder is another budget.
    assert decided(counter, case, other) == [False, True]
    with pytest.raises(OverBudget):
        prefill(counter.hub, case, principal=counter.principal, request_id="r")
    assert verify(counter.hub, [replace(asked, actor=counter.principal.client_id, payer=counter.principal.client_id)])[0].wait
    counter.hub.clock.pass_(hours=2)
    assert decided(counter, case) == [True]


def test_decisions_of_one_batch_are_counted_in_their_order(counter):
    case = counter.open(FORM.id, applicant=credit_code(1))
    assert decided(counter, *[case] * 5) == [True] * 3 + [False] * 2
    assert decided(counter, case) == [False]
