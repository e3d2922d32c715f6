"""Notices of acts and lists of them that two people approve; the life cycle table's reasons."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from license_hub.domain.lifecycle import REASONS, TRANSITIONS, Act, Actor, ActRefused, Reason
from license_hub.errors import ApprovalNeeded, HubError, NoSuchLicense, NoticeRefused
from license_hub.service.approve_acts import apply, approve, batches, propose
from license_hub.service.change_status import Notice, change_status
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.service.verify import VerifyRequest, verify
from license_hub.storage import tables
from license_hub.storage.engine import reading
from license_hub.storage.tables_lifecycle import act_batch

from .publishing import ORGAN, Publisher, entity

DAY = date(2026, 11, 20)


def issued(hub: Hub, publisher: Publisher, count: int) -> list[str]:
    publisher.publish("legal_entity", [entity(number) for number in range(1, count + 1)])
    apply_pending(hub)
    with reading(hub.engine) as connection:
        return list(connection.execute(sa.select(tables.version.c.identifier).order_by(tables.version.c.entry)).scalars())


def notice(identifier: str, act: Act = Act.REVOKE, reason: Reason = Reason.PENALTY) -> Notice:
    return Notice(identifier, act, "样市监罚〔2026〕7号", DAY, ORGAN, reason)


def change(hub: Hub, identifier: str, act: Act = Act.REVOKE, reason: Reason = Reason.PENALTY):
    return change_status(hub, act, "样市监罚〔2026〕7号", DAY, ORGAN, reason, identifier=identifier, actor="test")


def codes(hub: Hub, identifiers: list[str]) -> list[str]:
    return [one.verdict.code.value for one in verify(hub, [VerifyRequest(identifier=text) for text in identifiers])]


def test_every_act_an_organ_may_do_has_reasons_and_no_other_act_has():
    organs = {act for (_, act), step in TRANSITIONS.items() if Actor.ORGAN in step.actors}
    assert {act for act, reasons in REASONS.items() if reasons} == organs
    assert {one for reasons in REASONS.values() for one in reasons} == set(Reason)


def test_notice_about_an_old_version_counts_for_the_license(hub, publisher):
    [old] = issued(hub, publisher, 1)
    publisher.publish("legal_entity", [entity(1, address="样例市样例路9号")])
    apply_pending(hub)
    changed = change(hub, old)
    assert changed.identifier != old
    assert codes(hub, [old, changed.identifier]) == ["REVOKED", "REVOKED"]
    change(hub, old, Act.REINSTATE, Reason.DECISION_OVERTURNED)
    assert fsck(hub).findings == ()


def test_act_the_state_does_not_allow_or_license_nobody_issued_changes_nothing(hub, publisher):
    [known] = issued(hub, publisher, 1)
    change(hub, known)
    with pytest.raises(ActRefused):
        change(hub, known)
    stranger = known.split(".")
    stranger[7] = "0" * 25
    from license_hub.domain.identifier import mint

    with pytest.raises(NoSuchLicense):
        change(hub, mint(stranger[5], stranger[6], stranger[7], 1))
    with reading(hub.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.status)).scalar_one() == 1


def test_list_beyond_the_limit_needs_two_names_that_did_not_propose_it(hub, publisher):
    known = issued(hub, publisher, 25)
    batch = propose(hub, [notice(one) for one in known], name="样甲", organ=ORGAN)
    with pytest.raises(ApprovalNeeded, match="0 of 2"):
        apply(hub, batch.batch_id, actor="test")
    with pytest.raises(ApprovalNeeded, match="two others"):
        approve(hub, batch.batch_id, name=" 样甲 ", reason="自批")
    assert approve(hub, batch.batch_id, name="Sample B", reason="核对无误").approvers == ("Sample B",)
    for other in ("ｓａｍｐｌｅ b", "SAMPLE  B", "sample\u3000b", "sampleb"):
        with pytest.raises(ApprovalNeeded, match="second person"):
            approve(hub, batch.batch_id, name=other, reason="再批")
    with pytest.raises(ApprovalNeeded, match="1 of 2"):
        apply(hub, batch.batch_id, actor="test")
    approve(hub, batch.batch_id, name="样丙", reason="核对无误")
    assert len(apply(hub, batch.batch_id, actor="test")) == 25
    assert set(codes(hub, known)) == {"REVOKED"}
    assert apply(hub, batch.batch_id, actor="test") == []
    with pytest.raises(NoticeRefused, match="applied already"):
        approve(hub, batch.batch_id, name="样丁", reason="核对无误")
    with reading(hub.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.status)).scalar_one() == 25
    assert [one.applied_at is not None for one in batches(hub)] == [True] and batches(hub, waiting=True) == []


def test_list_changed_after_its_approvals_is_not_applied(hub, publisher):
    known = issued(hub, publisher, 2)
    batch = propose(hub, [notice(known[0])], name="样甲", organ=ORGAN)
    for name in ("样乙", "样丙"):
        approve(hub, batch.batch_id, name=name, reason="核对无误")
    with hub.engine.begin() as connection:
        swapped = sa.func.replace(act_batch.c.acts, known[0], known[1])
        connection.execute(sa.update(act_batch).values(acts=swapped))
    with pytest.raises(HubError, match="not those it was filed with"):
        apply(hub, batch.batch_id, actor="test")
    assert "REVOKED" not in codes(hub, known)


def test_list_with_one_impossible_act_is_applied_not_at_all(hub, publisher):
    known = issued(hub, publisher, 2)
    acts = [notice(known[0]), notice(known[1], Act.RESTORE, Reason.GROUND_GONE)]
    batch = propose(hub, acts, name="样甲", organ=ORGAN)
    for name in ("样乙", "样丙"):
        approve(hub, batch.batch_id, name=name, reason="核对无误")
    with pytest.raises(ActRefused):
        apply(hub, batch.batch_id, actor="test")
    assert "REVOKED" not in codes(hub, known)
    assert len(batches(hub, waiting=True)) == 1
