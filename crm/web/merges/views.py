"""Pages of merges: choose the other record, compare, merge, and take it back (PROJECTS 6)."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from crm.base.errors import Refused
from crm.extensions import db
from crm.leads.merged import Mergeable
from crm.leads.models import Company, Contact, Lead
from crm.reassignment.came_since import came_since, chosen
from crm.reassignment.merge_queries import comparisons, merge_targets, record_for
from crm.reassignment.merge_rights import require_no_bar, require_no_bar_to_undo
from crm.reassignment.merge_rules import undo_until
from crm.reassignment.merges import Pair, fields_of, merge, undo
from crm.reassignment.past_merges import PastMerge, past_merge, past_merges
from crm.web.auth import my_view, signed_in
from crm.web.errors import refusal_text, why_refused
from crm.web.forms import LARGEST_ID, text_arg
from crm.web.merges.rows import candidates, field_rows
from crm.web.merges.steps import merge_steps
from crm.web.nav import stand_under
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
    merges = past_merges(db.session, my_view(), {kind: [record_id]}, today())

    return render_template(
        "merges/choose.html",
        kind=kind,
        name=_name(record),
        back=_url(kind, record),
        text=text,
        rows=candidates(kind, record_id, rows),
        merges=[step for past in merges for step in merge_steps(past)],
    )


@bp.get(PAIR)
def compare(subject: str, record_id: int, other_id: int) -> ResponseReturnValue:
    """Both records field by field."""
    return _compare_page(Mergeable(subject), record_id, other_id)


def _compare_page(kind: Mergeable, record_id: int, other_id: int, problem: str = "") -> str:
    mine, other = _record_or_404(kind, record_id), _record_or_404(kind, other_id)
    rows = field_rows(kind, comparisons(db.session, kind, mine, other), today())
    ids = (record_id, other_id)

    return render_template(
        "merges/compare.html",
        kind=kind,
        mine=_name(mine),
        other=_name(other),
        refs=(getattr(mine, "ref", ""), getattr(other, "ref", "")),
        rows=rows,
        barred=why_refused(lambda: require_no_bar(db.session, kind, ids, today())),
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
    past = _merge_or_404(merge_id)
    kept, url = past.merge, _survivor_url(past)
    barred = why_refused(lambda: require_no_bar_to_undo(db.session, kept, today()))

    return render_template(
        "merges/show.html",
        past=past,
        kept=kept,
        url=url,
        until=undo_until(kept.merged_at),
        barred=barred,
        rows=[] if barred else came_since(db.session, kept, my_view(), today()),
        problem=problem,
    )


@bp.post(f"{ONE}/undo")
def take_back(merge_id: int) -> ResponseReturnValue:
    """Put both records back as they were."""
    past = _merge_or_404(merge_id)
    names = request.form.getlist("moved")

    try:
        with transaction() as session:
            moved = list(chosen(session, past.merge, my_view(), names, today()))
            undo(session, kept=past.merge, moved=moved, by=signed_in(), now=moment())
    except Refused as refusal:
        return _merge_page(merge_id, refusal_text(refusal)), 422

    flash("已撤销合并，两条记录已恢复。", "success")
    return redirect(_survivor_url(past))


def _merge_or_404(merge_id: int) -> PastMerge:
    return past_merge(db.session, my_view(), merge_id, today()) or abort(404)


def _survivor_url(past: PastMerge) -> str:
    kind = past.merge.subject
    return _url(kind, _record_or_404(kind, past.merge.survivor_id))


def _record_or_404(kind: Mergeable, record_id: int) -> Any:
    stand_under("leads" if kind is Mergeable.LEAD else "companies")
    return record_for(db.session, kind, record_id, my_view(), today()) or abort(404)


def _name(record: Company | Contact | Lead) -> str:
    return record.title if isinstance(record, Lead) else record.name


def _url(kind: Mergeable, record: Any) -> str:
    if kind is Mergeable.LEAD:
        return url_for("leads.show", lead_id=record.id)
    company_id = record.company_id if kind is Mergeable.CONTACT else record.id
    return url_for("companies.show", company_id=company_id)
