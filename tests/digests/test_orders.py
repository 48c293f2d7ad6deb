"""Supervision orders in digests and in the morning brief (REGIME 5)."""

from datetime import date, timedelta

import pytest

from crm.base.clock import at_civil
from crm.digests.brief import make_briefs
from crm.leads.rules import Secrecy
from crm.people.rules import Duty
from crm.supervision.rules import OrderKind
from tests.factories import make_lead, make_order, make_person
from tests.supervision.steps import accept_order, answer_order, issue_order, receive_order

JUNE, JULY = at_civil(date(2026, 6, 29)), at_civil(date(2026, 7, 8)) + timedelta(hours=10)
MORNING = at_civil(date(2026, 7, 22)) + timedelta(hours=7, minutes=45)


@pytest.fixture
def issue(db, zone):
    """Issue an order that the zone's supervisor decides."""

    def made(matter, unit, *, at=JULY, **given):
        clerk = make_person(db, duty=Duty.STAFF, unit=unit) if unit is zone.park else None
        person = {"person_id": clerk.id} if clerk else {}
        values = {"matter": matter, "drafted_at": JUNE, **person, **given}
        order = make_order(db, unit, officer=zone.overall, **values)
        issue_order(db, order=order, by=zone.overall, now=at)
        return order

    return made


@pytest.fixture
def answered(db, zone, issue):
    """An order of June, answered in July."""
    order = issue("落实供地", zone.bureau, at=JUNE)
    receive_order(db, order=order, by=zone.supervisor, now=JULY)
    answer_order(db, order=order, text="已落实。", by=zone.supervisor, now=JULY)
    return order


@pytest.fixture
def accepted(db, zone, answered):
    """The same, accepted on the next day."""
    accept_order(db, order=answered, text="已核实。", by=zone.overall, now=JULY + timedelta(days=1))
    return answered


@pytest.fixture
def brief(db, site):
    """Make the briefs of a morning."""

    def make(at=MORNING):
        return make_briefs(db, at=at, late=False, site=site)

    return make


def test_the_month_tells_what_happened_to_orders_by_unit(zone, issue, accepted, monthly, text_of):
    issue("协调供电", zone.park, kind=OrderKind.URGENT)

    monthly()

    text = text_of(zone.overall)
    assert "== 督办单 ==\n当月下达 1 件，反馈 1 件，销号 1 件；目前逾期 1 件。" in text
    assert "牵头单位 | 下达 | 反馈 | 销号 | 逾期\n投资促进局 | 0 | 1 | 1 | 0\n" in text
    assert "综合保税区 | 1 | 0 | 0 | 1\n" in text
    assert "协调供电（综合保税区）：已下达，逾期 21 天\n" in text
    assert "落实供地（投资促进局）：已销号" in text


def test_one_reads_of_the_orders_of_ones_own_units_only(zone, issue, monthly, text_of):
    issue("协调供电", zone.park)
    issue("落实供地", zone.bureau)

    monthly()

    text = text_of(zone.supervisor)
    assert "当月下达 1 件" in text
    assert "协调供电" not in text


def test_a_reader_has_the_figures_of_orders_and_no_page(zone, issue, monthly, text_of):
    issue("协调供电", zone.park)

    monthly()

    text = text_of(zone.reader)
    assert "当月下达 1 件" in text
    assert "协调供电" not in text
    assert "查看督办单" not in text


def test_an_order_on_a_restricted_project_is_counted_and_not_named(
    db, zone, issue, monthly, text_of
):
    lead = make_lead(db, "秘不示人", unit=zone.park, secrecy=Secrecy.RESTRICTED, code_name="远航")
    order = issue("秘密供电", zone.park)
    order.lead_id = lead.id
    db.flush()

    monthly()

    text = text_of(zone.boss)
    assert "当月下达 1 件" in text
    assert "秘密供电" not in text


def test_what_happened_after_the_month_is_not_told_of_it(zone, answered, issue, monthly, text_of):
    issue("协调供电", zone.park, at=at_civil(date(2026, 8, 2)))

    monthly()

    text = text_of(zone.overall)
    assert "当月下达 0 件，反馈 1 件，销号 0 件" in text
    assert "落实供地（投资促进局）：已反馈" in text
    assert "协调供电" not in text


def test_a_week_has_one_line_on_orders(zone, issue, weekly, text_of):
    issue("协调供电", zone.park)

    weekly()

    text = text_of(zone.overall)
    assert "== 督办单 ==\n当周下达 1 件，反馈 0 件，销号 0 件；目前逾期 0 件。\n查看督办单 " in text
    assert "协调供电" not in text


def test_without_orders_a_digest_says_nothing_of_them(zone, weekly, text_of):
    weekly()

    assert "督办单" not in text_of(zone.overall)


def test_the_brief_tells_of_orders_that_wait_for_the_reader(zone, issue, brief, mail_of):
    issue("协调供电", zone.bureau)

    brief()

    [mail] = mail_of(zone.supervisor)
    assert mail.subject == "晨报 7月22日（周三）：督办单 1 件"
    assert "== 督办单 ==\n- 待签收：协调供电（" in mail.body_text
    assert mail_of(zone.boss) == []


def test_the_brief_tells_of_an_answer_when_it_is_nearly_due(db, zone, issue, brief, text_of):
    order = issue("协调供电", zone.bureau)  # due on 23 July
    receive_order(db, order=order, by=zone.supervisor, now=JULY)

    early = brief(MORNING - timedelta(days=6))
    brief(MORNING + timedelta(days=1))

    assert early == {"empty": 5}
    assert "- 待反馈：协调供电（" in text_of(zone.supervisor)
    assert "，今天到期\n" in text_of(zone.supervisor)


def test_the_brief_says_how_long_an_order_is_overdue(db, zone, issue, brief, text_of):
    order = issue("协调供电", zone.bureau, kind=OrderKind.URGENT)
    receive_order(db, order=order, by=zone.supervisor, now=JULY)

    brief()

    assert "，期限 7月13日，逾期 9 天\n" in text_of(zone.supervisor)


def test_a_draft_waits_for_its_officer(db, zone, brief, text_of):
    make_order(db, zone.bureau, officer=zone.overall, matter="协调供电", drafted_at=JULY)

    brief()

    assert "- 待下达：协调供电（投资促进局）\n" in text_of(zone.overall)
