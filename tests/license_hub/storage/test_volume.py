"""What kind of volume a folder lies on, read from mount tables and sysfs made for the test, and once from the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from license_hub.storage.volume import kind_of

LINE = "{number} 1 {device} / {point} rw,relatime shared:1 - {system} /dev/x rw\n"


@pytest.fixture
def world(tmp_path):
    """`see(mounts, uuids)`: a mount table and block devices; uuids by device, `device/slaves/device` for stacks."""

    def see(mounts: dict[str, tuple[str, str]], uuids: dict[str, str]) -> dict[str, Path]:
        table, blocks = tmp_path / "mountinfo", tmp_path / "block"
        table.write_text("".join(LINE.format(number=n, device=d, point=p, system=s) for n, (p, (d, s)) in enumerate(mounts.items())))
        for device, uuid in uuids.items():
            (blocks / device / "dm").mkdir(parents=True)
            (blocks / device / "dm" / "uuid").write_text(uuid)
        return {"mounts": table, "blocks": blocks}

    return see


def test_tmpfs_is_memory_and_a_disk_is_plain(world, tmp_path):
    seen = world({"/": ("8:1", "ext4"), str(tmp_path): ("0:30", "tmpfs")}, {})
    assert kind_of(tmp_path / "not" / "there", **seen) == "memory"
    assert kind_of(Path("/usr"), **seen) == "plain"


def test_luks_volume_is_encrypted_also_below_lvm(world, tmp_path):
    seen = world({"/": ("253:1", "ext4"), str(tmp_path): ("253:0", "xfs")},
                 {"253:0": "CRYPT-LUKS2-abc", "253:1": "LVM-abc", "253:1/slaves/dm-0": "CRYPT-LUKS2-abc"})  # fmt: skip
    assert [kind_of(one, **seen) for one in (tmp_path, Path("/usr"))] == ["encrypted", "encrypted"]


def test_stack_of_which_one_part_is_plain_is_plain(world):
    seen = world({"/": ("253:1", "ext4")}, {"253:1": "LVM-x", "253:1/slaves/dm-0": "CRYPT-x", "253:1/slaves/dm-2": "LVM-y"})
    assert kind_of(Path("/usr"), **seen) == "plain"


@pytest.mark.parametrize("name", ["证照 数据", "data\\040x", "a\tb", "caché"])
def test_mount_point_of_any_name_is_found(world, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    written = str(folder).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011")
    assert kind_of(folder / "lake", **world({"/": ("8:1", "ext4"), written: ("0:30", "tmpfs")}, {})) == "memory"


def test_later_mount_at_one_point_covers_the_earlier(world, tmp_path):
    seen = world({"/": ("8:1", "ext4")}, {})
    seen["mounts"].write_text(seen["mounts"].read_text() + LINE.format(number=9, device="0:9", point="/", system="tmpfs"))
    assert kind_of(Path("/usr"), **seen) == "memory"


def test_machines_own_tables_are_read():
    assert kind_of(Path("/dev/shm")) == "memory" or not Path("/dev/shm").exists()
    assert kind_of(Path("/usr")) in ("plain", "encrypted", "memory")
