"""A hub with a window that makes copies, and what it asks of a file: for the tests of copies and of files."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from license_hub.domain.verdict import Code
from license_hub.service import copies
from license_hub.service.authenticate import Principal
from license_hub.service.check_file import FileAnswer, FileRequest, check_file
from license_hub.service.hub import Hub
from license_hub.service.make_copy import CopyRequest, Made, make_copy
from license_hub.service.register_client import register
from tests.license_hub.caller import Key

from ..sample_hub import Clock, credit_code, identifier_of, opened_case, sample_hub

CASE = {"purpose": "公租房申请", "case_no": "990101-2026-000031"}
NUMBER = credit_code(2001)


@pytest.fixture(scope="module")
def hub(tmp_path_factory, catalog) -> Iterator[Hub]:
    opened = sample_hub(tmp_path_factory.mktemp("copies"), catalog, clock=Clock())
    yield opened
    opened.close()


def client(hub: Hub, types=("business_license",), scopes=("license:copy", "license:export")) -> Principal:
    made = register(hub, "样例窗口", Key().jwk, scopes, types)
    principal = Principal(made.client_id, frozenset(scopes), frozenset(types), kid=hub.keyring.signer("token").kid)
    opened_case(hub, principal, CASE["case_no"], NUMBER, credit_code(1002), credit_code(2002))
    return principal


def on_case_of(hub: Hub, window: Principal, number: int) -> str:
    """The number of a case about that sample company alone."""
    opened_case(hub, window, f"C-{number}", credit_code(number))
    return f"C-{number}"


@pytest.fixture(scope="module")
def window(hub) -> Principal:
    return client(hub)


def copied(hub: Hub, window: Principal, number: str = NUMBER, **changes) -> tuple[Made, bytes]:
    made = make_copy(hub, CopyRequest(window, identifier_of(hub, number), **CASE | changes))
    return made, copies.fetch(hub, made.secret).data


@pytest.fixture(scope="module")
def paper(hub, window) -> bytes:
    """One copy, for the tests that attack it."""
    return copied(hub, window)[1]


def asked(hub: Hub, data: bytes, **more) -> FileAnswer:
    return check_file(hub, FileRequest(data, "page:/verify", **more))


def code(hub: Hub, data: bytes, **more) -> Code:
    return asked(hub, data, **more).answer.verdict.code


def run(*command: str) -> str:
    """What poppler says of a file (`tests/support/system.sh` brings it)."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
