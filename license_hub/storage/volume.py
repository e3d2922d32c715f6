"""Whether what is written to a folder can be read from the disk afterwards: memory, an encrypted volume, or a plain one.

An encrypted volume is one that Linux shows as such: dm-crypt (LUKS) below it, or an encrypting file system. What a cloud or a disk
encrypts out of Linux's sight counts as plain: whoever has the machine reads it.
Source: proc(5) `/proc/pid/mountinfo`; sysfs `dm/uuid` of device-mapper devices.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

MEMORY = frozenset({"tmpfs", "ramfs"})
ENCRYPTING = frozenset({"ecryptfs", "fuse.gocryptfs", "fuse.encfs", "fuse.cryfs"})
MOUNTS = Path("/proc/self/mountinfo")
BLOCKS = Path("/sys/dev/block")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


def kind_of(folder: Path, *, mounts: Path = MOUNTS, blocks: Path = BLOCKS) -> str:
    """`memory`, `encrypted` or `plain`; of a folder that is not there yet, that of its nearest parent. Unknown counts as plain."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    device, system = _mount(place.resolve(), mounts)
    if system in MEMORY:
        return "memory"
    if system in ENCRYPTING or device and _encrypted(blocks / device):
        return "encrypted"
    return "plain"


def _mount(place: Path, mounts: Path) -> tuple[str, str]:
    """(major:minor, file system type) of the longest mount point above the place; of two at one point the later covers the earlier."""
    best, found = -1, ("", "")
    for line in mounts.read_text("utf-8", "surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        point = _unescaped(fields[4])
        if len(point) >= best and (place == Path(point) or Path(point) in place.parents):
            best, found = len(point), (fields[2], after.split(" ")[0])
    return found


def _unescaped(text: str) -> str:
    """Spaces, tabs, newlines and backslashes stand as three octal digits, every other byte as itself."""
    return _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), os.fsencode(text)).decode("utf-8", "surrogateescape")


def _encrypted(device: Path) -> bool:
    """dm-crypt itself, or something that lies wholly on it (LVM or RAID over LUKS)."""
    try:
        uuid = (device / "dm" / "uuid").read_text()
    except OSError:
        uuid = ""
    if uuid.startswith("CRYPT-"):
        return True
    try:
        below = [device / "slaves" / name for name in os.listdir(device / "slaves")]
    except OSError:
        below = []
    return bool(below) and all(_encrypted(one) for one in below)
