"""Copies of the database and the way back: PostgreSQL by its own programs (base backup + write-ahead log), SQLite by its backup API.

- Passwords go to the programs by their environment, never on a command line.
- A base backup alone gives the moment it was made; with the archive of the write-ahead log any later moment, up to the last commit.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg.conninfo
import sqlalchemy as sa

from license_hub.errors import BackupFault

SLOT = "hub_wal"
"""Replication slot and application name of the archiver: the server keeps what it has not fetched yet."""


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy while others write."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        # The copy's name may travel without its -wal beside it.
        copy.execute("PRAGMA journal_mode=DELETE")


def base_backup(url: str, target: Path, programs: str) -> None:
    """pg_basebackup into the fresh folder `target`, with the write-ahead log it needs to be consistent. Raises BackupFault."""
    where, secret = connection(url)
    options = ["-D", str(target), "-Fp", "-X", "stream", "-c", "fast", "--manifest-checksums=SHA256", "--no-password", "-d", where]
    _run([program(programs, "pg_basebackup"), *options], secret)


def archiver(url: str, target: Path, programs: str) -> tuple[list[str], dict[str, str]]:
    """(command, environment) of the program that fetches the write-ahead log as it is written, each commit flushed before it counts."""
    where, secret = connection(f"{url}{'&' if '?' in url else '?'}application_name={SLOT}")
    name = program(programs, "pg_receivewal")
    return [name, "-D", str(target), "--slot", SLOT, "--synchronous", "--no-password", "-d", where], secret


def make_slot(engine: sa.Engine) -> None:
    """The archiver's slot, once."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        there = conn.execute(sa.text("SELECT 1 FROM pg_replication_slots WHERE slot_name = :name"), {"name": SLOT}).first()
        if there is None:
            conn.execute(sa.select(sa.func.pg_create_physical_replication_slot(SLOT, True)))


def restore_point(engine: sa.Engine, name: str) -> None:
    """A name for this moment, to which a restore can go."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(sa.select(sa.func.pg_create_restore_point(name)))


def lay_out(backup: Path, data: Path, wal: Path | None, point: str) -> None:
    """A data directory from a base backup, set to recover from the archive up to `point` (a name, an instant, or '' = the end).

    Raises BackupFault for a damaged backup or a folder that is not empty.
    """
    check(backup)
    if data.exists() and any(data.iterdir()):
        raise BackupFault(f"{data} is not empty: give a fresh folder; the old one may still be of use")
    shutil.copytree(backup, data, dirs_exist_ok=True)
    data.chmod(0o700)
    lines = ["", "# hub restore"]
    if wal is not None:
        # The archiver names the segment it is still writing *.partial.
        file = shlex.quote(str(wal.resolve())) + "/%f"
        lines.append(f"restore_command = {_quoted(f'cp {file} %p 2>/dev/null || cp {file}.partial %p 2>/dev/null')}")
    if point:
        kind = "recovery_target_time" if point[:1].isdigit() else "recovery_target_name"
        lines += [f"{kind} = {_quoted(point)}", "recovery_target_action = 'promote'"]
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as file_:
        file_.write("\n".join([*lines, ""]))
    if wal is not None:
        (data / "recovery.signal").touch(mode=0o600)


def check(backup: Path) -> None:
    """Every file against the base backup's own manifest. Raises BackupFault. (pg_verifybackup needs not be on the machine.)"""
    try:
        listed = json.loads((backup / "backup_manifest").read_text())["Files"]
    except (OSError, ValueError, KeyError):
        raise BackupFault(f"{backup} has no readable backup_manifest: it is not a whole base backup") from None
    for one in listed:
        file = backup / (one.get("Path") or bytes.fromhex(one["Encoded-Path"]).decode())
        try:
            with file.open("rb") as content:
                same = hashlib.file_digest(content, "sha256").hexdigest() == one["Checksum"]
        except OSError:
            same = False
        if not same:
            raise BackupFault(f"{file} is missing or damaged: use another backup")


def connection(url: str) -> tuple[str, dict[str, str]]:
    """(libpq's connection string without the password, the environment that holds it)."""
    target = sa.make_url(url)
    given = {"host": target.host, "port": target.port, "user": target.username, **target.query}
    text = psycopg.conninfo.make_conninfo(**{name: value for name, value in given.items() if value})
    return text, {"PGPASSWORD": str(target.password)} if target.password else {}


def program(folder: str, name: str) -> str:
    """Raises BackupFault if it is not there."""
    found = shutil.which(name, path=folder or None)
    if found is None:
        raise BackupFault(
            f"{name} is not {'in ' + folder if folder else 'on the PATH'}: set HUB_PG_BIN to the folder of PostgreSQL's programs"
        )
    return found


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env={"LC_ALL": "C", **environment}, capture_output=True, text=True)  # noqa: S603 (our own words)
    if done.returncode:
        raise BackupFault(f"{os.path.basename(command[0])}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}")


def _quoted(value: str) -> str:
    """As a value of postgresql.conf."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
