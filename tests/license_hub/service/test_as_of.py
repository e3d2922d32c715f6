"""Answers for past moments through the real service: histories made by publications and notices, a naive oracle beside them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from license_hub.domain.lifecycle import REASONS, Act, ActRefused, State, current, shanghai_date
from license_hub.service.as_of import Moment, as_of
from license_hub.service.change_status import change_status
from license_hub.service.intake import apply_pending
from license_hub.service.list_audit import list_audit
from license_hub.service.verify import VerifyRequest, verify
from license_hub.storage import tables
from license_hub.storage.engine import reading

from .publishing import ORGAN, credit_code, entity

NOTICED = sorted(act for act, reasons in REASONS.items() if reasons)


def asked(number: int) -> VerifyRequest:
    code = credit_code(number)
    return VerifyRequest(type_id="business_license", number=code, holder_number=code)


def identifier_of(hub, number: int) -> str:
    with reading(hub.engine) as connection:
        query = sa.select(tables.version.c.identifier).where(
            tables.version.c.number_bi == hub.crypt.blind_index("number", credit_code(number))
        )
        return connection.execute(query.order_by(tables.version.c.entry)).scalars().first()


def at(hub, number: int, valid_at: datetime, known_at: datetime) -> str:
    [answer] = as_of(hub, [(asked(number), Moment(valid_at, known_at))])
    return answer.verdict.code.value


def test_revocation_noticed_late_changes_what_is_known_now_of_then_and_not_what_was_said_then(hub, publisher, clock):
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    issued = clock.now
    clock.pass_(days=10)
    notice = (Act.REVOKE, "样市监罚〔2026〕7号", shanghai_date(issued + timedelta(days=5)), ORGAN, next(iter(REASONS[Act.REVOKE])))
    change_status(hub, *notice, identifier=identifier_of(hub, 1), actor="test")
    from license_hub.service.integrate import integrate

    integrate(hub)
    now = clock.now
    assert at(hub, 1, now, now) == verify(hub, [asked(1)])[0].verdict.code == "REVOKED"
    assert at(hub, 1, issued + timedelta(days=7), issued + timedelta(days=7)) == "IN_FORCE"
    assert at(hub, 1, issued + timedelta(days=7), now) == "REVOKED"
    assert at(hub, 1, issued + timedelta(days=3), now) == "IN_FORCE"
    assert at(hub, 1, issued, issued - timedelta(seconds=1)) == "NOT_FOUND"
    assert at(hub, 1, datetime(2019, 1, 1, tzinfo=UTC), now) == "NOT_ACTIVE"
    assert len(list_audit(hub, action="verify_as_of")) == 6
    with pytest.raises(ValueError, match="past moments"):
        at(hub, 1, now + timedelta(seconds=1), now)


def test_identifier_of_a_later_version_was_not_active_and_of_an_earlier_one_superseded(hub, publisher, clock):
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    first = clock.now
    clock.pass_(days=1)
    publisher.publish("legal_entity", [entity(1, address="样例市样例路9号")])
    apply_pending(hub)
    with reading(hub.engine) as connection:
        old, new = connection.execute(sa.select(tables.version.c.identifier).order_by(tables.version.c.entry)).scalars()
    codes = {
        (name, moment): as_of(hub, [(VerifyRequest(identifier=text), Moment(moment, clock.now))])[0].verdict.code.value
        for name, text in (("old", old), ("new", new))
        for moment in (first, clock.now)
    }
    assert codes == {
        ("old", first): "IN_FORCE",
        ("old", clock.now): "SUPERSEDED",
        ("new", first): "NOT_ACTIVE",
        ("new", clock.now): "IN_FORCE",
    }


def test_answers_of_random_histories_agree_with_a_naive_oracle(hub, publisher, clock):
    """Publications and notices in any order; the oracle keeps its own list of what was said when and with effect from when."""
    rng, numbers = random.Random(7), range(1, 7)
    said: dict[int, list[tuple[datetime, datetime | None, State]]] = {number: [] for number in numbers}
    rows = {number: entity(number) for number in numbers}
    publisher.publish("legal_entity", list(rows.values()))
    apply_pending(hub)
    for number in numbers:
        said[number].append((clock.now, None, State.IN_FORCE))
    identifiers = {number: identifier_of(hub, number) for number in numbers}
    for _ in range(12):
        clock.pass_(hours=rng.choice((1, 12, 36)))
        number, act = rng.choice(numbers), rng.choice(NOTICED)
        back = timedelta(days=rng.choice((0, 1, 3)))
        on = shanghai_date(clock.now - back)
        reason = min(REASONS[Act(act)])
        try:
            changed = change_status(hub, Act(act), "样1号", on, ORGAN, reason, identifier=identifiers[number], actor="test")
        except ActRefused:
            continue
        begins = datetime(on.year, on.month, on.day, tzinfo=UTC) - timedelta(hours=8)
        said[number].append((clock.now, begins, changed.state))
    from license_hub.service.integrate import integrate

    integrate(hub)
    clock.pass_(hours=1)
    edges = sorted({one[0] for facts in said.values() for one in facts} | {one[1] for facts in said.values() for one in facts if one[1]})
    moments = [edge + timedelta(seconds=step) for edge in edges for step in (-1, 0)] + [clock.now]
    for number in numbers:
        pairs = [(valid, known) for valid in moments for known in rng.sample(moments, 4)]
        answers = as_of(hub, [(asked(number), Moment(*pair)) for pair in pairs])
        for (valid, known), answer in zip(pairs, answers, strict=True):
            painted = None
            for recorded, since, state in said[number]:
                if recorded <= known and (since is None or since <= valid):
                    painted = state
            expected = "NOT_FOUND" if painted is None else current(painted, newest=True, valid_from=None, valid_to=None, now=valid).value
            assert answer.verdict.code.value == expected, (number, valid, known)
    assert [one.verdict.code for one in verify(hub, [asked(number) for number in numbers])] == [
        one.verdict.code for one in as_of(hub, [(asked(number), Moment(clock.now, clock.now)) for number in numbers])
    ]
