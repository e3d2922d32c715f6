"""Runs commands side by side inside a fresh network namespace: `unshare -n python -m tests.support.namespace '<YAML list of commands>'`.

A new namespace has only a loopback that is down; it is brought up here, so that the programs can talk to each other and to nobody else.
"""

from __future__ import annotations

import fcntl
import shutil
import signal
import socket
import struct
import subprocess
import sys

import yaml

SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40


def loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP | IFF_RUNNING))


def can_unshare() -> bool:
    """Whether this user may make network namespaces."""
    return shutil.which("unshare") is not None and subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0


def main(commands: str) -> int:
    loopback_up()
    children = [subprocess.Popen(command) for command in yaml.safe_load(commands)]
    signal.signal(signal.SIGTERM, lambda *_: [child.terminate() for child in children])
    return max(abs(child.wait()) for child in children)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
