"""The one place where tokens are read, checked and made: compact JWS, strictly (RFC 7515, 8725; threats.md findings 1–3).

`read` takes a token apart before anything is known of its sender, `check` says whether the key it names has signed it:
- three segments, base64url alphabet, no padding, canonical (re-encoding gives the same text);
- header and payload are JSON objects whose names occur once at every level;
- the header names no key and no extension: `jku jwk x5u x5c x5t x5t#S256 crit b64 zip` are refused;
- `typ` must be the one this place expects, `kid` must be there;
- a key is for signatures (`use`, `key_ops`) and has one algorithm: the token's `alg` must be that one, it never chooses;
- tokens of the hub's own keys have one spelling: the (r, n − s) twin of an ECDSA signature is refused. Clients' libraries do not
  keep to the lower s, so theirs count once by `jti`, never by their bytes.

SM2 with SM3 is known to PyJWT under the name `sm2.JOSE`, ours until one is registered. Signatures are computed by PyJWT's
algorithms; nothing else of it looks at a token.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

import jwt
from jwt.algorithms import Algorithm

from license_hub.errors import JoseRefused
from license_hub.signing import sm2
from license_hub.signing.canonical import jcs
from license_hub.signing.es256 import low
from license_hub.signing.suites import PublicKey, Signer, suite

SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
REFUSED_HEADERS = frozenset({"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"})
MAX_TOKEN_CHARS = 4096
ALGORITHMS = frozenset({"EdDSA", "ES256", sm2.JOSE})
"""What a key may sign tokens with here: asymmetric, one for each kind of key."""


@dataclass(frozen=True)
class Parts:
    """A token taken apart, nothing checked but its form."""

    header: Mapping[str, object]
    payload: bytes
    signing_input: bytes
    signature: bytes


@dataclass(frozen=True)
class Token:
    """A well-formed token of the kind asked for, its signature not yet checked."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    parts: Parts

    @property
    def kid(self) -> str:
        return str(self.header["kid"])


@dataclass(frozen=True)
class Key:
    """A verification key and its one algorithm."""

    kid: str
    alg: str
    material: object
    """What PyJWT's algorithm takes."""
    own: bool = False
    """One of the hub's: its signatures have one spelling."""


def read(text: str, *, types: Collection[str], most: int = MAX_TOKEN_CHARS) -> Token:
    """The token, by whoever. `types` are the accepted `typ`, in lower case; `most`: its longest text. Raises JoseRefused."""
    parts = split(text, most)
    header = parts.header
    if not isinstance(header.get("typ"), str) or str(header["typ"]).lower().removeprefix("application/") not in types:
        raise JoseRefused("typ missing or of another kind of token")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise JoseRefused("kid missing")
    if not isinstance(header.get("alg"), str) or header["alg"] not in ALGORITHMS:
        raise JoseRefused("alg missing or not asymmetric")
    return Token(header, _object(parts.payload), parts)


def check(token: Token, key: Key | None, *, audiences: Collection[str], require: Collection[str], issuer: str | None = None) -> None:
    """Signed by that key, for one of the audiences, by the issuer, with every required claim; times are the caller's.

    Raises JoseRefused.
    """
    if key is None or token.kid != key.kid:
        raise JoseRefused("unknown kid, or not the algorithm of that kid")
    check_signature(token.parts, key)
    claims = token.claims
    missing = [name for name in require if claims.get(name) is None]
    if missing:
        raise JoseRefused(f"claim {missing[0]} missing")
    said = claims.get("aud")
    named = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    if not any(isinstance(one, str) and one in audiences for one in named):
        raise JoseRefused("aud names another audience")
    if issuer is not None and claims.get("iss") != issuer:
        raise JoseRefused("iss is another issuer")


def split(text: str, most: int = MAX_TOKEN_CHARS, *, allow: Collection[str] = ()) -> Parts:
    """`allow`: headers refused elsewhere that this kind of token lives by. Raises JoseRefused."""
    if len(text) > most:
        raise JoseRefused("token too long")
    segments = text.split(".")
    if len(segments) != 3:
        raise JoseRefused("not three segments")
    # A payload may be empty in a JWS; `read`, which wants a JSON object, refuses it.
    payload = _decode(segments[1]) if segments[1] else b""
    head, signature = _decode(segments[0]), _decode(segments[2])
    header = _object(head)
    refused = (REFUSED_HEADERS - set(allow)) & header.keys()
    if refused:
        raise JoseRefused(f"header carries {sorted(refused)[0]}")
    return Parts(header, payload, f"{segments[0]}.{segments[1]}".encode("ascii"), signature)


def claims_of(parts: Parts) -> Mapping[str, object]:
    """The payload as a JSON object. Raises JoseRefused."""
    return _object(parts.payload)


def check_signature(parts: Parts, key: Key) -> None:
    """Raises JoseRefused."""
    if parts.header.get("alg") != key.alg:
        raise JoseRefused("unknown kid, or not the algorithm of that kid")
    if key.own and key.alg == "ES256" and low(parts.signature) != parts.signature:
        raise JoseRefused("the signature is a twin of the one that was made")
    if not jwt.get_algorithm_by_name(key.alg).verify(parts.signing_input, key.material, parts.signature):
        raise JoseRefused("the signature does not verify")


