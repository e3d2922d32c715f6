"""From delivery to publication: change sets, stale and removed rows, increments, no-ops, the balance."""

from __future__ import annotations

from catalogs.model import Delivery, Field, Limits
from quality import publications
from tests.quality.deliveries import FIELDS, many

LOOSE = Limits(max_rejects=1.0)

A1, A2, A3 = ("A1", "甲公司", "2026-01-01"), ("A2", "乙公司", "2026-01-01"), ("A3", "丙公司", "2026-01-01")
BAD_A2 = ("A2", None, "2026-02-01")


def test_first_delivery_publishes_every_row_as_insert(bench_on):
    bench = bench_on()
    report = bench.deliver(A1, A2)
    assert (report.publication, report.published, report.noop, report.gate) == (1, True, False, "pass")
    assert (report.read, report.trusted, report.quarantined, report.superseded, report.deleted) == (2, 2, 0, 0, 0)
    assert bench.changes(1) == {"A1": "insert", "A2": "insert"}
    first = bench.head()[0]
    assert first["_origin"] == "typed.csv:2" and first["_batch"] == report.batch and not first["_stale"] and first["_warnings"] == []


def test_same_rows_again_are_a_no_op_that_repeats_the_head(bench_on):
    bench = bench_on()
    first = bench.deliver(A1, A2)
    again = bench.deliver(A1, A2)
    assert again.noop and not again.published and again.gate == "pass"
    assert (again.publication, again.counts(), again.quarantine) == (1, first.counts(), first.quarantine)
    assert again.rules == first.rules


def test_a_b_a_makes_three_publications(bench_on):
    bench = bench_on()
    for rows in ([A1, A2], [A1, A3], [A1, A2]):
        assert bench.deliver(*rows).published
    assert bench.changes(2) == {"A2": "removed", "A3": "insert"}
    assert bench.changes(3) == {"A2": "insert", "A3": "removed"}
    with bench.database.connect() as connection:
        assert [(one.number, one.parent) for one in publications.pending(connection, "thing", 0)] == [(1, None), (2, 1), (3, 2)]


def test_changed_row_is_an_update_and_an_equal_one_no_change(bench):
    one = bench()
    one.deliver(A1, A2)
    one.deliver(A1, ("A2", "乙公司二", "2026-03-01"))
    assert one.changes(2) == {"A2": "update"}


def test_another_spelling_of_the_same_content_is_no_change(bench):
    one = bench()
    one.deliver(A1, A2)
    report = one.deliver(A1, ("Ａ2 ", "乙公司", "2026年1月1日"))
    assert report.published and one.changes(2) == {}


def test_removed_row_carries_the_last_trusted_row_and_leaves_the_head(bench):
    one = bench()
    one.deliver(A1, A2)
    report = one.deliver(A1)
    assert (report.removed, report.carried) == (1, 0)
    assert [row["_key"] for row in one.head()] == ["A1"]


def test_key_whose_new_row_fails_keeps_its_last_trusted_row_stale(bench_on):
    bench = bench_on(limits=LOOSE)
    first = bench.deliver(A1, A2)
    second = bench.deliver(A1, BAD_A2)
    assert (second.quarantined, second.carried, second.removed) == (1, 1, 0)
    assert bench.changes(2) == {"A2": "stale"}
    stale = bench.head()[1]
    assert stale["_stale"] and stale["name"] == "乙公司" and stale["_batch"] == first.batch


def test_stale_row_stays_stale_without_a_further_change(bench):
    one = bench(limits=LOOSE)
    one.deliver(A1, A2)
    one.deliver(A1, BAD_A2)
    third = one.deliver(A1, ("A2", None, "2026-03-01"))
    assert one.changes(3) == {} and third.carried == 1 and one.head()[1]["_stale"]


def test_stale_row_that_is_delivered_well_again_is_an_update(bench):
    one = bench(limits=LOOSE)
    one.deliver(A1, A2)
    one.deliver(A1, BAD_A2)
    one.deliver(A1, A2)
    assert one.changes(3) == {"A2": "update"} and not one.head()[1]["_stale"]


def test_stale_row_that_goes_missing_is_removed(bench):
    one = bench(limits=LOOSE)
    one.deliver(A1, A2)
    one.deliver(A1, BAD_A2)
    report = one.deliver(A1)
    assert one.changes(3) == {"A2": "removed"} and report.removed == 1


def test_bad_row_of_an_unknown_key_makes_no_head_row(bench):
    one = bench(limits=LOOSE)
    report = one.deliver(A1, BAD_A2)
    assert report.quarantined == 1 and [row["_key"] for row in one.head()] == ["A1"]


INCREMENT = (*FIELDS, Field("operation", "操作", "操作", "text"))
COLUMNS = tuple(one.source for one in INCREMENT)


def increments(bench, **changed):
    return bench("increment", delivery=Delivery("increment", operation_field="操作"), fields=INCREMENT, limits=LOOSE, **changed)


def test_increment_puts_rows_over_the_head_and_carries_the_rest(bench_on):
    one = increments(bench_on)
    one.deliver((*A1, "I"), (*A2, "I"), columns=COLUMNS)
    report = one.deliver(("A2", "乙公司二", "2026-02-01", "U"), (*A3, "I"), columns=COLUMNS)
    assert (report.trusted, report.carried, report.removed) == (2, 1, 0)
    assert one.changes(2) == {"A2": "update", "A3": "insert"}
    assert [(row["_key"], row["name"]) for row in one.head()] == [("A1", "甲公司"), ("A2", "乙公司二"), ("A3", "丙公司")]


