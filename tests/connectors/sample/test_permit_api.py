"""The permit service as a process: token, pages, and nothing but loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from connectors.sample import permit_api
from tests.connectors.sample.deliveries import food_permit

ROOT = Path(__file__).resolve().parents[3]
TOKEN = {"Authorization": "Bearer for-this-test"}


@pytest.fixture(scope="module")
def service(delivered) -> Iterator[httpx.Client]:
    command = [sys.executable, "-m", "connectors.sample.permit_api", str(delivered), "--port", "0", "--token", "for-this-test"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = json.loads(process.stdout.readline())["listening"]
            assert address.startswith("http://127.0.0.1:")
            with httpx.Client(base_url=address) as client:
                yield client
        finally:
            process.terminate()


def test_permits_without_the_token_are_refused(service):
    for headers in ({}, {"Authorization": "Bearer something-else"}, {"Authorization": "Basic for-this-test"}):
        answer = service.get("/permits", headers=headers)
        assert answer.status_code == 401 and "items" not in answer.text


@pytest.mark.parametrize("size", [1000, 300, 337])
def test_permits_pages_together_are_the_whole_set_in_order(service, delivered, size):
    items, page, total = [], 1, 1
    while len(items) < total:
        answer = service.get("/permits", params={"page": page, "size": size}, headers=TOKEN).raise_for_status().json()
        assert (answer["page"], answer["size"]) == (page, size)
        total = answer["total"]
        items += answer["items"]
        page += 1
    assert items == food_permit(delivered)


def test_permits_page_past_the_end_is_empty(service):
    answer = service.get("/permits", params={"page": 999, "size": 500}, headers=TOKEN).json()
    assert answer["items"] == [] and answer["total"] > 0


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "size=0", "size=5001", "size=１"])
def test_permits_page_that_is_no_number_is_refused(service, query):
    assert service.get(f"/permits?{query}", headers=TOKEN).status_code == 400


def test_other_paths_are_not_found_and_health_needs_no_token(service):
    assert service.get("/truth.json", headers=TOKEN).status_code == 404
    assert service.get("/healthz").json() == {"status": "ok"}


def test_pages_of_a_cut_file_are_refused(tmp_path):
    path = tmp_path / "food_permit.jsonl"
    path.write_bytes(b'{"a":1}\n{"a":')
    with pytest.raises(ValueError, match="not complete"):
        permit_api.Pages(path)
