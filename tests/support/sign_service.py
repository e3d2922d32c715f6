"""A small real sign service for the tests: TLS with client certificates, a bearer token, keys of its own. Run as a process.

    python tests/support/sign_service.py FOLDER PORT

- FOLDER holds server.pem, ca.pem (no such files: plain http), bearer (optional) and `<name>.pem`, one private key each. SM2 keys sign by
  the `openssl` command, others by `cryptography`: nothing of the hub is used.
- FOLDER/faults holds what goes wrong with the next requests, a line each, taken from the top; FOLDER/requests gets a line for each one.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

HANG_S = 30


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        fault = self._next_fault()
        with self.lock, (self.folder / "requests").open("a") as file:
            file.write(f"{fault or 'ok'}\n")
        bearer = self.folder / "bearer"
        if bearer.exists() and self.headers.get("authorization") != f"Bearer {bearer.read_text().strip()}":
            self._answer(401, b"{}")
        elif fault:
            self._fail(fault, json.loads(body))
        else:
            self._sign(json.loads(body))

    def _sign(self, asked: dict, key: str | None = None) -> None:
        path = self.folder / f"{key or asked['key']}.pem"
        if not path.exists():
            self._answer(404, b"{}")
            return
        signature = sign(path, asked["alg"], base64.b64decode(asked["data"]))
        self._answer(200, json.dumps({"signature": base64.b64encode(signature).decode()}).encode())

    def _fail(self, fault: str, asked: dict) -> None:
        if fault.isdigit():
            self._answer(int(fault), b"{}", {"Location": "/elsewhere"})
        elif fault == "drop":
            self.close_connection = True
        elif fault == "hang":
            time.sleep(HANG_S)
        elif fault == "other-key":
            self._sign(asked, "other")
        elif fault == "other-data":
            self._sign(asked | {"data": base64.b64encode(b"something else").decode()})
        elif fault == "long":
            self._answer(200, b" " * 1_000_000)
        else:
            self._answer(200, fault.encode())

    def _next_fault(self) -> str:
        with self.lock:
            path = self.folder / "faults"
            lines = path.read_text().splitlines() if path.exists() else []
            path.write_text("".join(f"{line}\n" for line in lines[1:]))
            return lines[0] if lines else ""

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent: `requests` has what the tests ask for."""


def sign(path: Path, alg: str, data: bytes) -> bytes:
    """SM2 as DER, as `openssl` gives it; the others as the hub's suites have them."""
    if alg == "SM2":
        signed = ["openssl", "pkeyutl", "-sign", "-inkey", str(path), "-rawin", "-digest", "sm3"]
        return subprocess.run(
            [*signed, "-pkeyopt", "distid:1234567812345678", "-in", "/dev/stdin"], input=data, capture_output=True, check=True
        ).stdout
    key = load_pem_private_key(path.read_bytes(), None)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def main() -> None:
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    Handler.folder = folder
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if (folder / "server.pem").exists():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        context.load_verify_locations(folder / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main()
