"""A file is known again by the whole of it and by nothing a viewer shows; pictures by their codes; bundles by their seals (T15, T16)."""

from __future__ import annotations

import hashlib
import json
import resource
import zlib
from io import BytesIO

import numpy as np
import pytest
import sqlalchemy as sa
import zxingcpp
from PIL import Image, ImageOps

from license_hub.domain.verdict import Code, Status
from license_hub.service.export_bundle import ExportRequest, export_bundle
from license_hub.service.fsck import fsck
from license_hub.service.list_audit import list_audit
from license_hub.service.print_copy import code_of
from license_hub.storage.engine import reading, writing
from license_hub.storage.tables_presentations import copy

from ..sample_hub import credit_code, identifier_of
from . import copies_desk
from .altered_pdfs import ATTACKS
from .copies_desk import CASE, NUMBER, asked, code, copied, run

hub, window, paper = copies_desk.hub, copies_desk.window, copies_desk.paper


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
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(bomb) < 2_000_000 and code(hub, bomb) is Code.FILE_UNKNOWN
    # 900 million pixels: a bit each would be 110 MiB, a byte each 860.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    for damaged in (bomb[:40], picture("x")[:-30], picture("x", "JPEG")[:200], b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"):
        assert code(hub, damaged) is Code.FILE_UNKNOWN


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


def test_check_is_recorded_with_subject_and_outcome(hub, paper):
    asked(hub, paper, request_id="q" * 32, purpose="核验")
    entry = list_audit(hub, action="check-file", limit=1000)[-1]
    assert (entry.actor, entry.code, entry.purpose, entry.request_id) == ("page:/verify", "IN_FORCE", "核验", "q" * 32)
    assert entry.subject is not None and entry.entry is not None
