"""加注件: made of a license in force, by one download, known again by the whole file and by nothing a viewer shows (T5, T15, T16)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import numpy as np
import pytest
import sqlalchemy as sa
import zxingcpp
from PIL import Image, ImageOps
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from license_hub.domain.verdict import Code, Status
from license_hub.errors import BundleUnavailable, CaseNotOpen, CopyRefused, DownloadGone, NotAuthorized, PaperFault, PurposeMissing
from license_hub.paper import pades, sheet
from license_hub.service import copies
from license_hub.service.authenticate import Principal
from license_hub.service.check_file import FileAnswer, FileRequest, check_file
from license_hub.service.close_case import close_case
from license_hub.service.erase import Ground, erase_license
from license_hub.service.export_bundle import ExportRequest, export_bundle
from license_hub.service.fsck import fsck
from license_hub.service.hub import Hub
from license_hub.service.keep_grants import grants, suspend
from license_hub.service.list_audit import list_audit
from license_hub.service.make_copy import CopyRequest, Made, make_copy
from license_hub.service.print_copy import code_of
from license_hub.service.register_client import register
from license_hub.service.rekey import rekey
from license_hub.service.rotate_data_key import rotate
from license_hub.signing.suites import HeldSigner, suite
from license_hub.storage.engine import reading, writing
from license_hub.storage.idempotency import call_of
from license_hub.storage.tables_presentations import copy, download
from tests.license_hub.caller import Key

from ..sample_hub import STATUSES, Clock, company, credit_code, deliver, identifier_of, opened_case, sample_hub, write_csv

CASE = {"purpose": "公租房申请", "case_no": "990101-2026-000031"}
NUMBER = credit_code(2001)


@pytest.fixture(scope="module")
def hub(tmp_path_factory, catalog) -> Iterator[Hub]:
    opened = sample_hub(tmp_path_factory.mktemp("copies"), catalog, clock=Clock())
    yield opened
    opened.close()


def client(hub: Hub, types=("business_license",), scopes=("license:copy", "license:export")) -> Principal:
    made = register(hub, "样例窗口", Key().jwk, scopes, types)
    principal = Principal(made.client_id, frozenset(scopes), frozenset(types), kid=hub.keyring.signer("token").kid)
    opened_case(hub, principal, CASE["case_no"], NUMBER, credit_code(1002), credit_code(2002))
    return principal


def on_case_of(hub: Hub, window: Principal, number: int) -> str:
    """The number of a case about that sample company alone."""
    opened_case(hub, window, f"C-{number}", credit_code(number))
    return f"C-{number}"


@pytest.fixture(scope="module")
def window(hub) -> Principal:
    return client(hub)


def copied(hub: Hub, window: Principal, number: str = NUMBER, **changes) -> tuple[Made, bytes]:
    made = make_copy(hub, CopyRequest(window, identifier_of(hub, number), **CASE | changes))
    return made, copies.fetch(hub, made.secret).data


@pytest.fixture(scope="module")
def paper(hub, window) -> bytes:
    """One copy, for the tests that attack it."""
    return copied(hub, window)[1]


def asked(hub: Hub, data: bytes, **more) -> FileAnswer:
    return check_file(hub, FileRequest(data, "page:/verify", **more))


def code(hub: Hub, data: bytes, **more) -> Code:
    return asked(hub, data, **more).answer.verdict.code


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

    def fetch(_: int) -> bool:
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


# T16: whatever is done to the file


def annotated(data: bytes) -> bytes:
    """An annotation added after signing, as an incremental update (certified-annotation attack)."""
    work = IncrementalPdfFileWriter(BytesIO(data))
    page = work.root["/Pages"]["/Kids"][0]
    note = generic.DictionaryObject({
        generic.pdf_name("/Type"): generic.pdf_name("/Annot"), generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
        generic.pdf_name("/Rect"): generic.ArrayObject([generic.NumberObject(one) for one in (100, 600, 400, 700)]),
        generic.pdf_name("/Contents"): generic.TextStringObject("另一家公司"),
    })  # fmt: skip
    page["/Annots"] = generic.ArrayObject([work.add_object(note)])
    work.mark_update(page.container_ref)
    return written(work)


def replaced(data: bytes) -> bytes:
    """The page's content replaced by an incremental update (incremental saving, shadow replace)."""
    work = IncrementalPdfFileWriter(BytesIO(data))
    page = work.root["/Pages"]["/Kids"][0]
    page["/Contents"] = work.add_object(generic.StreamObject(stream_data=b"BT ET"))
    work.mark_update(page.container_ref)
    return written(work)


def written(work: IncrementalPdfFileWriter) -> bytes:
    out = BytesIO()
    work.write(out)
    return out.getvalue()


def signed_again(data: bytes) -> bytes:
    """By a stranger's key, over our copy."""
    stranger = HeldSigner("ES256", suite("ES256").generate())
    held = pades.certificate(stranger, "log.example/stranger", Clock.at, Clock.at + timedelta(days=1))
    return pades.sign(data[: data.index(b"%%EOF") + 6], stranger, held, Clock.at, "stranger")


