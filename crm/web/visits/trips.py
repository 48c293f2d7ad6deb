"""Pages of trips (批次): destination, dates and approval, and the visits made there."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import StringField
from wtforms.validators import Length, Optional

from crm.base import formatting
from crm.base.value_class import value_class
from crm.extensions import db
from crm.quotas.pending_visits import ids_awaiting_verdict
from crm.visits import trips
from crm.visits.filters import VisitFilter
from crm.visits.lists import visits_page
from crm.visits.models import Trip
from crm.web.auth import my_view, signed_in
from crm.web.date_fields import DateField
from crm.web.forms import LARGEST_ID, at_cursor, cleaned, is_saved, sensible_year
from crm.web.transaction import moment, today
from crm.web.visits.list_filters import CHOICES_OF_WHO
from crm.web.visits.rows import visit_row, visit_tabs

bp = Blueprint("trips", __name__)
TRIP = f"/trips/<int(max={LARGEST_ID}):trip_id>"
_short = Length(max=100, message="最多 %(max)d 个字。")


class TripForm(FlaskForm):
    destination = StringField("目的地", [_short], filters=[cleaned])
    first_on = DateField("开始日期", [Optional(), sensible_year])
    last_on = DateField("结束日期", [Optional(), sensible_year])
    approval = StringField("批准文号", [_short], filters=[cleaned])

    def trip_data(self) -> trips.TripData:
        """The data of a valid form."""
        return trips.TripData(
            destination=self.destination.data,
            first_on=self.first_on.data,
            last_on=self.last_on.data,
            approval=self.approval.data,
        )


@value_class
class TripRow:
    """A trip in the list."""

    trip: Trip
    days: str
    visits: int


@bp.get("/trips")
def listing() -> ResponseReturnValue:
    """The trips of which I may see a visit, the latest entered first."""
    page = trips.trips_page(db.session, my_view(), today(), cursor=request.args.get("at"))
    counts = trips.count_visits(db.session, my_view(), page.items, today())
    return render_template(
        "visits/trips.html",
        # cancelled visits are left out, so a trip may have none
        rows=[TripRow(trip, _days(trip), counts.get(trip.ref, (0, 0))[0]) for trip in page.items],
        tabs=visit_tabs("trips", CHOICES_OF_WHO[signed_in().role]),
        newer=at_cursor(page.newer),
        older=at_cursor(page.older),
    )


@bp.get(TRIP)
def show(trip_id: int) -> ResponseReturnValue:
    """One trip with those of its visits that I may see."""
    trip = _trip_or_404(trip_id)
    page = visits_page(
        db.session,
        my_view(),
        today(),
        by=VisitFilter(trip=trip.ref),
        cursor=request.args.get("at"),
    )
    waiting = ids_awaiting_verdict(db.session, page.items, moment())
    # visits beyond the trip's dates: one of the two is likely mistyped
    _, outside = trips.count_visits(db.session, my_view(), [trip], today()).get(trip.ref, (0, 0))

    return render_template(
        "visits/trip.html",
        trip=trip,
        facts=_facts(trip),
        outside=outside,
        can_change=trips.may_change(db.session, my_view(), trip, today()),
        rows=[visit_row(visit, moment(), waiting_ids=waiting) for visit in page.items],
        newer=at_cursor(page.newer),
        older=at_cursor(page.older),
    )


@bp.get(f"{TRIP}/edit")
def edit(trip_id: int) -> ResponseReturnValue:
    trip = _changeable_or_404(trip_id)
    return render_template("visits/trip_edit.html", trip=trip, form=TripForm(obj=trip))


@bp.post(f"{TRIP}/edit")
def change(trip_id: int) -> ResponseReturnValue:
    trip, form = _changeable_or_404(trip_id), TripForm()

    def describe(session: Session) -> None:
        trips.describe_trip(session, trip=trip, data=form.trip_data(), by=signed_in(), now=moment())

    if form.validate() and is_saved(form, describe):
        flash("已保存。", "success")
        return redirect(url_for(".show", trip_id=trip_id))

    return render_template("visits/trip_edit.html", trip=trip, form=form), 422


def _trip_or_404(trip_id: int) -> Trip:
    trip = trips.trip_of(db.session, my_view(), trip_id, today())
    return trip or abort(404)


def _changeable_or_404(trip_id: int) -> Trip:
    trip = _trip_or_404(trip_id)
    if not trips.may_change(db.session, my_view(), trip, today()):
        abort(404)
    return trip


def _days(trip: Trip) -> str:
    first, last = trip.first_on, trip.last_on
    if first and last:
        return formatting.span(first, last)
    if first:
        return f"{formatting.dated(first, today())} 起"
    return f"至 {formatting.dated(last, today())}" if last else ""


def _facts(trip: Trip) -> list[tuple[str, str]]:
    pairs = [
        ("目的地", trip.destination or ""),
        ("日期", _days(trip)),
        ("批准文号", trip.approval or ""),
    ]
    return [(label, text) for label, text in pairs if text]
