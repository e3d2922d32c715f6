"""Cleaning by field type: what stands at the source and what it becomes. Each value goes through the layers the scan uses."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogs.model import Field
from quality import clean, scan
from quality.sql import commas, compose, ident, literal


@pytest.fixture(scope="module")
def cleaned(duck):
    """(type, source texts) → for each text its value columns and the kept source."""

    def run(kind: str, *texts: str | None) -> list[tuple]:
        kind, _, table = kind.partition(":")
        field = Field("f", "f", "f", kind, table=table or None)
        given = compose("SELECT unnest([{texts}]::VARCHAR[]) AS f__raw", texts=commas(map(literal, texts)))
        names = [*clean.value_columns(field), clean.source_column(field)]
        query = compose("SELECT {columns} FROM ({rows})", columns=commas(map(ident, names)), rows=scan._layered(given, [field]))
        return duck.execute(query.text).fetchall()

    return run


@pytest.fixture(scope="module")
def known(cleaned):
    """Every (type, text) of the tables below, cleaned: one query a type."""
    wanted: dict[str, list[str | None]] = {}
    for kind, text in (*TEXT, *CODES, *((kind, text) for kind, table in TYPED.items() for text in table), *KEPT):
        wanted.setdefault(kind, []).append(text)
    return {(kind, text): row for kind, texts in wanted.items() for text, row in zip(texts, cleaned(kind, *texts), strict=True)}


TEXT = {
    ("text", "  甲  乙　丙 "): "甲 乙 丙",
    ("text", "甲\u00a0乙\u2003丙\u202f丁"): "甲 乙 丙 丁",
    ("text", "甲\u200b乙\ufeff\u2060丙\u00ad"): "甲乙丙",
    ("text", "甲\x00\x07乙\x85丙\x9f"): "甲乙 丙",
    ("text", "甲\r\n乙\t丙"): "甲 乙 丙",
    ("text", "Ｎｏ．１２３－Ａ＃"): "No.123-A#",
    ("text", "批发、零售：日用品；（限分支）！"): "批发、零售：日用品；（限分支）！",
    ("text", "⽭⾭李"): "矛靑李",
    ("text", "五金﹑建材﹤"): "五金、建材<",
    ("text", "Ⅱ期①号㎡"): "Ⅱ期①号㎡",
    ("text", "N/A"): None,
    ("text", "Ｎ／Ａ"): None,
    ("text", " - "): None,
    ("text", "——"): None,
    ("text", "　"): None,
    ("text", ""): None,
    ("text", None): None,
    ("text", "无"): "无",
    ("address", "文澜路８１号"): "文澜路81号",
    ("org_name", "甲(集团)有限公司"): "甲（集团）有限公司",
    ("org_name", "甲（集团）有限公司　"): "甲（集团）有限公司",
    ("org_name", "食品公司 夜月商场"): "食品公司 夜月商场",
    ("org_name", "ＡＢＣ公司"): "ABC公司",
    ("person_name", "张　三"): "张三",
    ("person_name", "买买提·艾力"): "买买提·艾力",
    ("person_name", "买买提.艾力"): "买买提·艾力",
    ("person_name", "买买提 • 艾力"): "买买提·艾力",
    ("person_name", "JOHN SMITH"): "JOHN SMITH",
    ("person_name", "王芳"): "王芳",
}
CODES = {
    ("uscc", " 91350100m000100y43\t"): "91350100M000100Y43",
    ("uscc", "９１３５０１００Ｍ０００１００Ｙ４３"): "91350100M000100Y43",
    ("uscc", "91350100 M000100Y43"): "91350100M000100Y43",
    ("uscc", "某代码"): "某代码",
    ("citizen_id", "11010519491231002x"): "11010519491231002X",
    ("citizen_id", "110105491231002"): "11010519491231002X",
    ("citizen_id", "１１０１０５４９１２３１００２"): "11010519491231002X",
    ("citizen_id", "11010519491231002×"): "11010519491231002X",
    ("citizen_id", "11010549123100A"): "11010549123100A",
    ("citizen_id", "N/A"): None,
    ("division", "450103000000"): "450103",
    ("division", "45"): "450000",
    ("division", "4501"): "450100",
    ("division", "450103.0"): "450103",
    ("division", "４５０１０３"): "450103",
    ("phone", "+86 154-0000-0001"): "15400000001",
    ("phone", "(0771)1234567"): "0771-1234567",
    ("phone", "0771-1234567"): "0771-1234567",
    ("certificate_number", "jy１ 4501"): "JY14501",
    ("certificate_number", "桂(2026)某市不动产权第0000001号"): "桂（2026）某市不动产权第0000001号",
    ("real_estate_unit", "990102 003001 GB00001 F00010001"): "990102003001GB00001F00010001",
    ("holder_names", "张 三、李四；王(五)"): "张三;李四;王（五）",
    ("holder_names", "张三\n李四"): "张三;李四",
    ("holder_names", ";张三;;"): "张三",
    ("holder_numbers", "11010519491231002x，110105491231002"): "11010519491231002X;11010519491231002X",
    ("holder_numbers", "91350100m000100y43; 11010519491231002X"): "91350100M000100Y43;11010519491231002X",
    ("code:sex", "男"): "1",
    ("code:sex", " １ "): "1",
    ("code:sex", "男性"): "1",
    ("code:sex", "不详"): "不详",
    ("code:sex", "N/A"): None,
}
JAN_5 = date(2023, 1, 5)
DATES = {
    "20230105": JAN_5, "2023-01-05": JAN_5, "2023-1-5": JAN_5, "2023/1/5": JAN_5, "2023/01/05": JAN_5, "2023.1.5": JAN_5,
    "2023年1月5日": JAN_5, "2023年01月05日": JAN_5, "２０２３－０１－０５": JAN_5, " 2023-01-05 ": JAN_5, "44931": JAN_5, "44931.75": JAN_5,
    "2023-01-05 00:00:00": JAN_5, "2023-01-05T08:30:00": JAN_5, "2023/1/5 0:00": JAN_5, "20230105093000": JAN_5,
    "2023-01-04T20:00:00Z": JAN_5, "2023-01-05T08:00:00+08:00": JAN_5, "2023年1月5日 8时30分": JAN_5, "1900-01-01": date(1900, 1, 1),
    "2024-02-29": date(2024, 2, 29),
    "2023-02-29": None, "2023-13-01": None, "0000-00-00": None, "20231301": None, "2023年": None, "202301": None, "1985": None,
    "23.1.5": None,
    "不详": None, "2011年12月有24日": None, "-2023-1-5": None, "infinity": None, "epoch": None,
    "长期": None, "9999-12-31": None, "99991231": None, "9999年12月31日": None, "无固定期限": None, "N/A": None, "": None,
}  # fmt: skip
TIMES = {
    "2026-01-05 08:03:09": datetime(2026, 1, 5, 8, 3, 9),
    "2026/1/5 8:03": datetime(2026, 1, 5, 8, 3),
    "2026-01-05T08:03:09": datetime(2026, 1, 5, 8, 3, 9),
    "2026-01-05T00:03:09Z": datetime(2026, 1, 5, 8, 3, 9),
    "20260105080309": datetime(2026, 1, 5, 8, 3, 9),
    "2026-01-05": datetime(2026, 1, 5),
    "46027.5": datetime(2026, 1, 5, 12),
    "2026-01-05 25:00:00": None,
    "昨天": None,
}
MONEY = {
    "39(万)": ("390000.00", "CNY"), "600(万元人民币)": ("6000000.00", "CNY"), "21,036.2000(万)": ("210362000.00", "CNY"),
    "83万人民币": ("830000.00", "CNY"), "1000万美元": ("10000000.00", "USD"), "100(万香港元)": ("1000000.00", "HKD"),
    "2,000(万元香港元)": ("20000000.00", "HKD"), "742(万港币)": ("7420000.00", "HKD"), "52,000(万日元)": ("520000000.00", "JPY"),
    "3,103.2345(万欧元)": ("31032345.00", "EUR"), "85.3322(万英镑)": ("853322.00", "GBP"), "45.5000(万德国马克)": ("455000.00", "DEM"),
    "300万人民币元": ("3000000.00", "CNY"), "10（万元）": ("100000.00", "CNY"), "100(万元(人民币))": ("1000000.00", "CNY"),
    "人民币100万元": ("1000000.00", "CNY"), "1.5亿元": ("150000000.00", "CNY"), "5000元": ("5000.00", "CNY"),
    "5000000": ("5000000.00", "CNY"),
    "1000.50": ("1000.50", "CNY"), "￥20,000": ("20000.00", "CNY"), "US$50万": ("500000.00", "USD"), "－5万元": ("-50000.00", "CNY"),
    "9999999999万元": ("99999999990000.00", "CNY"),
    "104()": (None, None), "若干": (None, None), "壹佰万圆整（大写）等": (None, None), "100万元;20万美元": (None, None),
    "1,5": (None, None),
    "100万某币": (None, None), "N/A": (None, None), "": (None, None),
}  # fmt: skip
DECIMALS = {
    "89.5": "89.5000",
    "1,234.56㎡": "1234.5600",
    "89.50平方米": "89.5000",
    "-3": "-3.0000",
    "８９．５": "89.5000",
    "约90": None,
    "": None,
}


TYPED = {"date": DATES, "datetime": TIMES, "money": MONEY, "decimal": DECIMALS}
KEPT = {
    ("text", "甲"): None, ("text", "甲 "): "甲 ", ("text", None): None, ("text", "N/A"): "N/A", ("date", "2023-01-05"): None,
    ("date", "20230105"): "20230105", ("date", "2023-02-30"): "2023-02-30", ("uscc", "91350100M000100Y43"): None,
    ("uscc", "91350100m000100Y43"): "91350100m000100Y43", ("code:sex", "1"): None, ("code:sex", "男"): "男", ("money", "100.00"): None,
    ("money", "39(万)"): "39(万)",
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [*TEXT, *CODES])
def test_text_and_codes_become_what_a_person_would_write(known, kind, text):
    assert known[kind, text][0] == (TEXT | CODES)[kind, text]


@pytest.mark.parametrize("text", DATES)
def test_date_in_every_spelling_that_occurs(known, text):
    assert known["date", text][0] == DATES[text]


@pytest.mark.parametrize("text", TIMES)
def test_datetime_is_shanghai_time(known, text):
    assert known["datetime", text][0] == TIMES[text]


@pytest.mark.parametrize("text", MONEY)
def test_money_has_amount_and_currency_where_a_person_could_tell(known, text):
    amount, currency, _ = known["money", text]
    assert (None if amount is None else str(amount), currency) == MONEY[text]


@pytest.mark.parametrize("text", DECIMALS)
def test_decimal_without_separators_and_units(known, text):
    value = known["decimal", text][0]
    assert (None if value is None else str(value)) == DECIMALS[text]


@pytest.mark.parametrize(("kind", "text"), KEPT)
def test_source_text_is_kept_beside_where_it_differs(known, kind, text):
    assert known[kind, text][-1] == KEPT[kind, text]


def values(rows: list[tuple]) -> list:
    return [row[0] for row in rows]


FREE = ("text", "org_name", "person_name", "address")
OTHERS = (
    "uscc", "date", "datetime", "money", "decimal", "phone", "holder_names", "holder_numbers", "division", "citizen_id",
    "certificate_number", "code:sex",
)  # fmt: skip
SPELLINGS = ("{0:%Y}{0:%m}{0:%d}", "{0:%Y}-{0:%m}-{0:%d}", "{1}/{2}/{3}", "{1}年{2}月{3}日")
# A query costs more than a value: every example is a list.
texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=25), min_size=1, max_size=30)


@settings(deadline=None, max_examples=10)
@given(st.lists(st.tuples(st.dates(date(1000, 1, 1), date(9999, 12, 30)), st.sampled_from(SPELLINGS)), min_size=1, max_size=40))
def test_any_day_in_any_spelling_reads_back(cleaned, days):
    spelt = [pattern.format(day, day.year, day.month, day.day) for day, pattern in days]
    assert values(cleaned("date", *spelt)) == [day for day, _ in days]


@settings(deadline=None, max_examples=40)
@given(texts, st.sampled_from(FREE))
def test_cleaning_cleaned_text_changes_nothing(cleaned, written, kind):
    once = values(cleaned(kind, *written))
    assert values(cleaned(kind, *once)) == once


@settings(deadline=None, max_examples=60)
@given(texts, st.sampled_from(OTHERS))
def test_no_text_breaks_a_cleaning(cleaned, written, kind):
    assert len(cleaned(kind, *written)) == len(written)


def test_amount_keeps_cents_exactly(cleaned):
    assert values(cleaned("money", "12345678901234.56")) == [Decimal("12345678901234.56")]


def test_every_character_that_is_dirt_or_damage_is_worth_a_closer_look():
    points = [chr(code) for code in range(1, 0x33000) if not 0xD800 <= code <= 0xDFFF] + ["\U000e0000", "\U0010ffff"]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE point AS SELECT unnest($1::VARCHAR[]) AS c", [points])
        for family, odd in clean.text.ODD.items():
            for shape in ("c", "'王' || c || '王'", "c || '王'", "'王' || c", "'王' || c || c || '王'"):
                touched = "regexp_matches(x, $dirt) OR regexp_matches(x, $suspect) OR x <> trim(x)"
                query = f"SELECT string_agg(x, '') FROM (SELECT {shape} AS x FROM point) WHERE ({touched}) AND NOT regexp_matches(x, $odd)"
                given = {"dirt": "[" + clean.text._DIRT_CLASS + "]", "suspect": clean.text.SUSPECT, "odd": odd}
                assert connection.execute(query, given).fetchone() == (None,), (family, shape)
