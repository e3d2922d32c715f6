"""An outsider's own check of a hub: Python's standard library and `cryptography`, nothing of the hub's. Specified in docs/verify-us.md.
Of organs that seal with SM2 it asks the file beside it, sm2.py, which is as plain.

    outsider.py --hub URL --root VKEY --state SEEN.json look             newest checkpoint; it must continue the last one seen
    outsider.py …                                       audit            and every entry and tile of the whole log
    outsider.py …                                       license FILE     and one license with its proof
    outsider.py …                                       receipt FILE     and one decision about a material 免提交核验回执
    outsider.py …                                       compare SEEN     and what another outsider saw: a hub may show two histories

Prints `yes: …` and exits 0, or `no: <reason>` and exits 1. The state file is the outsider's memory: keep it, compare it with others'.
"""

import argparse
import base64
import hashlib
import json
import sys
import urllib.request
import zlib
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sm2

MALFORMED = (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)


class No(Exception):
    """The answer is no; the text is the reason."""


def need(truth, reason):
    if not truth:
        raise No(reason)


# --- hashes, spellings, signatures ---


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(entry):
    return sha256(b"\0", entry)


def node_hash(left, right):
    return sha256(b"\1", left, right)


def unbase64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base64 in an unusual spelling")
    return data


def unhex(text):
    need(len(text) in (32, 64) and not set(text) - set("0123456789abcdef"), "hex in an unusual spelling")
    return bytes.fromhex(text)


def number(text):
    need(text.isascii() and text.isdigit() and str(int(text)) == text, "a number in an unusual spelling")
    return int(text)


def canonical(text):
    """The value of canonical JSON (RFC 8785) without fractions: one value, one spelling."""

    def ordered(pairs):
        names = [name for name, _ in pairs]
        need(names == sorted(set(names), key=lambda one: one.encode("utf-16-be")), "names doubled or out of order")
        return dict(pairs)

    value = json.loads(text, object_pairs_hook=ordered, parse_float=int)
    need(json.dumps(value, ensure_ascii=False, separators=(",", ":")) == text, "JSON in an unusual spelling")
    return value


def signed(kind, public, message, signature):
    try:
        kind.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_note(note):
    """(text, [(name, key id, signature)]) of a signed note."""
    text, blank, block = note.rpartition("\n\n")
    lines = [line.split(" ") for line in block.removesuffix("\n").split("\n")]
    need(blank and block.endswith("\n") and all(len(line) == 3 and line[0] == "—" for line in lines), "not a signed note")
    return text + "\n", [(line[1], (data := unbase64(line[2]))[:4], data[4:]) for line in lines]


def key_id(name, kind, public):
    return sha256(name.encode(), b"\n", bytes([kind]), public)[:4]


def open_note(note, name, publics):
    """(text, the key that signed it): a note under that name. A listed key's bad signature is a no, whatever else is there."""
    text, lines = read_note(note)
    found = None
    for public in publics:
        for signature in [line[2] for line in lines if line[:2] == (name, key_id(name, 1, public))]:
            need(signed(Ed25519PublicKey, public, text.encode(), signature), f"the signature of {name} does not verify")
            found = public
    need(found, f"no trusted key of {name} signed")
    return text, found


# --- trust: from one pinned root key to every other key ---


def read_manifest(note, root, now):
    """The hub's keys and witness policy, signed by the pinned root `<origin>/root+hash+base64`."""
    name, _, material = root.split("+", 2)
    text, _ = open_note(note, name, [unbase64(material)[1:]])
    manifest = canonical(text.removesuffix("\n"))
    need(manifest["v"] == 1 and manifest["kind"] == "key-manifest" and manifest["origin"] + "/root" == name, "a manifest of another log")
    need(manifest["issued_at"] <= f"{now:%Y-%m-%dT%H:%M:%SZ}" < manifest["expires_at"], "the manifest is out of date, or the clock wrong")
    return manifest


def keys_of(manifest, role, suites=("Ed25519",)):
    return {one["kid"]: one for one in manifest["keys"] if one["role"] == role and one["alg"] in suites}


