"""Problems in digests and in the ten-day list (PROJECTS 5)."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from crm.base.clock import at_civil
from crm.base.mail import Site
from crm.base.outbox import Message, MessageKind
from crm.base.periods import Period
from crm.digests.composing import compose
from crm.digests.facts import gather
from crm.digests.permissions import visibility_of
from crm.digests.ten_day import make_ten_day_reports
from crm.digests.writing import document_of_digest
from crm.leads.rules import Secrecy
from crm.people.models import Person
from crm.people.rules import Duty, Role
from crm.problems.rules import ProblemState
from tests.factories import make_lead, make_person, make_problem, make_unit

JULY = Period.parse("2026-07")
AT = at_civil(date(2026, 8, 3)) + timedelta(hours=7, minutes=30)
SITE = Site(base_url="https://crm.test", mail_from="crm@crm.test")


@pytest.fixture
def problems(db):
    """A problem that is overdue, one on a restricted lead, and one of another bureau."""
    top = make_unit(db, "开发区")
    bureau, other = make_unit(db, "建设局", parent=top), make_unit(db, "经发局", parent=top)
    staff = {"duty": Duty.STAFF}
    raiser = make_person(db, "raiser", unit=bureau)
    boss = make_person(db, "boss", role=Role.SUPERVISOR, unit=bureau, **staff)
    make_person(db, "elsewhere", role=Role.SUPERVISOR, unit=other, **staff)
    lead = make_lead(db, "新厂房")
    hidden = make_lead(db, "秘密项目", secrecy=Secrecy.RESTRICTED)
    own = {"unit": bureau, "state": ProblemState.TAKEN, "due_on": date(2026, 7, 20)}
    make_problem(db, raiser, [lead], matter="用地未落实", **own)
    make_problem(db, raiser, [hidden], matter="秘密困难", **own)
    return boss


def text_of(db, username, period=JULY):
    facts = gather(db, period=period, at=AT)
    person = db.scalars(select(Person).where(Person.username == username)).one()
    digest = compose(facts, visibility_of(db, person, facts), late=False)
    return str(document_of_digest(digest))


def test_a_digest_says_the_figures_of_the_units_problems_in_one_line(db, problems):
    text = text_of(db, "boss")

    assert "提出 1 件、销号 0 件，期末逾期 1 件，办结率 0.0%" in text
    assert "困难问题" not in text_of(db, "elsewhere")


def test_the_ten_day_list_names_overdue_problems_to_those_who_may_see_them(db, problems):
    xun = Period.parse("2026-08-X1")
    make_ten_day_reports(db, period=xun, at=AT, late=False, site=SITE)

    query = select(Person.username, Message.body_text).join(Message)
    mails = dict(db.execute(query.where(Message.kind == MessageKind.TEN_DAY)).all())
    assert "用地未落实" in mails["boss"]
    assert "秘密困难" not in mails["boss"]
    assert "用地未落实" not in mails.get("elsewhere", "")
