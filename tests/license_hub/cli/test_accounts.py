"""`hub accounts`: people, their roles, and passwords that never stand on a command line."""

from __future__ import annotations

import json

import sqlalchemy as sa

from tests.license_hub.cli.test_cli import hub  # noqa: F401 (fixture)
from tests.license_hub.sample_hub import credit_code

PASSWORD = "a long sample password\n"
BODY = credit_code(2, "11")


def listed(hub) -> dict[str, dict]:  # noqa: F811
    return {one["account"]: one for one in map(json.loads, hub("accounts", "list", "--json").stdout.splitlines())}


def test_accounts_are_added_listed_changed_and_disabled(hub, tmp_path):  # noqa: F811
    assert hub("accounts", "add", "zhang.san", "--name", "样例甲", "--role", "quality", given=PASSWORD).returncode == 0
    assert hub("accounts", "add", "li.si", "--name", "样例乙", "--role", "body", "--body", BODY, given=PASSWORD).returncode == 0
    found = listed(hub)
    assert (found["zhang.san"]["roles"], found["li.si"]["body"], found["li.si"]["local"]) == (["quality"], BODY, True)
    assert hub("accounts", "roles", "zhang.san", "--role", "supervisor", "--role", "quality").returncode == 0
    assert hub("accounts", "password", "zhang.san", given="another long password\n").returncode == 0
    assert hub("accounts", "disable", "li.si").returncode == 0
    found = listed(hub)
    assert found["zhang.san"]["roles"] == ["quality", "supervisor"] and found["li.si"]["disabled_at"]
    audited = [one for one in map(json.loads, reversed(hub("audit", "--json").stdout.splitlines())) if one["action"] == "account"]
    assert [(one["code"], one["purpose"]) for one in audited] == [
        ("ADDED", "zhang.san"), ("ADDED", "li.si"), ("ROLES", "zhang.san"), ("PASSWORD", "zhang.san"), ("DISABLED", "li.si")
    ]  # fmt: skip
    with sa.create_engine(f"sqlite:///{tmp_path / 'lake' / 'hub.db'}").connect() as connection:
        stored = connection.execute(sa.text("SELECT password FROM hub_account")).scalars().all()
    assert all(one.startswith("$argon2id$") for one in stored)


def test_account_that_cannot_be_is_refused_naming_the_part(hub):  # noqa: F811
    for arguments, given, word in (
        (("Zhang San", "--name", "x", "--role", "quality"), PASSWORD, "account:"),
        (("zhang", "--name", "x", "--role", "king"), PASSWORD, "roles:"),
        (("zhang", "--name", "x", "--role", "body"), PASSWORD, "body:"),
        (("zhang", "--name", "x", "--role", "quality", "--body", BODY), PASSWORD, "body:"),
        (("zhang", "--name", "x", "--role", "body", "--body", BODY[:-1] + "0"), PASSWORD, "body:"),
        (("zhang", "--name", "x", "--role", "body", "--role", "quality", "--body", BODY), PASSWORD, "roles:"),
        (("zhang", "--name", "x", "--role", "quality"), "short\n", "password:"),
        (("zhang", "--name", "x", "--role", "quality"), "aaaaaaaaaaaaaaaa\n", "password:"),
        (("zhang", "--name", "x", "--role", "quality"), "", "no password"),
    ):
        done = hub("accounts", "add", *arguments, given=given)
        assert done.returncode == 1 and word in done.stderr and "Traceback" not in done.stderr
    assert listed(hub) == {}
    assert "no 'nobody'" in hub("accounts", "disable", "nobody").stderr


def test_t32_one_account_has_one_of_the_three_separated_roles_and_nothing_beside_it(hub):  # noqa: F811
    for roles in (("system", "security"), ("security", "auditor"), ("auditor", "system"), ("auditor", "supervisor"), ("system", "quality")):
        given = [word for role in roles for word in ("--role", role)]
        done = hub("accounts", "add", "zhang", "--name", "样例", *given, given=PASSWORD)
        assert done.returncode == 1 and "kept apart" in done.stderr
    assert hub("accounts", "add", "zhang", "--name", "样例", "--role", "system", given=PASSWORD).returncode == 0
    done = hub("accounts", "roles", "zhang", "--role", "system", "--role", "auditor")
    assert done.returncode == 1 and "kept apart" in done.stderr
    assert listed(hub)["zhang"]["roles"] == ["system"]
