"""Pages of merges: choose the other record, compare, merge, and take it back (PROJECTS 6)."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.extensions import db
from crm.leads.merged import Mergeable, merges_of
from crm.leads.models import Company, Contact, Lead
from crm.reassignment.merge_queries import (
    came_since,
    chosen,
    comparisons,
    merge_for,
    merge_targets,
    record_for,
)
from crm.reassignment.merge_rules import undo_until
from crm.reassignment.merges import Pair, fields_of, merge, undo
from crm.web.auth import my_view, signed_in
from crm.web.errors import refusal_text
from crm.web.forms import LARGEST_ID, text_arg
from crm.web.merges.rows import candidates, field_rows
from crm.web.transaction import moment, today, transaction

bp = Blueprint("merges", __name__)
_ID = f"int(max={LARGEST_ID})"
RECORD = f"/merges/<any(company,contact,lead):subject>/<{_ID}:record_id>"
PAIR = f"{RECORD}/<{_ID}:other_id>"
ONE = f"/merges/<{_ID}:merge_id>"


@bp.get(RECORD)
def choose(subject: str, record_id: int) -> ResponseReturnValue:
    """The records with which this one may be merged, those alike first."""
    kind = Mergeable(subject)
    record = _record_or_404(kind, record_id)
    text = text_arg("q")
    rows = merge_targets(db.session, kind, record, my_view(), today(), text)

    return render_template(
        "merges/choose.html",
        kind=kind,
        name=_name(record),
        back=_url(kind, record),
        text=text,
        rows=candidates(kind, record_id, rows),
        merges=merges_of(db.session, kind, record_id),
    )


@bp.get(PAIR)
def compare(subject: str, record_id: int, other_id: int) -> ResponseReturnValue:
    """Both records field by field."""
    return _compare_page(Mergeable(subject), record_id, other_id)


def _compare_page(kind: Mergeable, record_id: int, other_id: int, problem: str = "") -> str:
    mine, other = _record_or_404(kind, record_id), _record_or_404(kind, other_id)
    rows = field_rows(kind, comparisons(db.session, kind, mine, other), today())

    return render_template(
        "merges/compare.html",
        kind=kind,
        mine=_name(mine),
        other=_name(other),
        refs=(getattr(mine, "ref", ""), getattr(other, "ref", "")),
        rows=rows,
        problem=problem,
        back=url_for(".choose", subject=kind.value, record_id=record_id),
        swapped=url_for(".compare", subject=kind.value, record_id=other_id, other_id=record_id),
    )


@bp.post(PAIR)
def apply(subject: str, record_id: int, other_id: int) -> ResponseReturnValue:
    """Merge the two."""
    kind = Mergeable(subject)
    _record_or_404(kind, record_id), _record_or_404(kind, other_id)
    taken = frozenset(name for name in fields_of(db.session, kind) if request.form.get(name) == "1")

    try:
        with transaction() as session:
            pair = Pair(kind, record_id, other_id, taken)
            kept_id = merge(session, pair=pair, by=signed_in(), now=moment()).id
    except Refused as refusal:
        return _compare_page(kind, record_id, other_id, refusal_text(refusal)), 422

    flash("已合并，30天内可以撤销。", "success")
    return redirect(url_for(".show", merge_id=kept_id))


@bp.get(ONE)
def show(merge_id: int) -> ResponseReturnValue:
    """What was merged, and what came since."""
    return _merge_page(merge_id)


def _merge_page(merge_id: int, problem: str = "") -> str:
    kept = merge_for(db.session, merge_id, my_view(), today()) or abort(404)
    record = _record_or_404(kept.subject, kept.survivor_id)
    until = undo_until(kept.merged_at)

    return render_template(
        "merges/show.html",
        kept=kept,
        name=_name(record),
        url=_url(kept.subject, record),
        until=until,
        can_undo=kept.undone_at is None and today() <= until,
        rows=[] if kept.undone_at else came_since(db.session, kept, my_view()),
        problem=problem,
    )


@bp.post(f"{ONE}/undo")
def take_back(merge_id: int) -> ResponseReturnValue:
    """Put both records back as they were."""
    kept = merge_for(db.session, merge_id, my_view(), today()) or abort(404)
    names = request.form.getlist("moved")

    try:
        with transaction() as session:
            moved = list(chosen(session, kept, my_view(), names))
            undo(session, kept=kept, moved=moved, by=signed_in(), now=moment())
    except Refused as refusal:
        return _merge_page(merge_id, refusal_text(refusal)), 422

    flash("已撤销合并，两条记录已恢复。", "success")
    return redirect(_url(kept.subject, _record_or_404(kept.subject, kept.survivor_id)))


def _record_or_404(kind: Mergeable, record_id: int) -> Any:
    return record_for(db.session, kind, record_id, my_view(), today()) or abort(404)


def _name(record: Company | Contact | Lead) -> str:
    return record.title if isinstance(record, Lead) else record.name


def _url(kind: Mergeable, record: Any) -> str:
    if kind is Mergeable.LEAD:
        return url_for("leads.show", lead_id=record.id)
    company_id = record.company_id if kind is Mergeable.CONTACT else record.id
    return url_for("companies.show", company_id=company_id)
