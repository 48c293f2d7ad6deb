"""The search of everything: one box on every page, with what the viewer may see (PROJECTS 2).

Nothing of what was searched for is kept.
"""

from collections.abc import Iterator

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from crm.base.choices import MOST_SOUGHT
from crm.base.typed_text import half_width
from crm.extensions import db
from crm.leads.found import found_records
from crm.people.choices import PeopleAsked, found_people
from crm.people.directory import PeopleFilter, people_page
from crm.people.rules import Role
from crm.problems.queries import found_problems
from crm.supervision.register import found_orders
from crm.visits.found import VisitSearch, found_visits
from crm.web.auth import my_view
from crm.web.forms import text_arg
from crm.web.problems.onlooking import my_onlooker
from crm.web.quotas.visible_figures import my_figure_scope
from crm.web.search.rows import (
    MOST_ASKED,
    FoundGroup,
    Kind,
    colleague_row,
    company_row,
    contact_row,
    group,
    lead_row,
    order_row,
    person_row,
    problem_row,
    visit_row,
)
from crm.web.transaction import moment, today

bp = Blueprint("search", __name__, url_prefix="/search")


@bp.get("")
def show() -> ResponseReturnValue:
    """The page of what was found, for those without script and for whoever presses Enter."""
    text = _text()
    return render_template("search/show.html", sought=text, **_found(text))


@bp.get("/found")
def found() -> ResponseReturnValue:
    """What the box shows as one types."""
    text = _text()
    return render_template("search/_found.html", sought=text, **_found(text))


def _text() -> str:
    return half_width(text_arg("q"))[:MOST_SOUGHT].strip()


def _found(text: str) -> dict[str, object]:
    groups = list(_groups(text)) if text else []
    # a number that is somebody's or something's comes before what merely contains it
    groups.sort(key=lambda each: not each.is_exact)
    return {
        "groups": [each for each in groups if each.rows or each.all_url],
        "is_empty": not any(each.rows for each in groups),
        "kinds": "、".join(kind.label for kind in Kind),
    }


def _groups(text: str) -> Iterator[FoundGroup]:
    """What was found of each kind."""
    viewer, on = my_view(), today()
    records = found_records(db.session, viewer, on, text)
    companies = url_for("companies.listing", q=text)

    yield group(
        Kind.LEADS, records.leads, lead_row, all_url=url_for("leads.listing", who="all", q=text)
    )
    yield group(Kind.COMPANIES, records.companies, company_row, all_url=companies)
    yield group(
        Kind.CONTACTS, records.contacts, lambda row: contact_row(row, text), all_url=companies
    )
    yield _people(text)
    yield _visits(
        VisitSearch(
            text,
            [lead.id for lead in records.leads],
            [company.id for company in records.companies],
        )
    )
    yield group(
        Kind.ORDERS,
        found_orders(db.session, viewer, on, my_figure_scope(), text, most=MOST_ASKED),
        lambda row: order_row(row, text),
        all_url=url_for("supervision.listing", view="all", q=text),
    )
    yield group(
        Kind.PROBLEMS,
        found_problems(db.session, my_onlooker(), text, most=MOST_ASKED),
        lambda row: problem_row(row, text),
        all_url=url_for("problems.listing", view="all", state="any", q=text),
    )


def _people(text: str) -> FoundGroup:
    on = today()
    if my_view().role is not Role.ADMIN:
        colleagues = found_people(db.session, PeopleAsked(my_view(), on), text)
        return group(Kind.PEOPLE, colleagues, colleague_row, all_url=None)

    page = people_page(db.session, PeopleFilter(text=text), now=moment(), on=on)
    url = url_for("people.listing", q=text)
    return group(Kind.PEOPLE, page.items, person_row, all_url=url)


def _visits(search: VisitSearch) -> FoundGroup:
    on = today()
    visits = found_visits(db.session, my_view(), on, search, most=MOST_ASKED)
    return group(
        Kind.VISITS,
        visits,
        lambda visit: visit_row(visit, search.text, on),
        all_url=url_for("visits.listing", who="all", q=search.text),
        # only of the latest visits the words were searched
        all_label="在全部拜访中查找",
    )
