"""The same table on SQLite, PostgreSQL and MariaDB, through each one's own reader and through SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import connectors
from catalogs.model import Field
from connectors import readers
from connectors.errors import ContractBroken, SourceUnavailable
from tests.connectors.conftest import NOW, credentials, make_resource, rows, table

META = sa.MetaData()
LEDGER = sa.Table(
    "台账",
    META,
    sa.Column("编号", sa.String(20), primary_key=True),
    sa.Column("名称", sa.String(80)),
    sa.Column("地址", sa.String(80)),
    sa.Column("更新时间", sa.DateTime),
)
RECORDS = [
    {"编号": "1", "名称": "𠮷祥'店\"%s:x", "地址": None, "更新时间": datetime(2026, 11, 20, 8, 0)},
    {"编号": "2", "名称": "", "地址": "路\n一", "更新时间": datetime(2026, 11, 20, 9, 30, 15)},
    {"编号": "3", "名称": " 全角　 ", "地址": "x", "更新时间": None},
]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def source(request, tmp_path) -> Iterator[str]:
    """URL of an empty department database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/dept file%41.db"
    elif request.param == "postgresql":
        yield request.getfixturevalue("postgres_url")
    else:
        url = request.getfixturevalue("mariadb_server")
        yield url
        with engine(url).begin() as connection:
            META.drop_all(connection)


def engine(url: str) -> sa.Engine:
    return sa.create_engine(url, poolclass=sa.NullPool)


def fill(url: str, records=RECORDS) -> None:
    with engine(url).begin() as connection:
        META.create_all(connection)
        if records:
            connection.execute(LEDGER.insert(), records)


def pull(lake, url, resource=None, **given):
    return connectors.pull(resource or make_resource("database"), lake, credentials=credentials(db=url), now=given.pop("now", NOW), **given)


def test_table_lands_as_text_with_null_kept(source, lake):
    fill(source)
    batch = pull(lake, source)
    found = rows(batch)
    assert [row["编号"] for row in found] == ["1", "2", "3"]
    assert [row["名称"] for row in found] == [record["名称"] for record in RECORDS]
    assert [row["地址"] for row in found] == [None, "路\n一", "x"]
    assert [row["更新时间"] and row["更新时间"][:19] for row in found] == ["2026-11-20 08:00:00", "2026-11-20 09:30:15", None]
    assert [row["_line"] for row in found] == [1, 2, 3]
    assert {row["_source"] for row in found} == {"台账"}
    assert batch.manifest.as_of == NOW.isoformat()
    assert batch.manifest.connector == "database"
    assert batch.manifest.watermark is None


def test_table_of_one_content_has_one_hash_wherever_it_lies(source, lake, tmp_path):
    fill(source, [record | {"更新时间": None} for record in RECORDS])
    here = pull(lake, source).manifest.content_hash
    file = f"sqlite:///{tmp_path}/other.db"
    fill(file, [record | {"更新时间": None} for record in RECORDS])
    assert pull(tmp_path / "other", file).manifest.content_hash == here


def test_reader_of_the_dialect_gives_what_sqlalchemy_gives(source, lake, monkeypatch):
    """The fall-back for databases without a streaming reader lands the same text."""
    fill(source)
    streamed = table(pull(lake, source))
    monkeypatch.setattr(readers, "for_dialect", lambda url: readers.by_sqlalchemy)
    fetched = table(pull(lake, source))
    for name in ("编号", "名称", "地址", "_line"):
        assert fetched.column(name).to_pylist() == streamed.column(name).to_pylist()
    seconds = [[value and value[:19] for value in one.column("更新时间").to_pylist()] for one in (fetched, streamed)]
    assert seconds[0] == seconds[1]


def test_table_longer_than_one_fetch_keeps_its_order(source, lake, monkeypatch):
    monkeypatch.setattr(readers, "ROWS", 100)
    fill(source, [{"编号": f"{n:05}", "名称": "n"} for n in range(1050)])
    batch = pull(lake, source)
    assert [row["编号"] for row in rows(batch)] == [f"{n:05}" for n in range(1050)]
    assert [row["_line"] for row in rows(batch)] == list(range(1, 1051))


def test_empty_table_lands_no_rows(source, lake):
    fill(source, [])
    assert pull(lake, source).manifest.rows == 0


