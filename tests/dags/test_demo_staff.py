"""The demo's accounts: every role, the bodies with most failing rows, passwords that open the door."""

from __future__ import annotations

from contextlib import closing

from dags.demo.staff import counter_body, give_accounts, keep
from license_hub.service import desk_client, keep_accounts, keep_grants
from license_hub.service.sign_in import Attempt, sign_in
from license_hub.service.staff_sessions import Limits
from tests.license_hub.sample_hub import credit_code, sample_hub


def test_demo_accounts_sign_in_and_their_list_is_its_owner_s_alone(tmp_path, catalog):
    with closing(sample_hub(tmp_path, catalog)) as hub:
        given = give_accounts(hub)
        assert [one.account for one in given][:7] == ["quality", "supervisor", "auditor", "system", "security", "handler", "body1"]
        for one in given:
            _, who = sign_in(hub, Attempt(one.account, one.password, "192.0.2.1", "request-0001"), Limits())
            assert (who.body is not None) == one.account.startswith(("body", "handler")) and who.account == one.account
        principal, _client = desk_client.acting_for(hub, counter_body(hub))
        grants = {(one.type_id, one.purpose) for one in keep_grants.grants(hub, principal.client_id)}
        assert {("business_license", "food_permit_new"), ("real_estate_title", "food_permit_new")} <= grants
        assert credit_code(2, "11") in {one.body for one in keep_accounts.accounts(hub)}
    keep(given, tmp_path / "accounts.txt")
    assert (tmp_path / "accounts.txt").stat().st_mode & 0o777 == 0o600
    assert all(one.password in (tmp_path / "accounts.txt").read_text("utf-8") for one in given)