def read_checkpoint(note, manifest):
    """(size, root hash) that a key of the log signed and the policy's witnesses cosigned."""
    keys = {unbase64(one["public"]): one for one in keys_of(manifest, "checkpoint").values()}
    text, public = open_note(note, manifest["origin"], keys)
    origin, size, root = text.removesuffix("\n").split("\n")
    need(origin == manifest["origin"], "a checkpoint of another log")
    size, root, key = number(size), unbase64(root), keys[public]
    vouched = key["state"] != "compromised" or key.get("until") == {"size": size, "root": base64.b64encode(root).decode()}
    need(vouched, "signed by a compromised key: ask for a proof under a newer checkpoint")
    need(witnessed(manifest["policy"], note, origin, size, root), "too few witnesses cosigned: another history may be shown to others")
    return size, root


def witnessed(policy, note, origin, size, root):
    """Whether the quorum of a tlog-policy cosigned, Ed25519 (type 4) or ML-DSA-44 (type 6)."""
    text, lines = read_note(note)
    good, quorum = {"none"}, "none"
    for words in [line.split() for line in policy.split("\n") if line.strip() and not line.strip().startswith("#")]:
        if words[0] == "witness":
            name, _, material = words[2].split("+", 2)
            kind, public = unbase64(material)[0], unbase64(material)[1:]
            for data in [line[2] for line in lines if line[:2] == (name, key_id(name, kind, public))]:
                time, short = data[:8], lambda one: bytes([len(one.encode())]) + one.encode()
                old = f"cosignature/v1\ntime {int.from_bytes(time)}\n{text}".encode()
                new = b"subtree/v1\n\0" + short(name) + time + short(origin) + bytes(8) + size.to_bytes(8) + root
                suite, message = (MLDSA44PublicKey, new) if kind == 6 else (Ed25519PublicKey, old)
                need(signed(suite, public, message, data[8:]), f"the cosignature of {name} does not verify")
                good.add(words[1])
        elif words[0] == "group":
            wanted = {"any": 1, "all": len(words) - 3}.get(words[2]) or number(words[2])
            good |= {words[1]} if len(good.intersection(words[3:])) >= wanted else set()
        elif words[0] == "quorum":
            quorum = words[1]
    return quorum in good


def read_token(token, kind, manifest, now):
    """Claims of a token that a status key of the hub signed: a status list, or a license's place in one."""
    header, claims, signature = (base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)) for one in token.split("."))
    header, claims = canonical(header.decode()), canonical(claims.decode())
    key = keys_of(manifest, "status").get(header["kid"])
    need(header["typ"] == kind and header["alg"] == "EdDSA" and key and key["state"] != "compromised", f"not a {kind} of a trusted key")
    need(signed(Ed25519PublicKey, unbase64(key["public"]), token.rpartition(".")[0].encode(), signature), f"the {kind} does not verify")
    need(claims["iat"] - 60 <= now.timestamp() < claims.get("exp", 2**33), f"the {kind} is out of date, or the clock wrong")
    return claims


# --- the log ---


def included(leaf, index, size, path, root):
    """RFC 9162 §2.1.3.2."""
    need(index < size, "the place is not in the tree")
    last, current = size - 1, leaf
    for sibling in path:
        need(last > 0, "the path is too long")
        if index & 1 or index == last:
            current = node_hash(sibling, current)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and current == root


def fold(nodes):
    while len(nodes) > 1:
        nodes = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes), 2)]
    return nodes[0]


