"""加注件: made of a license in force, by one download, and its verdict afterwards (T5, T34)."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from threading import Barrier

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from license_hub.domain.verdict import Code
from license_hub.errors import BundleUnavailable, CaseNotOpen, CopyRefused, DownloadGone, NotAuthorized, PurposeMissing
from license_hub.service import copies
from license_hub.service.close_case import close_case
from license_hub.service.erase import Ground, erase_license
from license_hub.service.export_bundle import ExportRequest, export_bundle
from license_hub.service.fsck import fsck
from license_hub.service.keep_grants import grants, suspend
from license_hub.service.list_audit import list_audit
from license_hub.service.make_copy import CopyRequest, make_copy
from license_hub.service.rekey import rekey
from license_hub.service.rotate_data_key import rotate
from license_hub.storage.engine import reading
from license_hub.storage.idempotency import call_of
from license_hub.storage.tables_presentations import copy, download

from ..sample_hub import STATUSES, Clock, company, credit_code, deliver, identifier_of, opened_case, sample_hub, write_csv
from . import copies_desk
from .copies_desk import CASE, NUMBER, asked, client, code, copied, on_case_of, run

hub, window, paper = copies_desk.hub, copies_desk.window, copies_desk.paper


def test_copy_shows_purpose_maker_and_end_says_it_is_a_copy_and_embeds_its_font(hub, window, tmp_path):
    made, data = copied(hub, window)
    assert (made.media_type, made.valid_to) == ("application/pdf", hub.now() + timedelta(days=30))
    file = tmp_path / "copy.pdf"
    file.write_bytes(data)
    text = "".join(run("pdftotext", "-layout", str(file), "-").split())
    for words in ("公租房申请", "样例窗口", "2026年11月21日16:00", "2026年12月21日16:00", made.copy_id, "不是证照原件",
                  "样例第2001号贸易有限公司", NUMBER):  # fmt: skip
        assert words in text, words
    fonts = [line.split() for line in run("pdffonts", str(file)).splitlines()[2:]]
    assert fonts and all("CJK" in one[0] and one[-5:-2] == ["yes", "yes", "yes"] for one in fonts)


def test_stamp_is_in_the_pixels_and_not_in_the_text_alone(hub, window, tmp_path):
    def drawn(name: str, purpose: str) -> np.ndarray:
        (tmp_path / f"{name}.pdf").write_bytes(copied(hub, window, purpose=purpose)[1])
        run("pdftoppm", "-r", "60", "-gray", "-png", "-singlefile", str(tmp_path / f"{name}.pdf"), str(tmp_path / name))
        return np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))

    one, two = drawn("one", "公租房申请"), drawn("two", "食品经营许可新办")
    differing = np.argwhere(np.abs(one.astype(int) - two.astype(int)) > 40)
    high, wide = one.shape
    assert one.shape == two.shape and len(differing) > 100
    # Whoever looks at the page sees it: across a good part of it, not in a corner.
    assert np.ptp(differing[:, 1]) > wide / 4 and np.ptp(differing[:, 0]) > high / 10


def test_copy_carries_its_metadata(hub, window, tmp_path):
    made, data = copied(hub, window)
    (tmp_path / "copy.pdf").write_bytes(data)
    run("pdfdetach", "-saveall", "-o", str(tmp_path), str(tmp_path / "copy.pdf"))
    found = json.loads((tmp_path / "metadata.json").read_text("utf-8"))
    annotated = {"JZJZZSJ": "20261121160000", "JZJZZZ": "样例窗口", "JZJZZSY": "公租房申请", "JZJYXQJZSJ": "20261221160000"}
    assert annotated.items() <= found.items()
    assert (found["ZZBS"], found["JZJBH"], found["ZZMC"]) == (identifier_of(hub, NUMBER), made.copy_id, "营业执照")


def test_copy_is_signed_as_pades_by_the_hub_s_key_and_by_sm2_beside(hub, window, tmp_path):
    made, data = copied(hub, window)
    signature = PdfFileReader(BytesIO(data)).embedded_signatures[0]
    held = signature.signer_cert
    status = validate_pdf_signature(signature, ValidationContext(trust_roots=[held], moment=hub.now(), allow_fetching=False))
    assert status.intact and status.valid and status.trusted and status.coverage.name == "ENTIRE_FILE"
    assert status.docmdp_ok and signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    [key] = hub.keyring.public_keys("copy")
    assert (key.alg, held.public_key["public_key"].native) == ("ES256", key.public) and f"{held.serial_number:016x}" == key.kid
    assert signature.self_reported_timestamp == hub.now()
    [sm2] = hub.keyring.public_keys("copy-sm2")
    assert (made.signature.alg, made.signature.kid) == ("SM2", sm2.kid)
    assert sm2.verify(data, base64.b64decode(made.signature.value)) and not sm2.verify(data + b"\n", base64.b64decode(made.signature.value))
    (tmp_path / "copy.pdf").write_bytes(data)
    assert "Signature is Valid" in run("pdfsig", str(tmp_path / "copy.pdf"))


def test_copy_is_recorded_with_its_case_and_purpose_and_leaves_no_name_or_number_in_the_database(hub, window):
    made, _ = copied(hub, window)
    entry, fetched = list_audit(hub, action="copy", limit=1000)[-1], list_audit(hub, action="download", limit=1000)[-1]
    assert (entry.actor, entry.code, entry.purpose, entry.case_no) == (window.client_id, "COPIED", *CASE.values())
    assert (fetched.entry, fetched.code, fetched.case_no) == (entry.entry, "DELIVERED", CASE["case_no"])
    with reading(hub.engine) as connection:
        [row] = connection.execute(sa.select(copy).where(copy.c.copy_id == made.copy_id))
    assert CASE["purpose"].encode() not in row.purpose and NUMBER not in str(row)


@pytest.mark.parametrize(("number", "verdict"), [(1001, "CANCELLED"), (1002, "REVOKED"), (1003, "WITHDRAWN"), (1004, "MOVED_OUT")])
def test_no_copy_of_a_license_that_is_not_in_force(hub, window, number, verdict):
    with pytest.raises(CopyRefused) as fault:
        copied(hub, window, credit_code(number), case_no=on_case_of(hub, window, number))
    assert fault.value.verdict == verdict


def test_no_copy_without_scope_type_purpose_or_case(hub, window):
    with pytest.raises(NotAuthorized):
        copied(hub, client(hub, scopes=("license:export",)))
    with pytest.raises(BundleUnavailable):
        copied(hub, client(hub, types=("food_permit",)))
    for missing in CASE:
        with pytest.raises(PurposeMissing):
            copied(hub, window, **{missing: " "})
    with pytest.raises(BundleUnavailable):
        copied(hub, window, collected=True)


def test_no_copy_on_a_case_that_is_closed_another_s_or_none(hub):
    own, other = client(hub), client(hub)
    case_id = opened_case(hub, own, "C-closed")
    copied(hub, own, case_no="C-closed")
    close_case(hub, case_id, "done", principal=own, request_id="c" * 32, once=call_of(hub.crypt, own.client_id, "close", "close-it", b""))
    for who, case_no in ((own, "C-closed"), (other, "C-closed"), (own, "C-none")):
        with pytest.raises(CaseNotOpen):
            copied(hub, who, case_no=case_no)


def test_t34_file_is_not_fetched_once_its_case_is_closed_or_its_grant_suspended(hub):
    own = client(hub)
    case_id = opened_case(hub, own, "C-over")
    made = make_copy(hub, CopyRequest(own, identifier_of(hub, NUMBER), "公租房申请", "C-over"))
    again = make_copy(hub, CopyRequest(own, identifier_of(hub, NUMBER), **CASE))
    close_case(hub, case_id, "done", principal=own, request_id="c" * 32, once=call_of(hub.crypt, own.client_id, "close", "close-2", b""))
    [grant] = [one for one in grants(hub) if one.client_id == own.client_id]
    with pytest.raises(DownloadGone):
        copies.fetch(hub, made.secret)
    suspend(hub, grant.grant_id, "test")
    with pytest.raises(DownloadGone):
        copies.fetch(hub, again.secret)
    suspend(hub, grant.grant_id, "test", again=True)
    assert copies.fetch(hub, again.secret).sha256 == again.sha256


def test_no_copy_of_a_license_of_nobody_on_the_case(hub, window):
    with pytest.raises(BundleUnavailable):
        copied(hub, window, credit_code(2005))


def test_download_is_for_once_and_for_ten_minutes(hub, window):
    made, _ = copied(hub, window)
    late = make_copy(hub, CopyRequest(window, identifier_of(hub, NUMBER), **CASE))
    hub.clock.at += timedelta(minutes=10)
    try:
        for secret in (made.secret, late.secret, "", "x" * 43, "\ud800"):
            with pytest.raises(DownloadGone):
                copies.fetch(hub, secret)
        make_copy(hub, CopyRequest(window, identifier_of(hub, NUMBER), **CASE))
        with reading(hub.engine) as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(download)).scalar_one() == 1
    finally:
        hub.clock.at -= timedelta(minutes=10)


def test_of_twenty_downloads_at_once_one_gets_the_file(hub, window):
    made = make_copy(hub, CopyRequest(window, identifier_of(hub, NUMBER), **CASE))
    start = Barrier(20)

    def fetch(_: int) -> bool:
        start.wait(60)
        try:
            return bool(copies.fetch(hub, made.secret).data)
        except DownloadGone:
            return False

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(fetch, range(20))) == [False] * 19 + [True]


def test_copy_answers_its_license_s_verdict_and_its_own_end(hub, window):
    made, data = copied(hub, window, days=2)
    found = asked(hub, data)
    assert (found.answer.verdict.code, found.document, found.valid_to) == (Code.IN_FORCE, "copy", made.valid_to)
    hub.clock.at += timedelta(days=2)
    try:
        assert code(hub, data) is Code.COPY_EXPIRED
    finally:
        hub.clock.at -= timedelta(days=2)


def test_t5_copy_of_a_license_revoked_since_is_revoked(tmp_path, catalog):
    own = sample_hub(tmp_path, catalog, clock=Clock())
    data = copied(own, client(own))[1]
    bundle = export_bundle(own, ExportRequest(client(own), identifier_of(own, NUMBER), **CASE)).data
    assert (code(own, data), code(own, bundle)) == (Code.IN_FORCE, Code.IN_FORCE)
    own.clock.at += timedelta(minutes=1)
    rows = [company(1000 + place, status) for place, status in enumerate(STATUSES.values())]
    rows += [company(2000 + place, STATUSES["REVOKED"] if place == 1 else "1") for place in range(20)]
    deliver(own, write_csv(tmp_path / "next.csv", rows))
    assert (code(own, data), code(own, bundle)) == (Code.REVOKED, Code.REVOKED)
    own.close()


def test_copies_move_to_a_new_data_key_and_keep_vouching(tmp_path, catalog):
    own = sample_hub(tmp_path, catalog, clock=Clock())
    data = copied(own, client(own))[1]
    rotate(own, "columns", "li")
    with reading(own.engine) as connection:
        own.security.refresh(connection)
    assert rekey(own, "li")["hub_copy"] == 1 and rekey(own, "li")["hub_copy"] == 0
    assert code(own, data) is Code.IN_FORCE and fsck(own).findings == ()
    erase_license(own, identifier_of(own, NUMBER), Ground("test", "样例删〔2026〕2号", credit_code(2, "11")), "officer")
    assert code(own, data) is Code.ERASED
    own.close()
