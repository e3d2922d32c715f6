"""Rebuilds the golden license from case.yaml. `python -m tests.golden.license.build` writes the files; the test only compares."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import yaml

from license_hub.domain.holder import Holder
from license_hub.domain.identifier import mint, parse, serial
from license_hub.domain.license import Draft, fields
from license_hub.log import checkpoint
from license_hub.log.bundle import Proof
from license_hub.log.proof import inclusion_proof
from license_hub.log.tiles import TileMap, build, entries_path, pack_entries, tile_path
from license_hub.log.tree import leaf_hash, root
from license_hub.signing import bundle as bundles
from license_hub.signing import commitment, seal
from license_hub.signing.bundle import Bundle, Trust
from license_hub.signing.canonical import jcs
from license_hub.signing.commitment import Shown
from license_hub.signing.keyring import InsecureDevSigner, Keyring

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """case.yaml and what follows from it."""

    content: dict
    ring: Keyring

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.content["now"])

    @property
    def at(self) -> str:
        return commitment.instant(self.now)

    @property
    def issuer(self) -> str:
        return self.content["license"]["issuer_code"]

    @property
    def secret(self) -> bytes:
        return bytes.fromhex(self.content["secret"])

    @property
    def trust(self) -> Trust:
        """The verifier knows every organ's key, and the log's."""
        log = [(one.alg, one.public) for one in self.ring.public_keys("checkpoint")]
        organs = {role.removeprefix("organ/"): self.ring.public_keys(role) for role in self.ring.roles() if role.startswith("organ/")}
        return Trust(self.content["origin"], checkpoint.keys(self.content["origin"], log), organs)

    def committed(self, version: int = 1) -> dict[str, str]:
        given = self.content["license"]
        made = {
            name: given[name]
            for name in ("type_id", "type_code", "type_name", "key", "issuer_code", "issuer_name", "number", "area", "face")
        }
        days = {name: date.fromisoformat(given[name]) for name in ("issued_on", "valid_from", "valid_to")}
        draft = Draft(**made, **days, holders=tuple(Holder(*one) for one in given["holders"]), source_status=None)
        return fields(draft, mint(draft.type_code, draft.issuer_code, serial(bytes.fromhex(self.content["serial"])), version))

    def leaf(self, committed: dict[str, str]) -> bytes:
        return commitment.leaf(
            "issue", self.content["leaf_id"], self.at, commitment.commit(self.secret, committed), status=self.content["status"]
        )


def read_case() -> Case:
    content = yaml.safe_load((FOLDER / "case.yaml").read_text("utf-8"))
    return Case(content, Keyring(FOLDER / "no-keys-here", {role: bytes.fromhex(one) for role, one in content["keys"].items()}))


def make(
    case: Case, ring: Keyring, *, origin: str | None = None, organ: str | None = None, committed: dict[str, str] | None = None
) -> Bundle:
    """The whole bundle, sealed and logged with the keys of `ring`."""
    committed = committed or case.committed()
    leaf = case.leaf(committed)
    given, origin = case.content["attestation"], origin or case.content["origin"]
    rows = [leaf_hash(b"row %d" % place) for place in range(given["rows"])]
    rows[given["row"]] = leaf_hash(leaf)
    top, tiles = seal.issuer_tree(rows)
    signer = ring.signer(f"organ/{organ or case.issuer}")
    named = {"resource": given["resource"], "publication": given["publication"]}
    attestation = seal.attest(signer, organ or case.issuer, len(rows), top, case.at, **named)
    hashes = [leaf_hash(one) for one in log_entries(case, leaf)]
    index = case.content["log"]["index"]
    head = checkpoint.sign(origin, len(hashes), root(hashes), [ring.signer("checkpoint")])
    proof = Proof(index, tuple(inclusion_proof(TileMap(build(hashes)), index, len(hashes))), head.note)
    return bundles.make_bundle(case.secret, committed, leaf, attestation, seal.path_of(tiles, given["row"], len(rows)), proof)


def log_entries(case: Case, leaf: bytes) -> list[bytes]:
    entries = [b"entry %d" % place for place in range(case.content["log"]["size"])]
    entries[case.content["log"]["index"]] = leaf
    return entries


def golden(case: Case) -> dict[str, bytes]:
    """Every golden file by its path below this folder."""
    whole = make(case, case.ring)
    shown, hidden = commitment.disclose(case.secret, case.committed(), [*case.content["shown"], "ZZBS"])
    partly = replace(whole, shown=tuple(shown), hidden=tuple(hidden))
    made = {
        "fields.json": jcs(case.committed()),
        "leaf.json": whole.leaf,
        "attestation.json": whole.attestation.statement,
        "attestation.sig": whole.attestation.signature,
        "license.tlog-proof": whole.proof.text.encode(),
        "whole.license.json": bundles.write(whole),
        "partly.license.json": bundles.write(partly),
        "log/checkpoint": whole.proof.checkpoint.encode(),
    }
    entries = log_entries(case, whole.leaf)
    for (level, index), data in build([leaf_hash(one) for one in entries]).items():
        made["log/" + tile_path(level, index, len(data) // 32)] = data
    for index in range(0, len(entries), 256):
        part = entries[index : index + 256]
        made["log/" + entries_path(index // 256, len(part))] = pack_entries(part)
    for name, data in twins(case, whole, partly).items():
        made[f"broken/{name}.license.json"] = data
    return made


def twins(case: Case, whole: Bundle, partly: Bundle) -> dict[str, bytes]:
    """Broken twins: each differs from a good bundle in the one way its name says."""
    made = {name: bundles.write(one) for name, one in {**_content_twins(case, whole, partly), **_proof_twins(case, whole)}.items()}
    text = bundles.write(whole)
    made["not-canonical"] = json.dumps(json.loads(text), ensure_ascii=False, sort_keys=True).encode()
    made["member-added"] = jcs({**json.loads(text), "status": "IN_FORCE"})
    odd = json.loads(text)
    odd["attestation"]["index"] = str(odd["attestation"]["index"])
    made["index-as-text"] = jcs(odd)
    return made


def _content_twins(case: Case, whole: Bundle, partly: Bundle) -> dict[str, Bundle]:
    changed = case.committed() | {"CZZT": "示例乙"}
    status = commitment.leaf("status", case.content["leaf_id"], case.at, bytes(32), of=case.content["leaf_id"], status="REVOKED")
    parts = parse(whole.identifier)
    return {
        "field-changed": _with_shown(whole, "CZZT", lambda one: replace(one, value="示例乙")),
        "salt-changed": _with_shown(whole, "CZZT", lambda one: replace(one, salt=bytes(32))),
        "field-added": replace(whole, shown=tuple(sorted((*whole.shown, Shown("KZ_附记", "可抵押", bytes(32))), key=lambda one: one.name))),
        "hidden-digest-dropped": replace(partly, hidden=partly.hidden[1:]),
        "fields-and-leaf-changed": replace(
            whole, shown=tuple(commitment.disclose(case.secret, changed, changed)[0]), leaf=case.leaf(changed)
        ),
        "leaf-of-a-status-act": replace(whole, leaf=status),
        "identifier-of-another-version": replace(whole, identifier=mint(parts.type_code, parts.issuer_code, parts.serial, 2)),
        "identifier-with-wrong-check": replace(whole, identifier=whole.identifier[:-1] + ("0" if whole.identifier[-1] != "0" else "1")),
    }


def _proof_twins(case: Case, whole: Bundle) -> dict[str, Bundle]:
    other_organ = next(role for role in case.content["keys"] if role.startswith("organ/") and not role.endswith(case.issuer))
    strangers = Keyring(FOLDER / "no-keys-here", {role: bytes.fromhex(one)[::-1] for role, one in case.content["keys"].items()})
    stranger, resigned = InsecureDevSigner("Ed25519", bytes(32)), make(case, strangers)
    head = checkpoint.parse(whole.proof.checkpoint)
    by_stranger = checkpoint.sign(head.origin, head.size, head.root, [stranger]).note
    statement = whole.attestation.statement.replace(b'"publication":7', b'"publication":8')
    elsewhere = make(case, case.ring, origin="log.example/other")
    other_root = checkpoint.body(head.origin, head.size, bytes(32))
    notes = {"by": by_stranger, "root": other_root + whole.proof.checkpoint[whole.proof.checkpoint.index("\n\n") + 1 :]}
    return {
        "attested-by-another-organ": replace(
            whole, attestation=make(case, case.ring, organ=other_organ.removeprefix("organ/")).attestation
        ),
        "attestation-for-another-publication": replace(whole, attestation=replace(whole.attestation, statement=statement)),
        "attestation-place-changed": replace(whole, attestation_path=replace(whole.attestation_path, index=2)),
        "log-place-changed": replace(whole, proof=replace(whole.proof, index=whole.proof.index - 1)),
        "checkpoint-by-an-unknown-key": replace(whole, proof=replace(whole.proof, checkpoint=notes["by"])),
        "checkpoint-of-another-log": replace(whole, proof=elsewhere.proof),
        "checkpoint-root-changed": replace(whole, proof=replace(whole.proof, checkpoint=notes["root"])),
        "everything-resigned-by-others": resigned,
    }


def _with_shown(whole: Bundle, name: str, change: Callable[[Shown], Shown]) -> Bundle:
    return replace(whole, shown=tuple(change(one) if one.name == name else one for one in whole.shown))


def write_files() -> None:
    for path, data in golden(read_case()).items():
        file = FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


if __name__ == "__main__":
    write_files()
