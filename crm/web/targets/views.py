"""The pages of annual targets: progress by unit, and the projects counted for a target."""

from datetime import date
from decimal import Decimal

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.money import Currency
from crm.base.sheets import Format
from crm.base.value_class import value_class
from crm.extensions import db
from crm.leads.redaction import LeadLabel, lead_labels
from crm.leads.tier_lines import tier_lines
from crm.leads.tiers import Tier
from crm.people.queries import unit_tree
from crm.people.rules import Role
from crm.results.money_figures import CountedMoney
from crm.results.rules import MILESTONE_OF
from crm.targets.in_hand import MEANING
from crm.targets.models import Target
from crm.targets.queries import money_of_target, target_progress
from crm.targets.rules import OF_MONEY, Project, TargetProgress
from crm.web.auth import my_view
from crm.web.forms import LARGEST_ID, YEARS
from crm.web.results.rows import BASIS_TONES
from crm.web.targets.exports import file_of
from crm.web.targets.in_hand_part import in_hand_part
from crm.web.targets.money_rows import money_rows
from crm.web.targets.months_part import months_part
from crm.web.targets.rows import currency_sentence, foreign_lines, target_row, targets_by_unit
from crm.web.targets.speed_part import speed_part
from crm.web.transaction import moment, today

bp = Blueprint("targets", __name__)
_KINDS = {milestone: kind.label for kind, milestone in MILESTONE_OF.items()}


@value_class
class ProjectRow:
    """A project counted for a target, labelled as the viewer may see it."""

    lead: LeadLabel
    reached_on: date
    milestone: str
    amount: Decimal | None
    currency: Currency | None
    unit_name: str
    basis: str
    tone: str
    claim_url: str | None
    counts: bool
    expands: bool  # an earlier project, so the amount is its increment


@bp.get("/targets")
def board() -> ResponseReturnValue:
    """The targets of the viewer's units against the elapsed months, and how long projects take."""
    year = _year()
    progress = _target_progress(year)
    is_admin = my_view().role is Role.ADMIN

    return render_template(
        "targets/board.html",
        units=targets_by_unit(progress),
        speed=speed_part(year),
        months_part=months_part(year),
        months=progress[0].months if progress else 0,
        foreign_lines=foreign_lines(tier_lines(db.session), today()),
        in_hand_meaning=MEANING,
        admin_url=url_for("target_admin.listing", year=year) if is_admin else None,
        has_records=my_view().oversees,
        label=f"{year}年",
        exports=[(form.name, url_for(".export", suffix=form.value, year=year)) for form in Format],
        previous=url_for(".board", year=year - 1) if year - 1 in YEARS else None,
        # the targets of the next year may be set already
        next=url_for(".board", year=year + 1) if year < today().year + 1 else None,
        current=url_for(".board") if year != today().year else None,
    )


@bp.get("/targets/export<any('.csv', '.xlsx'):suffix>")
def export(suffix: str) -> ResponseReturnValue:
    """The targets of the viewer's units as a file, with the three figures side by side."""
    form, year = Format(suffix), _year()
    return file_of(_target_progress(year), year, form)


@bp.get(f"/targets/<int(max={LARGEST_ID}):target_id>")
def show(target_id: int) -> ResponseReturnValue:
    """The projects counted for a target, without those that the viewer may not see."""
    target = db.session.get(Target, target_id) or abort(404)
    of_year = _target_progress(target.year)
    progress = next((entry for entry in of_year if entry.goal.id == target_id), None) or abort(404)
    rows = _project_rows(progress)
    money = _money(progress)
    receipts = money_rows(money)

    return render_template(
        "targets/show.html",
        unit_name=progress.unit_name,
        row=target_row(progress),
        currency_sentence=currency_sentence(progress.goal),
        year=target.year,
        counted=[row for row in rows if row.counts],
        waiting=[row for row in rows if not row.counts],
        # REGIME 2: totals include what is hidden, and the page says how much that is
        hidden=len(progress.projects)
        + len(progress.below)
        + len(progress.apart)
        - len(rows)
        + len(money)
        - len(receipts),
        is_money=target.metric in OF_MONEY,
        counted_money=[row for row in receipts if row.counts],
        other_money=[row for row in receipts if not row.counts],
        in_hand=in_hand_part(progress.in_hand) if progress.in_hand else None,
        in_hand_meaning=MEANING,
    )


def _year() -> int:
    """The requested year, else the current one; 404 for a year out of range."""
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


def _money(progress: TargetProgress) -> list[CountedMoney]:
    """The receipts that a target of money is about."""
    goal, units = progress.goal, unit_tree(db.session)
    if goal.metric not in OF_MONEY:
        return []
    return money_of_target(db.session, goal, units=units, last=today(), at=moment())


def _basis(project: Project, progress: TargetProgress) -> tuple[str, str]:
    """Why it counts or not, with the tone of its chip."""
    if project in progress.below:
        return (
            "增量未达本档" if progress.goal.tier is not Tier.ANY else "增量未达规模标准",
            "neutral",
        )
    if project in progress.apart:
        currency = project.currency
        return f"以{currency.label}计，另列" if currency else "未填总投资", "neutral"
    if project.counts and not project.counts_for(progress.goal):
        return "认定数额未达本档", "warn"
    return project.basis.label, "good" if project.counts else BASIS_TONES.get(
        project.basis, "neutral"
    )


def _project_rows(progress: TargetProgress) -> list[ProjectRow]:
    """The latest first; a project hidden from the viewer is counted, not listed (REGIME 2)."""
    listed = (*progress.projects, *progress.below, *progress.apart)
    found = sorted(listed, key=lambda row: row.reached_on)
    lead_ids = [project.lead_id for project in found]
    labels = lead_labels(db.session, my_view(), lead_ids, today())
    names = {node.unit.id: node.unit.name for node in unit_tree(db.session)}

    return [
        ProjectRow(
            labels[project.lead_id],
            project.reached_on,
            _KINDS[project.kind],
            project.counted_amount if project.counts else project.amount,
            project.currency,
            names.get(project.unit_id or 0, "未定责任单位"),
            *_basis(project, progress),
            url_for("claims.show", claim_id=project.claim_id) if project.claim_id else None,
            project.counts_for(progress.goal) and progress.goal.adds(project.currency),
            project.expands,
        )
        for project in reversed(found)
        if labels[project.lead_id].id is not None
    ]
