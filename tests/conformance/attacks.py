"""What a superuser of the database (and of the lake) does to a real hub: five classes of twenty attacks, seeded, half of them signed again.

- `resigned`: tiles and checkpoint are made anew from the changed rows by the hub's own integrator with its real checkpoint key, and
  where the attack says so the hub then goes on issuing. Nothing in the hub's own hands tells the result from an honest log.
- Otherwise the attacker has no key: he rebuilds the tiles himself and keeps the old checkpoint, writes his own numbers over its
  signature, signs with a key of his own, or spoils one stored file.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from license_hub.log import checkpoint as checkpoints
from license_hub.log.tiles import build, entries_path, pack_entries, tile_path
from license_hub.log.tree import leaf_hash, root
from license_hub.service.integrate import integrate
from license_hub.signing.canonical import jcs
from license_hub.signing.keyring import InsecureDevSigner
from license_hub.storage import tables
from tests.conformance.world import REVOKED, World, companies, copied
from tests.license_hub.service.intruder import as_superuser
from tests.license_hub.service.publishing import entity

KINDS = ("rewrite", "truncate", "reorder", "rollback", "split")
EACH = 20
STRANGER = InsecureDevSigner("Ed25519", bytes([7]) * 32)
BY_ENTRY = (tables.version, tables.status, tables.holder)


@dataclass(frozen=True)
class Attack:
    kind: str
    number: int
    resigned: bool

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number:02d}-{'resigned' if self.resigned else 'keyless'}"

    @property
    def random(self) -> random.Random:
        return random.Random(self.name)


def attacks(each: int = EACH, first: int = 0) -> list[Attack]:
    return [Attack(kind, number, number % 2 == 0) for kind in KINDS for number in range(first, first + each)]


def leaves(world: World) -> list[bytes]:
    with world.hub.engine.connect() as connection:
        return [bytes(one) for one in connection.execute(sa.select(tables.leaf.c.leaf).order_by(tables.leaf.c.entry)).scalars()]


def put_leaves(world: World, new: list[bytes]) -> None:
    """The log's rows become these; what hangs on rows that are gone goes with them."""
    old = leaves(world)
    same = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)))
    rows = [{"entry": same + at, "leaf": one, "leaf_hash": leaf_hash(one)} for at, one in enumerate(new[same:])]
    statements: list[sa.Executable] = [sa.delete(tables.leaf).where(tables.leaf.c.entry >= same)]
    if rows:
        statements.append(sa.insert(tables.leaf).values(rows))
    statements.append(sa.update(tables.sequence).where(tables.sequence.c.name == "log").values(next=len(new)))
    as_superuser(world.hub, tables.leaf, statements)
    if len(new) < len(old):
        for table in BY_ENTRY:
            as_superuser(world.hub, table, [sa.delete(table).where(table.c.entry >= len(new))])
        as_superuser(world.hub, tables.license, [sa.delete(tables.license).where(tables.license.c.license_id >= len(new))])


def sign_again(world: World) -> None:
    """The hub's own integrator makes the whole log anew and signs it with the real key."""
    as_superuser(world.hub, tables.checkpoint, [sa.delete(tables.checkpoint)])
    shutil.rmtree(world.log)
    integrate(world.hub)


