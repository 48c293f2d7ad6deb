"""The people, companies and leads that a quick entry may name, before its writer (ENTRY 1)."""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from crm.base.cities import cities
from crm.base.clock import civil_date
from crm.base.names import folded
from crm.leads.company_queries import visible_company
from crm.leads.device_names import may_be_kept
from crm.leads.models import Company, CompanyAlias, Lead
from crm.leads.queries import offerable
from crm.leads.rules import Secrecy
from crm.people.entry_grants import owners_of
from crm.people.models import Person
from crm.people.permissions import Viewer
from crm.people.queries import at_work
from crm.visits.quick_colleagues import Colleague
from crm.visits.quick_draft import World
from crm.visits.quick_names import SHORTEST_INITIALS, SHORTEST_PART, Known

MOST = 200  # companies and leads that a text may begin to name
_LATIN = re.compile(rf"[a-z0-9-]{{{SHORTEST_INITIALS},}}")


def world_of(db: Session, viewer: Viewer, text: str, now: datetime) -> World:
    """What the writer may name in that text; hidden leads are as unknown as any other word."""
    on = civil_date(now)
    query = select(Person.id, Person.name, Person.search).where(at_work(on))
    return World(
        now=now,
        writer_id=viewer.person_id,
        colleagues=[Colleague(*row) for row in db.execute(query)],
        known=[
            *_companies(db, viewer, _company_named_in(text), on),
            *_leads(db, viewer, _lead_named_in(text), on),
        ],
        cities=cities(),
        enters_for=set(db.scalars(owners_of(viewer.person_id, on))),
    )


def known_on_device(db: Session, viewer: Viewer, on: date, most: int) -> list[Known]:
    """Companies and leads that an entry may name without network, the latest first."""
    return [
        *_companies(db, viewer, may_be_kept(viewer, on), on, most),
        *_leads(db, viewer, Lead.secrecy != Secrecy.RESTRICTED, on, most),
    ]


def _starts(text: str) -> set[str]:
    """Pairs of characters with which a name in the text may begin."""
    plain = folded(text)
    return {plain[at : at + SHORTEST_PART] for at in range(len(plain) - SHORTEST_PART + 1)}


def _words(text: str) -> set[str]:
    return set(_LATIN.findall(text.lower()))


def _begins(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    return func.substr(column, 1, SHORTEST_PART).in_(_starts(text))


def _company_named_in(text: str) -> ColumnElement[bool]:
    """Companies whose normal form, alias or initials the text may have."""
    spelled = [Company.search.contains(f" {word}", autoescape=True) for word in _words(text)]
    alias = select(CompanyAlias.company_id).where(_begins(CompanyAlias.normal, text))
    return or_(_begins(Company.normal, text), Company.id.in_(alias), *spelled)


def _companies(
    db: Session, viewer: Viewer, condition: ColumnElement[bool], on: date, most: int = MOST
) -> Iterable[Known]:
    """The visible companies of that condition with their leads."""
    query = select(Company.id, Company.name, Company.normal, Company.search)
    wanted = query.where(visible_company(viewer, on), condition).order_by(Company.id.desc())
    rows = db.execute(wanted.limit(most)).all()
    # read by the same condition: a device asks for more than a list of ids may hold
    ids = wanted.with_only_columns(Company.id).limit(most).scalar_subquery()

    names = defaultdict[int, list[str]](list)
    aliases = select(CompanyAlias.company_id, CompanyAlias.normal)
    for company_id, normal in db.execute(aliases.where(CompanyAlias.company_id.in_(ids))):
        names[company_id].append(normal)
    leads = defaultdict[int, list[tuple[int, str]]](list)
    of_them = offerable(db, viewer, on).where(Lead.company_id.in_(ids))
    by_company = of_them.with_only_columns(Lead.company_id, Lead.id, Lead.title).order_by(Lead.id)
    for company_id, lead_id, title in db.execute(by_company):
        leads[company_id].append((lead_id, title))

    for row in rows:
        initials = tuple(word for word in row.search.split() if word.isascii())
        own = (row.normal, *names[row.id])
        yield Known(own, initials, (row.id, row.name), tuple(leads[row.id]))


def _lead_named_in(text: str) -> ColumnElement[bool]:
    """Leads whose title or reference the text may have."""
    named = _begins(Lead.search, text)
    words = _words(text)
    return named | func.lower(Lead.ref).in_(words) if words else named


def _leads(
    db: Session, viewer: Viewer, condition: ColumnElement[bool], on: date, most: int = MOST
) -> Iterable[Known]:
    """The leads of that condition which the viewer may name."""
    query = offerable(db, viewer, on).where(condition).order_by(Lead.id.desc()).limit(most)
    columns = (Lead.id, Lead.ref, Lead.title, Company.id, Company.name)
    for lead_id, ref, title, company_id, name in db.execute(query.with_only_columns(*columns)):
        names = (folded(title), ref.lower())
        yield Known(names, company=(company_id, name), leads=((lead_id, title),))
