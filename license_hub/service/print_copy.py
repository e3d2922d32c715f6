"""What a copy 加注件 says, and its signature: the face, the annotation, the metadata of DZZZ 1.2, the code it is checked by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from asn1crypto import x509

from license_hub.domain.license import FACE, FIELD_TITLES
from license_hub.domain.lifecycle import SHANGHAI
from license_hub.errors import CopyFault, SigningError
from license_hub.paper import pades, qr
from license_hub.paper.sheet import Sheet, Typesetter
from license_hub.service.hub import Hub
from license_hub.signing import base45

CODE = "MZC:"
"""Before the base45 of a copy's number in its QR code."""
PRINTED = ("ZZBH", "CZZT", "CZZTDM", "ZZBFJG", "ZZBFRQ", "ZZYXQQSRQ", "ZZYXQJZRQ")
"""Metadata a face shows; the rest is for machines and in the attachment."""
CERTIFIED = timedelta(days=20 * 365)
"""What the signing certificate runs to, from the key's first day: longer than any copy counts."""


@dataclass(frozen=True)
class Wanted:
    copy_id: str
    purpose: str
    maker: str
    made_at: datetime
    valid_to: datetime
    pending: Sequence[str] = ()
    """Fields whose values are being corrected."""


def print_copy(hub: Hub, fields: Mapping[str, str], wanted: Wanted) -> bytes:
    """The signed PDF. Raises CopyFault, PaperFault."""
    page = typesetter().pdf(sheet_of(hub, fields, wanted), wanted.made_at)
    try:
        signer = hub.keyring.signer("copy")
        known = hub.security.key(signer.kid)
        since = datetime.fromisoformat(known.not_before) if known else wanted.made_at
        return pades.sign(page, signer, _certificate(signer, hub.origin, since), wanted.made_at, f"加注件：{wanted.purpose}")
    except SigningError as fault:
        raise CopyFault(f"no signature: {fault}") from None


def code_of(copy_id: str) -> str:
    """What the QR code on the page holds: nothing but the copy's number."""
    return CODE + base45.encode(bytes.fromhex(copy_id))


def number_in(text: str) -> str | None:
    """The number in such a code; None for any other text."""
    if not text.startswith(CODE):
        return None
    try:
        number = base45.decode(text.removeprefix(CODE)).hex()
    except ValueError:
        return None
    return number if len(number) == 32 else None


def sheet_of(hub: Hub, fields: Mapping[str, str], wanted: Wanted) -> Sheet:
    rows = [(FIELD_TITLES[name], fields[name]) for name in PRINTED if name in fields]
    rows += [(name.removeprefix(FACE), value) for name, value in fields.items() if name.startswith(FACE)]
    annotation = [("用途", wanted.purpose), ("制作者", wanted.maker), ("制作时间", _written(wanted.made_at)),
                  ("有效期至", _written(wanted.valid_to)), ("加注件编号", wanted.copy_id)]  # fmt: skip
    return Sheet(
        name=fields.get("ZZMC", ""),
        number=f"{CODE}{wanted.copy_id}",
        rows=rows,
        annotation=annotation,
        watermark=f"仅供{wanted.purpose}使用",
        maker=wanted.maker,
        code=qr.svg(code_of(wanted.copy_id)),
        metadata=_metadata(fields, wanted),
        notice=_notice(hub, wanted),
    )


def _notice(hub: Hub, wanted: Wanted) -> str:
    said = (
        f"本加注件只用于所列用途，到期作废，复印、转发、改动均不产生效力。核验：将本文件上传至 {hub.public_url}/verify，"
        "或扫描二维码并逐项核对内容。证照此后是否被变更、注销，以核验当时的结果为准。"
    )
    if not wanted.pending:
        return said
    titles = "、".join(FIELD_TITLES.get(one, one.removeprefix(FACE)) for one in wanted.pending)
    return f"{said}以下内容正在由责任单位校核更正：{titles}。"


def _metadata(fields: Mapping[str, str], wanted: Wanted) -> dict[str, str]:
    """Short names of DZZZ 1.2: the license's own and those of the annotation."""
    known = {name: value for name, value in fields.items() if name in FIELD_TITLES}
    annotated = {
        "JZJZZSJ": _digits(wanted.made_at),
        "JZJZZZ": wanted.maker,
        "JZJZZSY": wanted.purpose,
        "JZJYXQJZSJ": _digits(wanted.valid_to),
    }
    return known | annotated | {"JZJBH": wanted.copy_id}


def _digits(at: datetime) -> str:
    """yyyyMMddHHmmss in Shanghai."""
    return at.astimezone(SHANGHAI).strftime("%Y%m%d%H%M%S")


def _written(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y年%-m月%-d日 %H:%M")


@cache
def typesetter() -> Typesetter:
    """One a process: it has the fonts in memory."""
    return Typesetter()


@cache
def _certificate(signer, origin: str, since: datetime) -> x509.Certificate:
    return pades.certificate(signer, origin, since, since + CERTIFIED)
