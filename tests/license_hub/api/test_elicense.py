"""The GB/T 36906-style facade: each service over a populated hub, and its status codes."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import pytest

from license_hub.domain.identifier import mint
from license_hub.domain.verdict import Code
from tests.license_hub.api.conftest import CASE_NO, audited, shown
from tests.license_hub.api.elicense_scene import CAUSE, HOLDER, SERVICES, TYPE, Facade, facade_at
from tests.license_hub.sample_hub import STATUSES, credit_code

CHECKS = ("verifyCertInfo", "verifyFile")
UNKNOWN, FOREIGN = credit_code(777_777), credit_code(2002)


@pytest.fixture(scope="module")
def facade(tmp_path_factory, catalog):
    made = facade_at(tmp_path_factory.mktemp("facade"), catalog)
    for number in (*range(1000, 1000 + len(STATUSES)), 777_777):
        made.scene.open_case(f"C-{number}", number)
    yield made
    made.scene.hub.close()


def test_search_lists_the_holder_s_licenses_masked_and_on_record(facade):
    status, data = facade.ask("zzjs", facade.held)
    assert (status, data["total"]) == (0, 1)
    [row] = data["list"]
    assert (row["certIdentifier"], row["certificateName"], row["certificateStatus"]) == (facade.identifier(), "营业执照", "01")
    assert (row["certificateTypeCode"], row["certificateHolderType"]) == (facade.type_code, "001")
    entry = audited(facade.hub, "search")[-1]
    assert (entry.actor, entry.code, entry.purpose, entry.case_no) == (facade.client_id, "IN_FORCE", CAUSE, CASE_NO)
    assert entry.subject_bi is not None and entry.entry is not None
    assert facade.ask("zzjs", facade.held | {"certNo": HOLDER})[0] == 0
    assert facade.ask("zzjs", facade.held | {"certNo": FOREIGN}) == (10, None)


def test_query_answers_face_fields_masked_like_the_api_s_own(facade):
    status, data = facade.ask("zzcx", {"certIdentifier": facade.identifier()})
    assert status == 0
    found = data["certData"]
    assert (found["certIdentifier"], found["certificateIssuedDate"], found["trustLevel"]) == (facade.identifier(), "2024-05-06", "B")
    face = {one["name"]: one["value"] for one in found["surface"]}
    assert face["名称"] == "样例第2001号贸易有限公司" and set(face) <= set(facade.hub.catalog.license_types[TYPE].sources[0].face)


def test_metadata_is_xml_under_the_short_names(facade):
    status, data = facade.ask("zzysj", {"certIdentifier": facade.identifier()})
    root = ElementTree.fromstring(data["metadata"])
    found = {one.tag: one.text for one in root}
    assert (status, root.tag) == (0, "METADATA")
    assert (found["ZZBS"], found["ZZMC"], found["ZZLXDM"], found["CZZTDMLXDM"], found["ZZZT"]) == (
        facade.identifier(), "营业执照", facade.type_code, "001", "01",
    )  # fmt: skip


def test_addresses_are_for_one_download_and_the_file_verifies(facade):
    for status, data in (
        facade.ask("downloadUrlsByHolderCode", facade.held),
        facade.ask("zzdzxz", {"certIdentifier": facade.identifier()}),
    ):
        one = data[0] if isinstance(data, list) else data
        assert (status, one["certIdentifier"], one["contentType"]) == (0, facade.identifier(), "application/pdf")
        path = one["content"].removeprefix(facade.hub.public_url)
        file = facade.scene.send("GET", path)
        assert file.content.startswith(b"%PDF") and facade.scene.send("GET", path).status_code == 410
        assert HOLDER not in one["content"] and facade.identifier() not in one["content"]
    checked = {"certTypeCode": facade.type_code, "contentType": "base64", "content": base64.b64encode(file.content).decode()}
    assert facade.ask("verifyFile", checked) == (0, {"result": 0, "message": "信息正确且证照有效"})
    altered = checked | {"content": base64.b64encode(file.content + b" ").decode()}
    assert facade.ask("verifyFile", altered)[1]["result"] == 7
    other = next(one.type_code for name, one in facade.hub.catalog.license_types.items() if name != TYPE)
    assert facade.ask("verifyFile", checked | {"certTypeCode": other})[1]["result"] == 7


def test_download_gives_the_copy_itself_once_by_the_address_s_id(facade):
    status, data = facade.ask("downloadCertFile", {"certIdentifier": facade.identifier(), "certificateCopyCause": "公租房申请"})
    assert status == 0 and base64.b64decode(data["content"]).startswith(b"%PDF")
    url = facade.ask("zzdzxz", {"certIdentifier": facade.identifier(), "expiryTime": "20261231235959"})[1]["content"]
    given = {"id": url.rpartition("/")[2]}
    assert base64.b64decode(facade.ask("downloadCertFile", given)[1]["content"]).startswith(b"%PDF")
    assert facade.ask("downloadCertFile", given) == (10, None)
    assert facade.ask("downloadCertFile") == (12, None)
    for ends in ("20261122", "20251231235959", "20991231235959"):
        assert facade.ask("zzdzxz", {"certIdentifier": facade.identifier(), "expiryTime": ends}) == (12, None)


def test_scanned_code_answers_once(facade):
    given = {"qrcode": shown(facade.hub, 2001)}
    status, data = facade.ask("getDateByQRcode", given)
    assert (status, data["certData"]["certIdentifier"]) == (0, facade.identifier())
    assert facade.ask("getDateByQRcode", given) == (10, None)
    assert facade.ask("getDateByQRcode", {"qrcode": "MZT:X"}) == (10, None)
    assert facade.ask("getDateByQRcode", {"qrcode": shown(facade.hub, 2004)}) == (100, None)


def test_field_dictionary_names_every_field_of_the_type(facade):
    status, data = facade.ask("certRemark", {"certTypeCode": facade.type_code})
    assert status == 0 and data == facade.ask("certRemark", {"certName": "营业执照"})[1]
    named = {one["name"]: one for one in data["fields"]}
    assert named["ZZBS"]["columnName"] == "certificateIdentifier" and not named["ZZBS"]["masked"]
    assert {"KZ_法定代表人", "KZ_住所"} <= named.keys()


GOLDEN = {"IN_FORCE": (0, 0), "CANCELLED": (21, 3), "REVOKED": (21, 3), "WITHDRAWN": (21, 3), "MOVED_OUT": (21, 3)}
"""Verdict → status of the services that give data, result of the two that compare."""


@pytest.mark.parametrize(("number", "code"), list(enumerate(STATUSES, 1000)))
def test_golden_license_states_are_the_listed_codes(facade, number, code):
    status, result = GOLDEN[code]
    holder, cause = credit_code(number), f"C-{number} 食品经营许可"
    held = facade.held | {"holderCode": holder}
    for service, data in (("zzcx", {"certIdentifier": facade.identifier(holder)}), ("downloadUrlsByHolderCode", held),
                          ("zzdzxz", {"certIdentifier": facade.identifier(holder)})):  # fmt: skip
        assert facade.ask(service, data, cause=cause)[0] == status, service
    assert facade.ask("zzjs", held, cause=cause)[0] == 0
    assert facade.ask("verifyCertInfo", facade.claimed(holder), cause="查验") == (
        0, {"result": result, "message": facade.hub.catalog.elicense.results[result]},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "status", "result"),
    [
        ({}, 0, 0),
        ({"certificateIssuedDate": "2024-05-06"}, 0, 0),
        ({"名称": "样例第2001号贸易有限公司", "KZ_住所": "样例省样例市样例路2001号"}, 0, 0),
        ({"holder": "别的公司"}, 0, 7),
        ({"certificateIssuedDate": "2024-05-07"}, 0, 7),
        ({"holderCode": FOREIGN}, 0, 5),
        ({"certNo": UNKNOWN, "holderCode": UNKNOWN}, 0, 5),
        ({"certNo": ""}, 109, 6),
        ({"holderCode": ""}, 110, 6),
        ({"holder": ""}, 111, 6),
    ],
)
def test_golden_verification_of_information(facade, data, status, result):
    told = facade.ask("verifyCertInfo", facade.claimed(**data), cause="查验")
    assert told == (status, {"result": result, "message": facade.hub.catalog.elicense.results[result]})


@pytest.mark.parametrize(
    ("service", "data", "status"),
    [
        ("zzjs", {"holderCode": ""}, 110),
        ("zzjs", {"holderTypeCode": ""}, 103),
        ("zzjs", {"holderTypeCode": "777"}, 103),
        ("zzjs", {"holderTypeCode": "111"}, 103),
        ("zzjs", {"holderTypeCode": "099"}, 10),
        ("zzjs", {"holderCode": HOLDER[:-1] + "!"}, 103),
        ("zzjs", {"certTypeCode": ""}, 12),
        ("zzjs", {"certTypeCode": "11990000YL0000020D999"}, 13),
        ("zzcx", {}, 12),
        ("zzcx", {"certIdentifier": "1.2.3"}, 10),
        ("verifyCertInfo", {"certTypeCode": "x", "certData": {"holder": "a", "holderCode": "b", "certNo": "c"}}, 13),
        ("verifyFile", {"contentType": "url", "content": "x"}, 102),
        ("verifyFile", {"contentType": "base64", "content": "%%%"}, 102),
        ("verifyFile", {"contentType": "base64", "content": ""}, 12),
        ("getDateByQRcode", {}, 12),
        ("certRemark", {"certName": "没有的证"}, 13),
        ("certRemark", {}, 12),
    ],
)
def test_golden_missing_and_wrong_values_are_the_listed_codes(facade, service, data, status):
    whole = {"zzjs": facade.held, "verifyFile": {"certTypeCode": facade.type_code}}.get(service, {})
    assert facade.ask(service, whole | data)[0] == status


@pytest.mark.parametrize("service", SERVICES)
def test_cause_is_required_and_names_an_open_case_but_for_the_two_checks(facade, service):
    for cause in ("", " ", "x" * 201, "a\u202eb", f"{CASE_NO} \x00"):
        assert facade.ask(service, cause=cause) == (12, None)
    closed = facade.ask(service, {"certIdentifier": facade.identifier()} | facade.held, cause="no-such-case 食品经营许可")
    assert closed[0] != 100 if service in CHECKS else closed == (100, None)


def test_t10_foreign_and_unknown_holders_are_answered_with_the_same_bytes(facade):
    unknown = mint(*facade.identifier().split(".")[5:7], "0" * 25, 1)
    for service, foreign, never in (
        ("zzjs", facade.held | {"holderCode": FOREIGN}, facade.held | {"holderCode": UNKNOWN}),
        ("downloadUrlsByHolderCode", facade.held | {"holderCode": FOREIGN}, facade.held | {"holderCode": UNKNOWN}),
        ("zzcx", {"certIdentifier": facade.identifier(FOREIGN)}, {"certIdentifier": unknown}),
        ("zzysj", {"certIdentifier": facade.identifier(FOREIGN)}, {"certIdentifier": unknown}),
        ("zzdzxz", {"certIdentifier": facade.identifier(FOREIGN)}, {"certIdentifier": unknown}),
        ("downloadCertFile", {"certIdentifier": facade.identifier(FOREIGN)}, {"certIdentifier": unknown}),
        ("verifyCertInfo", facade.claimed(holderCode=FOREIGN), facade.claimed(holderCode=UNKNOWN)),
    ):
        one, other = facade.send(service, foreign), facade.send(service, never)
        assert one.content == other.content, service
        assert set(one.headers) == set(other.headers)


def test_holder_of_the_case_without_a_license_is_told_so(facade):
    assert facade.ask("zzjs", facade.held | {"holderCode": UNKNOWN}, cause="C-777777") == (10, None)
    assert audited(facade.hub, "search")[-1].code == "NOT_FOUND"
    facade.ask("zzjs", facade.held | {"holderCode": FOREIGN})
    last = audited(facade.hub, "search")[-1]
    assert (last.status, last.code, last.entry) == ("REFUSED", "FORBIDDEN", None)


def test_openapi_document_has_the_facade_with_examples(facade: Facade):
    document = facade.scene.send("GET", "/v1/openapi.json").json()
    for service in (*SERVICES, "token"):
        made = document["paths"][f"/elicense/v1/{service}"]["post"]
        assert made["description"] and "security" not in made
        example = made["responses"]["200"]["content"]["application/json"]["example"]
        assert example["head"] == {"status": 0, "message": "成功"} and example["data"]


def test_every_verdict_and_every_refusal_has_a_listed_answer(catalog):
    words = catalog.elicense
    assert words.verdicts.keys() == {one.value for one in Code}
    assert words.refusals.keys() <= catalog.messages.keys()
    assert set(words.results) == set(range(8))
    assert set(words.statuses) == {0, 2, 10, 11, 12, 13, 21, 22, 23, 100, 101, 102, 103, 109, 110, 111}
    tellable = [code for code, one in words.verdicts.items() if one.tell and one.status == 10]
    assert not tellable, "what could tell an unknown license from a foreign one has no words of its own"
