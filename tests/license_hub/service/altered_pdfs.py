"""T16: what is done to a signed PDF so that a viewer shows something else (pdf-insecurity.org's classes)."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from license_hub.paper import pades
from license_hub.signing.suites import HeldSigner, suite

from ..sample_hub import Clock


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