def key_of(jwk: Mapping[str, object], *, allowed: Collection[str] = ALGORITHMS, own: bool = False) -> Key:
    """From a JWK that names its `alg`. Raises JoseRefused for one that may not sign, or is no key."""
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise JoseRefused("the key is not one for signatures")
    alg = jwk.get("alg")
    if not isinstance(alg, str) or alg not in allowed:
        raise JoseRefused("the key names no algorithm that may be used here")
    try:
        return Key(str(jwk.get("kid", "")), alg, jwt.get_algorithm_by_name(alg).from_jwk(dict(jwk)), own)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise JoseRefused("the key is not a key of its algorithm") from None


def own_key(key: PublicKey) -> Key:
    """One of the hub's own. Raises JoseRefused if its algorithm makes no tokens."""
    return key_of(key.jwk(), own=True)


def read_own(text: str, typ: str, keys: Collection[PublicKey], *, most: int = MAX_TOKEN_CHARS) -> Mapping[str, object]:
    """The claims of a token that one of the hub's `keys` signed, the one it names. Times are the caller's. Raises JoseRefused."""
    token = read(text, types=(typ,), most=most)
    key = next((own_key(one) for one in keys if one.kid == token.kid), None)
    if key is None:
        raise JoseRefused("signed by no key that is trusted for it")
    check_signature(token.parts, key)
    return token.claims


def make(signer: Signer, typ: str, claims: Mapping[str, object]) -> str:
    """A token by one of the hub's keys, wherever it lives. Raises SigningError."""
    signed = _header(signer.alg, typ, signer.kid) + b"." + _encode(jcs(dict(claims)))
    return (signed + b"." + _encode(signer.sign(signed))).decode("ascii")


@lru_cache(maxsize=64)
def _header(alg: str, typ: str, kid: str) -> bytes:
    """The same for all tokens of a key and type. Raises JoseRefused."""
    named = suite(alg).jose
    if named not in ALGORITHMS:
        raise JoseRefused(f"a key of {alg} makes no tokens; use one of Ed25519, ES256, SM2")
    return _encode(jcs({"alg": named, "typ": typ, "kid": kid}))


class SM2Algorithm(Algorithm):
    """SM2 with SM3 for PyJWT: keys are raw public bytes, or a `sm2.PrivateKey` to sign with."""

    def prepare_key(self, key: bytes | sm2.PrivateKey) -> bytes | sm2.PrivateKey:
        if isinstance(key, sm2.PrivateKey) or (isinstance(key, bytes) and suite("SM2").is_public(key)):
            return key
        raise jwt.InvalidKeyError("an SM2 key is 65 public bytes or a private handle")

    def sign(self, msg: bytes, key: sm2.PrivateKey) -> bytes:
        return key.sign(msg)

    def verify(self, msg: bytes, key: bytes | sm2.PrivateKey, sig: bytes) -> bool:
        return suite("SM2").verify(key.public if isinstance(key, sm2.PrivateKey) else key, msg, sig)

    @staticmethod
    def to_jwk(key_obj: bytes | sm2.PrivateKey, as_dict: bool = False) -> dict[str, str] | str:
        jwk = suite("SM2").jwk(key_obj.public if isinstance(key_obj, sm2.PrivateKey) else key_obj)
        return jwk if as_dict else json.dumps(jwk)

    @staticmethod
    def from_jwk(jwk: str | Mapping[str, object]) -> bytes:
        found = json.loads(jwk) if isinstance(jwk, str) else jwk
        if found.get("kty") != "EC" or found.get("crv") != sm2.JOSE_CURVE:
            raise jwt.InvalidKeyError("not an SM2 key")
        parts = [_decode(str(found.get(name, ""))) for name in ("x", "y")]
        public = b"\x04" + b"".join(parts)
        if [len(one) for one in parts] != [32, 32] or not suite("SM2").is_public(public):
            raise jwt.InvalidKeyError("not a point of the SM2 curve")
        return public


jwt.register_algorithm(sm2.JOSE, SM2Algorithm())


def _encode(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _decode(segment: str) -> bytes:
    if not SEGMENT.fullmatch(segment) or len(segment) % 4 == 1:
        raise JoseRefused("segment is not base64url")
    raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    # Unused low bits of the last character could be anything: one token, one spelling.
    if _encode(raw).decode("ascii") != segment:
        raise JoseRefused("segment is not canonical base64url")
    return raw


def _object(raw: bytes) -> dict[str, object]:
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique_names, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as fault:
        raise JoseRefused("segment is not JSON") from fault
    if not isinstance(value, dict):
        raise JoseRefused("segment is not a JSON object")
    return value


def unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """`object_pairs_hook` that refuses a name given twice: two parsers may keep different ones (finding 3)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JoseRefused("a JSON name occurs twice")
    return found


def _refuse_constant(_name: str) -> object:
    raise JoseRefused("NaN and Infinity are not JSON")
