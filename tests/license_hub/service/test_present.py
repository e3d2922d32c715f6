"""扫码亮证: minted for the holder alone, taken once, answered from the rows of the moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
import sqlalchemy as sa

from license_hub.domain.verdict import Code
from license_hub.errors import CaseNotOpen, CodeRefused, NotAllowed, NotAuthorized
from license_hub.service.authenticate import Principal
from license_hub.service.authorize import Basis, Denied, examine
from license_hub.service.change_key import compromise
from license_hub.service.hub import Hub
from license_hub.service.intake import apply_pending
from license_hub.service.keep_grants import grants, suspend
from license_hub.service.list_audit import list_audit
from license_hub.service.present import Show, Shown, present
from license_hub.service.redeem import SCOPE, Scan, redeem
from license_hub.service.register_client import register
from license_hub.signing import presentation as codes
from license_hub.signing.suites import HeldSigner, suite
from license_hub.storage import cases
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_presentations import presentation
from tests.license_hub.caller import Key

from ..sample_hub import identifier_of, opened_case
from .casework import with_matter
from .publishing import credit_code, entity

CASE = {"purpose": "食品经营许可", "case_no": "990101-2026-000007"}
MATTER, TYPE = "food_permit_new", "business_license"


@pytest.fixture
def issued(hub: Hub, publisher) -> Hub:
    publisher.publish("legal_entity", [entity(i) for i in range(3)])
    apply_pending(hub)
    return hub


def client(hub: Hub, types=("business_license",), scopes=(SCOPE,), parties=(0, 1)) -> Principal:
    made = register(hub, "window", Key().jwk, scopes, types)
    principal = Principal(made.client_id, frozenset(scopes), frozenset(types), kid=hub.keyring.signer("token").kid)
    opened_case(hub, principal, CASE["case_no"], *map(credit_code, parties))
    return principal


def shown(hub: Hub, number: int = 0) -> Shown:
    code = credit_code(number)
    [made] = present(hub, [Show(identifier_of(hub, code), code, "holder:1", "r" * 32)])
    assert made is not None
    return made


def refused(hub: Hub, scan: Scan) -> str:
    with pytest.raises(CodeRefused) as fault:
        redeem(hub, scan)
    return fault.value.problem


def test_code_is_scanned_on_a_case_and_shows_masked_fields(issued):
    scanner = client(issued)
    found = redeem(issued, Scan(scanner, shown(issued).text, request_id="s" * 32, **CASE))
    assert (found.verdict.code, found.type_id) == (Code.IN_FORCE, "business_license")
    assert found.identifier == identifier_of(issued, credit_code(0)) and found.fields["ZZMC"] == "营业执照"
    [minted], [scanned] = list_audit(issued, action="present"), list_audit(issued, action="scan")
    assert (minted.actor, minted.code, minted.entry) == ("holder:1", "SHOWN", scanned.entry)
    assert (scanned.actor, scanned.code, scanned.purpose) == (scanner.client_id, "IN_FORCE", CASE["purpose"])
    assert minted.subject == scanned.subject and credit_code(0) not in minted.actor + scanned.actor


@pytest.mark.parametrize("said", [{}, {"purpose": "x"}, {"case_no": CASE["case_no"]}])
def test_code_scanned_without_case_or_purpose_answers_a_verdict_and_no_data(issued, said):
    found = redeem(issued, Scan(client(issued), shown(issued).text, **said))
    assert (found.verdict.code, found.fields) == (Code.IN_FORCE, {})


def test_code_is_made_for_the_holder_alone(issued):
    mine, other = credit_code(0), credit_code(1)
    asked = [Show(identifier_of(issued, mine), other, "holder:2"), Show("1.2.156", mine, "holder:2"), Show("", "", "holder:2")]
    assert present(issued, asked) == [None, None, None]
    assert [one.code for one in list_audit(issued, action="present")] == ["NOT_FOUND"] * 3


def test_code_is_made_for_the_newest_version_alone(issued, publisher):
    old = identifier_of(issued, credit_code(0))
    publisher.publish("legal_entity", [entity(0, address="新址"), entity(1), entity(2)])
    apply_pending(issued)
    assert present(issued, [Show(old, credit_code(0), "holder:1")]) == [None]


def test_many_codes_of_one_call_are_each_their_own(issued):
    numbers = [credit_code(i % 3) for i in range(40)]
    made = present(issued, [Show(identifier_of(issued, one), one, "holder:1") for one in numbers])
    assert len({one.text for one in made}) == 40
    found = [redeem(issued, Scan(client(issued), one.text)).identifier for one in made[:3]]
    assert found == [identifier_of(issued, one) for one in numbers[:3]]


def test_t3_of_twenty_scans_at_once_one_takes_the_code(issued):
    code, scanners, start = shown(issued), [client(issued) for _ in range(20)], Barrier(20)

    def scan(scanner: Principal) -> str:
        start.wait()
        try:
            return redeem(issued, Scan(scanner, code.text, **CASE)).verdict.code.value
        except CodeRefused as fault:
            return fault.problem

    with ThreadPoolExecutor(20) as pool:
        outcomes = sorted(pool.map(scan, scanners))
    assert outcomes == ["CODE_USED"] * 19 + ["IN_FORCE"]
    assert len(list_audit(issued, action="scan")) == 1


def test_t3_code_taken_is_refused_to_its_scanner_too(issued):
    scanner, code = client(issued), shown(issued)
    redeem(issued, Scan(scanner, code.text))
    assert refused(issued, Scan(scanner, code.text)) == "CODE_USED"


def test_t3_code_is_over_after_its_minute_and_its_row_outlives_it(issued, clock):
    scanner, unused, used = client(issued), shown(issued), shown(issued, 1)
    redeem(issued, Scan(scanner, used.text))
    clock.pass_(seconds=issued.presentation_s - 1)
    late = shown(issued, 2)
    clock.pass_(seconds=1)
    assert {refused(issued, Scan(scanner, one.text)) for one in (unused, used)} == {"CODE_EXPIRED"}
    # A clock that is set back brings nothing back that was taken.
    clock.pass_(seconds=-30)
    assert refused(issued, Scan(scanner, used.text)) == "CODE_USED"
    assert redeem(issued, Scan(scanner, late.text)).verdict.code is Code.IN_FORCE
    clock.pass_(hours=23)
    shown(issued)
    clock.pass_(seconds=-3600 * 23)
    assert refused(issued, Scan(scanner, used.text)) == "CODE_USED"


def test_rows_of_codes_are_forgotten_a_day_later(issued, clock):
    shown(issued)
    clock.pass_(days=1, seconds=issued.presentation_s + 1)
    shown(issued)
    with reading(issued.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(presentation)).scalar_one() == 1


def test_t5_license_revoked_after_its_code_was_made_is_revoked_when_scanned(issued, publisher):
    code = shown(issued)
    publisher.publish("legal_entity", [entity(0, status="3"), entity(1), entity(2)])
    apply_pending(issued)
    assert redeem(issued, Scan(client(issued), code.text, **CASE)).verdict.code is Code.REVOKED


def test_t4_code_signed_by_another_key_is_not_ours(issued):
    code = codes.read(shown(issued).text)
    stranger = HeldSigner("Ed25519", suite("Ed25519").generate())
    forged = codes.make(stranger, code.id, code.expires_at)
    prolonged = codes.make(stranger, code.id, code.expires_at + 3600)
    token = issued.keyring.signer("token")
    other_role = codes.make(token, code.id, code.expires_at)
    for text in (forged, prolonged, other_role, "MZT:", "", "x" * 144, "MZT:" + "0" * 140):
        assert refused(issued, Scan(client(issued), text)) == "CODE_NOT_OURS"


def test_t4_code_of_a_compromised_key_is_not_ours(issued):
    code, scanner = shown(issued), client(issued)
    compromise(issued, codes.read(code.text).kid, reason="lost", operator="li")
    assert refused(issued, Scan(scanner, code.text)) == "CODE_NOT_OURS"
    assert redeem(issued, Scan(scanner, shown(issued).text)).verdict.code is Code.IN_FORCE


def test_scan_of_a_type_not_granted_takes_nothing(issued):
    code = shown(issued)
    for stranger in (client(issued, types=("food_permit",)), client(issued, scopes=("license:verify",))):
        with pytest.raises(NotAuthorized):
            redeem(issued, Scan(stranger, code.text))
    assert redeem(issued, Scan(client(issued), code.text)).verdict.code is Code.IN_FORCE


def test_scan_on_a_case_that_is_not_open_takes_nothing(issued):
    code, scanner = shown(issued), client(issued)
    with pytest.raises(CaseNotOpen):
        redeem(issued, Scan(scanner, code.text, purpose="x", case_no="none"))
    assert redeem(issued, Scan(scanner, code.text, **CASE)).fields


def ground(hub: Hub, scanner: Principal, case_no: str = CASE["case_no"], number: int = 0) -> Basis | Denied:
    """What the scanner has for the license of that holder on its case. The matter asks for the holder's word."""
    with writing(hub.engine) as connection:
        case_id = cases.numbered(connection, scanner.client_id, case_no)
        asked = {"client_id": scanner.client_id, "case_id": case_id or 0, "type_id": TYPE, "operator": "窗口07", "purpose": MATTER}
        return examine(connection, hub, subject=credit_code(number), **asked)


