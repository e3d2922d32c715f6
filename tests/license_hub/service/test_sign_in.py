"""Signing in with a password: what is counted, how long a session lives, what ends it, and what the audit log says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from license_hub.errors import SignInRefused, SignInThrottled
from license_hub.service import keep_accounts, passwords, staff_sessions
from license_hub.service.hub import open_hub
from license_hub.service.sign_in import OF_ACCOUNT, OF_ADDRESS, OF_BOTH, WINDOW_S, Attempt, sign_in, sign_out
from license_hub.service.staff_sessions import Limits, look
from license_hub.storage.tables import audit
from license_hub.storage.tables_staff import account as accounts_table
from license_hub.storage.tables_staff import failure, session
from tests.license_hub.sample_hub import Clock, options

PASSWORD, LIMITS = "a long sample password", Limits(idle=600, absolute=3600)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hub(tmp_path, catalog, database_url, clock):
    made = open_hub(options(tmp_path, database_url), clock=clock, catalog=catalog)
    keep_accounts.add(made, "zhang", "样例甲", ["quality"], None, PASSWORD, operator="test")
    yield made
    made.close()


def attempt(hub, password: str = PASSWORD, account: str = "zhang", address: str = "192.0.2.1", former: str = "") -> str:
    return sign_in(hub, Attempt(account, password, address, "request-0001", former), LIMITS)[0]


def failed(hub, times: int, **given: str) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefused) as refusal:
            attempt(hub, "not the password", **given)
        assert not isinstance(refusal.value, SignInThrottled)


def audited(hub) -> list[tuple[str, str, str]]:
    with hub.engine.connect() as connection:
        query = sa.select(audit.c.actor, audit.c.action, audit.c.code).where(audit.c.action != "account").order_by(audit.c.seq)
        return [tuple(row) for row in connection.execute(query)]


@pytest.fixture
def quick(monkeypatch):
    """Hashing at a hundredth of its cost, for tests that count guesses: how dear one is has tests of its own."""
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1),))
    monkeypatch.setattr(passwords, "_hasher", lambda: weak)
    monkeypatch.setattr(passwords, "_nobody", lambda: weak.hash("nobody's password"))


def test_t32_guessing_is_throttled_by_account_and_forgiven_after_the_window(quick, hub, clock):
    failed(hub, OF_BOTH)
    with pytest.raises(SignInThrottled) as refusal:
        attempt(hub)
    assert 0 < refusal.value.seconds <= WINDOW_S
    clock.at += timedelta(seconds=refusal.value.seconds)
    assert attempt(hub)
    failed(hub, OF_BOTH - 1)
    assert attempt(hub)
    failed(hub, OF_BOTH - 1)
    assert [one[2] for one in audited(hub)].count("SIGNED_IN") == 2 and ("claimed:staff:zhang", "sign-in", "THROTTLED") in audited(hub)


def test_t32_unknown_names_are_throttled_alike_and_never_written_down(quick, hub):
    failed(hub, OF_BOTH, account="correct horse battery")
    with pytest.raises(SignInThrottled):
        attempt(hub, account="correct horse battery")
    assert {one[0] for one in audited(hub)} == {"unknown"}
    assert attempt(hub)


def test_t32_one_address_cannot_try_many_names(quick, hub):
    for place in range(OF_ADDRESS):
        failed(hub, 1, account=f"name-{place}", address="198.51.100.7")
    with pytest.raises(SignInThrottled):
        attempt(hub, address="198.51.100.7")
    assert attempt(hub)


def test_t29_stranger_shuts_nobody_out_elsewhere_with_a_handful_of_guesses(quick, hub):
    failed(hub, OF_BOTH, address="198.51.100.7")
    assert attempt(hub)
    for place in range(OF_ACCOUNT):
        failed(hub, 1, address=f"198.51.100.{100 + place}")
    with pytest.raises(SignInThrottled):
        attempt(hub)


def test_t32_many_guesses_at_once_gain_nothing(hub, monkeypatch):
    looked_at = []
    monkeypatch.setattr(passwords, "agrees", lambda password, stored: (looked_at.append(password), (False, None))[1])

    def guess(place: int) -> None:
        with pytest.raises(SignInRefused):
            attempt(hub, f"guess number {place}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(guess, range(16)))
    assert len(looked_at) == OF_BOTH


def test_session_ends_when_idle_when_old_and_lives_while_used(hub, clock):
    cookie = attempt(hub)
    for _ in range(6):
        clock.at += timedelta(seconds=590)
        assert look(hub, cookie, LIMITS).account == "zhang"
    clock.at += timedelta(seconds=61)
    assert look(hub, cookie, LIMITS) is None
    idle = attempt(hub)
    clock.at += timedelta(seconds=601)
    assert look(hub, idle, LIMITS) is None
    attempt(hub)
    with hub.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(session)) == 1


def test_t32_session_is_new_at_each_sign_in_and_the_former_ends(hub):
    first = attempt(hub)
    second = attempt(hub, former=first)
    assert first != second and look(hub, first, LIMITS) is None and look(hub, second, LIMITS)
    sign_out(hub, second, "zhang", "request-0002")
    assert look(hub, second, LIMITS) is None and audited(hub)[-1] == ("staff:zhang", "sign-out", "SIGNED_OUT")


@pytest.mark.parametrize("change", ["disable", "password", "roles"])
def test_session_ends_with_what_it_was_opened_under(hub, change):
    cookie = attempt(hub)
    if change == "disable":
        keep_accounts.disable(hub, "zhang", operator="test")
    elif change == "password":
        keep_accounts.set_password(hub, "zhang", "another long password", operator="test")
    else:
        keep_accounts.set_roles(hub, "zhang", ["auditor"], None, operator="test")
    assert look(hub, cookie, LIMITS) is None
    if change == "disable":
        failed(hub, 1)


def test_t32_roles_that_must_be_apart_have_no_power_together_whoever_wrote_the_row(hub):
    cookie = attempt(hub)
    for roles, left in (("security system", set()), ("auditor security", {"auditor"}), ("auditor supervisor", {"auditor"})):
        with hub.engine.begin() as connection:
            connection.execute(sa.update(accounts_table).values(roles=roles))
        assert look(hub, cookie, LIMITS).roles == left


def test_t32_account_disabled_while_the_password_is_looked_at_stays_out(hub, monkeypatch):
    agrees = passwords.agrees

    def slowly(password, stored):
        keep_accounts.disable(hub, "zhang", operator="test")
        return agrees(password, stored)

    monkeypatch.setattr(passwords, "agrees", slowly)
    with pytest.raises(SignInRefused):
        attempt(hub)


def test_t30_dump_holds_no_password_no_cookie_and_no_address(hub):
    cookie = attempt(hub)
    failed(hub, 1)
    with hub.engine.connect() as connection:
        rows = [str(row) for table in (accounts_table, session, failure, audit) for row in connection.execute(sa.select(table))]
    text = "\n".join(rows)
    assert cookie not in text and PASSWORD not in text and "not the password" not in text and "192.0.2.1" not in text
    assert staff_sessions.hashed(cookie) != cookie.encode()


def test_password_hashed_with_older_parameters_is_renewed_at_sign_in(hub):
    weak = Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with hub.engine.begin() as connection:
        connection.execute(sa.update(accounts_table).values(password=weak))
    attempt(hub)
    with hub.engine.connect() as connection:
        [renewed] = connection.execute(sa.select(accounts_table.c.password)).scalars()
    assert "m=65536,t=3,p=4" in renewed and attempt(hub)


@pytest.mark.parametrize("password", ["short", "zhang" * 2, "aaaaaaaaaaaaaaaa", "x" * 129])
def test_password_that_is_easy_to_guess_is_refused(hub, password):
    with pytest.raises(keep_accounts.AccountRefused, match="password:"):
        keep_accounts.set_password(hub, "zhang", password, operator="test")
