"""Results freeze with their month; what is decided later counts in its own (PROJECTS 7)."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.errors import Refused
from crm.base.mail import Site
from crm.base.money import YI, Currency
from crm.base.periods import Period
from crm.base.sheets import Format, write_records
from crm.bulk_changes.rules import Asked, BulkKind
from crm.bulk_changes.service import change_leads
from crm.leads.merged import Mergeable
from crm.leads.models import Milestone
from crm.leads.progress import correct_milestone
from crm.leads.rules import Agreement, Stage
from crm.quotas.rules import FigureBasis
from crm.reassignment.merges import Pair, merge
from crm.results.contents import Decision
from crm.results.models import Claim
from crm.results.receipt_forms import plant_forms
from crm.results.receipt_imports import import_receipts
from crm.results.service import take_step
from crm.results.workflow import Step
from crm.targets.freezing import freeze_results, require_no_later_table
from crm.targets.month_queries import month_table, month_tables
from crm.targets.months import Frozen, Result, results_of_month, tally
from crm.targets.rules import Metric
from tests.conftest import NOW
from tests.results.conftest import arrange, claimed, project

SITE = Site("https://crm.example", "crm@crm.example", "secret")
RECEIPT_HEAD = ["编号", "线索编号", "到账日期", "金额", "币种", "到资形式", "付款方"]
JULY, AUGUST, SEPTEMBER = (Period.parse(f"2026-0{month}") for month in (7, 8, 9))
SIGNED = {"metric": Metric.SIGNED, "unit_id": 1, "currency": Currency.CNY}


@pytest.fixture
def zone(db):
    return arrange(db)


def decide(db, row, by, at, step=Step.RECOGNISE):
    decision = Decision(amount=12 * YI, basis="原件", reason="协议终止")
    take_step(db, row=row, step=step, by=by, now=at, decision=decision)


def freeze(db, month, day=4):
    return freeze_results(db, period=month, at=at_civil(month.after.first + timedelta(day)))


def figures(db, month, at=None, metric=Metric.SIGNED):
    """How many are registered, waiting and recognised, and of how much."""
    table = month_table(db, month, at=at or at_civil(date(2027, 6, 1)))
    found = tally(table.own, metric)
    amounts = [amount for amount, _ in found.recognised.amounts]
    return found.registered.count, found.waiting.count, found.recognised.count, amounts


def test_a_recognition_after_the_freeze_counts_in_its_own_month(db, zone):
    row = claimed(db, project(db, zone), zone.li)
    freeze(db, JULY)
    decide(db, row, zone.officer, at_civil(date(2026, 8, 20)))

    assert figures(db, JULY) == (1, 1, 0, [])
    assert figures(db, AUGUST) == (0, 0, 1, [12 * YI])
    freeze(db, AUGUST)
    august = month_table(db, AUGUST, at=at_civil(date(2026, 10, 1)))
    assert [late.lead_id for late in august.recognised_later] == [row.lead_id]
    assert august.revoked_later == ()


def test_a_claim_after_the_freeze_waits_in_its_own_month(db, zone):
    lead = project(db, zone)
    freeze(db, JULY)
    claimed(db, lead, zone.li, now=at_civil(date(2026, 8, 20)))

    assert [figures(db, month)[:3] for month in (JULY, AUGUST)] == [(1, 0, 0), (0, 1, 0)]
    freeze(db, AUGUST)
    assert [figures(db, month)[1] for month in (JULY, AUGUST, SEPTEMBER)] == [0, 1, 0]


def test_a_revocation_after_the_freeze_takes_back_in_its_own_month(db, zone):
    row = claimed(db, project(db, zone), zone.li)
    decide(db, row, zone.officer, NOW)
    freeze(db, JULY)
    decide(db, row, zone.officer, at_civil(date(2026, 8, 20)), Step.REVOKE)
    freeze(db, AUGUST)

    assert figures(db, JULY) == (1, 0, 1, [12 * YI])
    assert figures(db, AUGUST) == (0, 0, -1, [-12 * YI])
    assert figures(db, SEPTEMBER) == (0, 0, 0, [])
    august = month_table(db, AUGUST, at=at_civil(date(2026, 10, 1)))
    assert [late.lead_id for late in august.revoked_later] == [row.lead_id]


def test_a_decision_counts_in_its_own_month_while_the_one_before_is_not_frozen(db, zone):
    row = claimed(db, project(db, zone), zone.li)
    freeze(db, JULY)
    decide(db, row, zone.officer, at_civil(date(2026, 9, 1)))
    freeze(db, AUGUST)

    assert [figures(db, month)[2] for month in (JULY, AUGUST, SEPTEMBER)] == [0, 0, 1]


def test_a_decision_before_the_freeze_counts_in_the_month_of_the_result(db, zone):
    row = claimed(db, project(db, zone), zone.li)
    decide(db, row, zone.officer, at_civil(date(2026, 8, 3)))
    freeze(db, JULY)

    assert [figures(db, month)[2] for month in (JULY, AUGUST)] == [1, 0]


def test_a_corrected_date_moves_no_frozen_figure_and_the_recognition_stays(db, zone):
    lead = project(db, zone)
    row = claimed(db, lead, zone.li)
    decide(db, row, zone.officer, NOW)
    freeze(db, JULY)
    milestone = db.scalar(select(Milestone).where(Milestone.kind == Stage.SIGNED))
    at = at_civil(date(2026, 8, 20))
    values = {"on": date(2026, 8, 5), "reason": "按签字页更正", "by": zone.li, "now": at}
    correct_milestone(db, lead=lead, milestone=milestone, **values)
    freeze(db, AUGUST)

    assert figures(db, JULY) == (1, 0, 1, [12 * YI])
    assert figures(db, AUGUST) == (0, 0, 0, [])


def test_a_month_is_frozen_once_and_those_before_recognition_began_are_not(db, zone):
    project(db, zone)

    assert (freeze(db, JULY), freeze(db, JULY)) == (1, 0)
    assert freeze(db, Period.parse("2026-03")) == 0
    tables = month_tables(db, 2026, until=date(2026, 8, 20), at=at_civil(date(2026, 8, 20)))
    bases = {table.month.name: table.basis for table in tables}
    assert bases["2026-03"] is FigureBasis.RETRACED
    assert bases["2026-07"] is FigureBasis.SETTLED
    assert bases["2026-08"] is FigureBasis.PRELIMINARY


def test_a_merge_is_not_undone_once_its_survivor_stands_in_a_table_frozen_since(db, zone):
    lead = project(db, zone)
    require_no_later_table(db, lead.id, NOW)
    freeze(db, JULY)

    require_no_later_table(db, lead.id, at_civil(date(2026, 8, 6)))
    with pytest.raises(Refused, match="in_frozen_table") as refusal:
        require_no_later_table(db, lead.id, NOW)
    assert refusal.value.facts["months"] == "2026年7月"


def world_of_two(db):
    """Two signed projects whose claims July's frozen table counts, and August's moment."""
    zone = arrange(db)
    leads = [project(db, zone), project(db, zone)]
    for lead in leads:
        decide(db, claimed(db, lead, zone.li), zone.officer, NOW)
    freeze(db, JULY)
    return zone, leads, at_civil(date(2026, 8, 20))


def test_a_merge_after_the_freeze_takes_back_in_its_own_month(db):
    zone, (kept, gone), later = world_of_two(db)
    claims = select(Claim).where(Claim.lead_id == gone.id)
    decide(db, db.scalars(claims).one(), zone.officer, later, Step.REVOKE)
    former = figures(db, JULY)

    merge(db, pair=Pair(Mergeable.LEAD, kept.id, gone.id), by=zone.chief, now=later)
    db.expire_all()

    assert figures(db, JULY) == former == (2, 0, 2, [24 * YI])
    assert figures(db, AUGUST)[2:] == (-1, [-12 * YI])
    assert figures(db, AUGUST)[0] == -1


def test_leads_moved_on_by_the_list_after_the_freeze_count_in_the_month_of_the_change(db, zone):
    lead = project(db, zone, reached=())
    freeze(db, JULY)
    later = at_civil(date(2026, 8, 20))
    on = date(2026, 7, 20)
    asked = Asked(kind=BulkKind.STAGE, stage=Stage.SIGNED, on=on, agreement=Agreement.FORMAL)
    values = {"asked": asked, "key": "K", "by": zone.li, "now": later, "site": SITE}
    change_leads(db, lead_ids=[lead.id], **values)

    assert figures(db, JULY) == (0, 0, 0, [])
    assert figures(db, AUGUST) == (1, 0, 0, [])
    decide(db, claimed(db, lead, zone.li, counts_on=on, now=later), zone.officer, later)
    freeze(db, AUGUST)
    assert figures(db, JULY) == (0, 0, 0, [])
    assert figures(db, AUGUST) == (1, 0, 1, [12 * YI])


def test_receipts_imported_after_the_freeze_count_in_the_month_of_the_import(db, zone):
    plant_forms(db, NOW)
    lead = project(db, zone)
    freeze(db, JULY)
    values = ["R1", lead.ref, "2026-07-10", "3000", "元", "实缴注册资本", "云海科技"]
    content = write_records([RECEIPT_HEAD, values], Format.CSV)

    import_receipts(db, content=content, by=None, now=at_civil(date(2026, 8, 20)))

    assert figures(db, JULY, metric=Metric.MONEY) == (0, 0, 0, [])
    assert figures(db, AUGUST, metric=Metric.MONEY) == (1, 0, 1, [3000])
    freeze(db, AUGUST)
    assert figures(db, SEPTEMBER, metric=Metric.MONEY) == (0, 0, 0, [])


# by result, in each month: absent, registered, waiting or recognised at an amount
states = st.one_of(st.none(), st.just("registered"), st.just("waiting"), st.integers(1, 3))
worlds = st.lists(st.tuples(st.integers(1, 3), st.lists(states, min_size=3, max_size=3)))


def result(lead_id, on, state):
    counts = isinstance(state, int)
    return Result(
        **SIGNED,
        lead_id=lead_id,
        counted_on=on,
        amount=3 * YI,
        counted_amount=state * YI if counts else None,
        waiting=int(state == "waiting"),
        recognised=int(counts),
    )


@given(worlds)
@settings(max_examples=60)
def test_whatever_is_decided_the_months_add_up_to_the_year(world):
    months, tables = (JULY, AUGUST, SEPTEMBER), []

    for number, month in enumerate(months):
        standing = [
            result(lead_id, months[own - 1].first, history[number])
            for lead_id, (own, history) in enumerate(world)
            if own - 1 <= number and history[number] is not None
        ]
        rows = [row for table in tables for row in table]
        frozen = Frozen(months[:number], rows)
        tables.append(results_of_month(month, own=standing, earlier=standing, frozen=frozen))

        whole = tally(standing, Metric.SIGNED)
        added = tally([row for table in tables for row in table], Metric.SIGNED)
        assert (added.registered, added.recognised) == (whole.registered, whole.recognised)
