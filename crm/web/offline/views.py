"""The service worker, and what it keeps on the device of whoever signed in there last (ENTRY 2)."""

from dataclasses import asdict
from datetime import date
from functools import cache
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from crm.base.choices import Choice
from crm.base.cities import cities
from crm.extensions import db
from crm.leads.device_names import MOST_KEPT, device_companies, device_leads
from crm.people.choices import PeopleAsked, all_people
from crm.people.entry_grants import entered_for
from crm.people.permissions import Viewer
from crm.visits.queries import LastChoices, last_choices
from crm.visits.quick_grammar import grammar, kinds
from crm.visits.quick_world import known_on_device
from crm.visits.rules import HOME, Status
from crm.web.assets import built_file
from crm.web.auth import my_view, signed_in
from crm.web.choices.fields import CompanyField
from crm.web.forms import NOTHING
from crm.web.offline.records import kept_day
from crm.web.site import is_demo
from crm.web.transaction import moment, today
from crm.web.visits.forms import VisitForm, initial_values, offer_owners, set_choices

bp = Blueprint("offline", __name__)
# What somebody may have typed without network, for the demonstration: all of it is assumed.
EXAMPLE = "昨天下午在上海拜访溟南显示，见了王总，谈设备选型"


@bp.get("/sw.js")
def worker() -> ResponseReturnValue:
    """The service worker, which a browser asks for again whenever it looks for a newer one."""
    headers = {"Cache-Control": "no-cache"}
    return Response(_worker(), mimetype="text/javascript", headers=headers)


@cache
def _worker() -> bytes:
    return built_file("sw.js").read_bytes()


@bp.get("/offline")
def no_page() -> ResponseReturnValue:
    """What stands in the place of a page that the device does not keep; nobody's."""
    return render_template("offline/no_page.html")


@bp.get("/me/queue")
def queue() -> ResponseReturnValue:
    """What waits on this device; the server knows nothing of it, nor does it ask who looks."""
    return render_template("offline/queue.html", example=EXAMPLE if is_demo() else "")


@bp.get("/offline/day")
def day() -> ResponseReturnValue:
    """My day as the device keeps it."""
    now = moment()
    return render_template(
        "offline/day.html", day=kept_day(db.session, my_view(), now), made_at=now, on=today()
    )


@bp.get("/offline/visit")
def visit() -> ResponseReturnValue:
    """The form of a visit as the device keeps it: its lists are filled there from the names."""
    last = last_choices(db.session, my_view(), today())
    owners = entered_for(db.session, signed_in().id, today())
    usual = LastChoices(last.kind, last.channel)  # its city may be where a restricted lead is
    values = initial_values(usual, signed_in().id, moment(), status=Status.DONE)
    # each visit gets a reference of its own when it is saved; the key of its form makes it one
    form = VisitForm(data=values | {"ref": "", "leader_id": None if owners else signed_in().id})
    set_choices(db.session, form, my_view(), today())
    form.lead_ids.choices, form.trips = [], ()
    form.companies.pickers[0].choices = [NOTHING]
    offer_owners(form, my_view(), owners)
    return render_template("offline/visit.html", form=form)


@bp.get("/offline/names")
def names() -> ResponseReturnValue:
    """The people, leads, companies and cities that I may choose."""
    viewer, on = my_view(), today()
    people = all_people(db.session, PeopleAsked(viewer, on), MOST_KEPT)
    companies = device_companies(db.session, viewer, on)
    return {
        "people": _rows(people),
        "leads": _rows(device_leads(db.session, viewer, on)),
        "companies": _rows(companies, CompanyField.prefix),
        "cities": sorted(cities()),
        "quick": _quick(viewer, on),
    }


def _quick(viewer: Viewer, on: date) -> dict[str, Any]:
    """What the page needs to read a quick entry as the server does."""
    return {
        "writer": viewer.person_id,
        "grammar": grammar(),
        "kinds": kinds(),
        "home": HOME,
        "entersFor": [person.id for person in entered_for(db.session, viewer.person_id, on)],
        "known": [asdict(known) for known in known_on_device(db.session, viewer, on, MOST_KEPT)],
    }


def _rows(choices: list[Choice], prefix: str = "") -> list[Any]:
    return [[f"{prefix}{row.id}", row.text, row.note or "", row.search] for row in choices]