def byte_range(data: bytes) -> re.Match[bytes]:
    found = re.search(rb"/ByteRange\s*\[[^\]]*\]", data)
    assert found
    return found


def without_signature(data: bytes) -> bytes:
    """Universal signature forgery: the range emptied."""
    place = byte_range(data)
    return data[: place.start()] + b"/ByteRange [0 0 0 0]".ljust(place.end() - place.start()) + data[place.end() :]


def wrapped(data: bytes) -> bytes:
    """Signature wrapping: the second signed part moved behind what is put between."""
    first, second = data[:-600], data[-600:]
    return first + b"9 0 obj << /Injected true >> endobj\n" + second


ATTACKS = {
    "a line appended": lambda data: data + b"\n",
    "a byte appended": lambda data: data + b"\x00",
    "a comment appended": lambda data: data + b"% approved\n%%EOF\n",
    "incremental: page replaced": replaced,
    "incremental: annotation": annotated,
    "shadow: object hidden before": lambda data: b"%PDF-1.7\n%hidden\n" + data,
    "shadow: object of the same number after": lambda data: data + b"5 0 obj\n<< /Type /Page >>\nendobj\n%%EOF\n",
    "forgery: range emptied": without_signature,
    "forgery: contents zeroed": lambda data: re.sub(rb"(/Contents\s*<)[0-9a-fA-F]{900}", rb"\g<1>" + b"0" * 900, data, count=1),
    "wrapping: second part moved": wrapped,
    "signed again by a stranger": signed_again,
    "signature cut off": lambda data: data[: data.index(b"%%EOF") + 6],
    "cut short": lambda data: data[:-1],
    "two in one": lambda data: data + data,
    "page text changed": lambda data: data[:2000] + bytes([data[2000] ^ 1]) + data[2001:],
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_t16_changed_copy_is_never_valid_and_is_named_as_altered(hub, paper, attack):
    changed = ATTACKS[attack](paper)
    assert changed != paper and code(hub, paper) is Code.IN_FORCE
    assert code(hub, changed) is Code.FILE_ALTERED


def test_t16_any_flipped_byte_is_refused(hub, paper):
    for place in range(0, len(paper), len(paper) // 60):
        changed = paper[:place] + bytes([paper[place] ^ 0x20]) + paper[place + 1 :]
        assert asked(hub, changed).answer.verdict.status is not Status.VALID


def test_t16_copy_printed_by_somebody_else_with_our_number_is_altered(hub, window):
    made, _ = copied(hub, window)
    forged = b"%PDF-1.7\n1 0 obj << /Keywords (MZC:" + made.copy_id.encode() + b") >> endobj\n%%EOF\n"
    assert code(hub, forged) is Code.FILE_ALTERED
    assert code(hub, forged.replace(made.copy_id.encode(), b"0" * 32)) is Code.FILE_UNKNOWN


def test_t16_row_of_a_copy_written_past_the_hub_vouches_for_nothing(hub, window):
    made, data = copied(hub, window)
    forged = data.replace(b"%PDF-1.7", b"%PDF-1.6", 1)
    where = copy.c.copy_id == made.copy_id
    with writing(hub.engine) as connection:
        connection.execute(sa.update(copy).where(where).values(sha256=hashlib.sha256(forged).hexdigest()))
    assert {code(hub, one) for one in (forged, data)} <= {Code.FILE_UNKNOWN, Code.FILE_ALTERED}
    with writing(hub.engine) as connection:
        connection.execute(sa.delete(copy).where(where))


@pytest.mark.parametrize("column", [one.name for one in copy.columns])
def test_t16_fsck_names_the_copy_whose_row_was_changed(hub, window, column):
    made, _ = copied(hub, window)
    where = copy.c.copy_id == made.copy_id
    with reading(hub.engine) as connection:
        old = connection.execute(sa.select(copy).where(where)).one()._mapping[column]
    changed = bytes(old[:-1]) + b"\x00" if column == "purpose" else old - 1 if column == "entry" else f"{old[:-1]}x"
    left = copy.c.copy_id == (changed if column == "copy_id" else made.copy_id)
    with writing(hub.engine) as connection:
        connection.execute(sa.update(copy).where(where).values({column: changed}))
    try:
        assert "hub_copy" in {one.table for one in fsck(hub).findings}
    finally:
        with writing(hub.engine) as connection:
            connection.execute(sa.update(copy).where(left).values({column: old}))
    assert "hub_copy" not in {one.table for one in fsck(hub).findings}


def test_unknown_files_are_never_valid(hub):
    for data in (
        b"",
        b"{}",
        b"%PDF-1.7\n%%EOF",
        b"PK\x03\x04" + bytes(100),
        b'{"kind":"license-bundle"}'[:-1],
        b"%%EOF" * 5000,
        bytes(2_000_000),
    ):
        assert asked(hub, data).answer.verdict.status is not Status.VALID


# pictures


def picture(text: str, form: str = "PNG", turn: int = 0) -> bytes:
    drawn = Image.fromarray(np.array(zxingcpp.create_barcode(text, zxingcpp.QRCode, ec_level="M").to_image(scale=4)))
    canvas = ImageOps.expand(drawn.convert("L"), 120, fill=235).rotate(turn, expand=True, fillcolor=235)
    out = BytesIO()
    canvas.save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(("form", "turn"), [("PNG", 0), ("JPEG", 0), ("JPEG", 90), ("PNG", 12)])
def test_picture_with_a_copy_s_code_answers_what_the_code_stands_for(hub, window, form, turn):
    made, _ = copied(hub, window)
    found = asked(hub, picture(code_of(made.copy_id), form, turn))
    assert (found.document, found.answer.verdict.code, found.valid_to) == ("copy", Code.IN_FORCE, made.valid_to)
    assert found.answer.verdict.evidence["found_by"] == "code"


def test_printed_and_scanned_copy_is_known_by_its_code(hub, paper, tmp_path):
    (tmp_path / "copy.pdf").write_bytes(paper)
    run("pdftoppm", "-r", "120", "-png", "-singlefile", str(tmp_path / "copy.pdf"), str(tmp_path / "page"))
    found = asked(hub, (tmp_path / "page.png").read_bytes())
    assert (found.document, found.answer.verdict.code) == ("copy", Code.IN_FORCE)


def test_picture_with_an_identifier_is_verified_by_it_and_other_codes_are_unknown(hub):
    assert asked(hub, picture(identifier_of(hub, credit_code(1002)))).answer.verdict.code is Code.REVOKED
    for text in ("https://example.org/", "MZC:", "MZC:" + "0" * 24, "MZT:" + "0" * 140, code_of("00" * 16)):
        assert code(hub, picture(text)) is Code.FILE_UNKNOWN


def png_bomb(side: int) -> bytes:
    """A PNG of side × side that is a few kilobytes packed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = side.to_bytes(4, "big") * 2 + b"\x01\x00\x00\x00\x00"
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(1 + side // 8)) for _ in range(min(side, 30_000))) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_t15_picture_that_unpacks_to_too_much_is_not_unpacked(hub):
    bomb = png_bomb(30_000)
    assert len(bomb) < 2_000_000 and code(hub, bomb) is Code.FILE_UNKNOWN
    for damaged in (bomb[:40], picture("x")[:-30], picture("x", "JPEG")[:200], b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"):
        assert code(hub, damaged) is Code.FILE_UNKNOWN


# bundles


def test_bundle_is_verified_and_a_changed_one_is_altered(hub, window):
    data = export_bundle(hub, ExportRequest(window, identifier_of(hub, NUMBER), **CASE)).data
    assert code(hub, data) is Code.IN_FORCE
    value = json.loads(data)
    for changed in (
        data.replace("样例第2001号".encode(), "样例第2009号".encode()),
        data + b"\n",
        json.dumps(value | {"identifier": identifier_of(hub, credit_code(2002))}, ensure_ascii=False, separators=(",", ":")).encode(),
        data.replace(value["salts"]["CZZT"].encode(), b"0" * 64),
    ):
        assert changed != data and code(hub, changed) is Code.FILE_ALTERED
    part = export_bundle(hub, ExportRequest(window, identifier_of(hub, NUMBER), **CASE, show=["ZZMC"])).data
    assert code(hub, part) is Code.IN_FORCE
    revoked = export_bundle(hub, ExportRequest(window, identifier_of(hub, credit_code(1002)), **CASE)).data
    assert code(hub, revoked) is Code.REVOKED


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


def test_check_is_recorded_with_subject_and_outcome(hub, paper):
    asked(hub, paper, request_id="q" * 32, purpose="核验")
    entry = list_audit(hub, action="check-file", limit=1000)[-1]
    assert (entry.actor, entry.code, entry.purpose, entry.request_id) == ("page:/verify", "IN_FORCE", "核验", "q" * 32)
    assert entry.subject is not None and entry.entry is not None


# printing


def test_missing_chinese_font_and_unprintable_characters_are_said(hub):
    nothing_installed = sheet.Typesetter(families=("No Such Font",))
    page = sheet.Sheet("营业执照", "x", [("名称", "样例")], [], "仅供", "样例", "<svg/>", {}, "")
    with pytest.raises(PaperFault, match="apt-get install fonts-noto-cjk"):
        nothing_installed.pdf(page, hub.now())
    with pytest.raises(PaperFault, match="character"):
        sheet.Typesetter().pdf(replace(page, rows=[("名称", "\U000323b0")], code=SVG), hub.now())


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><path d="M0 0h1v1h-1Z"/></svg>'


def test_nothing_of_a_license_is_read_as_markup(hub):
    page = sheet.Sheet("营业执照", "x", [("名称", '#read("/etc/passwd") *x* $1$ \\ @y <z>')], [], "仅供", "样例", SVG, {}, "")
    assert sheet.Typesetter().pdf(page, hub.now()).startswith(b"%PDF-")


def run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is missing: as root, apt-get install poppler-utils")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
