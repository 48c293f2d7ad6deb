"""The product's answers, in the oracle's words: a zone goes in by the imports and the services."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from crm.base.periods import Period, PeriodKind
from crm.base.workdays import Source
from crm.cli.quota import as_explanation
from crm.people.absence_imports import import_absences
from crm.people.imports import import_people
from crm.people.models import Person
from crm.people.rules import Duty, Role
from crm.quotas.models import RuleVersion, WorkdayOverride
from crm.quotas.queries import explained_figures
from crm.quotas.rules import Cap, CountBy, Measure, Proration, Rounding
from crm.visits.imports import check_visits, keep_visits
from crm.visits.models import Visit
from crm.visits.rules import Channel, Kind
from crm.visits.service import VisitData, change_visit, set_done
from crm.visits.verdicts import confirm_visit, reject_visit
from tests.factories import make_absence, make_person, make_unit

from . import files
from .facts import Rule
from .oracle import Figure
from .zone import UNITS, Change, RandomZone, VisitRow

# Lists that are compared apart, and what kind of figure it is, which the oracle does not say.
UNSAID = ("counted", "not_counted", "basis", "estimated")
Figures = dict[tuple[str, str], Figure]  # by rule code and username


def fill(db: Session, zone: RandomZone, folder: Path) -> None:
    """Put a zone into an empty database; its files are written into the folder."""
    for code in UNITS:
        make_unit(db, code=code)
    plant(db, zone)
    now = zone.imported_at
    import_people(db, content=files.write_people(zone, folder).read_bytes(), by=None, now=now)
    import_absences(db, content=files.write_absences(zone, folder).read_bytes(), by=None, now=now)
    content = files.write_visits(zone, folder).read_bytes()
    keep_visits(db, file=check_visits(db, content=content, now=now), now=now)
    live(db, zone)


def plant(db: Session, zone: RandomZone) -> None:
    """The rows that no command brings yet: rules that are not there, and overrides."""
    there = set(db.scalars(select(RuleVersion.code)))
    db.add_all(version(rule) for rule in zone.rules if rule.code not in there)
    db.add_all(
        WorkdayOverride(on=on, is_workday=is_workday, source=Source.OVERRIDE)
        for on, is_workday in zone.overrides.items()
    )
    db.flush()


def version(rule: Rule) -> RuleVersion:
    """A rule as the product's row."""
    return RuleVersion(
        **asdict(rule)
        | {
            "name": rule.code,
            "duty": Duty(rule.duty),
            "measure": Measure(rule.measure),
            "count_by": CountBy(rule.count_by),
            "period": PeriodKind(rule.period),
            "kinds": frozenset(map(Kind, rule.kinds)),
            "channels": frozenset(map(Channel, rule.channels)),
            "proration": Proration(rule.proration),
            "rounding": Rounding(rule.rounding),
            "cap": Cap(rule.cap),
        }
    )


def live(db: Session, zone: RandomZone) -> None:
    """What no file tells: absences nobody approved, plans set done, verdicts of a supervisor."""
    people = {person.username: person for person in db.scalars(select(Person))}
    visits = {visit.ref: visit for visit in db.scalars(select(Visit))}
    chief, clerk = (
        make_person(db, name, role=Role.ADMIN, duty=None) for name in ("chief", "clerk")
    )
    for absence in zone.absences:
        if not absence.approved:
            who = people[absence.username]
            make_absence(db, who, absence.from_on, absence.to_on, approved_at=None)
    for row in zone.visits:
        visit = visits[row.ref]
        if row.change:
            change(db, row.change, visit, people, clerk)
        is_judged_first = row.judged_at and row.done_at and row.judged_at < row.done_at
        if is_judged_first:
            judge(db, row, visit, chief)
        if row.done_at:
            set_done(db, visit=visit, by=people[row.leader], now=row.done_at)
        if not is_judged_first:
            judge(db, row, visit, chief)


def change(
    db: Session, made: Change, visit: Visit, people: Mapping[str, Person], clerk: Person
) -> None:
    """Make the visit longer, of another kind or with others."""
    data = VisitData(
        kind=Kind(made.kind),
        channel=visit.channel,
        status=visit.status,
        starts_at=visit.starts_at,
        ends_at=made.ends_at,
        city=visit.city,
        leader_id=visit.leader_id,
        participant_ids=[people[username].id for username in made.participants],
    )
    change_visit(db, visit=visit, data=data, by=clerk, now=made.at)


def judge(db: Session, row: VisitRow, visit: Visit, chief: Person) -> None:
    """The verdict given after the import, if any."""
    if row.judged_at is None:
        return
    if row.judgement == "confirmed":
        confirm_visit(db, visit=visit, by=chief, now=row.judged_at)
    else:
        reject_visit(db, visit=visit, reason="重复登记", by=chief, now=row.judged_at)


def product_figures(db: Session, period: str, as_of: datetime) -> Figures:
    """The product's figures of a period at a moment."""
    found = explained_figures(db, period=Period.parse(period), as_of=as_of)
    answers = [spoken(as_explanation(each)) for each in found]
    by_key = {(str(a.report["rule"]), str(a.report["person"])): a for a in answers}
    assert len(by_key) == len(answers), "one figure per person, rule and period"
    return by_key


def spoken(explained: Mapping[str, Any]) -> Figure:
    """What `crm quota explain` prints, as the oracle says it."""
    return Figure(
        {key: value for key, value in explained.items() if key not in UNSAID},
        sorted((part["visit"], part["days"]) for part in explained["counted"]),
        sorted((part["visit"], part["reason"], part["days"]) for part in explained["not_counted"]),
    )
