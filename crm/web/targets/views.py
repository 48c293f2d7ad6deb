"""Pages of targets: how far a year has come, and the projects behind a figure."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.money import Currency
from crm.extensions import db
from crm.leads.redaction import LeadLabel, lead_labels
from crm.people.queries import unit_tree
from crm.targets.models import Target
from crm.targets.queries import courses, speeds_of, target_progress
from crm.targets.rules import TargetProgress
from crm.targets.speed import year_of
from crm.web.auth import my_view
from crm.web.forms import LARGEST_ID, YEARS
from crm.web.targets.rows import by_unit, target_row
from crm.web.transaction import moment, today

bp = Blueprint("targets", __name__)


@dataclass(frozen=True, slots=True)
class ProjectLine:
    """A project behind a figure, as its reader may know it."""

    lead: LeadLabel
    reached_on: date
    what: str
    amount: Decimal | None
    currency: Currency | None
    unit_name: str


@bp.get("/targets")
def board() -> ResponseReturnValue:
    """The year's targets of my units against its months, and how fast its projects go."""
    year = _year()
    told = _target_progress(year)
    period = year_of(year)
    mine = my_view().unit_ids
    whole = all(one.unit.id in mine for one in unit_tree(db.session))
    ended = [
        one
        for one in courses(db.session, period, moment())
        if one.unit_id in mine or (whole and one.unit_id is None)
    ]

    return render_template(
        "targets/board.html",
        units=by_unit(told),
        speeds=speeds_of(ended, period),
        months=told[0].months if told else 0,
        has_records=my_view().oversees,
        label=f"{year}年",
        previous=url_for(".board", year=year - 1) if year - 1 in YEARS else None,
        next=url_for(".board", year=year + 1) if year < today().year + 1 else None,
        current=url_for(".board") if year != today().year else None,
    )


@bp.get(f"/targets/<int(max={LARGEST_ID}):target_id>")
def show(target_id: int) -> ResponseReturnValue:
    """The projects behind the figure of one target, as far as they are mine to see."""
    target = db.session.get(Target, target_id) or abort(404)
    found = [one for one in _target_progress(target.year) if one.goal.id == target_id]
    told = found[0] if found else abort(404)
    lines = _projects(told)

    return render_template(
        "targets/show.html",
        unit_name=told.unit_name,
        row=target_row(told),
        year=target.year,
        projects=lines,
        hidden=len(told.projects) - len(lines),
    )


def _year() -> int:
    """The year that was asked for, or this one."""
    year: int = request.args.get("year", today().year, type=int)
    return year if year in YEARS else abort(404)


def _target_progress(year: int) -> list[TargetProgress]:
    return target_progress(
        db.session,
        units=unit_tree(db.session),
        seen=my_view().unit_ids,
        year=year,
        last=today(),
        before=today(),
        at=moment(),
    )


def _projects(told: TargetProgress) -> list[ProjectLine]:
    """The latest first; a project that is not mine to see is counted, not listed (REGIME 2)."""
    lead_ids = [one.lead_id for one in told.projects]
    labels = lead_labels(db.session, my_view(), lead_ids, today())
    names = {one.unit.id: one.unit.name for one in unit_tree(db.session)}

    return [
        ProjectLine(
            labels[one.lead_id],
            one.reached_on,
            one.kind.label,
            one.amount,
            one.currency,
            names.get(one.unit_id or 0, "未定责任单位"),
        )
        for one in reversed(told.projects)
        if labels[one.lead_id].id is not None
    ]
