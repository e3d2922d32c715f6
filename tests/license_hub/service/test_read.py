"""Reading and exporting a license: masked, on an open case, on a basis; what is nobody's of the case is as if it were not there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from license_hub.domain.identifier import mint
from license_hub.errors import BundleUnavailable, CaseNotOpen, NotAllowed, NotAuthorized, PurposeMissing
from license_hub.log import bundle, checkpoint
from license_hub.service.authenticate import Principal
from license_hub.service.consent import Wanted, Window, at_window
from license_hub.service.export_bundle import ExportRequest, export_bundle
from license_hub.service.holder_consent import mine, withdraw
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.service.list_audit import list_audit
from license_hub.service.my_licenses import my_licenses
from license_hub.service.prove import prove
from license_hub.service.read import ReadRequest, read
from license_hub.service.register_client import register
from license_hub.storage import tables
from license_hub.storage.engine import reading

from ..caller import Key
from ..sample_hub import opened_case, principal_of
from .publishing import citizen_number, entity, person, title

SCOPES = ("license:verify", "license:read", "license:export", "case:work")


@pytest.fixture
def sold(hub, publisher) -> tuple[Hub, Principal, str]:
    """A title in the log, and who may read it."""
    owner = person(1)
    publisher.publish("population", [owner])
    publisher.publish("legal_entity", [entity(1)])
    publisher.publish("real_estate_title", [title(1, [(owner["name"], owner["id_number"])])])
    apply_pending(hub)
    with reading(hub.engine) as connection:
        query = sa.select(tables.version.c.identifier).where(tables.version.c.type_id == "real_estate_title")
        identifier = connection.execute(query).scalar_one()
    client = register(hub, "counter-7", Key().jwk, SCOPES, ["business_license", "real_estate_title"])
    principal = replace(principal_of(hub, client), scopes=frozenset(SCOPES))
    case_id = opened_case(hub, principal, "C-9", citizen_number(1))
    # The matter asks for the holder's word on this type.
    at_window(hub, Wanted(case_id, "applicant", "real_estate_title", "窗口07"), Window("signed_paper"), principal, "")
    return hub, principal, identifier


def test_read_shows_masked_fields_and_is_audited(sold):
    hub, principal, identifier = sold
    found = read(hub, ReadRequest(principal, identifier, "过户登记", "C-9", "r9"))
    assert (found.verdict.code, found.fields["ZZMC"], found.grade) == ("IN_FORCE", "不动产权证书", "B")
    text = repr(found)
    assert citizen_number(1) not in text and person(1)["name"] not in text and "样例市样例路2号" not in text
    entry = list_audit(hub)[-1]
    assert (entry.action, entry.actor, entry.purpose, entry.case_no) == ("read", principal.client_id, "过户登记", "C-9")
    assert [one.request_id for one in list_audit(hub, holder_number=citizen_number(1)) if one.action == "read"] == ["r9"]


def test_read_without_purpose_or_case_is_refused(sold):
    hub, principal, identifier = sold
    for purpose, case_no in (("", "C-9"), ("过户", ""), (" ", " ")):
        with pytest.raises(PurposeMissing):
            read(hub, ReadRequest(principal, identifier, purpose, case_no))


def unknown_like(identifier: str) -> str:
    """A well-formed identifier of the same type and issuer that nobody has."""
    parts = identifier.split(".")
    return mint(parts[5], parts[6], "0" * 25, 1)


def test_read_without_scope_or_type_is_refused_whether_it_exists_or_not(sold):
    hub, principal, identifier = sold
    with pytest.raises(NotAuthorized):
        read(hub, ReadRequest(Principal("c", frozenset({"license:verify"}), principal.types), identifier, "p", "c"))
    for text in (identifier, unknown_like(identifier)):
        with pytest.raises(NotAuthorized):
            read(hub, ReadRequest(Principal("c", frozenset(SCOPES), frozenset({"food_permit"})), text, "p", "c"))


def test_read_of_nothing_answers_why_and_shows_nothing(sold):
    hub, principal, identifier = sold
    found = read(hub, ReadRequest(principal, unknown_like(identifier), "p", "C-9"))
    assert (found.verdict.code, found.fields, found.grade) == ("NOT_FOUND", {}, None)
    assert read(hub, ReadRequest(principal, "1.2.3", "p", "C-9")).verdict.code == "IDENTIFIER_MALFORMED"


def test_read_without_an_open_case_of_ones_own_is_refused(sold):
    hub, principal, identifier = sold
    for who, case_no in ((principal, "C-10"), (replace(principal, client_id="another"), "C-9")):
        with pytest.raises(CaseNotOpen):
            read(hub, ReadRequest(who, identifier, "p", case_no))


def test_t34_word_taken_back_stops_the_next_look_whatever_is_asked_for(sold):
    hub, principal, identifier = sold
    [given] = mine(hub, citizen_number(1))
    withdraw(hub, citizen_number(1), given.id)
    for asked in (identifier, unknown_like(identifier)):
        with pytest.raises(NotAllowed, match="NEEDS_AUTHORIZATION"):
            read(hub, ReadRequest(principal, asked, "p", "C-9"))
        with pytest.raises(NotAllowed, match="NEEDS_AUTHORIZATION"):
            export_bundle(hub, ExportRequest(principal, asked, "p", "C-9"))


def test_t10_license_of_nobody_on_the_case_is_answered_like_one_that_is_not_there_and_its_holder_sees_it(sold, publisher):
    hub, principal, _identifier = sold
    other = person(2)
    publisher.publish("population", [person(1), other])
    titles = [title(n, [(one["name"], one["id_number"])]) for n, one in ((1, person(1)), (2, other))]
    publisher.publish("real_estate_title", titles)
    apply_pending(hub)
    [foreign] = [one.identifier for one in my_licenses(hub, citizen_number(2))]
    there, not_there = (read(hub, ReadRequest(principal, one, "p", "C-9")) for one in (foreign, unknown_like(foreign)))
    assert replace(there, identifier="", epoch=0) == replace(not_there, identifier="", epoch=0)
    with pytest.raises(BundleUnavailable) as said:
        export_bundle(hub, ExportRequest(principal, foreign, "p", "C-9"))
    with pytest.raises(BundleUnavailable, match=str(said.value)):
        export_bundle(hub, ExportRequest(principal, unknown_like(foreign), "p", "C-9"))
    [entry] = list_audit(hub, holder_number=citizen_number(2))
    assert (entry.action, entry.status, entry.code) == ("read", "REFUSED", "FORBIDDEN")


def test_proof_of_a_leaf_verifies_and_of_an_unknown_one_is_none(sold):
    hub, _, _ = sold
    with reading(hub.engine) as connection:
        hashed = bytes(connection.execute(sa.select(tables.leaf.c.leaf_hash).where(tables.leaf.c.entry == 1)).scalar_one())
    keys = checkpoint.keys(hub.origin, [(one.alg, one.public) for one in hub.keyring.public_keys("checkpoint")])
    assert bundle.verify(bundle.parse(prove(hub, hashed)), hashed, hub.origin, keys).size == 2
    assert prove(hub, bytes(32)) is None