def test_increment_deletes_with_the_last_trusted_row(bench_on):
    one = increments(bench_on)
    one.deliver((*A1, "I"), (*A2, "I"), columns=COLUMNS)
    report = one.deliver(("A2", None, None, "D"), columns=COLUMNS)
    assert (report.read, report.trusted, report.deleted, report.quarantined) == (1, 0, 1, 0)
    assert one.changes(2) == {"A2": "deleted"} and [row["_key"] for row in one.head()] == ["A1"]


def test_increment_deletion_of_an_unknown_key_is_counted_and_changes_nothing(bench):
    one = increments(bench)
    one.deliver((*A1, "I"), columns=COLUMNS)
    report = one.deliver(("A9", None, None, "D"), columns=COLUMNS)
    assert report.deleted == 1 and one.changes(2) == {}


def test_increment_inserted_then_deleted_supersedes_the_insert(bench):
    one = increments(bench)
    report = one.deliver((*A1, "I"), (*A2, "I"), ("A2", None, "2026-01-02", "D"), columns=COLUMNS)
    assert (report.trusted, report.superseded, report.deleted) == (1, 1, 1)


def test_increment_with_a_rejected_row_makes_the_carried_row_stale(bench):
    one = increments(bench)
    one.deliver((*A1, "I"), (*A2, "I"), columns=COLUMNS)
    report = one.deliver((*BAD_A2, "U"), columns=COLUMNS)
    assert (report.carried, report.quarantined) == (2, 1) and one.changes(2) == {"A2": "stale"}
    assert [row["_stale"] for row in one.head()] == [False, True]


def test_increment_delivered_twice_is_a_no_op(bench):
    one = increments(bench)
    one.deliver((*A1, "I"), columns=COLUMNS)
    assert one.deliver((*A1, "I"), columns=COLUMNS).noop


def test_increment_with_unknown_operation_is_quarantined(bench):
    one = increments(bench)
    report = one.deliver((*A1, "I"), (*A2, "X"), columns=COLUMNS)
    assert report.quarantined == 1 and report.rules["thing.engine.operation.pattern"]["failed"] == 1


def test_increment_re_read_by_its_lag_does_not_bring_back_older_rows(bench):
    one = increments(bench, watermark="changed_on")
    one.deliver((*A1, "I"), ("A2", "乙公司二", "2026-02-01", "U"), columns=COLUMNS)
    report = one.deliver((*A2, "I"), (*A3, "I"), columns=COLUMNS)
    assert (report.trusted, report.superseded) == (1, 1)
    assert one.changes(2) == {"A3": "insert"} and one.head()[1]["name"] == "乙公司二"


def test_increment_ordered_by_a_business_date_takes_a_corrected_earlier_date(bench):
    one = increments(bench)
    one.deliver((*A1, "I"), ("A2", "乙公司", "2026-02-01", "U"), columns=COLUMNS)
    one.deliver((*A2, "U"), columns=COLUMNS)
    assert one.changes(2) == {"A2": "update"}


def test_batch_checked_twice_publishes_once(bench_on):
    bench = bench_on()
    landed = bench.land(A1, A2)
    first, second = bench.check(landed), bench.check(landed)
    assert first == second
    with bench.database.connect() as connection:
        assert len(publications.pending(connection, "thing", 0)) == 1


def test_checking_an_old_batch_again_answers_its_report_and_moves_nothing(bench):
    one = bench()
    landed = one.land(A1, A2)
    first = one.check(landed)
    one.deliver(A1, A2, A3)
    assert one.check(landed) == first
    assert [row["_key"] for row in one.head()] == ["A1", "A2", "A3"]


def test_catalogue_with_a_new_field_reads_an_older_head(bench):
    one = bench()
    one.deliver(A1, A2)
    wider = bench(fields=(*FIELDS, Field("capital", "资本", "资本", "money")))
    columns = tuple(field.source for field in wider.resource.fields)
    report = wider.deliver((*A1, "5万元"), (*A2, None), columns=columns)
    assert report.published and wider.changes(2) == {"A1": "update"}
    assert [str(row["capital"]) for row in wider.head()] == ["50000.00", "None"]


def test_warnings_are_listed_on_the_row(bench):
    one = bench()
    report = one.deliver(A1, ("A2", "乙公司", "2026-02-30"))
    assert one.head()[1]["_warnings"] == ["thing.changed_on.parsed"] and report.warned == 1


def test_empty_first_snapshot_is_published_empty(bench):
    report = bench().deliver()
    assert (report.read, report.published) == (0, True)


def test_two_thousand_rows_change_by_the_ones_that_changed(bench):
    one = bench()
    rows = many(2_000)
    one.deliver(*rows)
    rows[7] = ("A7", "另一公司", "2026-05-05")
    report = one.deliver(*rows[:-1])
    assert report.removed == 1 and one.changes(2) == {"A7": "update", "A1999": "removed"}


def test_reading_changes_in_pieces_gives_the_same_rows(bench):
    one = bench()
    one.deliver(*many(50))
    with one.database.connect() as connection:
        head = publications.head(connection, "thing", "")
    pieces = [row["_key"] for batch in publications.change_batches(one.lake, head, 7) for row in batch.to_pylist()]
    assert pieces == publications.changes(one.lake, head)["_key"].to_pylist() == sorted(pieces)
