"""A private MariaDB for the session: its own folder, a free loopback port, one user whose password needs quoting in a URL."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.support import processes

PASSWORD = "p@ss/w:rd"  # of this throw-away server only
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])


def binaries() -> tuple[str | None, str | None]:
    return shutil.which("mariadbd", path=_PATH), shutil.which("mariadb-install-db", path=_PATH)


@contextmanager
def server() -> Iterator[str]:
    # Not under the checkout: a socket's path is short, and the server may run as another user.
    folder = Path(tempfile.mkdtemp(prefix="mzt-maria-"))
    daemon, install = binaries()
    user = ["--user=root"] if os.geteuid() == 0 else []
    given = ["--no-defaults", f"--datadir={folder}/data", *user]
    try:
        subprocess.run([install, *given, "--auth-root-authentication-method=normal", "--skip-test-db"], check=True, capture_output=True)
        port = processes.free_port()
        bound = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/s", "--default-time-zone=+08:00"]
        small = ["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--performance-schema=OFF"]
        command = [daemon, *given, *bound, *small]
        with processes.running(command, env=os.environ, log=folder / "log", ready=lambda: processes.answers(port), seconds=30):
            _prepare(sa.URL.create("mysql+pymysql", "root", query={"unix_socket": f"{folder}/s", "charset": "utf8mb4"}))
            yield sa.URL.create("mysql+pymysql", "pull", PASSWORD, "127.0.0.1", port, "dept").render_as_string(hide_password=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(root: sa.URL) -> None:
    with sa.create_engine(root, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql("CREATE DATABASE dept CHARACTER SET utf8mb4")
        connection.exec_driver_sql("CREATE USER pull@'127.0.0.1' IDENTIFIED BY %s", (PASSWORD,))
        connection.exec_driver_sql("GRANT ALL ON dept.* TO pull@'127.0.0.1'")
        connection.exec_driver_sql("GRANT RELOAD, PROCESS, CONNECTION ADMIN ON *.* TO pull@'127.0.0.1'")
