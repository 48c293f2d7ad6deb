"""No page, file or mail shows a person's figure to who may not see it (REGIME 2)."""

import re
from datetime import date
from types import SimpleNamespace

import pytest
import time_machine
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.outbox import Message
from crm.base.periods import Period
from crm.digests.brief import make_briefs
from crm.digests.nudges import send_nudges
from crm.digests.settlement_notice import send_settlement_notices
from crm.digests.ten_day import make_ten_day_reports
from crm.people.models import Person
from crm.people.permissions import viewers
from crm.people.rules import Duty, Role
from crm.quotas.exports import compliance_rows
from crm.quotas.service import freeze_period
from crm.supervision.escalation import escalate_orders
from crm.supervision.models import Order
from crm.supervision.notifications import tell
from crm.supervision.queries import last_entry
from crm.supervision.reminders import remind_of_missed
from crm.visits.rules import Status
from tests.digests.making import make_digests
from tests.factories import (
    PRINCIPAL,
    arranged,
    make_person,
    make_regime,
    make_rule,
    make_unit,
    make_visit,
    sign_in,
)
from tests.supervision.steps import issue_order

WEEKS = [Period.parse(f"2026-W{week}") for week in (26, 27, 28)]
JUNE = Period.parse("2026-06")
LATER = at_civil(date(2026, 7, 31)).replace(hour=4)  # noon of the last day of July
CANARY = "金丝雀"  # the name of the principal whose figure is kept from others
SECOND = "画眉鸟"  # that of the deputy beside lower duties
BOTH = {CANARY, SECOND}
STATUS = r"未达标|有风险|无法达标|已达标|正常推进|未完成|连续两期|更正为|更正后|待签认|\d+/\d+"
BESIDE = 150  # characters within which a name stands beside a status
PAGES = (
    *("/", "/compliance", "/compliance?period=2026-06", "/compliance?period=2026-07"),
    *("/compliance?period=2026-W28", "/compliance?period=2026-W28&unit=bureau"),
    *("/compliance?period=2026-W28&status=missed", "/compliance?period=2026-W31"),
    *("/compliance?tab=corrections", "/compliance?tab=waiting"),
    *("/supervision?view=all", "/supervision?view=waiting", "/supervision/export.csv"),
    *("/digests", "/mailbox", "/targets", "/admin/audit", "/admin/rules", "/admin/people"),
    *("/admin/people/canary", "/admin/people/second"),
    *(
        f"/admin/jobs/{job}/preview"
        for job in ("weekly-digest", "monthly-digest", "nudge", "ten-day", "freeze", "escalate")
    ),
    *(
        f"/compliance/figure?rule={rule}&person={person}&period={period}"
        for rule, person, period in (
            ("principal-weekly", "canary", "2026-W28"),
            ("principal-monthly", "canary", "2026-06"),
            ("deputy-monthly", "second", "2026-06"),
        )
    ),
)
# Who may see which of the two; everybody else, of every role and duty, sees neither.
MAY_SEE = {
    "canary": {CANARY, SECOND},
    "secretary": {CANARY, SECOND},
    "inspector": {CANARY, SECOND},
    "vice": {SECOND},
    "admin": {SECOND},
    "second": {SECOND},
}
PEOPLE = {
    "secretary": (Role.LEADER, Duty.PRINCIPAL, "zone"),
    "vice": (Role.LEADER, Duty.DEPUTY, "zone"),
    "inspector": (Role.SUPERVISOR, Duty.STAFF, "office"),
    "admin": (Role.ADMIN, Duty.STAFF, "office"),
    "canary": (Role.LEADER, Duty.PRINCIPAL, "bureau"),
    "second": (Role.LEADER, Duty.DEPUTY, "bureau"),
    "clerk": (Role.SUPERVISOR, Duty.STAFF, "bureau"),
    "helper": (Role.LEADER, Duty.RECRUITER, "bureau"),
    "recruiter": (Role.RECRUITER, Duty.RECRUITER, "bureau"),
    "reader": (Role.READER, Duty.STAFF, "zone"),
    "builder": (Role.SUPERVISOR, Duty.STAFF, "other"),
    "other": (Role.LEADER, Duty.PRINCIPAL, "other"),
}


@pytest.fixture
def zone(app, site):
    """A zone in which the two missed what they owed, twice running, and all mails went out."""
    with arranged(app) as db:
        make_regime(db)
        make_rule(
            db, PRINCIPAL, code="principal-monthly", period=JUNE.kind, name="主要负责同志每月"
        )
        units = _units(db)
        people = {
            name: make_person(db, name, role=role, duty=duty, unit=units[at], name=_name(name))
            for name, (role, duty, at) in PEOPLE.items()
        }
        _freeze(db, people, site)
        _issue(db, site)
        _mail(db, site)
        orders = db.scalars(select(Order.id).order_by(Order.id)).all()
    with time_machine.travel(LATER, tick=False):
        yield SimpleNamespace(orders=orders)


def _name(username):
    return {"canary": CANARY, "second": SECOND}.get(username, f"{username}某")