def forge(world: World, chance: random.Random) -> str:
    """Tiles of the changed rows, and a checkpoint without the key. The way it was done."""
    entries, note = leaves(world), world.hub.tiles.read_checkpoint()
    hashes = [leaf_hash(one) for one in entries]
    shutil.rmtree(world.log)
    for (level, index), data in build(hashes).items():
        place(world.log / tile_path(level, index, len(data) // 32), data)
    for at in range(0, len(entries), 256):
        part = entries[at : at + 256]
        place(world.log / entries_path(at // 256, len(part)), pack_entries(part))
    head = checkpoints.parse(note)
    body = checkpoints.body(head.origin, len(entries), root(hashes))
    way, text = chance.choice(
        [
            ("kept the old checkpoint", note),
            ("wrote over the signed numbers", body + note[note.index("\n\n") + 1 :]),
            ("signed with a key of his own", checkpoints.sign(head.origin, len(entries), root(hashes), [STRANGER]).note),
        ]
    )
    place(world.log / "checkpoint", text.encode())
    as_superuser(
        world.hub, tables.checkpoint, [sa.update(tables.checkpoint).where(tables.checkpoint.c.size == head.size).values(note=text)]
    )
    return way


def place(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _widest(partial: Path) -> bool:
    """Partial tiles are named by their width, in a folder beside the whole one."""
    whole = partial.parent.with_suffix("")
    return not whole.exists() and int(partial.name) == max(int(one.name) for one in partial.parent.iterdir())


def spoil_file(world: World, chance: random.Random) -> str:
    """One bit of one stored tile or entry bundle. A partial one that a wider has taken the place of is nobody's to read any more."""
    files = [one for one in (world.log / "tile").rglob("*") if one.is_file()]
    file = chance.choice(sorted(one for one in files if one.parent.suffix != ".p" or _widest(one)))
    data = bytearray(file.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    file.write_bytes(bytes(data))
    return f"flipped a bit of {file.relative_to(world.log)}"


def finish(world: World, attack: Attack, chance: random.Random, done: str, lacking: int = 0) -> str:
    """Signs the changed rows again, and lets the hub go on in half of the cases, past the size it had; or forges."""
    if not attack.resigned:
        return f"{done}; {forge(world, chance)}"
    sign_again(world)
    if attack.number % 4 == 0:
        grow(world, chance, lacking=lacking)
        return f"{done}; signed again; the hub went on"
    return f"{done}; signed again"


def grow(world: World, chance: random.Random, rows: list[dict[str, object]] | None = None, lacking: int = 0) -> None:
    """The hub goes on issuing, as itself: a few more than `lacking`."""
    more = [entity(number) for number in chance.sample(range(10_000, 90_000), lacking + chance.randrange(1, 20))]
    world.grow((rows or companies(3)) + more)


# --- the five classes: each changes the hub it is given, or makes others, and tells what it did ---


def rewrite(attack: Attack, world: World, chance: random.Random) -> str:
    if not attack.resigned and attack.number % 3 == 0:
        return spoil_file(world, chance)
    rows = leaves(world)
    parsed = [json.loads(one) for one in rows]
    versions = [at for at, one in enumerate(parsed) if one["kind"] in ("issue", "change")]
    acts = [at for at, one in enumerate(parsed) if one["kind"] == "status"]
    ways: dict[str, Callable[[], tuple[int, dict[str, object]]]] = {
        "other content": lambda: (chance.choice(versions), {"c": chance.randbytes(32).hex()}),
        "revocation undone": lambda: (chance.choice(acts), {"status": "IN_FORCE"}),
        "revocation moved to another license": lambda: (chance.choice(acts), {"of": parsed[chance.choice(versions[:200])]["id"]}),
        "backdated": lambda: (chance.choice(versions), {"at": "2020-01-01T00:00:00Z"}),
        "one license put in another's place": lambda: (
            chance.choice(versions),
            {"id": chance.randbytes(16).hex(), "c": chance.randbytes(32).hex()},
        ),
        "revocation turned into a receipt": lambda: (chance.choice(acts), {"kind": "receipt"}),
    }
    name = list(ways)[attack.number // 2 % len(ways)]
    at, changes = ways[name]()
    rows[at] = jcs(parsed[at] | changes)
    put_leaves(world, rows)
    return finish(world, attack, chance, f"{name} (entry {at})")


def truncate(attack: Attack, world: World, chance: random.Random) -> str:
    rows = leaves(world)
    gone = chance.randrange(1, len(rows) // 2)
    put_leaves(world, rows[:-gone])
    return finish(world, attack, chance, f"cut the last {gone} entries", lacking=gone)


def reorder(attack: Attack, world: World, chance: random.Random) -> str:
    rows = leaves(world)
    first, last = sorted(chance.sample(range(len(rows)), 2))
    part = rows[first : last + 1]
    ways = {
        "swapped": [part[-1], *part[1:-1], part[0]],
        "reversed": part[::-1],
        "moved to the end of": part[1:] + part[:1],
        "shuffled": chance.sample(part, len(part)),
    }
    name = list(ways)[attack.number // 2 % len(ways)]
    rows[first : last + 1] = ways[name] if ways[name] != part else part[::-1]
    put_leaves(world, rows)
    return finish(world, attack, chance, f"{name} entries {first} to {last}")


def rollback(attack: Attack, earlier: World, chance: random.Random) -> str:
    """`earlier` is a restored copy of the hub as it was."""
    size = len(leaves(earlier))
    if not attack.resigned:
        return f"an old copy of {size} entries put back"
    rows = companies(3)[: chance.randrange(300, 560)]
    grow(earlier, chance, [row | {"address": "样例市新址"} for row in rows] if attack.number % 4 else rows)
    return f"an old copy of {size} entries put back and {len(leaves(earlier)) - size} others issued"


@dataclass(frozen=True)
class Views:
    """What two outsiders are shown, and what was done."""

    one: World
    other: World
    told: str
    noticed_alone: bool = False
    """The second outsider needs no other to notice."""
    held_back: bool = False
    """The second sees a part of what the first sees."""


def split(attack: Attack, stages: dict[int, World], folder: Path, stack: ExitStack, chance: random.Random) -> Views:
    """Both outsiders saw stage 1. One is then shown an honest hub; the other what it is to believe."""
    one, other = (stack.enter_context(copied(stages[2], folder / name)) for name in ("one", "other"))
    grow(one, chance, companies(3))
    if attack.resigned and attack.number % 4 == 0:
        grow(other, chance, [row | {"status": "1"} if row["status"] == REVOKED else row for row in companies(3)])
        return Views(one, other, "revocations are kept from the other")
    if attack.resigned:
        grow(other, chance, companies(3)[: chance.randrange(441, 550)])
        return Views(one, other, "licenses are issued to the other that nobody else sees")
    if attack.number % 4 == 1:
        return Views(one, other, "the other is shown yesterday's log for ever", held_back=True)
    rows = leaves(other)
    rows[chance.randrange(len(rows))] = jcs(json.loads(rows[0]) | {"id": chance.randbytes(16).hex()})
    put_leaves(other, rows)
    return Views(one, other, f"the other is shown a rewritten log; {forge(other, chance)}", noticed_alone=True)
