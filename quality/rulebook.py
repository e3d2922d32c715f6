"""The rules of one resource as the engine runs them: the catalogue's, and those without which no batch can be accounted for.

- A row without key, with too many or few columns, outside the partition or with an unknown operation can never be trusted. Where the
  catalogue has no reject rule for one of these, the engine adds its own (`<resource>.engine.<name>`).
- Row rules get a bit each, in file order: a row's findings are two numbers, `failed` and `undefined`.
- A row that deletes a key is judged by key and operation alone, a malformed row by its form alone: its other cells mean nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from catalogs.model import ROW_CHECKS, Catalog, Field, Resource, Rule
from quality.errors import RuleUnsound

MOST_RULES = 62
"""Findings are sums of bits in a BIGINT."""

_ADDED = {
    "well_formed_row": ("0102", "这一行的列数与表头不一致，无法对应到字段；请重新导出后交付。"),
    "not_null": ("0201", "主键为空，无法登记这一行；请补填后重新交付。"),
    "in_partition": ("0104", "这一行不属于本次交付的分区；请分开交付。"),
    "pattern": ("0104", "操作标志不是 I、U、D 之一；请更正后重新交付。"),
    "expression": ("0104", "操作标志不是 I、U、D 之一；请更正后重新交付。"),
}


@dataclass(frozen=True)
class Rulebook:
    """Rules in order; row rules first have bits 0, 1, 2 …, then batch rules."""

    resource: Resource
    rules: tuple[Rule, ...]

    @cached_property
    def row_rules(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.check in ROW_CHECKS)

    @cached_property
    def batch_rules(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if rule.check not in ROW_CHECKS)

    @cached_property
    def bits(self) -> dict[str, int]:
        """Rule id → its bit, as a number with one bit set."""
        return {rule.id: 1 << at for at, rule in enumerate((*self.row_rules, *self.batch_rules))}

    def mask(self, rules: Iterable[Rule]) -> int:
        return sum(self.bits[rule.id] for rule in rules)

    @cached_property
    def rejecting(self) -> int:
        return self.mask(rule for rule in self.rules if rule.severity == "reject")

    @cached_property
    def form(self) -> int:
        return self.mask(rule for rule in self.row_rules if rule.check == "well_formed_row")

    @cached_property
    def of_deletions(self) -> int:
        """Rules that judge a row with operation D."""
        judged = {*self.resource.key, *(field.name for field in operation_fields(self.resource))}
        return self.mask(rule for rule in self.row_rules if set(rule.fields) <= judged)

    @cached_property
    def everything(self) -> int:
        return self.mask(self.row_rules)

    def named(self, mask: int) -> list[str]:
        """Ids of the rules whose bits are set, in order."""
        return [rule for rule, bit in self.bits.items() if mask & bit]


def rulebook(resource: Resource, catalog: Catalog) -> Rulebook:
    """The catalogue's rules of the resource and the engine's own where they are needed. Raises RuleUnsound for too many."""
    given = tuple(catalog.rules.get(resource.id, ()))
    rejects = [rule for rule in given if rule.severity == "reject"]
    added = [_rule(resource, check, fields, params) for check, fields, params in _needed(resource) if not _covered(rejects, check, fields)]
    if len(given) + len(added) > MOST_RULES:
        raise RuleUnsound(f"resource {resource.id}: {len(given)} rules, at most {MOST_RULES - len(added)} fit the findings of a row")
    return Rulebook(resource, (*given, *added))


STRICT_CHECKS = frozenset({"parsed", "check_digit", "org_part_check_digit", "date_order", "not_future", "not_before", "birth_matches_id"})


def strict(book: Rulebook) -> Rulebook:
    """For a row its sender can correct at once: what a delivery is only warned of (dates, check digits) rejects it."""
    raised = (replace(rule, severity="reject") if rule.check in STRICT_CHECKS else rule for rule in book.rules)
    return Rulebook(book.resource, tuple(raised))


def operation_fields(resource: Resource) -> list[Field]:
    """The field of the operation column, if the catalogue names it as a field too."""
    return [field for field in resource.fields if field.source == resource.delivery.operation_field]


def _needed(resource: Resource) -> list[tuple[str, tuple[str, ...], dict[str, object]]]:
    needed: list[tuple[str, tuple[str, ...], dict[str, object]]] = [("well_formed_row", (), {})]
    needed += [("not_null", (key,), {}) for key in resource.key]
    if resource.delivery.mode == "partition" and resource.delivery.partition_field:
        needed.append(("in_partition", (resource.delivery.partition_field,), {}))
    if operation_fields(resource):
        needed += [("pattern", (field.name,), {"regex": "[IUD]"}) for field in operation_fields(resource)]
    elif resource.delivery.operation_field:
        needed.append(("expression", (), {"sql": "\"_op\" IN ('I', 'U', 'D')"}))
    return needed


def _covered(rejects: list[Rule], check: str, fields: tuple[str, ...]) -> bool:
    return any(rule.check == check and rule.fields == fields for rule in rejects)


def _rule(resource: Resource, check: str, fields: tuple[str, ...], params: dict[str, object]) -> Rule:
    indicator, sentence = _ADDED[check]
    name = ".".join((resource.id, "engine", *fields, check))
    return Rule(name, resource.id, indicator, "reject", sentence, check, fields, params, "quality/rulebook.py", resource.since)