class Log:
    """The log at `size` entries, as its tiles show it. `get(path)` fetches bytes; what was fetched once is kept."""

    def __init__(self, get, size):
        self.get, self.size, self.known = get, size, {}

    def fetch(self, kind, index, width):
        digits = str(index).zfill(-(-len(str(index)) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        place = "/".join([f"x{one}" for one in groups[:-1]] + groups[-1:])
        path = f"log/tile/{kind}/{place}" + (f".p/{width}" if width < 256 else "")
        if path not in self.known:
            self.known[path] = self.get(path)
        return self.known[path]

    def tile(self, level, index):
        """The hashes of that level from 256 · index on."""
        width = min(256, (self.size >> 8 * level) - 256 * index)
        data = self.fetch(level, index, width)
        need(len(data) == 32 * width, f"tile {level}/{index} is not of its size")
        return [data[at : at + 32] for at in range(0, len(data), 32)]

    def entries(self, index):
        """The entries from 256 · index on, each stored behind its length in two bytes."""
        width, found, at = min(256, self.size - 256 * index), [], 0
        data = self.fetch("entries", index, width)
        while at < len(data):
            end = at + 2 + int.from_bytes(data[at : at + 2])
            found.append(data[at + 2 : end])
            at = end
        need(len(found) == width and at == len(data), f"entry bundle {index} is not of its size")
        return found

    def root(self, start, stop, cut):
        """Root over entries [start, stop), made of the fewest nodes of which none spans `cut` (RFC 6962 §2.1)."""
        count = stop - start
        if count & (count - 1) == 0 and not start < cut < stop:
            level, height = divmod(count.bit_length() - 1, 8)
            first = start >> 8 * level
            return fold(self.tile(level, first // 256)[first % 256 : first % 256 + (1 << height)])
        middle = start + (1 << (count - 1).bit_length() - 1)
        return node_hash(self.root(start, middle, cut), self.root(middle, stop, cut))

    def continues(self, size, root, whole):
        """Whether the first `size` entries have that root and all have `whole`. Both are made of the same nodes: that is the proof."""
        return 0 < size <= self.size and self.root(0, size, size) == root and self.root(0, self.size, size) == whole

    def history(self, whole):
        """Every leaf of the log, after every entry, tile and level was held against the signed root."""
        bundles = [self.entries(index) for index in range(-(-self.size // 256))]
        entries = [one for bundle in bundles for one in bundle]
        hashes, level = [leaf_hash(one) for one in entries], 0
        while hashes:
            tiles = [hashes[at : at + 256] for at in range(0, len(hashes), 256)]
            for index, below in enumerate(tiles):
                need(self.tile(level, index) == below, f"tile {level}/{index} is not made of what lies below it")
            hashes, level = [fold(one) for one in tiles if len(one) == 256], level + 1
        need(self.root(0, self.size, 0) == whole, "the entries do not give the signed root")
        leaves, seen = [read_leaf(one) for one in entries], set()
        for entry, leaf in enumerate(leaves):
            need(leaf["id"] not in seen, f"entry {entry} repeats an id")
            need("of" not in leaf or leaf["of"] in seen, f"entry {entry} is about nothing logged before it")
            seen.add(leaf["id"])
        return leaves


# --- leaves and licenses ---


def read_leaf(entry):
    leaf = canonical(entry.decode())
    need(leaf["v"] == 1 and set(leaf) - {"of", "status"} == {"v", "kind", "id", "at", "c"}, "not a leaf of version 1")
    need(len(unhex(leaf["id"])) == 16 and len(unhex(leaf["c"])) == 32, "not a leaf")
    return leaf


def state_in(leaves, leaf):
    """(state, since) of a version by what the log itself says: superseded by a newer version, else its newest status."""
    about = [one for one in leaves if one.get("of") == leaf["id"]]
    newer = [("SUPERSEDED", one["at"]) for one in about if one["kind"] == "change"]
    return (newer or [(one.get("status"), one["at"]) for one in [leaf, *about] if one is leaf or one["kind"] == "status"])[-1]


def logged(hashed, proof, manifest):
    """(entry, size, root): a checkpoint of the log covers the leaf of that hash."""
    head, _, note = proof.partition("\n\n")
    magic, index, *path = head.split("\n")
    need(magic == "c2sp.org/tlog-proof@v1" and index.startswith("index "), "not a tlog-proof")
    entry, (size, root) = number(index[6:]), read_checkpoint(note, manifest)
    need(included(hashed, entry, size, [unbase64(one) for one in path], root), "the leaf is not at its place in the log")
    return entry, size, root


def read_receipt(token, manifest, now):
    """(fields, leaf) of a receipt the hub signed: the leaf is the one its fields give under its secret."""
    claims = read_token(token, "exempt-receipt+jwt", manifest, now)
    need(set(claims) == {"fields", "iat", "iss", "jti", "leaf", "secret"}, "not a receipt")
    fields, leaf = claims["fields"], read_leaf(claims["leaf"].encode())
    secret = base64.urlsafe_b64decode(claims["secret"] + "=")
    need(len(secret) == 32 and leaf["kind"] == "receipt" and leaf["id"] == claims["jti"], "not the leaf of this receipt")
    salts, digests = hashlib.shake_256(secret).digest(32 * len(fields)), []
    for at, name in enumerate(sorted(fields)):
        length = len(name.encode()).to_bytes(2)
        digests.append(sha256(salts[32 * at : 32 * at + 32], length, name.encode(), fields[name].encode()))
    need(sha256(*sorted(digests)).hex() == leaf["c"], "the fields are not what the leaf commits to")
    return fields, claims["leaf"].encode()


def read_license(bundle, manifest, now):
    """(leaf, entry, size, root) of a license that its organ sealed and the log holds: issued, which is not in force."""
    names = {"v", "kind", "identifier", "fields", "salts", "hidden", "leaf", "attestation", "proof"}
    need(set(bundle) - {"status"} == names and bundle["v"] == 1 and bundle["kind"] == "license-bundle", "not a license bundle of version 1")
    fields, seal, leaf = bundle["fields"], bundle["attestation"], read_leaf(bundle["leaf"].encode())
    need(fields["ZZBS"] == bundle["identifier"] and set(fields) == set(bundle["salts"]), "the identifier is not the license's own")
    need(leaf["kind"] in ("issue", "change") and leaf["at"] <= f"{now:%Y-%m-%dT%H:%M:%SZ}", "not the leaf of an issued license")
    # The digests of what is shown and of what is hidden are together all that the leaf commits to.
    digests = [unhex(one) for one in bundle["hidden"]]
    for name, value in fields.items():
        length = len(name.encode()).to_bytes(2)
        digests.append(sha256(unhex(bundle["salts"][name]), length, name.encode(), value.encode()))
    need(sha256(*sorted(digests)).hex() == leaf["c"], "the fields are not what the leaf commits to")
    hashed = leaf_hash(bundle["leaf"].encode())
    entry, size, root = logged(hashed, bundle["proof"], manifest)
    # The organ named in the identifier signed the batch the leaf is in.
    issuer, batch = bundle["identifier"].split(".")[6], canonical(seal["statement"])
    key = keys_of(manifest, f"organ/{issuer}", ("Ed25519", "SM2")).get(seal["kid"])
    need(key and seal["alg"] == key["alg"], "attested by no key of the organ in the identifier")
    counts = key["state"] != "compromised" or entry < key.get("until", {"size": 0})["size"]
    need(counts and key["not_before"] <= batch["at"], "attested by a key that was compromised then, or not yet in use")
    signature = unbase64(seal["signature"])
    said = unbase64(key["public"]), seal["statement"].encode()
    good = sm2.verifies(*said, signature) if key["alg"] == "SM2" else signed(Ed25519PublicKey, *said, signature)
    need(good, "the organ's signature does not verify")
    need(batch["v"] == 1 and batch["kind"] == "attestation" and batch["issuer"] == issuer, "the organ attested something else")
    place = seal["index"], batch["size"], [unbase64(one) for one in seal["path"]], unhex(batch["root"])
    need(included(hashed, *place), "the leaf is not in the batch that the organ attested")
    return leaf, entry, size, root


# --- an outsider with a memory ---


class Outsider:
    def __init__(self, hub, root, state, clock=lambda: datetime.now(UTC)):
        self.hub, self.root_key, self.state, self.clock, self.leaves = hub, root, Path(state), clock, None

    def get(self, path):
        try:
            with urllib.request.urlopen(f"{self.hub}/{path}", timeout=20) as answer:
                return answer.read(1 << 24)
        except OSError as fault:
            raise No(f"the hub does not show {path}: {fault}") from None

    def look(self):
        seen = json.loads(self.state.read_text()) if self.state.exists() else {"sequence": 0}
        self.manifest = read_manifest(self.get(".well-known/hub-manifest").decode(), self.root_key, self.clock())
        need(self.manifest["sequence"] >= seen["sequence"], "an older manifest than the one seen before")
        note = self.get("log/checkpoint").decode()
        self.size, self.head = read_checkpoint(note, self.manifest)
        self.log = Log(self.get, self.size)
        self.must_continue(seen.get("size", self.size), unhex(seen.get("head", self.head.hex())), "this outsider saw before")
        now = {"sequence": self.manifest["sequence"], "size": self.size, "head": self.head.hex(), "checkpoint": note}
        self.state.write_text(json.dumps(now))
        return f"{self.size} entries, which continue what was seen before"

    def must_continue(self, size, head, who):
        need(size <= self.size, f"the log was cut or rolled back: {size} entries {who}, {self.size} are shown")
        need(self.log.continues(size, head, self.head), f"the log was rewritten: not the {size} entries {who}")

    def audit(self):
        self.look()
        self.leaves = self.log.history(self.head)
        for key in [one for one in self.manifest["keys"] if "log" in one]:
            known = {"v": 1, "kind": "key", **{name: value for name, value in key.items() if name != "log"}}
            statement = json.dumps(known, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
            leaf = self.leaves[key["log"]["entry"]]
            logged = (leaf["kind"], leaf["id"], leaf["c"]) == ("key", key["log"]["id"], sha256(statement).hex())
            need(logged, f"what the manifest says of the key {key['kid']} is not what was logged of it")
        return f"all {self.size} entries and every tile over them"

    def license(self, data):
        self.look()
        bundle = canonical(data.decode())
        leaf, entry, size, root = read_license(bundle, self.manifest, self.clock())
        self.must_continue(size, root, "the license was logged in")
        told = f"{bundle['identifier']} was issued as entry {entry}"
        state, since = state_in(self.leaves, leaf) if self.leaves else (None, "")
        if "status" in bundle:
            listed, at = self.listed(bundle["status"], leaf_hash(bundle["leaf"].encode()))
            need(listed != "VALID" or state in (None, "IN_FORCE") or since > at, f"the status list of {at} says VALID, the log {state}")
            need(listed == "VALID", f"{told}, and is {listed} by the status list of {at}")
            return f"{told}, and is VALID by the status list of {at}"
        return f"{told}, and is {state} by the log" if self.leaves else f"{told}; whether it is in force is not told"

    def receipt(self, data):
        """A receipt as the hub hands it out: `{"token", "proof"}`."""
        self.look()
        given = json.loads(data)
        fields, leaf = read_receipt(given["token"], self.manifest, self.clock())
        entry, size, root = logged(leaf_hash(leaf), given["proof"], self.manifest)
        self.must_continue(size, root, "the receipt was logged in")
        return f"{fields['material_title']} was decided {fields['outcome']} ({fields['reason']}) as entry {entry}"

    def listed(self, token, leaf):
        """(what the hub's status list says of that leaf, when)."""
        claims = read_token(token, "license-status+jwt", self.manifest, self.clock())
        need(claims["sub"] == leaf.hex(), "the status reference of another license")
        place = claims["status"]["status_list"]
        shard = self.get("status/" + place["uri"].rpartition("/")[2]).decode()
        claims = read_token(shard, "statuslist+jwt", self.manifest, self.clock())
        need(claims["sub"] == place["uri"] and claims["status_list"]["bits"] == 2, "not the status list of the license")
        data = claims["status_list"]["lst"]
        raw = zlib.decompressobj().decompress(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)), 1 << 18)
        value = raw[place["idx"] // 4] >> place["idx"] % 4 * 2 & 3
        return ("VALID", "INVALID", "SUSPENDED", "UNDETERMINED")[value], f"{datetime.fromtimestamp(claims['iat'], UTC):%Y-%m-%dT%H:%M:%SZ}"

    def compare(self, other):
        """What another outsider saw must be a part of what is shown here."""
        self.look()
        self.must_continue(*read_checkpoint(json.loads(other)["checkpoint"], self.manifest), "another outsider saw")
        return f"one history of {self.size} entries"

    def ask(self, act, *given):
        """(yes or no, what was found or why not)."""
        try:
            return True, getattr(self, act)(*given)
        except No as reason:
            return False, str(reason)
        except MALFORMED as fault:
            return False, f"malformed: {type(fault).__name__}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, what in (("--hub", "its address"), ("--root", "the pinned root key"), ("--state", "this outsider's memory")):
        parser.add_argument(name, required=True, help=what)
    parser.add_argument("act", choices=["look", "audit", "license", "receipt", "compare"])
    parser.add_argument("file", nargs="?", type=Path)
    given = parser.parse_args()
    files = [given.file.read_bytes()] if given.file else []
    good, text = Outsider(given.hub, given.root, given.state).ask(given.act, *files)
    print("yes:" if good else "no:", text)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