def test_missing_table_breaks_the_contract(source, lake):
    fill(source)
    with pytest.raises(ContractBroken, match="no such table") as fault:
        pull(lake, source, make_resource("database", table="无此表"))
    assert fault.value.file == "无此表"


def test_missing_required_column_breaks_the_contract(source, lake):
    fill(source)
    resource = make_resource("database")
    fields = (*resource.fields, Field("level", "等级", "等级", "text", required=True))
    with pytest.raises(ContractBroken, match="required column") as fault:
        pull(lake, source, replace(resource, fields=fields))
    assert fault.value.column == "等级"
    assert not list((lake / "landing").glob("*/*"))


def test_column_the_catalogue_does_not_know_is_landed_and_listed(source, lake):
    fill(source)
    resource = make_resource("database")
    batch = pull(lake, source, replace(resource, fields=resource.fields[:2]))
    assert batch.manifest.extra_columns == ("地址", "更新时间")
    assert [row["地址"] for row in rows(batch)] == [None, "路\n一", "x"]


def test_unreachable_server_is_unavailable_and_no_secret_is_told(lake, postgres_url):
    wrong = sa.make_url(postgres_url).set(host="127.0.0.1", port=1, username="intruder", password="hunter2", query={})
    for url in (wrong, wrong.set(drivername="mysql+pymysql"), sa.make_url("sqlite:////no/such/folder/hunter2.db")):
        with pytest.raises(SourceUnavailable) as fault:
            pull(lake, url.render_as_string(hide_password=False))
        assert "hunter2" not in str(fault.value) and "intruder" not in str(fault.value)
        assert fault.value.hint


