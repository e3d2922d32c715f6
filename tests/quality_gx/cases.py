"""Seeded rows for every row rule of the shipped catalogue: at least three that fail, three that pass, one undefined where a rule has any.

Values are source texts, written out here or taken from the catalogue's own tables; nothing is computed by the code under test.
Persons and companies are impossible ones (standards.md §2.1) or the public examples of standards.md §2.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from catalogs.model import Catalog, Resource, Rule

AS_OF = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
"""In Shanghai it is already the 21st."""
TODAY = date(2026, 11, 21)
PARTITION = {"enterprise_registry": "45", "legal_entity": "1"}

Row = dict[str, str | None]
"""Source texts of one row by field; what is not named is NULL."""


@dataclass(frozen=True)
class Case:
    failing: tuple[Row, ...]
    passing: tuple[Row, ...]
    undefined: tuple[Row, ...] = ()


def case(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    """The rows seeded for a rule. Raises KeyError for a rule nobody seeded."""
    if rule.check in ("pattern", "expression"):
        return BY_RULE[rule.id]
    return BY_CHECK[rule.check](rule, resource, catalog)


def values(name: str, failing: Iterable[object], passing: Iterable[object]) -> Case:
    """Failing and passing values of one field; NULL and blanks are undefined."""
    return Case(tuple({name: str(one)} for one in failing), tuple({name: str(one)} for one in passing), ({name: None}, {name: " 　"}))


def pairs(one: str, other: str, failing: Iterable[tuple], passing: Iterable[tuple], undefined: Iterable[tuple] = ()) -> Case:
    """Rows of two fields; a row with either of them empty is undefined."""

    def rows(given: Iterable[tuple]) -> tuple[Row, ...]:
        return tuple({one: left and str(left), other: right and str(right)} for left, right in given)

    passing = tuple(passing)
    half_empty = [(passing[0][0], None), (None, passing[0][1]), (None, None)]
    return Case(rows(failing), rows(passing), rows([*undefined, *half_empty]))


EXAMPLE = {"date": "2001-02-03", "datetime": "2001-02-03 04:05:06", "money": "12.50万元人民币", "decimal": "12.5"}
"""A value by field type where the type is not text."""
READ = {
    "date": ("２００１-０２-０３", "2001年2月3日", "20010203", "2001/2/3"),
    "datetime": ("2001-02-03 04:05:06", "2001/2/3 4:05", "20010203040506"),
    "money": ("12.5(万)", "1,000,000元", "100万美元"),
    "decimal": ("12.5", "1,234.5平方米", "１２"),
}
"""Spellings that can be read."""
UNREAD = {"date": ("20230230", "2023-13-01", "去年春天"), "datetime": ("2023-02-30 04:05:06", "昨天", "2023"),
          "money": ("一百万元", "104()", "约 100 万元"), "decimal": ("约一百", "12..5", "1 2a")}  # fmt: skip


def _not_null(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    name = rule.fields[0]
    good = EXAMPLE.get(resource.field(name).type, "某值甲")
    return Case(({name: None}, {name: "NULL"}, {name: " 　"}), ({name: good},) * 3)


def _parsed(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    name, kind = rule.fields[0], resource.field(rule.fields[0]).type
    silent: list[str | None] = [None, "", "  ", "　", "N/A", "-"]
    if kind in ("date", "datetime"):
        silent += ["长期", "9999-12-31", "99991231"]
    failing, passing = ([{name: text} for text in texts[kind]] for texts in (UNREAD, READ))
    return Case(tuple(failing), tuple(passing), tuple({name: text} for text in silent))


def _length(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    low, high = int(rule.params["min"]), int(rule.params["max"])
    long = "𠮷" * high
    return values(rule.fields[0], ["名" * (low - 1), long + "名", long + "名" * 9], ["名" * low, long, "A" * high])


NUMBERS = {
    "citizen_id": (
        ["999999189912310046", "99999915991231011Y", "11010519491231002", "1101051949123100210", "110105194912310021"],
        ["999999189912310045", "99999915991231011x", "999999160002290090", "０00000180001010018"],
    ),
    "uscc": (
        ["91350100M000100Y4A", "91350211M0000XUF46", "91110000400000705J", "91350100M000100Y4", "9135010OM000100Y43"],
        ["91350100M000100Y43", "91110000600037341l", "11100000000013338W", "1244 1500196720244T"],
    ),
}


def _check_digit(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    return values(rule.fields[0], *NUMBERS[str(rule.params["kind"])])


def _org_part(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    """Position 17 spoiled and position 18 made right again; a code that fails its own check has no part to judge."""
    name = rule.fields[0]
    judged = values(
        name,
        ["91350100M000100Y30", "91110000600037340H", "111000000000133317"],
        ["91350100M000100Y43", "91110000600037341L", "11100000000013338W"],
    )
    return replace(judged, undefined=(*judged.undefined, {name: "91350211M0000XUF46"}, {name: "91350100M000100Y4"}, {name: "某代码某代码"}))


def _in_codes(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    codes = list(catalog.codes[str(rule.params["table"])].labels)
    return values(rule.fields[0], ["不在表中", "ZZZ", codes[0] + "X"], [codes[0], codes[-1], codes[len(codes) // 2]])


def _around(rule: Rule, codes: list[str]) -> list[str]:
    """The codes at the place of a value where the rule looks for them."""
    if "start" not in rule.params:
        return codes
    return ["9" * (int(rule.params["start"]) - 1) + code + "MA5KY26N1A" for code in codes]


def _retired(catalog: Catalog) -> list[str]:
    """Four counties nobody lives in any more."""
    return [code for code, one in catalog.divisions.items() if one.until is not None and not code.endswith("00")][:4]


def _known(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    good = ["110105", "450100", "990101", "440000", *_retired(catalog)]
    return values(rule.fields[0], _around(rule, ["000000", "459999", "990999"]), _around(rule, good))


def _current(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    return values(rule.fields[0], _around(rule, _retired(catalog)), _around(rule, ["110105", "450100", "990101"]))


def _division_matches(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    right = [("914500007", "广西壮族自治区"), ("915100007", "51"), ("916400007", "宁夏")]
    wrong = [("914500007", "51"), ("915100007", "45"), ("999900007", "64")]
    return pairs(*rule.fields, wrong, right, [("914500007", "某地"), ("914500007", "00")])


def _clean_text(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    damaged = ["南宁\ufffd市", "王\ue123某", "张?三", "?李四", "锟斤拷路 1 号", "桂林\U000f0001"]
    return values(rule.fields[0], damaged, ["南宁市青秀区", "Is it so? Yes", "𠮷野家（南宁）", "阿卜杜拉·买买提"])


def _in_partition(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    name, own = rule.fields[0], PARTITION[resource.id]
    return Case(
        ({name: "2"}, {name: "某地"}, {name: None}), ({name: own}, {name: catalog.codes[str(resource.field(name).table)].labels[own]}) * 2
    )


def _well_formed_row(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    return Case(({"_raw": "a,b"}, {"_raw": ""}, {"_raw": "列,太,多"}), ({"_raw": None},) * 3)


def _birth_matches_id(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    one, two, three = "999999189912310045", "999999160002290090", "999999177607040079"
    wrong = [("1899-12-30", one), ("1800-01-01", one), ("1600-02-28", two)]
    right = [("1899-12-31", one), ("1600-02-29", two), ("1776年7月4日", three)]
    return pairs(*rule.fields, wrong, right, [("1899-12-31", one[:17]), ("1899-12-31", "护照 E1")])


def _sex_matches_id(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    woman, man, other = "999999189912310045", "99999915991231011X", "000000180001010026"
    wrong = [("1", woman), ("2", man), ("男", other)]
    right = [("2", woman), ("1", man), ("女", other)]
    return pairs(*rule.fields, wrong, right, [("9", man), ("某", man), ("1", man[:17])])


def _not_future(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    later = [TODAY + timedelta(days=days) for days in (1, 2, 400)]
    return values(rule.fields[0], later, [TODAY, TODAY - timedelta(days=1), date(1600, 1, 1)])


def _not_before(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    first = date.fromisoformat(str(rule.params["date"]))
    earlier = [first - timedelta(days=days) for days in (1, 2, 40_000)]
    return values(rule.fields[0], earlier, [first, first + timedelta(days=1), TODAY])


def _date_order(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    day = date(2010, 1, 1)
    wrong = [(day, day - timedelta(days=days)) for days in (1, 2, 100_000)]
    return pairs(*rule.fields, wrong, [(day, day), (day, day + timedelta(days=1)), (day, date(9998, 12, 31))], [(day, "长期")])


def _required_when(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    name, other = rule.fields
    told = str(rule.params["values"][0])
    return Case(({other: told},) * 3, ({other: told, name: str(TODAY)},) * 3, ({other: "0"}, {other: None}, {name: str(TODAY)}))


def _empty_when(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    name, other = rule.fields
    told = str(rule.params["values"][0])
    return Case(({other: told, name: str(TODAY)},) * 3, ({other: told},) * 3, ({other: "0", name: str(TODAY)}, {name: str(TODAY)}, {}))


def _number_range(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    low, high = Decimal(str(rule.params["min"])), Decimal(str(rule.params["max"]))
    step = Decimal("0.01")
    return values(rule.fields[0], [low - step, high + step, low - 1000], [low, high, low + 1])


def _same_count(rule: Rule, resource: Resource, catalog: Catalog) -> Case:
    wrong = [("甲;乙", "1"), ("甲", "1;2"), ("甲、乙、丙", "1;2")]
    return pairs(*rule.fields, wrong, [("甲", "1"), ("甲；乙", "1;2"), ("甲;乙;丙", "1、2、3")])


BY_CHECK: dict[str, Callable[[Rule, Resource, Catalog], Case]] = {
    "not_null": _not_null,
    "parsed": _parsed,
    "length": _length,
    "check_digit": _check_digit,
    "org_part_check_digit": _org_part,
    "in_codes": _in_codes,
    "division_known": _known,
    "division_current": _current,
    "division_matches": _division_matches,
    "clean_text": _clean_text,
    "in_partition": _in_partition,
    "well_formed_row": _well_formed_row,
    "birth_matches_id": _birth_matches_id,
    "sex_matches_id": _sex_matches_id,
    "not_future": _not_future,
    "not_before": _not_before,
    "date_order": _date_order,
    "required_when": _required_when,
    "empty_when": _empty_when,
    "number_range": _number_range,
    "same_count": _same_count,
}


BY_RULE: dict[str, Case] = {
    "population.phone.pattern": values(
        "phone", ["12345678901", "1381234567", "0771-123456", "13812345678 转 1"], ["13812345678", "0771-1234567", "02112345678"]
    ),
    "population.operation.pattern": values("operation", ["X", "i", "IU"], ["I", "U", "D"]),
    "enterprise_registry.credit_code.kind_known": values(
        "credit_code", ["94" + "0" * 16, "00" + "0" * 16, "91" + "0" * 15], ["91" + "0" * 16, "52" + "0" * 16, "A1" + "0" * 16]
    ),
    "enterprise_registry.credit_code.business": values(
        "credit_code", ["12" + "0" * 16, "9" + "0" * 16, "91" + "0" * 17], ["91" + "0" * 16, "92" + "A" * 16, "9" * 18]
    ),
    "enterprise_registry.name.half_width": Case(
        tuple({"name": text} for text in ("某公司Ａ", "某　公司", "某公司 ")),
        tuple({"name": text} for text in ("某公司(有限)", "某  公司", "某\u200b公司")),
        ({"name": "某公司"}, {"name": "某公司（有限）"}, {}),
    ),
    "food_permit.permit_no.pattern": values(
        "permit_no", ["JY4" + "0" * 13, "JY1" + "0" * 12, "SC1" + "0" * 13], ["JY1" + "0" * 13, "JY2" + "9" * 13, "JY3" + "1" * 13]
    ),
    "food_permit.permit_no.business_form": pairs(
        "permit_no", "business_form",
        [("JY1000", "2"), ("JY2000", "3"), ("JY3000", "其他")], [("JY1000", "1"), ("JY2000", "餐饮"), ("JY3000", "3")],
    ),
    "food_permit.valid_to.five_years": pairs(
        "issued_on", "valid_to",
        [("2020-01-01", "2025-01-02"), ("2020-02-29", "2025-03-01"), ("2020-01-01", "9998-12-31")],
        [("2020-01-01", "2025-01-01"), ("2020-02-29", "2025-02-28"), ("2020-01-01", "2019-01-01")],
    ),
    "legal_entity.credit_code.kind_matches": pairs(
        "credit_code", "entity_kind",
        [("1235", "1"), ("9135", "事业单位"), ("5435", "3")], [("9135", "1"), ("1235", "2"), ("5235", "基金会")], [("9135", "4")],
    ),
    "real_estate_title.title_no.pattern": values(
        "title_no",
        ["桂（2020）南宁市不动产权第1234号", "桂(2020）不动产权第0001234号", "南宁市房权证第0012345号"],
        ["桂（2020）南宁市不动产权第0012345号", "样(1999)样例市不动产权第12345号", "京（2016）朝阳区不动产权第0000001号"],
    ),
    "real_estate_title.unit_no.pattern": values(
        "unit_no", ["990101001001GB00001F0000001", "9901010010010B00001F00000001", "99010100100AGB00001F00000001"],
        ["990101001001GB00001F00000001", "990101001001GB00001W00000000", "990121003004JC00012F00010002"],
    ),
    "real_estate_title.ownership.sole_has_one": pairs(
        "ownership", "holder_names",
        [("0", "甲;乙"), ("1", "甲"), ("按份", "甲")], [("0", "甲"), ("1", "甲、乙"), ("2", "甲;乙;丙")], [("3", "甲")],
    ),
    "marriage.certificate_no.pattern": values(
        "certificate_no", ["J99010-2020-000001", "K990101-2020-000001", "J990101-2020-00001"],
        ["J990101-2020-000001", "L990101-1999-999999", "J110105-2026-000002"],
    ),
    "marriage.kind.agrees_number": pairs(
        "kind", "certificate_no",
        [("1", "L9901"), ("2", "J9901"), ("离婚", "字第1号")], [("1", "J9901"), ("2", "L9901"), ("结婚登记", "J1")], [("3", "J9901")],
    ),
    "marriage.holder_numbers.two": values("holder_numbers", ["1", "1;2;3", "11010519491231002X"], ["1;2", "1、2", "1；2"]),
    "education.certificate_no.pattern": values(
        "certificate_no", ["1" * 17, "1" * 15, "A" + "1" * 17], ["1" * 16, "1" * 18, "100012020051234567"]
    ),
    "birth.certificate_no.pattern": values(
        "certificate_no", ["T12345678", "T1234567890", "1234567890"], ["T123456789", "A000000001", "Z999999999"]
    ),
    "social_insurance.record_no.pattern": values(
        "record_no", ["990101-6-00000001", "990101-1-0000001", "99010-1-00000001"],
        ["990101-1-00000001", "110105-5-99999999", "990302-4-00000010"],
    ),
}  # fmt: skip
"""Patterns and expressions say something different in every rule, so they are seeded rule by rule."""
