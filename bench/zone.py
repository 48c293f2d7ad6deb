"""Fill a database with an invented zone: `CRM_DATA=… python -m bench.zone --scale 1`.

At scale 1: 200 people, 20,000 leads and 200,000 visits over three years. Rows are inserted in bulk,
without the services and without entries of the audit trail.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

import click
from argon2 import PasswordHasher
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from bench.zone_visits import participants, visited, visits
from crm.base import clock
from crm.base.db import Base, writing
from crm.base.money import Currency
from crm.base.names import folded, person_pinyin, person_search_text, search_text
from crm.base.periods import DAY
from crm.cli import base
from crm.cli.init import install
from crm.followups.models import Followup
from crm.leads import search_index
from crm.leads.amount_models import LeadAmount
from crm.leads.catalog import shipped
from crm.leads.catalog_models import CatalogKind
from crm.leads.company_names import normal_form
from crm.leads.models import Company, Lead, LeadRole, Milestone
from crm.leads.rules import LINE, AmountKind, LeadRoleKind, Secrecy, Stage
from crm.people.models import Absence, Person, Posting, Unit
from crm.people.rules import AbsenceKind, AbsenceStatus, Duty, Role
from crm.visits import search_index as visit_index
from crm.visits.models import Visit, VisitLead, VisitParticipant
from crm.visits.rules import Channel

PEOPLE, LEADS, VISITS = 200, 20_000, 200_000
YEARS = 3
SPAN = YEARS * 365
ROWS = 5_000  # in one execution
PASSWORD = "only-for-the-bench"  # noqa: S105 - of invented people in a database of its own
FIRST_RECRUITER = 20  # the number and id; all after are recruiters, too
FREE_LEADS = 4  # each fourth lead is open and was never visited: pages.py logs visits to these

Row = dict[str, Any]
SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹"
GIVEN = "明华建国志文海平云峰春秋宁远思佳晨雨欣然子涵一鸣嘉树知行若谷"
BRANDS = "蓝杉云岭星禾青屿瑞川恒松启岳远泽晟林拓原鼎湖微澜宏桥朗波捷帆凌霄沃土"
TRADES = ("科技", "电子", "数据", "医药", "装备", "新材料", "物流", "软件")
MATTERS = ("生产基地项目", "研发中心项目", "区域总部项目", "测试线项目")
INDUSTRIES = shipped(CatalogKind.INDUSTRY)
STAGES = (*LINE[:5], Stage.PARKED, Stage.LOST)


def username(number: int) -> str:
    return f"p{number:03}"


SUPERVISOR, RECRUITER = username(4), username(FIRST_RECRUITER)


def company_name(number: int) -> str:
    """An invented name; its first two characters recur after a thousand companies."""
    first, rest = number % len(BRANDS), number // len(BRANDS)
    second = BRANDS[rest % len(BRANDS)]
    return f"{BRANDS[first]}{second}{TRADES[number % len(TRADES)]}{number}有限公司"


def lead_title(number: int) -> str:
    return f"{company_name(number)[:4]}{MATTERS[number % len(MATTERS)]}"


def people_count(scale: float) -> int:
    return max(round(PEOPLE * scale), 60)


def lead_count(scale: float) -> int:
    return max(round(LEADS * scale), 400)


def visit_count(scale: float) -> int:
    return round(VISITS * scale)


def size(scale: float) -> str:
    """The size in words."""
    return (
        f"{people_count(scale):,} people, {lead_count(scale):,} leads, "
        f"{visit_count(scale):,} visits over {YEARS} years"
    )


def recruiters(scale: float) -> range:
    """Ids of those who log visits; the first recruiter looks at pages."""
    return range(FIRST_RECRUITER + 1, people_count(scale) + 1)


def free_leads(scale: float) -> range:
    """Ids of open leads without visits."""
    return range(FREE_LEADS, lead_count(scale) + 1, FREE_LEADS)


def fill(db: Session, *, scale: float, now: datetime) -> None:
    """Insert people, leads and visits into a database that `crm init` has prepared."""
    rng, today = Random(17), clock.civil_date(now)
    units: dict[str, int] = dict(db.execute(select(Unit.code, Unit.id)).all())
    people, leads = people_count(scale), lead_count(scale)

    fill_people(db, people, units, today, begun=today - (SPAN + 30) * DAY)
    _fill_leads(db, leads, people, list(units.values()), today)

    owing = range(8, people + 1)  # the first seven are the admin, principals and supervisors
    drawn = list(visits(rng, visit_count(scale), owing, today=today, days=SPAN))
    visited_ids = [number for number in range(1, leads + 1) if number % FREE_LEADS]
    _insert(db, Visit, drawn)
    _insert(db, VisitParticipant, participants(rng, drawn, owing))
    _insert(db, VisitLead, visited(rng, drawn, visited_ids))
    visit_index.rebuild(db)
    for table in (Lead, Visit):
        _count_from_last_id(db, table)


def _count_from_last_id(db: Session, table: type[Base]) -> None:
    """PostgreSQL does not count the ids that rows were given."""
    if db.get_bind().dialect.name == "postgresql":
        row: Any = table
        sequence = func.pg_get_serial_sequence(table.__tablename__, "id")
        db.execute(select(func.setval(sequence, select(func.max(row.id)).scalar_subquery())))


def _insert(db: Session, table: type[Base], rows: Iterable[Row]) -> None:
    rows = iter(rows)
    while part := list(islice(rows, ROWS)):
        db.execute(insert(table.__table__), part)  # type: ignore[arg-type]


def fill_people(
    db: Session, count: int, units: dict[str, int], today: date, *, begun: date
) -> None:
    """Insert people who hold their duties from `begun` on, with their leaves of three years."""
    numbers = range(1, count + 1)
    secret = PasswordHasher().hash(PASSWORD)
    offices = [id_ for code, id_ in units.items() if code not in ("zone", "inspection")]

    _insert(db, Person, (_person(number, secret, clock.at_civil(begun)) for number in numbers))
    _insert(
        db,
        Posting,
        (
            {
                "person_id": number,
                # the principals and the first supervisor belong to the zone itself
                "unit_id": units["zone"] if number <= 4 else offices[number % len(offices)],  # noqa: PLR2004
                "duty": _duty(number),
                "is_primary": True,
                "from_on": begun,
                "to_on": None,
            }
            for number in numbers
        ),
    )
    _insert(db, Absence, _absences(numbers, today))


def _person(number: int, secret: str, created_at: datetime) -> Row:
    given = GIVEN[number % len(GIVEN)] + GIVEN[number // 7 % len(GIVEN)]
    name = SURNAMES[number % len(SURNAMES)] + given
    return {
        "username": username(number),
        "name": name,
        "pinyin": person_pinyin(name),
        "search": person_search_text(name),
        "email": f"{username(number)}@crm.test",
        "role": _role(number),
        "password_hash": secret,
        "password_changed_at": created_at,
        "created_at": created_at,
    }


def _role(number: int) -> Role:
    """One admin, two principals, four supervisors, twelve deputies; all others are recruiters."""
    match number:
        case 1:
            return Role.ADMIN
        case 4 | 5 | 6 | 7:
            return Role.SUPERVISOR
        case _ if number < FIRST_RECRUITER:
            return Role.LEADER
        case _:
            return Role.RECRUITER


def _duty(number: int) -> Duty:
    match _role(number):
        case Role.RECRUITER:
            return Duty.RECRUITER
        case Role.LEADER:
            return Duty.PRINCIPAL if number <= 3 else Duty.DEPUTY  # noqa: PLR2004 - as above
        case _:
            return Duty.STAFF


def _absences(numbers: Iterable[int], today: date) -> Iterator[Row]:
    """Three leaves a year of three days."""
    for number in numbers:
        for back in range(number % 100, SPAN, 365 // 3):
            first = today - back * DAY
            asked_at = clock.at_civil(first - 7 * DAY, time(10))
            yield {
                "person_id": number,
                "from_on": first,
                "to_on": first + 2 * DAY,
                "kind": AbsenceKind.LEAVE,
                "reason": "年休假",
                "status": AbsenceStatus.APPROVED,
                "asked_at": asked_at,
                "asked_by_id": number,
                "approved_by_id": 1,
                "approved_at": asked_at,
            }


def _fill_leads(db: Session, count: int, people: int, unit_ids: list[int], today: date) -> None:
    """Leads, each with a company, a tracker, a responsible unit and a follow-up of its own."""
    rows = [_lead(number, count, today) for number in range(1, count + 1)]
    _insert(db, Company, (_company(number, rows[number - 1]) for number in range(1, count + 1)))
    _insert(db, Lead, rows)
    _insert(db, LeadAmount, map(_amount, rows))
    _insert(db, Milestone, _milestones(rows))
    _insert(db, LeadRole, _roles(rows, people, unit_ids))
    _insert(db, Followup, _followups(rows, people, today))
    search_index.rebuild(db)


def _company(number: int, lead: Row) -> Row:
    name = company_name(number)
    return {
        "name": name,
        "folded": folded(name),
        "normal": normal_form(name),
        "search": search_text(name),
        "country": "中国",
        "created_at": lead["entered_at"],
    }


def _lead(number: int, count: int, today: date) -> Row:
    title = lead_title(number)
    entered_on = today - (SPAN - SPAN * number // count) * DAY
    secrecy = Secrecy.OPEN
    if number % FREE_LEADS:
        secrecy = (Secrecy.OPEN, Secrecy.INTERNAL, Secrecy.INTERNAL)[number % 3]
    if number % 20 == 1:
        secrecy = Secrecy.RESTRICTED
    return {
        "id": number,
        "ref": f"L{number:06}",
        "company_id": number,
        "title": title,
        "search": search_text(title),
        "stage": STAGES[number % len(STAGES)] if number % FREE_LEADS else Stage.FOLLOWING,
        "secrecy": secrecy,
        "code_name": f"代号{number}" if secrecy is Secrecy.RESTRICTED else None,
        "industry": list(INDUSTRIES)[number % len(INDUSTRIES)],
        "entered_on": entered_on,
        "entered_at": clock.at_civil(entered_on, time(10)),
    }


def _amount(lead: Row) -> Row:
    return {
        "lead_id": lead["id"],
        "kind": AmountKind.TOTAL,
        "amount": Decimal(lead["id"] % 1500 + 1) * 1_000_000,
        "currency": Currency.CNY,
        "stated_on": lead["entered_on"],
        "entered_at": lead["entered_at"],
    }


def _milestones(leads: Iterable[Row]) -> Iterator[Row]:
    for lead in leads:
        first = {
            "lead_id": lead["id"],
            "kind": Stage.LEAD,
            "reached_on": lead["entered_on"],
            "entered_at": lead["entered_at"],
        }
        yield first
        if lead["stage"] is not Stage.LEAD:
            yield first | {"kind": lead["stage"].value}


def _roles(leads: Iterable[Row], people: int, unit_ids: list[int]) -> Iterator[Row]:
    for lead in leads:
        number, since = lead["id"], lead["entered_on"]
        tracker = _tracker(number, people)
        role = {"lead_id": number, "from_on": since, "person_id": None, "unit_id": None}
        yield role | {"role": LeadRoleKind.TRACKER, "person_id": tracker}
        unit_id = unit_ids[number % len(unit_ids)]
        yield role | {"role": LeadRoleKind.RESPONSIBLE_UNIT, "unit_id": unit_id}


def _tracker(number: int, people: int) -> int:
    return FIRST_RECRUITER + number % (people - FIRST_RECRUITER + 1)


def _followups(leads: Iterable[Row], people: int, today: date) -> Iterator[Row]:
    """One of each lead; each twentieth is open and due about now."""
    for lead in leads:
        number = lead["id"]
        is_open = number % 20 == 0
        due_on = today + (number % 15 - 3) * DAY if is_open else lead["entered_on"] + 7 * DAY
        done_at = None if is_open else min(clock.at_civil(due_on, time(16)), clock.at_civil(today))
        yield {
            "ref": f"F{number:06}",
            "lead_id": number,
            "person_id": _tracker(number, people),
            "due_on": due_on,
            "what": "电话回访",
            "done_at": done_at,
            "channel": None if is_open else Channel.PHONE,
            "result": None if is_open else "已沟通用地和用工需求",
            "entered_at": lead["entered_at"],
        }


@click.command()
@click.option("--scale", default=1.0, show_default=True, help="Share of the full size.")
def main(scale: float) -> None:
    """Prepare the database that the settings name, and fill it."""
    now = clock.now()
    with base.sessions() as sessions:
        install(sessions, clock_from=now)
        with writing(sessions) as db:
            fill(db, scale=scale, now=now)


if __name__ == "__main__":
    main()
