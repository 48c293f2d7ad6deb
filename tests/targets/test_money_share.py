"""资金到位率: the money of the projects that were recognised as signed (PROJECTS 7)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from crm.base.money import YI, Currency
from crm.results.contents import Decision
from crm.results.service import take_step
from crm.results.workflow import Step
from crm.targets.models import Target
from crm.targets.rules import Metric, TargetMeasure, Tier
from crm.targets.wording import shares
from tests.conftest import NOW
from tests.factories import make_lead, make_milestone
from tests.results import money
from tests.results.conftest import arrange, claimed, project
from tests.targets.test_recognition import progress

SPRING = date(2026, 3, 2)  # before recognitions are needed


@pytest.fixture
def zone(db):
    zone = arrange(db)
    values = {"year": 2026, "unit_id": zone.top.id, "metric": Metric.SIGNED, "tier": Tier.ANY}
    db.add(Target(**values, measure=TargetMeasure.COUNT, count=20))
    db.flush()
    return zone


def share(db, at=NOW):
    return progress(db, at=at)[0].money_share


def signed(db, zone, yi="12", **given):
    """A project recognised as signed with that amount."""
    lead = project(db, zone, **given)
    row = claimed(db, lead, zone.li)
    decision = Decision(amount=Decimal(yi) * YI, basis="原件", less_reason="二期未计")
    take_step(db, row=row, step=Step.RECOGNISE, by=zone.officer, now=NOW, decision=decision)
    return lead


def recognised(db, zone, lead, **given):
    row = money.claimed(db, money.received(db, zone, lead=lead, **given), zone.li)
    money.decide(db, row, zone.economist)


def test_it_is_the_recognised_money_of_their_recognised_amounts_in_yuan(db, zone):
    lead = signed(db, zone, yi="9")
    recognised(db, zone, lead)
    recognised(
        db, zone, lead, amount=Decimal(1_000_000), currency=Currency.USD, form="foreign_cash"
    )
    # neither what waits nor what is of a project that is not recognised
    money.claimed(db, money.received(db, zone, lead=lead), zone.li)
    recognised(db, zone, project(db, zone))

    found = share(db)

    assert (found.signed, found.amount, found.arrived) == (1, 9 * YI, 30_000_000)
    assert (found.percent, found.foreign) == (Decimal("3.3"), 1_000_000)


def test_it_says_what_it_rests_on_and_what_it_leaves_out(db, zone):
    dollars = make_lead(
        db, unit=zone.company, tracker=zone.li, amount=Decimal(30_000_000), currency=Currency.USD
    )
    unstated = make_lead(db, unit=zone.company)
    for lead in (project(db, zone, on=SPRING), dollars, unstated):
        make_milestone(db, lead, "signed", SPRING)
    money.received(db, zone, SPRING, lead=dollars, currency=Currency.EUR)

    text = shares(progress(db)[0])[1].text

    assert text == (
        "资金到位率 0.0%（本年认定签约 3 个，人民币认定额 12亿元，累计到位 0元，含按登记计入的；"
        "外币认定额 3,000万美元不计入，1 个项目无认定额，1 笔待补汇率未计入）"
    )


def test_an_expansion_below_the_line_is_in_neither_part_of_the_share(db, zone):
    first = signed(db, zone)
    small = signed(db, zone, yi="0.5", earlier_lead_id=first.id)
    large = signed(db, zone, yi="2", earlier_lead_id=first.id)
    for lead in (small, large):
        recognised(db, zone, lead)

    found = share(db)

    assert (found.signed, found.amount, found.arrived) == (2, 14 * YI, 30_000_000)
    assert progress(db)[0].fulfilment.signed == found.signed


def test_what_arrived_in_an_earlier_year_counts_in_it_and_in_no_target_of_this_one(db, zone):
    money.received(db, zone, date(2025, 12, 20), lead=project(db, zone, on=SPRING))

    found = {item.goal.metric: item for item in progress(db)}

    assert share(db).arrived == 30_000_000
    assert found[Metric.MONEY].achieved == 0


def test_what_is_recognised_later_does_not_move_an_earlier_report(db, zone):
    row = money.claimed(db, money.received(db, zone, lead=signed(db, zone)), zone.li)
    later = NOW + timedelta(days=3)
    money.decide(db, row, zone.economist, now=later)

    assert [share(db, at).arrived for at in (NOW, later)] == [0, 30_000_000]
