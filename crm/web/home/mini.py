"""The small page for the browsers inside messengers: what waits today, and one-touch answers.

It has a sheet of its own and no script, so that it opens at once where nothing of the application
is kept yet. Whatever takes more than a touch leads to the whole application.
"""

from collections.abc import Sequence

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from crm.extensions import db
from crm.people import absence_approval
from crm.people.permissions import Viewer
from crm.people.rules import WITH_RECORDS
from crm.quotas.pending_visits import visits_to_judge
from crm.web.absences.rows import AbsenceRow, absence_row
from crm.web.auth import my_view
from crm.web.home.records import Records, grants_of, records_of
from crm.web.home.todo import todo_items
from crm.web.quotas.late_visits import LateVisit, late_visits
from crm.web.transaction import moment, today
from crm.web.unseen_changes import position_shown

bp = Blueprint("mini", __name__)
MOST = 8  # of a kind: the page is for a glance


@bp.get("/m")
def show() -> ResponseReturnValue:
    """What waits for the viewer today."""
    me, now, on = my_view(), moment(), today()
    shown_at = position_shown()

    return render_template(
        "home/mini.html",
        on=on,
        todo_items=todo_items(db.session, me, on, now),
        late=_late_visits(db.session, me, shown_at),
        absences=_absences(db.session, me),
        records=_records(db.session, me),
        most=MOST,
    )


def _records(session: Session, me: Viewer) -> Records | None:
    if me.role not in WITH_RECORDS:
        return None
    owners = grants_of(session, me.person, today()).owners
    return records_of(session, me, owners, moment())


def _late_visits(session: Session, me: Viewer, shown_at: int) -> Sequence[LateVisit]:
    if not me.judges_any:
        return ()
    visits = visits_to_judge(session, me, moment())[:MOST]
    return late_visits(session, me, visits, moment(), shown_at=shown_at)


def _absences(session: Session, me: Viewer) -> list[AbsenceRow]:
    waiting = absence_approval.waiting(session, me, today())
    return [absence_row(absence, today()) for absence in waiting[:MOST]]