def test_what_was_shown_on_a_case_is_a_basis_there_for_a_while_and_for_that_license_alone(issued, clock):
    asking = replace(issued, catalog=with_matter(issued.catalog))
    scanner, other = client(asking, parties=[0]), client(asking, parties=[0])
    opened_case(asking, scanner, "990101-2026-000008", credit_code(0))
    found = redeem(asking, Scan(scanner, shown(asking).text, **CASE))
    assert found.fields
    redeem(asking, Scan(scanner, shown(asking, 1).text))
    basis = ground(asking, scanner)
    assert isinstance(basis, Basis) and (basis.kind, basis.id, len(basis.licenses)) == ("shown", found.presentation_id, 1)
    for foreign in (ground(asking, other), ground(asking, scanner, "990101-2026-000008"), ground(asking, scanner, number=1)):
        assert foreign is Denied.NEEDS_AUTHORIZATION
    clock.pass_(minutes=30)
    assert ground(asking, scanner) is Denied.NEEDS_AUTHORIZATION


def test_code_shown_by_somebody_who_is_no_party_answers_a_verdict_and_no_data(issued):
    found = redeem(issued, Scan(client(issued), shown(issued, 2).text, **CASE))
    assert (found.verdict.code, found.fields) == (Code.IN_FORCE, {})


def test_scan_on_a_case_without_a_use_grant_in_force_takes_nothing(issued):
    code, scanner = shown(issued), client(issued)
    [grant] = [one for one in grants(issued) if one.client_id == scanner.client_id]
    suspend(issued, grant.grant_id, "test")
    with pytest.raises(NotAllowed, match="GRANT_SUSPENDED"):
        redeem(issued, Scan(scanner, code.text, **CASE))
    assert redeem(issued, Scan(client(issued), code.text, **CASE)).fields
