from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from hashlib import shake_128
from itertools import count as count_from

import numpy as np
import pytest
import sqlalchemy as sa

from license_hub.domain.lifecycle import State
from license_hub.errors import IntakeError
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub, open_hub
from license_hub.service.intake import Counts, apply_pending
from license_hub.service.verify import VerifyRequest, verify
from license_hub.storage import tables
from license_hub.storage.engine import reading

from .publishing import OTHER_ORGAN, citizen_number, credit_code, entity, permit, person, registered, title


def count(hub: Hub, table: sa.Table) -> int:
    with reading(hub.engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def rows(hub: Hub, query: sa.Select) -> list[sa.Row]:
    with reading(hub.engine) as connection:
        return list(connection.execute(query))


def states(hub: Hub, type_id: str = "business_license") -> list[str]:
    return sorted(row.state for row in rows(hub, sa.select(tables.current.c.state).where(tables.current.c.type_id == type_id)))


def asked(row: dict, **more: object) -> VerifyRequest:
    return VerifyRequest(type_id="business_license", number=row["credit_code"], holder_number=row["credit_code"], **more)


def stream() -> Callable[[int], bytes]:
    """Bytes that look random and are the same in every run."""
    calls = count_from(0)
    return lambda size: shake_128(str(next(calls)).encode()).digest(size)


def test_first_publication_issues_every_row_and_signs_a_checkpoint(hub, publisher):
    publisher.publish("legal_entity", [entity(1), entity(2), entity(3, "12"), entity(4, "51")])
    report = apply_pending(hub)
    assert report.per_resource["legal_entity"] == Counts(issued=4)
    assert states(hub) == ["IN_FORCE", "IN_FORCE"]
    assert hub.tiles.read_checkpoint().split("\n")[1] == "4"
    assert [one.verdict.code for one in verify(hub, [asked(entity(1))])] == ["IN_FORCE"]
    assert fsck(hub).findings == ()


def test_publication_applied_already_is_not_applied_again(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    again = apply_pending(hub)
    assert (again.publications, again.issued, count(hub, tables.leaf)) == (0, 0, 1)


def test_several_publications_are_applied_in_order_in_one_run(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    publisher.publish("legal_entity", [entity(1, name="样例新名有限公司")])
    publisher.publish("legal_entity", [entity(1)])
    report = apply_pending(hub)
    assert (report.publications, report.issued, report.versions) == (3, 1, 2)
    found = rows(hub, sa.select(tables.version).order_by(tables.version.c.entry))
    assert [row.version for row in found] == ["001", "002", "003"]
    assert [row.supersedes for row in found] == [None, 0, 1]
    assert len({row.identifier.split(".")[7] for row in found}) == 1


def test_publication_missing_in_between_is_a_fault_that_names_it(hub, publisher):
    from quality.store.tables import publication

    publisher.publish("legal_entity", [entity(1)])
    publisher.publish("legal_entity", [entity(1), entity(2)])
    with hub.engine.begin() as connection:
        connection.execute(sa.delete(publication).where(publication.c.number == 1))
    with pytest.raises(IntakeError, match="publication 1 is not applied"):
        apply_pending(hub)
    assert count(hub, tables.version) == 0


def test_changed_content_makes_a_version_and_the_old_one_is_superseded(hub, publisher):
    publisher.publish("legal_entity", [entity(1), entity(2)])
    apply_pending(hub)
    old = rows(hub, sa.select(tables.version.c.identifier).where(tables.version.c.entry == 0))[0].identifier
    publisher.publish("legal_entity", [entity(1, address="样例市样例路9号"), entity(2)])
    report = apply_pending(hub)
    assert report.per_resource["legal_entity"] == Counts(versions=1)
    answers = verify(hub, [VerifyRequest(identifier=old), asked(entity(1), claims={"住所": "样例市样例路9号"})])
    assert [one.verdict.code for one in answers] == ["SUPERSEDED", "IN_FORCE"]


def test_changed_status_alone_is_an_act_and_no_version(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    publisher.publish("legal_entity", [entity(1, status="3")])
    report = apply_pending(hub)
    assert report.per_resource["legal_entity"] == Counts(status_acts=1)
    assert count(hub, tables.version) == 1
    assert verify(hub, [asked(entity(1))])[0].verdict.code == "REVOKED"
    event = rows(hub, sa.select(tables.status))[0]
    assert (event.state, event.act, event.of_entry, event.publication) == ("REVOKED", "REVOKE", 0, 2)


def test_revocation_undone_and_then_moved_out_is_two_acts(hub, publisher):
    publisher.publish("legal_entity", [entity(1, status="3")])
    apply_pending(hub)
    publisher.publish("legal_entity", [entity(1, status="5")])
    assert apply_pending(hub).status_acts == 2
    assert states(hub) == ["MOVED_OUT"]


def test_changed_content_with_changed_status_starts_the_version_in_it(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    publisher.publish("legal_entity", [entity(1, name="样例新名有限公司", status="2")])
    report = apply_pending(hub)
    assert (report.versions, report.status_acts) == (1, 0)
    assert states(hub) == ["CANCELLED"]


def test_new_version_without_status_keeps_the_revocation(hub, publisher):
    publisher.publish("legal_entity", [entity(1, status="3")])
    apply_pending(hub)
    publisher.publish("legal_entity", [entity(1, name="样例新名有限公司", status=None)])
    assert apply_pending(hub).versions == 1
    assert states(hub) == ["REVOKED"]


def test_removed_row_is_no_longer_provided_and_never_revoked(hub, publisher):
    publisher.publish("legal_entity", [entity(1), entity(2, status="3"), entity(3)])
    apply_pending(hub)
    publisher.publish("legal_entity", [entity(3)])
    assert apply_pending(hub).status_acts == 1
    assert states(hub) == ["IN_FORCE", "REVOKED", "SOURCE_NO_LONGER_PROVIDES"]
    assert verify(hub, [asked(entity(1))])[0].verdict.status == "UNDETERMINED"


def test_deleted_row_is_no_longer_provided_too(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    publisher.publish("legal_entity", [], deleted=[entity(1)["credit_code"]])
    apply_pending(hub)
    assert states(hub) == ["SOURCE_NO_LONGER_PROVIDES"]


def test_returned_row_is_in_force_again(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    publisher.publish("legal_entity", [])
    publisher.publish("legal_entity", [entity(1)])
    report = apply_pending(hub)
    assert (report.issued, report.versions, report.status_acts) == (1, 0, 2)
    assert states(hub) == ["IN_FORCE"]
    assert fsck(hub).findings == ()


def test_stale_row_changes_nothing(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    publisher.publish("legal_entity", [{**entity(1), "_op": "stale"}])
    report = apply_pending(hub)
    assert report.per_resource["legal_entity"] == Counts()
    assert states(hub) == ["IN_FORCE"]


def test_row_published_again_without_change_is_unchanged(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    publisher.publish("legal_entity", [entity(1, legal_rep_id=citizen_number(1))])
    assert apply_pending(hub).per_resource["legal_entity"] == Counts(unchanged=1)


def test_rows_wait_for_their_holder_base_and_are_issued_when_it_comes(hub, publisher):
    publisher.publish("food_permit", [permit(1), permit(2), permit(3)])
    first = apply_pending(hub)
    assert first.per_resource["food_permit"] == Counts(held=3)
    assert {row.reason for row in rows(hub, sa.select(tables.held))} == {"HOLDER_BASE_UNPUBLISHED"}
    publisher.publish("legal_entity", [entity(1), entity(2, name="样例别名有限公司")])
    second = apply_pending(hub)
    assert second.per_resource["food_permit"] == Counts(issued=1)
    assert sorted(row.reason for row in rows(hub, sa.select(tables.held))) == ["HOLDER_CONTRADICTED", "HOLDER_NOT_TRUSTED"]
    publisher.publish("legal_entity", [entity(1), entity(2), entity(3)])
    assert apply_pending(hub).per_resource["food_permit"] == Counts(issued=2)
    assert (count(hub, tables.held), fsck(hub).findings) == (0, ())


def test_held_row_replaced_by_a_newer_one_issues_the_newer(hub, publisher):
    publisher.publish("food_permit", [permit(1, address="旧址")])
    publisher.publish("food_permit", [permit(1, address="新址")])
    apply_pending(hub)
    assert count(hub, tables.held) == 1
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    request = VerifyRequest(type_id="food_permit", number=permit(1)["permit_no"], holder_number=credit_code(1), claims={"经营场所": "新址"})
    assert verify(hub, [request])[0].verdict.code == "IN_FORCE"
    version = rows(hub, sa.select(tables.version).where(tables.version.c.type_id == "food_permit"))[0]
    assert (version.publication, version.version) == (2, "001")


def test_held_row_that_is_removed_leaves_the_hold(hub, publisher):
    publisher.publish("food_permit", [permit(1)])
    publisher.publish("food_permit", [])
    apply_pending(hub)
    assert (count(hub, tables.held), count(hub, tables.version)) == (0, 0)


def test_newer_row_on_hold_leaves_the_issued_version_as_it_is(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    publisher.publish("food_permit", [permit(1)])
    publisher.publish("food_permit", [permit(1, operator_name="样例冒名有限公司")])
    report = apply_pending(hub)
    assert report.per_resource["food_permit"] == Counts(issued=1, held=1)
    assert states(hub, "food_permit") == ["IN_FORCE"]


def test_holder_outside_the_base_is_accepted_unverified_with_capped_grade(hub, publisher):
    elsewhere = credit_code(7, "91", "330102")
    publisher.publish("legal_entity", [entity(1)])
    publisher.publish("food_permit", [permit(1), permit(7, credit_code=elsewhere)])
    apply_pending(hub)
    query = sa.select(tables.version).where(tables.version.c.type_id == "food_permit").order_by(tables.version.c.entry)
    assert [(row.holder_verified, row.grade) for row in rows(hub, query)] == [(True, "B"), (False, "C")]


def test_title_of_several_holders_needs_all_of_them(hub, publisher):
    one, two, company = person(1), person(2), entity(3)
    pairs = [(one["name"], one["id_number"]), (two["name"], two["id_number"]), (company["name"], company["credit_code"])]
    publisher.publish("population", [one])
    publisher.publish("legal_entity", [company])
    publisher.publish("real_estate_title", [title(1, pairs), title(2, pairs[::2]), title(3, [("样外", "E12345678"), pairs[0]])])
    report = apply_pending(hub)
    assert report.per_resource["real_estate_title"] == Counts(issued=2, held=1)
    publisher.publish("population", [one, two])
    assert apply_pending(hub).per_resource["real_estate_title"] == Counts(issued=1)
    found = rows(hub, sa.select(tables.version).where(tables.version.c.type_id == "real_estate_title").order_by(tables.version.c.entry))
    assert [row.holder_verified for row in found] == [True, False, True]
    holders = rows(hub, sa.select(tables.holder.c.entry).where(tables.holder.c.entry == found[2].entry))
    assert len(holders) == 3


def test_issuer_from_the_row_and_by_credit_code_attest_their_own_rows(hub, publisher):
    publisher.publish("legal_entity", [entity(1), entity(2, registrar_code=OTHER_ORGAN)])
    publisher.publish("enterprise_registry", [registered(5)], partition="450000")
    apply_pending(hub)
    found = rows(hub, sa.select(tables.attestation.c.issuer_code, tables.attestation.c.size, tables.attestation.c.resource))
    assert len(found) == 3 and {row.size for row in found} == {1}
    answer = verify(hub, [asked(registered(5))])[0]
    assert (answer.verdict.code, answer.holder_verified) == ("STATUS_NOT_PROVIDED", True)


def test_row_without_a_usable_issuer_is_held(hub, publisher):
    publisher.publish("legal_entity", [entity(1, registrar_code="11990100000000019X")])
    assert apply_pending(hub).held == 1
    assert [row.reason for row in rows(hub, sa.select(tables.held))] == ["ISSUER_UNKNOWN"]


def test_row_that_no_longer_makes_the_type_is_no_longer_provided_for_it(hub, publisher, monkeypatch):
    publisher.publish("legal_entity", [entity(1)])
    apply_pending(hub)
    # A key cannot change, so the field that decides is moved to another one for this test.
    moved = hub.catalog.license_types["business_license"]
    source = moved.sources[0]
    object.__setattr__(source, "applies_field", "entity_kind")
    object.__setattr__(source, "applies_prefixes", ("1",))
    try:
        publisher.publish("legal_entity", [entity(1, entity_kind="2")])
        assert apply_pending(hub).status_acts == 1
    finally:
        object.__setattr__(source, "applies_field", "credit_code")
        object.__setattr__(source, "applies_prefixes", ("9",))
    assert states(hub) == [State.SOURCE_NO_LONGER_PROVIDES]


def test_face_shows_labels_amounts_and_days(hub, publisher):
    publisher.publish("legal_entity", [entity(1, capital=Decimal("1234.50"), established_on=date(2020, 1, 2))])
    publisher.publish("food_permit", [permit(1)])
    apply_pending(hub)
    label = hub.catalog.codes["food_business"].labels["1"]
    answers = verify(
        hub,
        [
            asked(entity(1), claims={"注册资本": "1234.50 CNY", "成立日期": "2020年1月2日", "ZZMC": "营业执照"}),
            VerifyRequest(type_id="food_permit", number=permit(1)["permit_no"], holder_number=credit_code(1), claims={"主体业态": label}),
        ],
    )
    assert [(one.verdict.code, one.mismatched) for one in answers] == [("IN_FORCE", ())] * 2


def test_nothing_personal_stands_in_any_plain_column(hub, publisher):
    holder = person(1)
    publisher.publish("population", [holder])
    publisher.publish("real_estate_title", [title(1, [(holder["name"], holder["id_number"])]), title(2, [("样误", citizen_number(2))])])
    apply_pending(hub)
    verify(hub, [VerifyRequest(type_id="real_estate_title", number=title(1, [])["title_no"], holder_number=holder["id_number"])])
    secrets = [holder["id_number"], holder["name"], title(1, [])["title_no"], citizen_number(2), "样误", "样例市样例路2号"]
    hidden = [form for one in secrets for form in (one.encode(), one.encode("gb18030"), one.encode("utf-16-le"))]
    for table in tables.metadata.tables.values():
        for row in rows(hub, sa.select(table)):
            for value in row:
                data = value.encode() if isinstance(value, str) else bytes(value) if isinstance(value, bytes) else b""
                assert not any(one in data for one in hidden), table.name


def test_same_entropy_clock_and_keys_give_the_same_log(options, publisher, hub, clock, catalog, tmp_path):
    notes = []
    for name in ("a", "b"):
        lake = tmp_path / name / "lake"
        twin = type(options)(f"sqlite:///{tmp_path / name}/hub.db", lake, options.keys, options.root_keys)
        lake.mkdir(parents=True)
        made = open_hub(twin, clock=clock, catalog=catalog, entropy=stream())
        type(publisher)(made).publish("legal_entity", [entity(i) for i in range(5)])
        apply_pending(made)
        notes.append((made.tiles.read_checkpoint(), made.tiles.read_entries(0, 5)))
        made.close()
    assert notes[0] == notes[1]


def test_row_held_for_its_issuer_is_tried_again_with_the_next_publication(hub, publisher, monkeypatch):
    from license_hub.service import decide

    unknown = decide.issuing_organs
    monkeypatch.setattr(decide, "issuing_organs", lambda catalog, recipe, table: ((), np.full(table.num_rows, -1)))
    publisher.publish("enterprise_registry", [registered(1)], partition="450000")
    assert apply_pending(hub).held == 1
    monkeypatch.setattr(decide, "issuing_organs", unknown)
    publisher.publish("enterprise_registry", [registered(2)], partition="510000")
    report = apply_pending(hub)
    assert report.per_resource["enterprise_registry"] == Counts(issued=2)
    assert {row.publication for row in rows(hub, sa.select(tables.version.c.publication))} == {1, 2}


def test_organ_that_writes_its_name_in_two_ways_seals_both_under_one_attestation(hub, publisher):
    companies = [entity(1), entity(2, registrar_name="样例市市监局"), entity(3)]
    publisher.publish("legal_entity", companies)
    apply_pending(hub)
    assert [row.size for row in rows(hub, sa.select(tables.attestation.c.size))] == [3]
    claims = [{"登记机关": one["registrar_name"], "证照颁发机构": one["registrar_name"]} for one in companies]
    answers = verify(hub, [asked(one, claims=claim) for one, claim in zip(companies, claims, strict=True)])
    assert [one.verdict.code for one in answers] == ["IN_FORCE"] * 3
    publisher.publish("legal_entity", [{**one, "legal_rep_id": citizen_number(1)} for one in companies])
    assert apply_pending(hub).per_resource["legal_entity"] == Counts(unchanged=3)
    assert fsck(hub).findings == ()


def test_revocation_on_a_held_row_counts_at_once_and_a_restoration_waits(hub, publisher):
    publisher.publish("legal_entity", [entity(1)])
    publisher.publish("food_permit", [permit(1)])
    publisher.publish("food_permit", [permit(1, status="5", operator_name="样例冒名有限公司")])
    report = apply_pending(hub)
    assert report.per_resource["food_permit"] == Counts(issued=1, held=1, status_acts=1)
    assert states(hub, "food_permit") == ["REVOKED"]
    publisher.publish("food_permit", [permit(1, operator_name="样例冒名有限公司")])
    assert apply_pending(hub).per_resource["food_permit"] == Counts(held=1)
    assert states(hub, "food_permit") == ["REVOKED"]
    publisher.publish("food_permit", [permit(1)])
    assert apply_pending(hub).per_resource["food_permit"] == Counts(status_acts=1)
    assert states(hub, "food_permit") == ["IN_FORCE"]