def _units(db):
    top = make_unit(db, "开发区", code="zone")
    return {
        "zone": top,
        "bureau": make_unit(db, "招商局", code="bureau", parent=top),
        "other": make_unit(db, "建设局", code="other", parent=top),
        "office": make_unit(db, "督查办", code="office", parent=top, inspects=True),
    }


def _freeze(db, people, site):
    """Close two months and three weeks, and correct a figure of each of the two."""
    for name in ("2026-05", "2026-06", *(week.name for week in WEEKS)):
        period = Period.parse(name)
        at = at_civil(period.after.first).replace(hour=20)
        freeze_period(db, period=period, at=at, now=at)
        remind_of_missed(db, period=period, at=at, late=False, site=site)
    for name in ("canary", "second"):
        late = at_civil(date(2026, 7, 20))
        make_visit(db, people[name], date(2026, 6, 24), logged_at=late, status=Status.DONE)


def _issue(db, site):
    """Issue the drafts, so that their mails go out, too."""
    now = at_civil(date(2026, 7, 15))
    for order in db.scalars(select(Order).order_by(Order.id)).all():
        officer = db.get_one(Person, order.officer_id)
        issue_order(db, order=order, by=officer, now=now)
        tell(db, order=order, entry=last_entry(db, order), site=site)


def _mail(db, site):
    """All mails of the clock."""
    at = at_civil(date(2026, 7, 13))
    make_digests(db, period=WEEKS[-1], at=at, late=False, mail=True, site=site)
    make_digests(db, period=JUNE, at=at, late=False, mail=True, site=site)
    send_settlement_notices(db, period=JUNE, at=at, late=False, site=site)
    make_ten_day_reports(db, period=Period.parse("2026-07-X3"), at=LATER, late=False, site=site)
    make_briefs(db, at=LATER, late=False, site=site)
    escalate_orders(db, at=LATER, late=False, site=site)
    send_nudges(db, at=LATER, late=False, site=site)


def _betrayed(text):
    """Whose names stand beside a status in the text."""
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
    return {
        name
        for name in (CANARY, SECOND)
        for found in re.finditer(name, plain)
        if re.search(STATUS, plain[max(found.start() - BESIDE, 0) : found.end() + BESIDE])
    }


def _more_than_theirs(found):
    """What is betrayed to whom, by person and place."""
    return {
        (username, place): names - MAY_SEE.get(username, set())
        for (username, place), names in found.items()
        if names - MAY_SEE.get(username, set())
    }


def test_no_page_shows_a_hidden_figure(app, zone):
    clients = {username: sign_in(app, username) for username in PEOPLE}
    pages = (*PAGES, *(f"/supervision/{order}" for order in zone.orders))

    betrayed = {
        (username, page): _betrayed(client.get(page).text)
        for username, client in clients.items()
        for page in pages
    }

    assert _more_than_theirs(betrayed) == {}


def test_no_mail_contains_a_hidden_figure(app, zone):
    query = select(Person.username, Message).join(Person, Person.id == Message.person_id)
    with arranged(app) as db:
        mails = db.execute(query).all()

    betrayed = {
        (username, mail.dedupe_key): _betrayed(mail.subject + mail.body_text)
        for username, mail in mails
    }

    assert _more_than_theirs(betrayed) == {}


def test_no_export_contains_a_hidden_figure(app, zone):
    with arranged(app) as db:
        people = db.scalars(select(Person)).all()
        rows = {
            eyes.person.username: compliance_rows(db, eyes, period=JUNE, codes=None, now=LATER)
            for eyes in viewers(db, people, LATER.date())
        }

    seen = {username: {row["name"] for row in some} & BOTH for username, some in rows.items()}
    assert {username: names for username, names in seen.items() if names} == MAY_SEE


def test_who_may_see_a_figure_finds_it_everywhere(app, zone):
    pages = ("/compliance?period=2026-06", "/compliance?period=2026-W28", "/supervision?view=all")
    seen = {name: "".join(sign_in(app, name).get(page).text for page in pages) for name in PEOPLE}

    assert {name for name, text in seen.items() if CANARY in text} == {
        name for name, may in MAY_SEE.items() if CANARY in may
    }
    assert "不足3人，不分项" in seen["clerk"]
    assert "不足3人，不分项" not in seen["inspector"]


def test_a_reader_cannot_subtract_the_units_of_one_board_from_those_of_another(app):
    with arranged(app) as db:
        make_regime(db)
        top = make_unit(db, "园区")
        bureau, park = make_unit(db, "招商局", parent=top), make_unit(db, "产业园", parent=top)
        small, large = make_unit(db, "一科", parent=bureau), make_unit(db, "二科", parent=bureau)
        for unit, people in ((small, 2), (large, 3), (park, 3)):
            for number in range(people):
                make_person(db, f"u{unit.id}-{number}", unit=unit, duty=Duty.RECRUITER)
        make_person(db, "clerk", role=Role.READER, duty=Duty.STAFF, unit=top)
        code = bureau.code

    clerk = sign_in(app, "clerk")
    pages = [clerk.get("/compliance?period=2026-07").text]
    pages.append(clerk.get(f"/compliance?period=2026-07&unit={code}").text)

    # 二科 is shown, so neither 招商局, nor the whole beside 产业园, may be
    assert [page.count("不足3人") for page in pages] == [2, 2]