def test_missing_sqlite_file_is_not_made(tmp_path, lake):
    with pytest.raises(SourceUnavailable):
        pull(lake, f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()


def test_connection_that_is_no_url_breaks_the_contract(lake):
    with pytest.raises(ContractBroken) as fault:
        pull(lake, "not a url hunter2")
    assert "hunter2" not in str(fault.value)


# increments


def stamped(number: str, moment: datetime) -> dict:
    return {"编号": number, "名称": "n", "更新时间": moment}


def test_increment_reads_on_from_the_last_watermark_less_the_lag(source, lake):
    resource = make_resource("database", "increment")
    fill(source, [stamped("1", datetime(2026, 11, 21, 8, 0)), stamped("2", datetime(2026, 11, 21, 9, 0))])
    first = pull(lake, source, resource)
    assert first.manifest.watermark["from"] is None
    assert first.manifest.watermark["to"][:19] == "2026-11-21 09:00:00"
    with engine(source).begin() as connection:
        connection.execute(LEDGER.insert(), [stamped("3", datetime(2026, 11, 21, 10, 0)), stamped("4", datetime(2026, 11, 21, 8, 49))])
    second = pull(lake, source, resource)
    assert sorted(row["编号"] for row in rows(second)) == ["2", "3"]
    assert second.manifest.watermark == {"from": first.manifest.watermark["to"], "to": second.manifest.watermark["to"]}
    assert second.manifest.watermark["to"][:19] == "2026-11-21 10:00:00"
    third = pull(lake, source, resource, since="2026-11-21 08:59:00")
    assert sorted(row["编号"] for row in rows(third)) == ["2", "3", "4"]


def test_row_committed_late_is_not_lost(postgres_url, lake):
    """A transaction stamps its row, stays open while the increment is read, and commits afterwards."""
    resource = make_resource("database", "increment")
    fill(postgres_url, [stamped("1", datetime(2026, 11, 21, 8, 0))])
    with engine(postgres_url).connect() as slow:
        slow.execute(LEDGER.insert(), [stamped("late", datetime(2026, 11, 21, 8, 59))])
        with engine(postgres_url).begin() as quick:
            quick.execute(LEDGER.insert(), [stamped("2", datetime(2026, 11, 21, 9, 0))])
        first = pull(lake, postgres_url, resource)
        slow.commit()
    assert sorted(row["编号"] for row in rows(first)) == ["1", "2"]
    assert "late" in [row["编号"] for row in rows(pull(lake, postgres_url, resource))]
    without = make_resource("database", "increment", lag_minutes=0)
    since = first.manifest.watermark["to"]
    assert "late" not in [row["编号"] for row in rows(pull(lake, postgres_url, without, since=since))]


def test_row_of_the_future_does_not_hide_those_that_follow(source, lake):
    resource = make_resource("database", "increment")
    fill(source, [stamped("1", datetime(2026, 11, 21, 9, 0)), stamped("2", datetime(2099, 1, 1))])
    assert pull(lake, source, resource).manifest.watermark["to"][:19] == "2026-11-21 12:00:00"  # NOW in Shanghai
    with engine(source).begin() as connection:
        connection.execute(LEDGER.insert(), [stamped("3", datetime(2026, 11, 21, 12, 5))])
    again = pull(lake, source, resource, now=datetime(2026, 11, 21, 5, 0, tzinfo=UTC))
    assert "3" in [row["编号"] for row in rows(again)]


def test_increment_without_news_keeps_its_watermark(source, lake):
    resource = make_resource("database", "increment")
    fill(source, [])
    assert pull(lake, source, resource, since="2026-11-21 09:00:00").manifest.watermark == {
        "from": "2026-11-21 09:00:00",
        "to": "2026-11-21 09:00:00",
    }


def test_integer_watermark_is_read_from_the_last_value_on(source, lake):
    resource = replace(make_resource("database", "increment"), watermark="number", fields=make_resource().fields[:2])
    numbered = sa.Table("序号", sa.MetaData(), sa.Column("编号", sa.BigInteger, primary_key=True), sa.Column("名称", sa.String(9)))
    resource = replace(resource, connector=make_resource("database", table="序号").connector)
    with engine(source).begin() as connection:
        numbered.create(connection)
        connection.execute(numbered.insert(), [{"编号": n, "名称": "n"} for n in (9, 10, 11)])
    assert pull(lake, source, resource).manifest.watermark["to"] == "11"
    second = pull(lake, source, resource, since="10")
    assert [row["编号"] for row in rows(second)] == ["10", "11"]
    with engine(source).begin() as connection:
        numbered.drop(connection)


def test_watermark_that_is_no_time_breaks_the_contract(lake, tmp_path):
    fill(f"sqlite:///{tmp_path}/a.db")
    with pytest.raises(ContractBroken, match="watermark"):
        pull(lake, f"sqlite:///{tmp_path}/a.db", make_resource("database", "increment"), since="' OR 1=1 --")


# what servers do and types say


def test_types_of_postgresql_become_text(postgres_url, lake):
    with engine(postgres_url).begin() as connection:
        connection.exec_driver_sql(
            """CREATE TABLE 台账 (编号 bigint, 名称 numeric(12,2), 地址 bytea, 更新时间 timestamptz, a date, b boolean, c double precision,
            d text[], e jsonb, f interval, g char(4), h uuid, i time)"""
        )
        connection.exec_driver_sql(
            """INSERT INTO 台账 VALUES (9223372036854775807, 1.50, '\\x00ff', '2026-01-01 08:00+08', '2026-01-05', true, 0.1,
            '{a,b}', '{"k": 1}', '1 day', 'ab', '00000000-0000-0000-0000-000000000001', '12:30')"""
        )
    found = rows(pull(lake, postgres_url))[0]
    assert [found[name] for name in ("编号", "名称", "地址", "更新时间", "a", "b", "c", "d", "e", "f", "g", "h", "i")] == [
        *("9223372036854775807", "1.50", "00ff", "2026-01-01 00:00:00+00", "2026-01-05", "true", "0.1", "{a,b}"),
        *('{"k": 1}', "P1D", "ab", "00000000-0000-0000-0000-000000000001", "12:30:00"),
    ]


def test_types_of_mariadb_become_text(mariadb_server, lake):
    with engine(mariadb_server).begin() as connection:
        connection.exec_driver_sql(
            """CREATE TABLE 台账 (编号 BIGINT, 名称 DECIMAL(12,2), 地址 VARBINARY(9), 更新时间 DATETIME(3),
            a DATE, b DOUBLE, c YEAR, d TIME)"""
        )
        connection.exec_driver_sql(
            "INSERT INTO 台账 VALUES (9223372036854775807, 1.50, x'00ff', '2026-01-01 08:00:00.5', '2026-01-05', 0.1, 2026, '12:30')"
        )
    try:
        found = rows(pull(lake, mariadb_server))[0]
    finally:
        with engine(mariadb_server).begin() as connection:
            connection.exec_driver_sql("DROP TABLE 台账")
    assert [found[name] for name in ("编号", "名称", "地址", "更新时间", "a", "b", "c", "d")] == [
        *("9223372036854775807", "1.50", "00ff", "2026-01-01 08:00:00.500", "2026-01-05", "0.1", "2026", "12:30:00"),
    ]


def killing(url: str, at: int, monkeypatch) -> None:
    """Ends every other session of the server when the batch of that number arrives."""
    reader = readers.for_dialect(sa.make_url(url))

    def cut(address, table, where):
        for number, batch in enumerate(reader(address, table, where)):
            if number == at:
                end_sessions(url)
            yield batch

    monkeypatch.setattr(readers, "for_dialect", lambda _: cut)


def end_sessions(url: str) -> None:
    with engine(url).connect() as connection:
        if url.startswith("postgresql"):
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            return
        for (session,) in connection.exec_driver_sql(
            "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db = DATABASE()"
        ).fetchall():
            connection.exec_driver_sql("KILL %s", (session,))


@pytest.mark.parametrize("server", ["postgres_url", "mariadb_server"])
def test_connection_that_dies_midway_lands_nothing(request, server, lake, monkeypatch, capfd):
    url = request.getfixturevalue(server)
    fill(url, [])
    filler = sa.text(
        "INSERT INTO 台账 (编号, 名称, 地址) SELECT CAST(i AS CHAR(9)), REPEAT('长', 80), REPEAT('长', 80) FROM "
        + ("generate_series(1, 200000) i" if url.startswith("postgresql") else "(SELECT seq AS i FROM seq_1_to_200000) s")
    )
    with engine(url).begin() as connection:
        connection.execute(filler)
    killing(url, 0, monkeypatch)
    try:
        with pytest.raises(SourceUnavailable):
            pull(lake, url)
        assert not list((lake / "landing").glob("*/*"))
    finally:
        with engine(url).begin() as connection:
            META.drop_all(connection)
        capfd.readouterr()  # the driver's own back-trace


NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(lambda name: name == name.strip())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(names=st.lists(NAME, min_size=3, max_size=3, unique_by=str.lower), data=st.data())
def test_t17_identifiers_of_any_text_are_only_names(names, data, tmp_path, lake):
    """Quotes, percent signs, colons, semicolons: a name stays a name. SQLite, as it allows any."""
    table_name = data.draw(NAME.filter(lambda name: not name.lower().startswith("sqlite_")))
    file = tmp_path / "any.db"
    file.unlink(missing_ok=True)
    quoted = ['"' + name.replace('"', '""') + '"' for name in (table_name, *names)]
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE {} ({} TEXT, {} TEXT, {} TEXT)".format(*quoted))
        connection.execute("INSERT INTO {} VALUES ('1', 'n', '2026-01-01 00:00:00')".format(*quoted))
    connection.close()
    fields = tuple(replace(field, source=name) for field, name in zip(make_resource().fields[:2], names, strict=False))
    stamp = replace(make_resource().fields[3], source=names[2])
    resource = replace(make_resource("database", "increment", table=table_name), fields=(*fields, stamp))
    try:
        batch = pull(lake, f"sqlite:///{file}", resource, since="2025-01-01 00:00:00")
    except ContractBroken as fault:
        assert "reserved" in str(fault) or "no name" in str(fault)
        return
    assert [[row[name] for name in names] for row in rows(batch)] == [["1", "n", "2026-01-01 00:00:00"]]


@pytest.mark.parametrize("name", ['a"b', "a'; DROP TABLE x; --", "a%sb%%", "a:b", "a\\b", "中 文"])
@pytest.mark.parametrize("server", ["postgres_url", "mariadb_server"])
def test_t17_hostile_identifiers_on_servers_are_only_names(request, server, name, lake):
    url = request.getfixturevalue(server)
    hostile = sa.Table(name, sa.MetaData(), sa.Column(name, sa.String(9)), sa.Column("名称", sa.String(9)), sa.Column("时", sa.DateTime))
    fields = make_resource().fields
    named = (replace(fields[0], source=name), fields[1], replace(fields[3], source="时"))
    with engine(url).begin() as connection:
        hostile.create(connection)
        connection.execute(hostile.insert(), [{name: "1", "名称": "n", "时": datetime(2026, 1, 1)}])
    try:
        batch = pull(lake, url, replace(make_resource("database", "increment", table=name), fields=named), since="2025-01-01 00:00:00")
    finally:
        with engine(url).begin() as connection:
            hostile.drop(connection)
    assert [row[name] for row in rows(batch)] == ["1"]
