"""Invented zones side by side under a province, for measurements that grow with recipients.

Each zone has 200 people in units of its own; visits are as frequent as in `bench.zone`, over the
last weeks only.
"""

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from bench.zone_visits import participants, visited, visits
from crm.base import clock
from crm.base.db import Base
from crm.base.money import Currency
from crm.base.periods import DAY
from crm.followups.models import Followup
from crm.leads.amount_models import LeadAmount
from crm.leads.company_names import normal_form
from crm.leads.models import Company, Lead, LeadRole, Milestone
from crm.leads.rules import AmountKind, LeadRoleKind, Secrecy, Stage
from crm.people.models import Person, Posting, Unit
from crm.people.rules import Duty, Role, UnitKind
from crm.visits.models import Visit, VisitLead, VisitParticipant

PEOPLE_IN_ZONE, OFFICES, LEADS_OF_EACH = 200, 8, 5
PROVINCIAL = 10  # people over all zones
DAYS = 40  # of visits, so that they reach back over the month that runs
VISITS_A_DAY = 0.9  # of each person, as in `bench.zone`
ROWS = 5_000  # in one execution

Row = dict[str, Any]


def fill(db: Session, *, people: int, now: datetime) -> None:
    """Insert that many people with their units, leads and visits into an installed database."""
    today = clock.civil_date(now)
    begun = today - 400 * DAY
    homes = _fill_units(db, -(-people // PEOPLE_IN_ZONE))
    numbers = range(1, people + 1)

    _insert(db, Person, (_person(number, clock.at_civil(begun)) for number in numbers))
    _insert(db, Posting, (_posting(number, homes, begun) for number in numbers))
    _fill_leads(db, people, homes, today)

    rng = Random(17)
    drawn = list(visits(rng, round(people * DAYS * VISITS_A_DAY), numbers, today=today, days=DAYS))
    _insert(db, Visit, drawn)
    _insert(db, VisitParticipant, participants(rng, drawn, numbers))
    _insert(db, VisitLead, visited(rng, drawn, range(1, people * LEADS_OF_EACH + 1)))


def _insert(db: Session, table: type[Base], rows: Iterator[Row]) -> None:
    rows = iter(rows)
    while part := list(islice(rows, ROWS)):
        db.execute(insert(table.__table__), part)  # type: ignore[arg-type]


def _fill_units(db: Session, zones: int) -> list[list[int]]:
    """The province's unit, then each zone's with its offices; ids by zone, the first its own."""
    top = _unit(db, "province", "某省", None)
    homes = [[top]]
    for zone in range(1, zones + 1):
        own = _unit(db, f"zone{zone}", f"第{zone}开发区", top)
        offices = [_unit(db, f"z{zone}o{n}", f"招商{n}局", own) for n in range(OFFICES)]
        homes.append([own, *offices])
    return homes


def _unit(db: Session, code: str, name: str, parent_id: int | None) -> int:
    unit = Unit(code=code, name=name, kind=UnitKind.BUREAU, parent_id=parent_id, position=0)
    db.add(unit)
    db.flush()
    return unit.id


def _place(number: int) -> int:
    """Someone's number within their zone."""
    return (number - 1) % PEOPLE_IN_ZONE + 1


def _role(number: int) -> Role:
    """In each zone two principals, four supervisors and twelve deputies; else recruiters."""
    if number <= PROVINCIAL:
        return Role.LEADER
    match _place(number):
        case 3 | 4 | 5 | 6:
            return Role.SUPERVISOR
        case place if place <= 18:  # noqa: PLR2004 - as the sentence above says
            return Role.LEADER
    return Role.RECRUITER


def _duty(number: int) -> Duty:
    match _role(number):
        case Role.RECRUITER:
            return Duty.RECRUITER
        case Role.LEADER:
            return Duty.PRINCIPAL if _place(number) <= 2 else Duty.DEPUTY  # noqa: PLR2004 - as above
        case _:
            return Duty.STAFF


def _home(number: int, homes: list[list[int]]) -> int:
    """The zone's own unit for those who lead it, an office for all others."""
    if number <= PROVINCIAL:
        return homes[0][0]
    own, *offices = homes[1 + (number - 1) // PEOPLE_IN_ZONE]
    return own if _place(number) <= 4 else offices[number % OFFICES]  # noqa: PLR2004 - as above


def _person(number: int, created_at: datetime) -> Row:
    return {
        "username": f"p{number:05}",
        "name": f"同志{number}",
        "pinyin": "tongzhi",
        "search": "tongzhi",
        "email": f"p{number:05}@crm.test",
        "role": _role(number),
        "created_at": created_at,
    }


def _posting(number: int, homes: list[list[int]], begun: date) -> Row:
    return {
        "person_id": number,
        "unit_id": _home(number, homes),
        "duty": _duty(number),
        "is_primary": True,
        "from_on": begun,
        "to_on": None,
    }


def _fill_leads(db: Session, people: int, homes: list[list[int]], today: date) -> None:
    """Five leads of each person, with a milestone; every fourth has a follow-up that is due."""
    numbers = range(1, people * LEADS_OF_EACH + 1)
    _insert(db, Company, (_company(number, today) for number in numbers))
    _insert(db, Lead, (_lead(number, today) for number in numbers))
    _insert(db, LeadAmount, (_amount(number, today) for number in numbers))
    _insert(db, Milestone, (_milestone(number, today) for number in numbers))
    _insert(db, LeadRole, (row for number in numbers for row in _roles(number, homes, today)))
    _insert(db, Followup, (_followup(number, today) for number in numbers if number % 4 == 0))


def _entered_on(number: int, today: date) -> date:
    return today - (number % 300) * DAY


def _owner(number: int) -> int:
    return (number - 1) // LEADS_OF_EACH + 1


def _company(number: int, today: date) -> Row:
    name = f"样例科技{number}有限公司"
    entered_at = clock.at_civil(_entered_on(number, today))
    return {
        "name": name,
        "folded": name,
        "normal": normal_form(name),
        "search": name,
        "country": "中国",
        "created_at": entered_at,
    }


def _lead(number: int, today: date) -> Row:
    secrecy = (Secrecy.OPEN, Secrecy.INTERNAL, Secrecy.INTERNAL, Secrecy.RESTRICTED)[number % 4]
    return {
        "id": number,
        "ref": f"L{number:06}",
        "company_id": number,
        "title": f"生产基地项目{number}",
        "search": f"生产基地项目{number}",
        "stage": Stage.SIGNED if number % 10 == 0 else Stage.FOLLOWING,
        "secrecy": secrecy,
        "code_name": f"代号{number}" if secrecy is Secrecy.RESTRICTED else None,
        "entered_on": _entered_on(number, today),
        "entered_at": clock.at_civil(_entered_on(number, today), time(10)),
    }


def _amount(number: int, today: date) -> Row:
    return {
        "lead_id": number,
        "kind": AmountKind.TOTAL,
        "amount": Decimal(number % 1500 + 1) * 1_000_000,
        "currency": Currency.CNY,
        "stated_on": _entered_on(number, today),
        "entered_at": clock.at_civil(_entered_on(number, today), time(10)),
    }


def _milestone(number: int, today: date) -> Row:
    return {
        "lead_id": number,
        "kind": Stage.SIGNED if number % 10 == 0 else Stage.FOLLOWING,
        "reached_on": _entered_on(number, today),
        "entered_at": clock.at_civil(_entered_on(number, today), time(10)),
    }


def _roles(number: int, homes: list[list[int]], today: date) -> Iterator[Row]:
    since = _entered_on(number, today)
    role = {"lead_id": number, "from_on": since, "person_id": None, "unit_id": None}
    yield role | {"role": LeadRoleKind.TRACKER, "person_id": _owner(number)}
    unit_id = _home(_owner(number), homes)
    yield role | {"role": LeadRoleKind.RESPONSIBLE_UNIT, "unit_id": unit_id}


def _followup(number: int, today: date) -> Row:
    return {
        "ref": f"F{number:06}",
        "lead_id": number,
        "person_id": _owner(number),
        "due_on": today + (number % 40 - 10) * DAY,
        "what": "电话回访",
        "entered_at": clock.at_civil(_entered_on(number, today), time(10)),
    }
