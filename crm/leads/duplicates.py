"""Leads that may be of the company that is being entered (PROJECTS 6).

What only hidden leads tell finds nothing for the viewer; without a viewer everything counts.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    exists,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from crm.base.enums import LabeledEnum
from crm.base.masking import whole_number
from crm.base.value_class import value_class
from crm.leads.companies import LeadScope
from crm.leads.company_names import SHORTEST_CONTAINED, normal_form, parts_of, place_of
from crm.leads.credit_codes import credit_code_of
from crm.leads.models import Company, CompanyAlias, Contact, Lead
from crm.leads.search_index import companies_with

MOST_OF_KIND = 50  # companies that one kind of likeness finds
MOST_LEADS = 10  # shown, the likeliest first


class Level(LabeledEnum):
    """How likely two entries are of one company."""

    CERTAIN = "certain", "同一企业"
    LIKELY = "likely", "疑似同一企业"
    POSSIBLE = "possible", "可能相关"


class Likeness(LabeledEnum):
    """What two entries have in common."""

    CREDIT_CODE = "credit_code", "信用代码相同"
    NAME = "name", "名称相同（不计地名、括号和“有限公司”等）"
    REACHED_ALIKE = "reached_alike", "联系人电话或邮箱相同"
    PART_OF_NAME = "part_of_name", "名称包含"
    GROUP = "group", "所属集团相同"
    CONTACT_AND_CITY = "contact_and_city", "联系人同名且同城"

    @property
    def level(self) -> Level:
        if self is Likeness.CREDIT_CODE:
            return Level.CERTAIN
        return Level.LIKELY if self in _LIKELY else Level.POSSIBLE


_LIKELY = (Likeness.NAME, Likeness.REACHED_ALIKE)
LEVELS = list(Level)


@value_class(kw_only=True)
class Entered:
    """What is known of the company that is being entered."""

    name: str
    credit_code: str | None = None
    group_name: str | None = None
    contact: str | None = None
    phone: str | None = None
    email: str | None = None

    @property
    def is_empty(self) -> bool:
        return not any((self.name.strip(), self.credit_code, self.phone, self.email))


@value_class
class Duplicate:
    """A lead whose company may be the one that is being entered."""

    lead_id: int
    company_id: int
    company: str
    likenesses: tuple[Likeness, ...]  # the likeliest first

    @property
    def level(self) -> Level:
        return self.likenesses[0].level

    @property
    def stops(self) -> bool:
        """Whether the form stops for it once."""
        return self.level is not Level.POSSIBLE


def duplicates(
    db: Session, entered: Entered, scope: LeadScope, *, levels: Collection[Level] = tuple(Level)
) -> list[Duplicate]:
    """Visible leads of companies like the entered one, the likeliest and latest first."""
    if entered.is_empty:
        return []

    alike = _companies_alike(db, entered, scope, levels)
    query = (
        select(Lead.id, Lead.company_id, Company.name)
        .join(Lead.company)
        .where(Lead.company_id.in_(alike), scope.visible)
        .order_by(Lead.entered_on.desc(), Lead.id.desc())
    )
    found = [Duplicate(*row, tuple(alike[row.company_id])) for row in db.execute(query)]

    return sorted(found, key=lambda row: LEVELS.index(row.level))[:MOST_LEADS]


def hidden_duplicates(
    db: Session, entered: Entered, scope: LeadScope, *, without: int
) -> Sequence[int]:
    """Ids of certain and likely duplicates that whoever entered it may not see."""
    if entered.is_empty or scope.viewer is None:
        return []

    levels = (Level.CERTAIN, Level.LIKELY)
    alike = _companies_alike(db, entered, LeadScope(None, scope.on), levels)
    hidden = select(Lead.id).where(Lead.company_id.in_(alike), ~scope.visible, Lead.id != without)

    return db.scalars(hidden.order_by(Lead.id)).all()


def _companies_alike(
    db: Session, entered: Entered, scope: LeadScope, levels: Collection[Level]
) -> dict[int, list[Likeness]]:
    """By company, what it has in common with the entered one, the strongest first."""
    found: defaultdict[int, set[Likeness]] = defaultdict(set)
    kinds = [
        select(literal(likeness.value).label("likeness"), ids.subquery().c[0].label("company_id"))
        for likeness, ids in _searches(entered, scope)
        if likeness.level in levels
    ]
    for row in db.execute(union_all(*kinds)) if kinds else ():
        found[row.company_id].add(Likeness(row.likeness))
    if Level.POSSIBLE in levels:
        for company_id in _known_by_contact(db, entered, scope):
            found[company_id].add(Likeness.CONTACT_AND_CITY)

    order = list(Likeness)
    return {company_id: sorted(kinds, key=order.index) for company_id, kinds in found.items()}


def _searches(
    entered: Entered, scope: LeadScope
) -> Iterator[tuple[Likeness, Select[*tuple[int, ...]]]]:
    """What finds companies, each by an index of its own; the first column is the company's id."""
    code, normal = credit_code_of(entered.credit_code), normal_form(entered.name)
    is_open = hides_no_lead(scope)
    alias = select(CompanyAlias.company_id).join(CompanyAlias.company).where(is_open)

    if code:
        own = select(Company.id).where(Company.credit_code == code, is_open)
        yield Likeness.CREDIT_CODE, _few(own)
        of_leads = select(Lead.company_id).where(Lead.credit_code == code, scope.visible)
        yield Likeness.CREDIT_CODE, _few(of_leads)
    if normal:
        yield Likeness.NAME, _few(select(Company.id).where(Company.normal == normal))
        yield Likeness.NAME, _few(alias.where(CompanyAlias.normal == normal))
    if whole_number(entered.phone) or entered.email:
        yield Likeness.REACHED_ALIKE, _few(_contacts(entered, scope))
    if len(normal) >= SHORTEST_CONTAINED:
        yield from _parts(normal, alias)
    if group := (entered.group_name or "").strip():
        own = select(Company.id).where(Company.group_name == group, is_open)
        yield Likeness.GROUP, _few(own)
        of_leads = select(Lead.company_id).where(Lead.group_name == group, scope.visible)
        yield Likeness.GROUP, _few(of_leads)


