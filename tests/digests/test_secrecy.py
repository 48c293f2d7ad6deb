"""Leads that a digest's reader may not know of (REGIME 2)."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.outbox import Message, MessageKind
from crm.leads.rules import LeadRoleKind, Secrecy, Stage
from crm.mailing.channel_choices import Wish, choose_channels
from crm.mailing.channel_rules import ChannelKind
from crm.visits.rules import Status
from tests.digests.conftest import MONDAY
from tests.factories import make_company, make_lead, make_milestone, make_role, make_visit
from tests.jobs.channels.work import make_channel

IN_WEEK = date(2026, 7, 8)
TITLE, CODE_NAME, COMPANY, SIZE = "秘不示人", "远航", "某某芯片集团", "77亿元"


@pytest.fixture
def secret(db, zone):
    """A restricted lead of 77亿元 in the bureau, on which only the deputy is named."""
    return make_lead(
        db,
        TITLE,
        company=make_company(db, COMPANY),
        unit=zone.bureau,
        tracker=zone.deputy,
        yi="77",
        secrecy=Secrecy.RESTRICTED,
        code_name=CODE_NAME,
        industry="ic",
    )


@pytest.fixture
def told_of(db, secret, weekly):
    """Make the digests of the week in which the restricted lead reached something."""

    def make(kind):
        make_milestone(db, secret, kind, IN_WEEK)
        weekly()

    return make


@pytest.fixture
def whole(mail_of):
    """All that a person's only mail says, in each of its forms."""

    def only(person):
        [mail] = mail_of(person)
        return mail.subject + mail.body_text + mail.body_html

    return only


@pytest.mark.parametrize("reader", ["boss", "overall", "supervisor", "reader"])
@pytest.mark.parametrize("kind", [Stage.SIGNED, Stage.NEGOTIATING])
def test_a_restricted_lead_is_in_no_list_of_whoever_is_not_named(
    zone, told_of, whole, kind, reader
):
    told_of(kind)

    text = whole(getattr(zone, reader))
    assert not [word for word in (TITLE, CODE_NAME, COMPANY) if word in text]


def test_no_channel_says_a_word_of_it_not_even_to_who_is_named(db, zone, told_of):
    channel = make_channel(db, "https://127.0.0.1/", kind=ChannelKind.WEBHOOK, takes_people=True)
    wishes = {channel.id: Wish([MessageKind.WEEKLY])}
    choose_channels(db, person=zone.deputy, wishes=wishes, now=MONDAY)

    told_of(Stage.SIGNED)

    rows = db.scalars(select(Message).where(Message.channel_id == channel.id)).all()
    outside = "".join(f"{row.subject}{row.body_text}{row.body_html}" for row in rows)
    assert len(rows) == 2  # the group and the deputy, who is named on the lead
    assert not [word for word in (TITLE, CODE_NAME, COMPANY, SIZE) if word in outside]


def test_totals_include_it_and_the_list_says_that_it_is_shorter(db, zone, secret, weekly, text_of):
    make_milestone(db, secret, Stage.SIGNED, IN_WEEK)
    make_milestone(db, make_lead(db, "公开项目", unit=zone.bureau, yi="2"), Stage.SIGNED, IN_WEEK)

    weekly()

    text = text_of(zone.boss)
    assert "【签约】当周登记 2 · 待认定 0 · 已认定 2 个、79亿元" in text
    assert "合计 | 2 · 0 · 2 | 2 · 0 · 2 | 79亿元 | — | — | — | 0/3 | 2 |" in text
    assert (
        "当周签约 ==\n- 公开项目（投资促进局 · 7月8日签约）：认定 2亿元\n"
        "另有 1 个项目按知悉范围未列出" in text
    )


def test_a_list_of_hidden_leads_alone_names_none(db, zone, secret, weekly, mail_of):
    make_milestone(db, secret, Stage.NEGOTIATING, IN_WEEK)

    weekly()

    [mail] = mail_of(zone.boss)
    assert "线索推进 ==\n\n另有 1 个项目按知悉范围未列出" in mail.body_text
    assert "另有 1 个项目按知悉范围未列出" in mail.body_html


def test_who_is_named_reads_of_it(db, zone, secret, weekly, text_of):
    make_role(db, secret, LeadRoleKind.ATTACHED_LEADER, person=zone.boss)
    make_milestone(db, secret, Stage.SIGNED, IN_WEEK)

    weekly()

    text = text_of(zone.boss)
    assert f"{TITLE}（投资促进局 · 7月8日签约）：认定 {SIZE}" in text
    assert "按知悉范围" not in text


def test_an_internal_lead_is_known_to_its_unit_and_the_scope_above(db, zone, weekly, text_of):
    lead = make_lead(db, "内部项目", unit=zone.park, secrecy=Secrecy.INTERNAL)
    make_milestone(db, lead, Stage.NEGOTIATING, IN_WEEK)

    weekly()

    assert "内部项目（综合保税区 · 7月8日在谈）" in text_of(zone.overall)
    assert "内部" not in text_of(zone.supervisor)


def test_an_internal_lead_of_no_unit_is_known_to_those_named_on_it(db, zone, weekly, text_of):
    lead = make_lead(db, "内部项目", tracker=zone.boss, secrecy=Secrecy.INTERNAL)
    make_milestone(db, lead, Stage.NEGOTIATING, IN_WEEK)

    weekly()

    assert "内部项目（未定责任单位 · " in text_of(zone.boss)
    assert "内部" not in text_of(zone.overall)
    assert "另有 1 个项目按知悉范围未列出" in text_of(zone.overall)


def test_a_reader_of_figures_reads_of_no_lead(db, zone, weekly, text_of):
    lead = make_lead(db, "公开项目", unit=zone.bureau, yi="2")
    make_milestone(db, lead, Stage.SIGNED, IN_WEEK)

    weekly()

    text = text_of(zone.reader)
    assert "【签约】当周登记 1 · 待认定 0 · 已认定 1 个、2亿元" in text
    assert "公开项目" not in text
    assert "按知悉范围" not in text


def test_a_planned_visit_shows_the_code_name(db, zone, secret, weekly, whole):
    make_visit(
        db,
        zone.deputy,
        date(2026, 7, 15),
        status=Status.PLANNED,
        leads=[secret],
        participants=[zone.recruiter],
        entered_at=MONDAY - timedelta(days=1),
    )

    weekly()

    assert CODE_NAME in whole(zone.recruiter)
    assert CODE_NAME in whole(zone.supervisor)
    assert TITLE not in whole(zone.recruiter) + whole(zone.supervisor)
    assert TITLE in whole(zone.deputy)


def test_the_size_of_a_hidden_lead_makes_no_visit_notable(db, zone, secret, weekly, text_of):
    make_visit(db, zone.deputy, IN_WEEK, leads=[secret], city="镇江")

    weekly()

    assert "镇江" not in text_of(zone.supervisor)


def test_what_was_said_of_a_hidden_lead_is_not_told(db, zone, secret, weekly, whole):
    open_one = make_lead(db, "公开项目", unit=zone.bureau, yi="20", stage=Stage.NEGOTIATING)
    make_visit(db, zone.deputy, IN_WEEK, leads=[secret, open_one], minutes="只给知情人看")

    weekly()

    text = whole(zone.supervisor)
    assert "公开项目" in text
    assert "只给知情人看" not in text
