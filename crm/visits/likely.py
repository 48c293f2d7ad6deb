"""Whom and which leads a person is likely to choose in a form: those of their recent visits."""

from collections.abc import Collection
from datetime import date, timedelta

from sqlalchemy import Date, Select, func, literal, select, union_all
from sqlalchemy.orm import Session

from crm.base.choices import MOST_LIKELY, Choice
from crm.base.remembered import remembered
from crm.leads.company_queries import visible_company
from crm.leads.models import Company, Lead, LeadRole
from crm.leads.permissions import role_held_on
from crm.leads.queries import offerable
from crm.people.choices import Group, PeopleAsked, offered_people
from crm.people.permissions import Viewer
from crm.visits.models import Visit, VisitCompany, VisitLead, VisitParticipant
from crm.visits.permissions import ids_since

LATELY = timedelta(days=90)
MOST_COMPANIES = 6


def likely_people(
    db: Session, asked: PeopleAsked, *, also: Collection[int] = (), chosen: Collection[int] = ()
) -> list[Choice]:
    """The viewer, whom they visited with lately, colleagues of their units, and those chosen.

    `also`: ids of others who are likely.
    """
    me = asked.viewer.person_id
    # whom an admin looks for in the trail has nothing to do with visits
    companions = () if asked.group is Group.ALL else _companions(db, me, asked.on)
    likely = list(dict.fromkeys([me, *also, *companions]))
    return offered_people(db, asked, likely, chosen=chosen)


def _companions(db: Session, person_id: int, on: date) -> tuple[int, ...]:
    """Whom the person made visits with lately, the most frequent first."""

    def read() -> tuple[int, ...]:
        return tuple(db.scalars(_companions_query(person_id, on)))

    # a form with several fields asks for each of them
    return remembered(db, "companions", person_id, on, read=read)


def _companions_query(person_id: int, on: date) -> Select[int]:
    mine = ids_since(person_id, on - LATELY).cte("mine")
    people = union_all(
        select(Visit.leader_id.label("person_id")).join(mine, mine.c.id == Visit.id),
        select(VisitParticipant.person_id).join(mine, mine.c.id == VisitParticipant.visit_id),
    ).subquery()

    who = people.c.person_id
    query = select(who).where(who != person_id).group_by(who).order_by(func.count().desc(), who)
    return query.limit(MOST_LIKELY)


def likely_leads(
    db: Session, viewer: Viewer, on: date, *, also: Collection[int] = ()
) -> list[Choice]:
    """Leads that the viewer visited lately or is named on, the latest visited or named first.

    `also`: ids of others that are likely, before these.
    """
    mine = ids_since(viewer.person_id, on - LATELY).subquery()
    dated = union_all(
        select(VisitLead.lead_id, Visit.first_on)
        .join(mine, mine.c.id == VisitLead.visit_id)
        .join(Visit, Visit.id == VisitLead.visit_id),
        select(LeadRole.lead_id, LeadRole.from_on).where(
            LeadRole.person_id == viewer.person_id, role_held_on(on)
        ),
        select(Lead.id, literal(date.max, Date)).where(Lead.id.in_(also)),
    ).subquery()

    last_on = func.max(dated.c.first_on).label("last_on")
    latest = select(dated.c.lead_id, last_on).group_by(dated.c.lead_id).subquery()
    query = offerable(db, viewer, on).join(latest, latest.c.lead_id == Lead.id)
    query = query.order_by(latest.c.last_on.desc(), Lead.id.desc())

    most = MOST_LIKELY + len(also)

    def read() -> list[Choice]:
        return [Choice(*row) for row in db.execute(query.limit(most))]

    # forms are opened often, and their likely choices change seldom
    return remembered(db, "likely leads", viewer.person_id, on, tuple(also), read=read)


def likely_companies(
    db: Session, viewer: Viewer, on: date, *, chosen: Collection[int] = ()
) -> list[Choice]:
    """Companies that the viewer met lately, the latest first, and those chosen, as far as seen."""
    mine = ids_since(viewer.person_id, on - LATELY).subquery()
    last_on = func.max(Visit.first_on).label("last_on")
    met = (
        select(VisitCompany.company_id, last_on)
        .join(mine, mine.c.id == VisitCompany.visit_id)
        .join(Visit, Visit.id == VisitCompany.visit_id)
        .where(VisitCompany.company_id.is_not(None))
        .group_by(VisitCompany.company_id)
        .subquery()
    )
    query = select(Company.id, Company.name).where(visible_company(viewer, on))
    latest = query.join(met, met.c.company_id == Company.id).order_by(
        met.c.last_on.desc(), Company.id.desc()
    )

    def read() -> dict[int, str]:
        return dict(db.execute(latest.limit(MOST_COMPANIES)).all())

    found = dict(remembered(db, "likely companies", viewer.person_id, on, read=read))
    if missing := {*chosen} - found.keys():
        found |= dict(db.execute(query.where(Company.id.in_(missing))).all())
    return [Choice(company_id, name, None) for company_id, name in found.items()]
