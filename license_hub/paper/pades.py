"""A PDF signed by the hub (PAdES baseline B, ES256): a certifying signature that allows no change.

The key may live anywhere (`signing.suites.Signer`). Its certificate is `certificate(signer, …)`, signed by the key itself: whom it
belongs to the key manifest says, by the key's kid, as with every other key of the hub. Whoever runs the hub may put a certificate of a
public authority in its place; what a reader of PDFs then shows as trusted is for that reader to say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

from asn1crypto import algos, cms, core, keys, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers.pdf_cms import Signer as CmsSigner
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner, PdfSigningSession
from pyhanko_certvalidator.registry import SimpleCertificateStore

from license_hub.errors import SigningError
from license_hub.signing.sm2 import to_der
from license_hub.signing.suites import Signer

ALG = "ES256"
RESERVED = 4096
"""Room for the signature in the file: given beforehand, or pyHanko signs twice to measure it."""
FIELD = "HubCopy"
_SAME: dict[bytes, list[bytes]] = {}
"""Certificate → its signatures' attributes but the digest: DER, of as many certificates as there were keys."""
_DIGEST = bytes.fromhex("302f06092a864886f70d010904312204 20")
"""DER of the attribute messageDigest up to the 32 bytes of a SHA-256."""
_ECDSA = {"algorithm": "sha256_ecdsa"}


class HubSigner(CmsSigner):
    """A key of the keyring as pyHanko wants it. ECDSA signatures are (r, s) in DER there, as SM2's are."""

    def __init__(self, signer: Signer, held: x509.Certificate):
        self._signer = signer
        mechanism = algos.SignedDigestAlgorithm(_ECDSA)
        super().__init__(signing_cert=held, cert_registry=SimpleCertificateStore(), signature_mechanism=mechanism)

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if digest_algorithm != "sha256":
            raise SigningError(f"{ALG} signs over SHA-256, not {digest_algorithm}")
        return to_der(self._signer.sign(data))

    async def signed_attrs(self, data_digest: bytes, digest_algorithm: str, *given, **named) -> cms.CMSAttributes:
        """pyHanko's, encoded once for a certificate: all but the digest is the same each time, and encoding is most of the work."""
        held = self.signing_cert.dump()
        if held not in _SAME or digest_algorithm != "sha256":
            made = await super().signed_attrs(data_digest, digest_algorithm, *given, **named)
            _SAME[held] = [one.dump() for one in made if one["type"].native != "message_digest"]
            return made
        content = b"".join(sorted([*_SAME[held], _DIGEST + data_digest]))
        return cms.CMSAttributes.load(core.SetOf(spec=core.Any, contents=content).dump())


class _Signing(PdfSigner):
    """pyHanko's, with the hub's clock."""

    def __init__(self, at: datetime, *given, **named):
        self._at = at
        super().__init__(*given, **named)

    def init_signing_session(self, pdf_out, existing_fields_only=False) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._at
        return session


def sign(pdf: bytes, signer: Signer, held: x509.Certificate, at: datetime, reason: str) -> bytes:
    """The PDF with the signature as its last update. Raises SigningError."""
    meta = PdfSignatureMetadata(
        field_name=FIELD, md_algorithm="sha256", reason=reason, subfilter=SigSeedSubFilter.PADES,
        certify=True, docmdp_permissions=MDPPerm.NO_CHANGES,
    )  # fmt: skip
    work = _Signing(at, meta, HubSigner(signer, held), new_field_spec=fields.SigFieldSpec(FIELD))
    return work.sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)), bytes_reserved=RESERVED).getvalue()


def certificate(signer: Signer, name: str, since: datetime, until: datetime) -> x509.Certificate:
    """Of the key, by the key: its common name is the log's origin, its serial number the key's kid. Raises SigningError."""
    if signer.alg != ALG:
        raise SigningError(f"copies are signed with {ALG}, not {signer.alg}: `hub keys rotate --alg {ALG} copy`")
    subject = x509.Name.build({"common_name": name, "organizational_unit_name": "copies"})
    begin, end = (x509.Time({"general_time": one.astimezone(UTC)}) for one in (since, until))
    usage = {"extn_id": "key_usage", "critical": True, "extn_value": x509.KeyUsage({"digital_signature", "non_repudiation"})}
    key = keys.PublicKeyInfo({"algorithm": {"algorithm": "ec", "parameters": keys.ECDomainParameters("named", "secp256r1")},
                              "public_key": keys.ECPointBitString(signer.public)})  # fmt: skip
    content = x509.TbsCertificate({
        "version": "v3", "serial_number": int(signer.kid, 16), "signature": _ECDSA, "issuer": subject, "subject": subject,
        "validity": {"not_before": begin, "not_after": end}, "subject_public_key_info": key, "extensions": [usage],
    })  # fmt: skip
    signature = core.OctetBitString(to_der(signer.sign(content.dump())))
    made = x509.Certificate({"tbs_certificate": content, "signature_algorithm": _ECDSA, "signature_value": signature})
    # Read back: what asn1crypto has read it does not encode anew each time somebody asks for its bytes.
    return x509.Certificate.load(made.dump())