def _parts(normal: str, alias: Select[int]) -> Iterator[tuple[Likeness, Select[*tuple[int, ...]]]]:
    """Companies whose name contains the entered one, and those whose name it contains."""
    named, called = companies_with(normal)
    whole = [
        select(Company.id).where(
            Company.id.in_(named), Company.normal.contains(normal), Company.normal != normal
        ),
        alias.where(CompanyAlias.company_id.in_(called), CompanyAlias.normal.contains(normal)),
    ]
    parts = parts_of(normal) - {normal}
    within = [
        select(Company.id).where(Company.normal.in_(parts)),
        alias.where(CompanyAlias.normal.in_(parts)),
    ]
    for query in (*whole, *within):
        yield Likeness.PART_OF_NAME, _few(query)


def _contacts(entered: Entered, scope: LeadScope) -> Select[int]:
    phone = whole_number(entered.phone)
    same = [Contact.phone == phone] if phone else []
    if entered.email:
        # as typed or in small letters: an index finds no other spelling
        same.append(Contact.email.in_({entered.email, entered.email.lower()}))
    return select(Contact.company_id).where(or_(*same), is_seen(scope))


def _known_by_contact(db: Session, entered: Entered, scope: LeadScope) -> list[int]:
    """Companies of the same city with a contact of the same name."""
    name, city = (entered.contact or "").strip(), place_of(entered.name)
    if not name or not city:
        return []
    query = select(Company.id, Company.name).join(Contact, Contact.company_id == Company.id)
    rows = db.execute(query.where(Contact.name == name, is_seen(scope)).limit(MOST_OF_KIND))
    return [row.id for row in rows if place_of(row.name) == city]


def is_seen(scope: LeadScope) -> ColumnElement[bool]:
    """Contacts of a visible lead, and those of no lead where the company hides none."""
    seen = exists().where(Lead.id == Contact.lead_id, scope.visible)
    bare = Contact.lead_id.is_(None) & hides_no_lead(scope, Contact.company_id)
    return or_(seen, bare)


def hides_no_lead(
    scope: LeadScope, company_id: SQLColumnExpression[int] | None = None
) -> ColumnElement[bool]:
    """Companies of which every lead is visible: only of them is all that is known told."""
    if scope.viewer is None:
        return true()
    of_it = Company.id if company_id is None else company_id
    return ~exists().where(Lead.company_id == of_it, ~scope.visible)


def _few(query: Select[*tuple[int, ...]]) -> Select[*tuple[int, ...]]:
    return query.limit(MOST_OF_KIND)
