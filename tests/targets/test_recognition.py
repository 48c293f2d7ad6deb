"""Registered, waiting and recognised stand side by side for each target (PROJECTS 7 and 11)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from crm.base.money import YI, Currency
from crm.leads.rules import Stage
from crm.leads.tiers import Tier
from crm.people.queries import unit_tree
from crm.results.basis import Basis
from crm.results.contents import Decision
from crm.results.service import take_step
from crm.results.workflow import Step
from crm.targets.models import Target
from crm.targets.queries import target_progress
from crm.targets.rules import Metric, TargetMeasure
from tests.conftest import NOW
from tests.factories import make_milestone
from tests.results.conftest import SIGNED_ON, arrange, claimed, project


@pytest.fixture
def zone(db):
    zone = arrange(db)
    values = {"year": 2026, "unit_id": zone.top.id, "metric": Metric.SIGNED, "tier": Tier.YI_10}
    db.add(Target(**values, measure=TargetMeasure.COUNT, count=20))
    db.flush()
    return zone


def progress(db, *, at=NOW, year=2026, last=date(2026, 12, 31)):
    units = unit_tree(db)
    seen = {node.unit.id for node in units}
    return target_progress(
        db, units=units, seen=seen, year=year, last=last, before=date(2026, 7, 15), at=at
    )


def recognise(db, zone, lead, yi="12", **given):
    row = claimed(db, lead, zone.li, **given)
    decision = Decision(amount=int(yi) * YI, basis="原件", less_reason="分期部分未计")
    take_step(db, row=row, step=Step.RECOGNISE, by=zone.officer, now=NOW, decision=decision)
    return row


def test_what_is_registered_includes_what_waits_and_what_is_recognised(db, zone):
    recognise(db, zone, project(db, zone))
    claimed(db, project(db, zone), zone.li)
    project(db, zone)
    project(db, zone, on=date(2026, 3, 1))

    signed = progress(db)[0]

    assert (signed.registered, signed.waiting, signed.achieved) == (4, 1, 2)
    assert [row.basis for row in signed.projects] == [
        Basis.REGISTERED,
        Basis.RECOGNISED,
        Basis.WAITING,
        Basis.UNCLAIMED,
    ]


def test_it_counts_by_the_recognised_amount(db, zone):
    recognise(db, zone, project(db, zone), yi="9")

    signed = progress(db)[0]

    assert (signed.registered, signed.achieved) == (1, 0)
    assert signed.projects[0].counted_amount == 9 * YI


@pytest.mark.parametrize(
    ("amount", "currency"), [(12 * YI, Currency.CNY), (Decimal(120_000_000), Currency.USD)]
)
def test_what_is_claimed_is_registered_whatever_the_lead_says(db, zone, amount, currency):
    row = claimed(db, project(db, zone, yi="4"), zone.li, amount=amount, currency=currency)
    waiting = progress(db)[0]
    decision = Decision(amount=amount, basis="原件")
    take_step(db, row=row, step=Step.RECOGNISE, by=zone.officer, now=NOW, decision=decision)
    signed = progress(db)[0]

    assert (waiting.registered, waiting.waiting, waiting.achieved) == (1, 1, 0)
    assert (signed.registered, signed.waiting, signed.achieved) == (1, 0, 1)
    [found] = signed.projects
    assert (found.counted_amount, found.currency) == (amount, currency)


def test_what_is_decided_later_counts_from_then_on_and_not_in_an_earlier_report(db, zone):
    row = recognise(db, zone, project(db, zone))
    later = NOW + timedelta(days=3)
    revoked = Decision(reason="协议终止")
    take_step(db, row=row, step=Step.REVOKE, by=zone.officer, now=later, decision=revoked)

    assert [progress(db, at=at)[0].achieved for at in (NOW - timedelta(1), NOW, later)] == [0, 1, 0]


def test_what_is_carried_over_counts_in_the_new_year_alone(db, zone):
    db.add(
        Target(
            year=2027,
            unit_id=zone.top.id,
            metric=Metric.SIGNED,
            tier=Tier.ANY,
            measure=TargetMeasure.COUNT,
            count=5,
        )
    )
    late = NOW.replace(year=2027, month=2)
    row = claimed(db, project(db, zone), zone.li, now=late, counts_on=date(2027, 1, 1))
    decision = Decision(amount=12 * YI, basis="原件")
    take_step(db, row=row, step=Step.RECOGNISE, by=zone.officer, now=late, decision=decision)

    [old, *_] = progress(db, at=late)
    [new, *_] = progress(db, at=late, year=2027, last=date(2027, 12, 31))

    assert (old.registered, old.achieved, old.projects[0].basis) == (1, 0, Basis.OTHER_YEAR)
    assert (new.registered, new.achieved) == (1, 1)


def test_starts_completions_and_money_stand_beside_signings_without_numbers(db, zone):
    project(db, zone, reached=(Stage.STARTED,), on=date(2026, 3, 1))

    found = {item.goal.metric: item for item in progress(db)}

    assert list(found) == [Metric.SIGNED, Metric.STARTED, Metric.COMPLETED, Metric.MONEY]
    started = found[Metric.STARTED]
    assert (started.registered, started.achieved, started.goal.value) == (1, 1, None)
    assert (started.percent, started.points) == (None, None)


def test_fulfilment_is_what_was_started_of_what_was_recognised_as_signed(db, zone):
    both = project(db, zone, on=date(2026, 3, 1))
    make_milestone(db, both, Stage.STARTED, date(2026, 3, 20))
    project(db, zone, on=date(2026, 3, 1))
    make_milestone(db, recognised := project(db, zone), Stage.LOST, SIGNED_ON)
    recognise(db, zone, recognised)
    project(db, zone)  # registered, and not claimed

    found = progress(db)[0].fulfilment

    assert (found.started, found.signed, found.percent) == (1, 3, Decimal("33.3"))
