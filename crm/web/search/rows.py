"""What the search of everything lists: a few of each kind, with the way to all of that kind."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from flask import url_for

from crm.base import formatting
from crm.base.choices import Choice
from crm.base.enums import LabeledEnum
from crm.base.masking import masked_phone
from crm.base.value_class import value_class
from crm.leads.found import FoundCompany, FoundLead
from crm.leads.reached import ReachedContact
from crm.leads.rules import Secrecy
from crm.people.directory import PersonLine
from crm.problems.models import Problem
from crm.supervision.models import Order
from crm.supervision.rules import number_of
from crm.visits.redaction import SeenVisit
from crm.visits.rules import Status
from crm.web.supervision.rows import NO_NUMBER
from crm.web.visits.rows import names_of, title_of

MOST_SHOWN = 5  # of each kind
MOST_ASKED = MOST_SHOWN + 1  # one more shows whether there are others
Row = TypeVar("Row")


class Kind(LabeledEnum):
    """What is searched, in the order in which it is listed."""

    LEADS = "leads", "线索"
    COMPANIES = "companies", "企业"
    CONTACTS = "contacts", "联系人"
    PEOPLE = "people", "人员"
    VISITS = "visits", "拜访"
    ORDERS = "orders", "督办单"
    PROBLEMS = "problems", "困难问题"


@value_class
class FoundRow:
    """One thing that was found."""

    url: str
    text: str
    note: str
    is_exact: bool = False  # the text is its number


@value_class
class FoundGroup:
    """What was found of one kind."""

    kind: Kind
    rows: Sequence[FoundRow]
    all_url: str | None  # the list, searched for the same text
    all_label: str

    @property
    def is_exact(self) -> bool:
        return any(row.is_exact for row in self.rows)


def group(
    kind: Kind,
    found: Sequence[Row],
    row: Callable[[Row], FoundRow],
    *,
    all_url: str | None,
    all_label: str = "",
) -> FoundGroup:
    """The first few of what was found, what has the text as its number before others.

    The list stands below them where there are more, or where it has a label of its own.
    """
    rows = sorted(map(row, found), key=lambda shown: not shown.is_exact)
    is_listed = all_label or len(rows) > MOST_SHOWN
    label = all_label or f"全部{kind.label}"
    return FoundGroup(kind, rows[:MOST_SHOWN], all_url if is_listed else None, label)


def lead_row(lead: FoundLead) -> FoundRow:
    level = "" if lead.secrecy is Secrecy.OPEN else lead.secrecy.label
    note = _line(lead.company, lead.stage.label, level)
    return FoundRow(url_for("leads.show", lead_id=lead.id), lead.title, note, lead.has_ref)


def company_row(company: FoundCompany) -> FoundRow:
    url = url_for("companies.show", company_id=company.id)
    return FoundRow(url, company.name, "", company.has_code)


def contact_row(contact: ReachedContact, text: str) -> FoundRow:
    url = url_for("companies.show", company_id=contact.company_id)
    name = f"{contact.name} {contact.position or ''}".strip()
    note = _line(contact.company, masked_phone(contact.phone or ""))
    return FoundRow(url, name, note, contact.has_number(text))


def colleague_row(person: Choice) -> FoundRow:
    """A person whose page is not the viewer's: the visits of theirs that the viewer may see."""
    url = url_for("visits.listing", who="all", q=person.text)
    return FoundRow(url, person.text, _line(person.note or "", "查看拜访"))


def person_row(line: PersonLine) -> FoundRow:
    """A person before an admin."""
    url = url_for("people.show", username=line.person.username)
    return FoundRow(url, line.person.name, line.unit)


def visit_row(visit: SeenVisit, text: str, on: date) -> FoundRow:
    state = "" if visit.status is Status.DONE else visit.status.label
    day = formatting.dated(visit.first_on, on)
    note = _line(day, title_of(visit), visit.leader.name, state)
    is_exact = visit.ref.casefold() == text.casefold()
    return FoundRow(url_for("visits.show", visit_id=visit.id), names_of(visit)[0], note, is_exact)


def order_row(order: Order, text: str) -> FoundRow:
    year, number = number_of(text)
    is_exact = number is not None and number == order.number
    number_text = order.number_text or NO_NUMBER[order.state]
    return FoundRow(
        url_for("supervision.show", order_id=order.id),
        order.matter,
        _line(number_text, order.state.label if order.number else ""),
        is_exact and year in (None, order.number_year),
    )


def problem_row(problem: Problem, text: str) -> FoundRow:
    url = url_for("problems.show", problem_id=problem.id)
    note = _line(problem.category.name, problem.state.label)
    return FoundRow(url, problem.matter, note, problem.ref.casefold() == text.casefold())


def _line(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
