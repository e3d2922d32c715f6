"""`make up`: Airflow with its pages and the hub side by side on 127.0.0.1; Ctrl-C stops both.

Airflow's log servers (8793, 8794) listen on every address: firewall them where others can reach the machine (README, Configuration).
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
AIRFLOW_PORT = os.environ.get("AIRFLOW_PORT", "8082")


def frame_key() -> Path:
    """What Airflow's plugin and the hub share for the framed quality pages; made on first use."""
    path = ROOT / "var" / "airflow" / "frame.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path


def environment() -> dict[str, str]:
    origin = f"http://127.0.0.1:{AIRFLOW_PORT}"
    return {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(ROOT / "var" / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "dags" / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{origin}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": AIRFLOW_PORT,
        "AIRFLOW__API__WORKERS": "1",
        "HUB_AIRFLOW_ORIGIN": origin,
        "HUB_FRAME_KEY": str(frame_key()),
    }


def main() -> int:
    commands = {"airflow": [str(BIN / "airflow"), "standalone"], "hub": [str(BIN / "hub"), "serve"]}
    children = {name: subprocess.Popen(command, env=environment(), cwd=ROOT, start_new_session=True) for name, command in commands.items()}  # noqa: S603
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(
        f"Airflow http://127.0.0.1:{AIRFLOW_PORT} (its first lines print the login), hub http://127.0.0.1:8080/verify; Ctrl-C stops both",
        flush=True,
    )
    try:
        while all(child.poll() is None for child in children.values()):
            time.sleep(0.5)
        gone = next(name for name, child in children.items() if child.poll() is not None)
        print(f"{gone} ended by itself", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        for child in children.values():
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
        for child in children.values():
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
